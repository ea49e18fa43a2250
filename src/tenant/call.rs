//! `[call]`: who may call, for how long, and by which servers the way is found. Data only; the rules are in `model::call`.

use std::time::Duration;

use crate::config::reader::Reader;
use crate::model::call::{Limits, Side};
use crate::model::secret::Secret;

/// Who may start a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    Both,
    Contact,
    Agent,
}

/// Whether calls may be recorded, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record {
    /// Not at all.
    None,
    /// By the agent's browser, when the customer agrees.
    Client,
}

impl Record {
    /// The written form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Client => "client",
        }
    }
}

/// A relay.
#[derive(Debug, Clone)]
pub struct Turn {
    /// Its addresses.
    pub urls: Vec<String>,
    /// What it lets in.
    pub key: TurnKey,
}

/// What a relay lets in.
#[derive(Debug, Clone)]
pub enum TurnKey {
    /// Credentials that are made for one side of one call, of a secret that both sides know (coturn's `use-auth-secret`).
    Shared {
        /// What credentials are made of.
        secret: Secret,
        /// The secret before the last change: while it is changed credentials are made of both.
        previous: Option<Secret>,
        /// How long credentials are good.
        life: Duration,
    },
    /// A name and a password that stay the same.
    Fixed {
        /// The name.
        username: String,
        /// The password.
        credential: Secret,
    },
}

/// How calls are held.
#[derive(Debug, Clone)]
pub struct CallPolicy {
    start: Start,
    /// Whether pictures may be sent.
    pub video: bool,
    /// How long each state may last.
    pub limits: Limits,
    /// Whether media goes through the relay only.
    pub relay_only: bool,
    /// Whether calls may be recorded.
    pub record: Record,
    /// Chats of an agent who is in a call: nothing more is offered beyond that.
    pub chats_in_call: u32,
    /// How long a link to a call is good.
    pub link: Duration,
    /// Servers that tell a browser its outside address.
    pub stun: Vec<String>,
    /// The relay, if there is one.
    pub turn: Option<Turn>,
}

impl CallPolicy {
    /// Whether this side may start a call.
    #[must_use]
    pub fn may_start(&self, side: Side) -> bool {
        matches!((self.start, side), (Start::Both, _) | (Start::Contact, Side::Contact) | (Start::Agent, Side::Agent))
    }

    /// Its secrets by key.
    pub(super) fn secrets(&self) -> Vec<(&'static str, &Secret)> {
        match self.turn.as_ref().map(|turn| &turn.key) {
            None => Vec::new(),
            Some(TurnKey::Fixed { credential, .. }) => vec![("credential", credential)],
            Some(TurnKey::Shared { secret, previous, .. }) => {
                let previous = previous.as_ref().map(|secret| ("secret_previous", secret));
                std::iter::once(("secret", secret)).chain(previous).collect()
            }
        }
    }

    /// `None` when calls are switched off, or the section has problems.
    pub(super) fn read(r: &Reader<'_>) -> Option<Self> {
        let enabled = r.flag("enabled", true);
        let words = [("both", Start::Both), ("contact", Start::Contact), ("agent", Start::Agent)];
        let start = r.choice("start", &words);
        let record = r.choice("record", &[("none", Record::None), ("client", Record::Client)]);
        let limits = Limits {
            ring: r.seconds("ring_s", 30, 5..=300),
            connecting: r.seconds("connecting_s", 15, 5..=120),
            reconnecting: r.seconds("reconnecting_s", 20, 5..=120),
            held: r.seconds("held_max_s", 300, 10..=3_600),
            max: Duration::from_secs(60 * r.int("max_min", 60, 1..=600)),
        };
        let this = Self {
            start: start?,
            video: r.flag("video", true),
            limits,
            relay_only: r.flag("relay_only", false),
            record: record?,
            chats_in_call: u32::try_from(r.int("chats_in_call", 1, 0..=200)).unwrap_or(1),
            link: r.seconds("link_s", 900, 60..=86_400),
            stun: r.list("stun", "an address like \"stun:stun.example.com:3478\"", |text| {
                address(text, &["stun:", "stuns:"])
            }),
            turn: turn(r),
        };
        if this.relay_only && this.turn.is_none() {
            r.problem("relay_only", "needs a relay: set turn and secret, or turn, username and credential");
        }
        r.unknown();
        enabled.then_some(this)
    }
}

fn address(text: &str, schemes: &[&str]) -> Option<String> {
    let plain = text.len() <= 200 && text.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
    let known = schemes.iter().any(|scheme| text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()));
    (plain && known).then(|| text.to_owned())
}

fn turn(r: &Reader<'_>) -> Option<Turn> {
    let form = "an address like \"turn:turn.example.com:3478?transport=udp\"";
    let urls = r.list("turn", form, |text| address(text, &["turn:", "turns:"]));
    let (secret, previous) = (r.secret("secret"), r.secret("secret_previous"));
    let plain = |text: &str| (text.len() <= 200 && !text.chars().any(char::is_control)).then(|| text.to_owned());
    let username = r.maybe("username", "a name without control characters, 200 bytes at most", plain);
    let credential = r.secret("credential");
    let life = r.seconds("ttl_s", 600, 60..=600);
    if r.has("secret") && (r.has("username") || r.has("credential")) {
        r.problem("secret", "stands beside username or credential: the relay takes the one or the other");
    }
    if r.has("username") != r.has("credential") {
        r.problem(if r.has("username") { "credential" } else { "username" }, "is required: they come together");
    }
    if urls.is_empty() {
        return None;
    }
    if !r.has("secret") && !r.has("username") && !r.has("credential") {
        r.problem("secret", "is required beside turn, or username and credential");
    }
    let shared = secret.map(|secret| TurnKey::Shared { secret, previous, life });
    let fixed = username.zip(credential).map(|(username, credential)| TurnKey::Fixed { username, credential });
    Some(Turn { urls, key: shared.or(fixed)? })
}
