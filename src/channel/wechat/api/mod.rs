//! The platform's API as this gateway uses it. Knows accounts and messages; decides nothing about sessions or windows.
//!
//! Every call takes the credentials it acts for: there is no current account that could be the wrong one. Cancelling
//! a send leaves its outcome unknown, like a lost answer.

mod answer;
mod media;
mod shelf;
mod token;
mod transport;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use reqwest::Url;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::config;
use crate::config::{Bug, planted};
use crate::model::source_list::SourceList;
use crate::secret::Keyring;
use crate::store::Store;

use super::Credentials;
use super::error::{Error, SendError, Verdict};
use super::outgoing::Outgoing;
use answer::Object;
use shelf::Shelf;
use token::Tokens;
use transport::{Answer, Body, MAX_ANSWER, Request, Transport};

pub use media::{Downloaded, MediaKind};

/// Longest text of a profile that is kept, characters.
const MAX_PROFILE: usize = 64;

/// Where the platform is, and what is allowed to it.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// `https://api.weixin.qq.com`, or the simulator with its path.
    pub base: Url,
    /// Until a connection stands.
    pub connect: Duration,
    /// Until an answer is complete.
    pub total: Duration,
    /// Until a blob is here, or there.
    pub media: Duration,
    /// Calls at the same time; blobs have a quarter of it for themselves.
    pub concurrency: usize,
    /// Largest blob that is downloaded or uploaded, bytes.
    pub max_media: usize,
}

impl ApiSettings {
    /// The usual limits at this address.
    #[must_use]
    pub fn at(base: Url) -> Self {
        Self {
            base,
            connect: Duration::from_secs(2),
            total: Duration::from_secs(5),
            media: Duration::from_secs(30),
            concurrency: 64,
            max_media: 10 * 1024 * 1024,
        }
    }

    /// The configured limits.
    ///
    /// # Errors
    /// When the configured address is none, which the configuration's own check excludes.
    pub fn of(config: &config::Wechat, max_media: usize) -> Result<Self, url::ParseError> {
        Ok(Self {
            base: Url::parse(&config.api_base)?,
            connect: config.connect,
            total: config.total,
            media: config.media,
            concurrency: config.concurrency,
            max_media,
        })
    }
}

/// The client; one per process.
#[derive(Debug)]
pub struct Api {
    transport: Transport,
    tokens: Tokens,
    max_media: usize,
}

/// What the platform still tells about a customer; names and pictures are no longer part of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile {
    /// Whether the customer follows the account; if not, nothing else is known.
    pub subscribed: bool,
    /// The same person across accounts of one owner.
    pub unionid: Option<String>,
    /// A name, from platforms or accounts that still give one.
    pub nickname: Option<String>,
    /// The account's own remark about the customer.
    pub remark: Option<String>,
    /// Language of the customer's client.
    pub language: Option<String>,
    /// How the customer found the account.
    pub scene: Option<String>,
}

impl Api {
    /// Builds the client.
    ///
    /// # Errors
    /// When the machine's certificates cannot be loaded.
    pub fn new(settings: &ApiSettings, clock: Clock) -> Result<Self, reqwest::Error> {
        let tokens = Tokens::new(clock, Shelf::Here(Mutex::default()));
        Ok(Self { transport: Transport::new(settings)?, tokens, max_media: settings.max_media })
    }

    /// The client with access tokens that lie in the store: all nodes use the same, and it survives a restart.
    ///
    /// # Errors
    /// As [`Api::new`].
    pub fn sharing(
        settings: &ApiSettings,
        clock: Clock,
        store: Store,
        keys: Arc<Keyring>,
    ) -> Result<Self, reqwest::Error> {
        let tokens = Tokens::new(clock, Shelf::Shared { store, keys });
        Ok(Self { transport: Transport::new(settings)?, tokens, max_media: settings.max_media })
    }

    /// Sends one customer-service message. One call at most reaches the platform unless it refused the access token.
    ///
    /// # Errors
    /// What became of it: see [`SendError`].
    pub async fn send(&self, credentials: &Credentials, openid: &str, content: &Outgoing) -> Result<(), SendError> {
        let answer = self.post(credentials, "/cgi-bin/message/custom/send", &content.request(openid)).await?;
        match answer.errcode()? {
            Some(_) => Ok(()),
            None => Err(Error::Garbled("no errcode").into()),
        }
    }

    /// Shows or hides that somebody types. Refusals that only say that it makes no difference count as done.
    ///
    /// # Errors
    /// For logs at most; nobody has to be told.
    pub async fn typing(&self, credentials: &Credentials, openid: &str, on: bool) -> Result<(), Error> {
        let command = if on { "Typing" } else { "CancelTyping" };
        let body = json!({"touser": openid, "command": command});
        match self.post(credentials, "/cgi-bin/message/custom/typing", &body).await {
            Err(Error::Platform(refusal)) if matches!(refusal.errcode, 45047 | 45072 | 45080 | 45081) => Ok(()),
            other => other.map(drop),
        }
    }

    /// What the platform tells about a customer.
    ///
    /// # Errors
    /// See [`Error::verdict`]; asking again does no harm.
    pub async fn profile(&self, credentials: &Credentials, openid: &str) -> Result<Profile, Error> {
        let query = [("openid", openid), ("lang", "zh_CN")];
        let answer = self.call(credentials, "/cgi-bin/user/info", &query, None, MAX_ANSWER).await?;
        let answer = Object::read(&answer.body)?;
        let text = |name| {
            answer.text(name).filter(|text| !text.is_empty()).map(|text| text.chars().take(MAX_PROFILE).collect())
        };
        Ok(Profile {
            subscribed: answer.integer("subscribe").ok_or(Error::Garbled("no subscribe"))? == 1,
            unionid: text("unionid"),
            nickname: text("nickname"),
            remark: text("remark"),
            language: text("language"),
            scene: text("subscribe_scene"),
        })
    }

    /// The addresses from which the platform calls back (`getcallbackip`); they change rarely.
    ///
    /// # Errors
    /// [`Error::Garbled`] when an entry is no address; otherwise see [`Error::verdict`], asking again does no harm.
    pub async fn sources(&self, credentials: &Credentials) -> Result<SourceList, Error> {
        let answer = self.call(credentials, "/cgi-bin/getcallbackip", &[], None, MAX_ANSWER).await?;
        let answer: Value = serde_json::from_slice(&answer.body).map_err(|_source| Error::Garbled("no JSON"))?;
        let entries = answer.get("ip_list").and_then(Value::as_array).ok_or(Error::Garbled("no ip_list"))?;
        SourceList::parse(entries.iter().map(|entry| entry.as_str().unwrap_or_default()))
            .ok_or(Error::Garbled("ip_list not understood"))
    }

    async fn post(&self, credentials: &Credentials, path: &str, body: &Value) -> Result<Object, Error> {
        // Raw UTF-8: the platform refuses `\u` escapes.
        let bytes = Bytes::from(body.to_string());
        let body = Some(("application/json", bytes));
        Object::read(&self.call(credentials, path, &[], body, MAX_ANSWER).await?.body)
    }

    /// One call with an access token, and once more with another one when the platform refuses the first: a refused
    /// token means that nothing was done.
    async fn call(
        &self,
        credentials: &Credentials,
        path: &str,
        query: &[(&str, &str)],
        body: Option<(&str, Bytes)>,
        limit: usize,
    ) -> Result<Answer, Error> {
        let exchange = async |token: &str| {
            let mut query = query.to_vec();
            query.insert(0, ("access_token", token));
            if planted(Bug::TokenInLog) {
                tracing::info!("POST {path}?access_token={token}");
            }
            let body = body
                .as_ref()
                .map(|(content_type, bytes)| Body { content_type: (*content_type).to_owned(), bytes: bytes.clone() });
            self.transport.exchange(Request { path, query: &query, body, limit }).await
        };
        let token = self.tokens.get(&self.transport, credentials).await?;
        let answer = exchange(&token).await?;
        if !refuses_token(&answer) {
            return Ok(answer);
        }
        let token = self.tokens.replace(&self.transport, credentials, &token).await?;
        exchange(&token).await
    }
}

fn refuses_token(answer: &Answer) -> bool {
    answer.body.len() <= MAX_ANSWER
        && answer.body.trim_ascii_start().starts_with(b"{")
        && matches!(Object::read(&answer.body), Err(Error::Platform(r)) if r.verdict() == Verdict::RefreshToken)
}

#[cfg(test)]
mod stub;
#[cfg(test)]
mod tests;
