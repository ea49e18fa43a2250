//! HTTP to the platform: one client, bounded in time, size and destination. Knows no token and no message.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{Method, Url};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::super::error::Error;
use super::ApiSettings;

/// Idle connections are dropped before the other side does it in the middle of our next request.
const IDLE: Duration = Duration::from_secs(20);
/// Largest answer that is not a blob.
pub(super) const MAX_ANSWER: usize = 256 * 1024;

/// Where blobs may come from when the platform answers with an address: domain and everything below it.
const MEDIA_DOMAINS: [&str; 3] = ["qq.com", "qpic.cn", "qlogo.cn"];

/// A body on its way out.
pub(super) struct Body {
    pub(super) content_type: String,
    pub(super) bytes: Bytes,
}

/// A complete answer with status 200.
pub(super) struct Answer {
    pub(super) body: Vec<u8>,
    pub(super) content_type: Option<String>,
}

/// One request.
pub(super) struct Request<'a> {
    pub(super) path: &'a str,
    pub(super) query: &'a [(&'a str, &'a str)],
    /// With a body it is a POST, without a GET.
    pub(super) body: Option<Body>,
    pub(super) limit: usize,
}

/// The client and the only destination that it has.
#[derive(Debug)]
pub(super) struct Transport {
    client: reqwest::Client,
    base: Url,
    /// How long a call waits for its turn.
    patience: Duration,
    /// Until a blob is here, or there.
    media: Duration,
    calls: Semaphore,
    /// Blobs take their time, so they do not take the turns of messages.
    blobs: Semaphore,
}

impl Transport {
    /// Builds the process's client. Certificates are checked with ring; there is no other provider in the house.
    pub(super) fn new(settings: &ApiSettings) -> Result<Self, reqwest::Error> {
        // An error says that a provider is installed already, which is all that matters.
        let _already = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(settings.connect)
            .timeout(settings.total)
            .pool_idle_timeout(IDLE)
            .build()?;
        Ok(Self {
            client,
            base: settings.base.clone(),
            patience: settings.total,
            media: settings.media,
            calls: Semaphore::new(settings.concurrency),
            blobs: Semaphore::new(settings.concurrency.div_ceil(4)),
        })
    }

    /// Calls the platform's API.
    pub(super) async fn exchange(&self, request: Request<'_>) -> Result<Answer, Error> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{}", self.base.path().trim_end_matches('/'), request.path));
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(request.query);
        }
        let patient = request.limit > MAX_ANSWER || request.body.as_ref().is_some_and(|b| b.bytes.len() > MAX_ANSWER);
        let mut builder = match request.body {
            Some(body) => self.client.post(url).header("content-type", body.content_type).body(body.bytes),
            None => self.client.get(url),
        };
        if patient {
            builder = builder.timeout(self.media);
        }
        let _turn = self.turn(if patient { &self.blobs } else { &self.calls }).await?;
        collect(builder, request.limit).await
    }

    /// Fetches a blob from an address that the platform named: on its own hosts, or where the API is.
    pub(super) async fn fetch(&self, address: &str, limit: usize) -> Result<Answer, Error> {
        let url = Url::parse(address).map_err(|_malformed| Error::ForeignHost)?;
        let same = url.origin() == self.base.origin();
        let allowed = url.domain().is_some_and(|host| MEDIA_DOMAINS.iter().any(|domain| is_below(host, domain)));
        if !(same || (allowed && matches!(url.scheme(), "http" | "https") && url.port().is_none())) {
            return Err(Error::ForeignHost);
        }
        let _turn = self.turn(&self.blobs).await?;
        collect(self.client.request(Method::GET, url).timeout(self.media), limit).await
    }

    async fn turn<'s>(&self, turns: &'s Semaphore) -> Result<SemaphorePermit<'s>, Error> {
        match tokio::time::timeout(self.patience, turns.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            // The semaphore is never closed, so this is the time that ran out.
            Ok(Err(_)) | Err(_) => Err(Error::Busy),
        }
    }
}

fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

async fn collect(request: reqwest::RequestBuilder, limit: usize) -> Result<Answer, Error> {
    let mut response = request.send().await.map_err(Error::transport)?;
    match response.status().as_u16() {
        200 => {}
        500..=599 => return Err(Error::Garbled("HTTP status 5xx")),
        status => return Err(Error::Status(status)),
    }
    // Only blobs are allowed to be long; any other long answer is not what the platform writes.
    let too_large = if limit > MAX_ANSWER { Error::TooLarge { limit } } else { Error::Garbled("too long") };
    if response.content_length().is_some_and(|length| usize::try_from(length).map_or(true, |length| length > limit)) {
        return Err(too_large);
    }
    let content_type = response.headers().get("content-type").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Error::transport)? {
        if body.len() + chunk.len() > limit {
            return Err(too_large);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { body, content_type })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn blobs_come_only_from_the_platforms_hosts() {
        let transport = Transport::new(&ApiSettings::at("https://api.weixin.qq.com".parse().unwrap())).unwrap();
        for address in [
            "http://169.254.169.254/latest",
            "http://127.0.0.1/x",
            "file:///etc/passwd",
            "https://evil-qq.com/x",
            "https://qq.com.evil.example/x",
            "http://video.qq.com:8080/x",
            "gopher://qq.com/",
            "",
            "//qq.com/x",
            "http://[::1]/",
            "https://qq.com@evil.example/",
        ] {
            assert!(matches!(transport.fetch(address, 10).await, Err(Error::ForeignHost)), "{address}");
        }
        assert!(is_below("vweixinthumb.tc.qq.com", "qq.com") && is_below("qq.com", "qq.com"));
    }
}
