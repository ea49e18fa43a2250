//! What the system under test is told: four tenants, each with its own way of WeChat, and the settings of a node.

use std::net::SocketAddr;
use std::path::Path;

/// The password of every agent.
pub const PASSWORD: &str = "correct horse battery";
/// The page that visitors come from.
pub const SITE: &str = "http://site.example";
/// Agents of a tenant.
pub const AGENTS: usize = 10;
/// Chats of an agent at a time.
pub const CAPACITY: usize = 12;

/// One tenant of the campaign.
#[derive(Debug, Clone, Copy)]
pub struct Firm {
    /// The letter of its marks.
    pub letter: char,
    /// Its id.
    pub id: &'static str,
    mode: &'static str,
    format: &'static str,
    token_kind: &'static str,
}

/// The tenants. Each takes WeChat's callbacks in another form.
pub const FIRMS: [Firm; 4] = [
    Firm { letter: 'a', id: "acme", mode: "safe", format: "xml", token_kind: "stable" },
    Firm { letter: 'b', id: "bank", mode: "safe", format: "json", token_kind: "stable" },
    Firm { letter: 'c', id: "coop", mode: "compatible", format: "xml", token_kind: "classic" },
    Firm { letter: 'd', id: "dock", mode: "plain", format: "xml", token_kind: "stable" },
];

impl Firm {
    /// AppID of its public account.
    pub fn appid(&self) -> String {
        format!("wx{:016x}", u32::from(self.letter))
    }

    /// AppSecret.
    pub fn secret(&self) -> String {
        format!("{0}{0}5ec2e7{0}{0}0123456789abcdef01234567", self.letter).chars().take(32).collect()
    }

    /// Token of its signatures.
    pub fn token(&self) -> String {
        format!("campaigntoken{}", self.letter)
    }

    /// EncodingAESKey.
    pub fn key(&self) -> String {
        format!("{}bcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", self.letter)
    }

    /// An agent's login, which is also the id: the same in every tenant, so that mixing them up would show.
    pub fn agent(&self, n: usize) -> String {
        format!("agent{n}")
    }

    /// The declaration.
    pub fn declaration(&self) -> String {
        let mut text = format!(
            "id = \"{id}\"\nname = \"{id} 客服\"\nlang = \"zh\"\ntimezone = \"Asia/Shanghai\"\n\
             [[account]]\nid = \"oa\"\nkind = \"wechat\"\nname = \"公众号\"\nappid = \"{appid}\"\n\
             gh_id = \"gh_00000000000{letter}\"\nsecret = \"{secret}\"\ntoken = \"{token}\"\naes_key = \"{key}\"\n\
             mode = \"{mode}\"\nformat = \"{format}\"\ntoken_kind = \"{token_kind}\"\nreplay_window_s = 0\n\
             [[account]]\nid = \"site\"\nkind = \"web\"\nname = \"官网\"\norigins = [\"{SITE}\"]\n\
             [[queue]]\nid = \"service\"\nname = \"人工客服\"\nmax_len = 100000\nmax_wait_s = 3600\noffer_s = 20\n\
             strategy = \"least_loaded\"\n",
            id = self.id,
            appid = self.appid(),
            letter = self.letter,
            secret = self.secret(),
            token = self.token(),
            key = self.key(),
            mode = self.mode,
            format = self.format,
            token_kind = self.token_kind,
        );
        for n in 0..AGENTS {
            let agent = self.agent(n);
            text.push_str(&format!(
                "[[agent]]\nid = \"{agent}\"\nlogin = \"{agent}\"\nname = \"坐席{agent}\"\npassword = \"{PASSWORD}\"\n\
                 role = \"agent\"\ncapacity = {CAPACITY}\nqueues = [\"service\"]\n",
            ));
        }
        // Nobody is warned of their silence: that would be said after everybody has read everything.
        text.push_str(
            "[policy]\nagent_grace_s = 20\nwrapup_s = 5\nreject_cooldown_s = 1\nno_answer_delay_s = 2\n\
             contact_idle_warn_web_s = 3600\ncontact_idle_close_web_s = 7200\n",
        );
        text
    }
}

/// What differs between runs.
#[derive(Debug, Clone)]
pub struct Shape {
    /// The node's own address.
    pub bind: SocketAddr,
    /// What clients see: the balancer.
    pub public: SocketAddr,
    /// WeChat's API, or what stands in front of it.
    pub api: SocketAddr,
    /// Heartbeat of sockets, seconds.
    pub heartbeat: u32,
    /// `[store]`, `[hub]` and `[bus]` of a cluster; empty for the built-in ones.
    pub back_ends: String,
}

/// The settings of a node. `home` is its own folder, `shared` that of all nodes.
pub fn settings(home: &Path, shared: &Path, shape: &Shape) -> String {
    let Shape { bind, public, api, heartbeat, back_ends } = shape;
    format!(
        "[data]\ndir = {home:?}\n[secret]\ngenerate = true\nmaster_key = \"file:{key}\"\n[tenants]\ndir = {tenants:?}\n\
         [http]\nbind = \"{bind}\"\npublic_url = \"http://{public}\"\nlogins_per_minute = 10000\n\
         [socket]\nhandshakes_per_minute = 1000000\nheartbeat_s = {heartbeat}\nresume_s = 300\nper_visitor = 1000\n\
         [media]\npath = {media:?}\n[wechat]\napi_base = \"http://{api}/simulator\"\n\
         [log]\nlevel = \"info\"\n[drain]\nspread_s = 2\ndeadline_s = 20\n{back_ends}",
        key = shared.join("master.key").display(),
        tenants = shared.join("tenants"),
        media = shared.join("media"),
    )
}
