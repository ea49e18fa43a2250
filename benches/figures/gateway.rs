//! The gateway under measurement: the release binary with a tenant of its own, and people signed in to it.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use diesel::Connection as _;
use diesel::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::http::{Client, json};
use super::platform::{APPID, KEY, TOKEN};
use super::process::{Server, folder, free_port, gateway_binary};
use super::ws::Ws;

const PASSWORD: &str = "correct horse battery";
/// The page that visitors come from.
pub(crate) const SITE: &str = "http://site.example";

/// A running gateway.
pub(crate) struct Gateway {
    pub(crate) server: Server,
    dir: TempDir,
    database: Option<String>,
}

/// How it is set up.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) workers: usize,
    pub(crate) agents: usize,
    pub(crate) capacity: usize,
    /// Whether the router offers sessions to agents; otherwise they stay in the queue.
    pub(crate) offers: bool,
    /// Address of the WeChat API.
    pub(crate) api: SocketAddr,
    /// The PostgreSQL database; SQLite without one.
    pub(crate) database: Option<String>,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    n: i64,
}

impl Gateway {
    /// Starts one on an empty database.
    pub(crate) fn start(setup: &Setup) -> anyhow::Result<Self> {
        let dir = folder()?;
        let tenants = dir.path().join("tenants");
        std::fs::create_dir(&tenants)?;
        std::fs::write(tenants.join("demo.toml"), declaration(setup))?;
        let address = free_port()?;
        let store = setup.database.as_ref().map(|url| format!("[store]\nkind = \"postgres\"\nurl = {url:?}\n"));
        let store = store.unwrap_or_default();
        let config = format!(
            "[data]\ndir = {:?}\n[secret]\ngenerate = true\n[tenants]\ndir = {tenants:?}\n\
             [http]\nbind = \"{address}\"\nworkers = {}\nlogins_per_minute = 10000\n\
             [socket]\nhandshakes_per_minute = 1000000\nheartbeat_s = 300\nresume_s = 600\n\
             [wechat]\napi_base = \"http://{}\"\n[log]\nlevel = \"error\"\n[drain]\nspread_s = 0\n{store}",
            dir.path().join("data"),
            setup.workers,
            setup.api,
        );
        let file = dir.path().join("yizhan.toml");
        std::fs::write(&file, config)?;
        // The address of a database stands in it: nobody else may read it.
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600))?;
        let server = Self::serve(dir.path(), address)?;
        Ok(Self { server, dir, database: setup.database.clone() })
    }

    fn serve(dir: &Path, address: SocketAddr) -> anyhow::Result<Server> {
        let mut command = Command::new(gateway_binary());
        command.arg("--config").arg(dir.join("yizhan.toml")).arg("serve");
        Server::start(command, address, &dir.join("gateway.log"))
    }

    /// Stops it and starts it again on what it has stored.
    pub(crate) fn again(self) -> anyhow::Result<Self> {
        let Self { server, dir, database } = self;
        let address = server.address;
        drop(server);
        Ok(Self { server: Self::serve(dir.path(), address)?, dir, database })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// The origin of its own pages.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// The database file.
    pub(crate) fn database(&self) -> PathBuf {
        self.dir.path().join("data/yizhan.db")
    }

    /// How many messages of customers are stored.
    pub(crate) fn stored(&self) -> anyhow::Result<i64> {
        if let Some(url) = &self.database {
            return super::postgres::stored(url);
        }
        let path = self.database();
        let mut connection = SqliteConnection::establish(path.to_str().context("an odd path")?)?;
        let query =
            "SELECT count(*) AS n FROM message WHERE role = 'contact' AND json_extract(content, '$.type') = 'text'";
        let count: Count = diesel::sql_query(query).get_result(&mut connection)?;
        Ok(count.n)
    }

    /// Signs an agent in and opens the console's socket, ready for offers.
    pub(crate) async fn agent(&self, n: usize) -> anyhow::Result<Ws> {
        let (origin, mut client) = (self.origin(), Client::open(&self.address().into(), None).await?);
        let login = json!({ "tenant": "demo", "login": format!("agent{n}"), "password": PASSWORD });
        let (head, body) = client.exchange(&json("/api/v1/login", &origin, "", &login)).await?;
        let head = String::from_utf8(head.to_vec())?;
        let cookie = head.split("\r\n").find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("set-cookie").then(|| value.split(';').next().unwrap_or_default().to_owned())
        });
        let csrf: Value = serde_json::from_slice(&body)?;
        let extra = format!(
            "Cookie: {}\r\nX-CSRF-Token: {}\r\n",
            cookie.context("no cookie")?,
            csrf["csrf"].as_str().context("no csrf")?
        );
        let ticket: Value =
            serde_json::from_slice(&client.call(&json("/api/v1/ticket", &origin, &extra, &json!({}))).await?)?;
        let mut ws = Ws::open(&self.address().into(), None, "/ws/agent", &origin).await?;
        ws.request("auth", json!({ "ticket": ticket["ticket"], "device": format!("agent{n}") })).await?;
        ws.request("presence.set", json!({ "status": "ready" })).await?;
        Ok(ws)
    }

    /// A visitor's signed-in socket, with the reply to `auth`. `client` is used for the ticket.
    pub(crate) async fn visitor(&self, client: &mut Client, from: Ipv4Addr, n: usize) -> anyhow::Result<(Ws, Value)> {
        let wish = json!({ "account": "demo.site" });
        let ticket: Value =
            serde_json::from_slice(&client.call(&json("/api/v1/visitor/ticket", SITE, "", &wish)).await?)?;
        let mut ws = Ws::open(&self.address().into(), Some(from), "/ws/visitor", SITE).await?;
        let auth = json!({ "ticket": ticket["ticket"], "device": format!("visitor{n}") });
        let ready = ws.request("auth", auth).await?;
        Ok((ws, ready))
    }
}

/// A tenant with one WeChat account, one site and agents who have time. Nobody is told how long the queue is.
fn declaration(setup: &Setup) -> String {
    let agents: String = (0..setup.agents)
        .map(|n| {
            format!(
                "[[agent]]\nid = \"agent{n}\"\nlogin = \"agent{n}\"\nname = \"坐席{n}\"\npassword = \"{PASSWORD}\"\n\
                 role = \"agent\"\ncapacity = {}\nqueues = [\"service\"]\n",
                setup.capacity
            )
        })
        .collect();
    format!(
        "id = \"demo\"\nname = \"驿站示例银行\"\nlang = \"zh\"\ntimezone = \"Asia/Shanghai\"\n\
         [[account]]\nid = \"oa\"\nkind = \"wechat\"\nname = \"公众号\"\nappid = \"{APPID}\"\n\
         gh_id = \"gh_0123456789ab\"\nsecret = \"0123456789abcdef0123456789abcdef\"\ntoken = \"{TOKEN}\"\n\
         aes_key = \"{KEY}\"\nmode = \"safe\"\nformat = \"xml\"\ntoken_kind = \"stable\"\nreplay_window_s = 0\n\
         [[account]]\nid = \"site\"\nkind = \"web\"\nname = \"官网\"\norigins = [\"{SITE}\"]\n\
         [[queue]]\nid = \"service\"\nname = \"人工客服\"\nmax_len = 100000\nmax_wait_s = 3600\noffer_s = 300\n\
         strategy = \"{}\"\n{agents}",
        if setup.offers { "least_loaded" } else { "manual" }
    )
}
