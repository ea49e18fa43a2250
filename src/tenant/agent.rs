//! `[[agent]]`: the people who answer, as the declaration names them. What they do right now is in the store.

use serde::{Deserialize, Serialize};

use crate::config::reader::Reader;
use crate::model::id::{AgentId, QueueId};
use crate::model::jid::Jid;
use crate::model::secret::Secret;
use crate::secret::password;

/// What an agent may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Answers customers.
    Agent,
    /// Also oversees colleagues and queues.
    Supervisor,
    /// Also changes settings.
    Admin,
}

impl Role {
    /// The written form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Supervisor => "supervisor",
            Self::Admin => "admin",
        }
    }

    /// Reads the written form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Agent, Self::Supervisor, Self::Admin].into_iter().find(|role| role.as_str() == text)
    }
}

/// How the declaration gives a password.
#[derive(Debug, Clone)]
pub enum Credential {
    /// In clear: hashed before it is stored.
    Password(Secret),
    /// An Argon2id hash in PHC form.
    Hash(String),
}

impl Credential {
    /// Whether both let the same person in. Two hashes match only when they are equal.
    pub(super) fn matches(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Hash(one), Self::Hash(two)) => one == two,
            (Self::Password(password), Self::Hash(hash)) | (Self::Hash(hash), Self::Password(password)) => {
                password::verify_password(password, Some(hash))
            }
            (Self::Password(one), Self::Password(two)) => one.expose() == two.expose(),
        }
    }
}

/// One person as declared.
#[derive(Debug, Clone)]
pub struct AgentSeed {
    /// The name inside the tenant.
    pub id: AgentId,
    /// What is typed to sign in.
    pub login: String,
    /// What customers and colleagues see.
    pub name: String,
    /// How they sign in.
    pub credential: Credential,
    /// What they may do.
    pub role: Role,
    /// Chats at the same time.
    pub capacity: u32,
    /// Calls at the same time: one, or none for who is not called, neither out of queues nor by the customer of a chat.
    pub video_capacity: u32,
    /// The queues they answer.
    pub queues: Vec<QueueId>,
    /// Their XMPP account, if they answer from there, too.
    pub xmpp: Option<Jid>,
}

impl AgentSeed {
    pub(super) fn read(r: &Reader<'_>) -> Option<Self> {
        let id = r.parsed("id", super::NAME, |text| AgentId::parse(text).ok());
        let plain = |text: &str| (text.chars().count() <= 64 && !text.chars().any(char::is_whitespace)).then_some(());
        let login =
            r.parsed("login", "at most 64 characters without spaces", |text| plain(text).map(|()| text.to_owned()));
        let name = r.text("name").to_owned();
        let credential = credential(r);
        let role =
            r.choice("role", &[("agent", Role::Agent), ("supervisor", Role::Supervisor), ("admin", Role::Admin)]);
        let capacity = u32::try_from(r.int("capacity", 5, 1..=200)).unwrap_or(1);
        let video_capacity = u32::try_from(r.int("video_capacity", 1, 0..=1)).unwrap_or(1);
        let queues = r.list("queues", "the id of a queue", |text| QueueId::parse(text).ok());
        let xmpp = r.maybe("xmpp", "an XMPP address like li@example.com", |text| {
            Jid::parse(text).ok().filter(|jid| jid.local().is_some() && jid.resource().is_none())
        });
        r.unknown();
        Some(Self {
            id: id?,
            login: login?,
            name,
            credential: credential?,
            role: role?,
            capacity,
            video_capacity,
            queues,
            xmpp,
        })
    }
}

fn credential(r: &Reader<'_>) -> Option<Credential> {
    let hash = r.maybe("password_hash", "an Argon2id hash of at least m=19456,t=2", |text| {
        password::is_hash(text).then(|| text.to_owned())
    });
    let password = r.secret("password");
    match (r.has("password"), r.has("password_hash")) {
        (true, true) => r.problem("password_hash", "must not stand beside password"),
        (false, false) => r.problem("password", "is required, or password_hash"),
        _ => {}
    }
    if password.as_ref().is_some_and(|password| password.expose().len() > password::MAX_BYTES) {
        r.problem("password", format!("must be at most {} bytes", password::MAX_BYTES));
    }
    password.map(Credential::Password).or_else(|| hash.map(Credential::Hash))
}
