//! The one client that calls addresses out of settings: guarded, bounded in time and size. Knows no robot's form.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::model::secret::Secret;

use super::answer::short;
use super::error::{RobotError, SettingError};
use super::guard::{Blocked, Endpoint, Lookup, Resolver};
use super::line::Line;

/// Largest answer, bytes: a stream as a whole, too.
pub(super) const MAX_ANSWER: usize = 1024 * 1024;
/// Until a connection stands, TLS included.
const CONNECT: Duration = Duration::from_secs(3);
/// Idle connections are dropped before the other side does it in the middle of our next request.
const IDLE: Duration = Duration::from_secs(20);
const MAX_HEADERS: usize = 64;
const MAX_HEADER_BYTES: u32 = 16 * 1024;
/// Longest wait that a robot may ask for.
const MAX_AFTER: u64 = 3_600;

/// The client; one per process.
///
/// Addresses that the operator permitted have connections of their own: only they may lead into the own network, and
/// only they are ever `http`.
#[derive(Debug, Clone)]
pub struct Http {
    open: reqwest::Client,
    permitted: reqwest::Client,
}

impl Http {
    /// Builds the client.
    ///
    /// # Errors
    /// When the machine's certificates cannot be loaded.
    pub fn new(lookup: &Lookup) -> Result<Self, reqwest::Error> {
        // An error says that a provider is installed already, which is all that matters.
        let _already = rustls::crypto::ring::default_provider().install_default();
        Ok(Self {
            open: builder(Resolver::public_only(lookup.clone())).https_only(true).build()?,
            permitted: builder(Resolver::permitted(lookup.clone())).build()?,
        })
    }

    /// A client that trusts nobody but this.
    #[cfg(test)]
    fn trusting(lookup: &Lookup, root: reqwest::Certificate) -> Self {
        let _already = rustls::crypto::ring::default_provider().install_default();
        let permitted = builder(Resolver::permitted(lookup.clone())).tls_certs_only([root]).build().unwrap();
        Self { open: permitted.clone(), permitted }
    }

    /// Posts a body and waits for the head of the answer, whatever its status.
    ///
    /// # Errors
    /// Everything but [`RobotError::Refused`], [`RobotError::Failed`] and [`RobotError::Busy`].
    pub(super) async fn post(&self, line: &Line<'_>, post: Post<'_>) -> Result<Reply, RobotError> {
        let request = self
            .client(post.to)
            .post(post.to.url().clone())
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "text/event-stream, application/json")
            .headers(post.headers)
            .body(post.body);
        send(line, request, post.key).await
    }

    /// Asks for what is there, and waits for the head of the answer, whatever its status.
    ///
    /// # Errors
    /// Like [`Http::post`].
    pub(super) async fn get(&self, line: &Line<'_>, from: &Endpoint, key: Option<&Key>) -> Result<Reply, RobotError> {
        let mut request = self.client(from).get(from.url().clone()).header(ACCEPT, "application/json");
        if let Some(key) = key {
            request = request.header(AUTHORIZATION, key.header.clone());
        }
        send(line, request, key.map(Key::secret)).await
    }

    fn client(&self, to: &Endpoint) -> &reqwest::Client {
        if to.is_permitted() { &self.permitted } else { &self.open }
    }
}

async fn send(line: &Line<'_>, request: reqwest::RequestBuilder, key: Option<&Secret>) -> Result<Reply, RobotError> {
    let response = line.run(request.timeout(line.left()).send()).await?.map_err(transport)?;
    Ok(Reply { response, left: MAX_ANSWER, key: key.cloned() })
}

fn builder(resolver: Resolver) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT)
        .pool_idle_timeout(IDLE)
        .http1_max_headers(MAX_HEADERS)
        .http2_max_header_list_size(MAX_HEADER_BYTES)
        .user_agent(concat!("yizhan/", env!("CARGO_PKG_VERSION")))
        .dns_resolver(resolver)
}

/// One request.
pub(super) struct Post<'a> {
    pub(super) to: &'a Endpoint,
    pub(super) headers: HeaderMap,
    /// What must not be repeated when the other side's words are.
    pub(super) key: Option<&'a Secret>,
    pub(super) body: Bytes,
}

impl<'a> Post<'a> {
    /// A request with a bearer key, if there is one.
    pub(super) fn keyed(to: &'a Endpoint, key: Option<&'a Key>, body: &Value) -> Self {
        let mut headers = HeaderMap::new();
        if let Some(key) = key {
            headers.insert(AUTHORIZATION, key.header.clone());
        }
        Self { to, headers, key: key.map(|key| &key.secret), body: Bytes::from(body.to_string()) }
    }
}

/// A bearer key that fits into a header.
#[derive(Debug, Clone)]
pub(super) struct Key {
    secret: Secret,
    header: HeaderValue,
}

impl Key {
    pub(super) fn new(secret: &Secret) -> Result<Self, SettingError> {
        let written = HeaderValue::try_from(format!("Bearer {}", secret.expose()));
        let mut header =
            written.map_err(|_source| SettingError::new("key", "contains characters that no header can carry"))?;
        if secret.expose().is_empty() {
            return Err(SettingError::new("key", "is empty"));
        }
        header.set_sensitive(true);
        Ok(Self { secret: secret.clone(), header })
    }

    pub(super) fn secret(&self) -> &Secret {
        &self.secret
    }
}

/// The head of an answer, and the way to its body.
pub(super) struct Reply {
    response: reqwest::Response,
    left: usize,
    key: Option<Secret>,
}

impl Reply {
    pub(super) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// Whether the body calls itself this.
    pub(super) fn is(&self, mime: &str) -> bool {
        self.header(&CONTENT_TYPE).is_some_and(|value| value.starts_with(mime))
    }

    fn header(&self, name: &HeaderName) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// The next bytes of the body.
    pub(super) async fn chunk(&mut self, line: &Line<'_>) -> Result<Option<Bytes>, RobotError> {
        let Some(chunk) = line.run(self.response.chunk()).await?.map_err(transport)? else { return Ok(None) };
        self.left = self.left.checked_sub(chunk.len()).ok_or(RobotError::TooLarge { limit: MAX_ANSWER })?;
        Ok(Some(chunk))
    }

    /// The whole body.
    pub(super) async fn whole(mut self, line: &Line<'_>) -> Result<Vec<u8>, RobotError> {
        let announced = self.response.content_length().and_then(|length| usize::try_from(length).ok());
        if announced.is_some_and(|length| length > self.left) {
            return Err(RobotError::TooLarge { limit: MAX_ANSWER });
        }
        let mut body = Vec::with_capacity(announced.unwrap_or_default());
        while let Some(chunk) = self.chunk(line).await? {
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// The whole body as JSON.
    pub(super) async fn json<T: DeserializeOwned>(self, line: &Line<'_>) -> Result<T, RobotError> {
        let body = self.whole(line).await?;
        serde_json::from_slice(&body).map_err(|_source| RobotError::Garbled("not the JSON that was agreed on"))
    }

    /// The answer if its status is a success, otherwise what the status means. Redirects are refusals.
    pub(super) async fn success(self, line: &Line<'_>) -> Result<Self, RobotError> {
        let status = self.status();
        if (200..300).contains(&status) {
            return Ok(self);
        }
        if matches!(status, 429 | 503) {
            let after = self.header(&RETRY_AFTER).and_then(|value| value.trim().parse().ok());
            return Err(RobotError::Busy { after: after.map(|s: u64| Duration::from_secs(s.min(MAX_AFTER))) });
        }
        let key = self.key.clone();
        // The status says enough when the words do not arrive; a stop is still a stop.
        let body = match self.whole(line).await {
            Err(RobotError::Stopped) => return Err(RobotError::Stopped),
            other => other.unwrap_or_default(),
        };
        let message = words(&body, key.as_ref());
        Err(if status >= 500 { RobotError::Failed { message } } else { RobotError::Refused { status, message } })
    }
}

/// The words of an error: `{"error":{"message":…}}`, `{"message":…}`, `{"error":"…"}`.
pub(super) fn complaint(value: &Value) -> Option<&str> {
    let error = value.get("error");
    let places = [error.and_then(|error| error.get("message")), value.get("message"), error, value.get("detail")];
    places.into_iter().flatten().find_map(Value::as_str)
}

fn words(body: &[u8], key: Option<&Secret>) -> String {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    without(complaint(&value).unwrap_or("no words"), key)
}

/// A robot's words, short and without the key that it may repeat.
pub(super) fn without(words: &str, key: Option<&Secret>) -> String {
    match key {
        Some(key) => short(&words.replace(key.expose(), "••••")),
        None => short(words),
    }
}

fn transport(error: reqwest::Error) -> RobotError {
    let error = error.without_url();
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(current) = cause {
        if let Some(blocked) = current.downcast_ref::<Blocked>() {
            return RobotError::Blocked(blocked.clone());
        }
        cause = current.source();
    }
    if error.is_connect() || error.is_dns() {
        RobotError::Unreachable(error)
    } else if error.is_timeout() {
        RobotError::Late
    } else {
        RobotError::Broken(Some(error))
    }
}

#[cfg(test)]
mod tests;
