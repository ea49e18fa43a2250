//! The HTTP client of pushes. Knows neither signatures nor messages.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::redirect::Policy;

/// More than this is no answer.
const MAX_ANSWER: usize = 64 << 10;

/// One delivery as it leaves.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) url: url::Url,
    pub(crate) content_type: &'static str,
    pub(crate) body: Vec<u8>,
}

/// A complete answer.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

/// No complete answer.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) status: Option<u16>,
    pub(crate) reason: String,
}

/// The client.
#[derive(Debug, Clone)]
pub(crate) struct Client(reqwest::Client);

impl Client {
    /// # Errors
    /// When TLS cannot be set up.
    pub(crate) fn new() -> Result<Self, reqwest::Error> {
        // The first caller decides for the process; whoever was first has chosen the same one.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            rustls::crypto::ring::default_provider().install_default().unwrap_or_default();
        }
        let client = reqwest::Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(Duration::from_secs(5))
            .pool_idle_timeout(Duration::from_secs(4))
            .user_agent("Mozilla/4.0")
            .build()?;
        Ok(Self(client))
    }

    /// Sends a body and waits for the whole answer.
    pub(crate) async fn post(&self, request: Request, within: Duration) -> Result<Response, Failure> {
        let call = self.0.post(request.url).header("Content-Type", request.content_type).body(request.body);
        read(call, within).await
    }

    /// Asks an address.
    pub(crate) async fn get(&self, url: url::Url, within: Duration) -> Result<Response, Failure> {
        read(self.0.get(url), within).await
    }
}

async fn read(call: reqwest::RequestBuilder, within: Duration) -> Result<Response, Failure> {
    let whole = async {
        let mut response = call.send().await.map_err(|error| failed(None, &error))?;
        let status = response.status().as_u16();
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failed(Some(status), &error))? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(Failure {
                    status: Some(status),
                    reason: format!("an answer of more than {MAX_ANSWER} bytes"),
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response { status, body: body.freeze() })
    };
    match tokio::time::timeout(within, whole).await {
        Ok(result) => result,
        Err(_elapsed) => Err(Failure { status: None, reason: format!("no answer within {} ms", within.as_millis()) }),
    }
}

fn failed(status: Option<u16>, error: &reqwest::Error) -> Failure {
    let kind = if error.is_connect() { "cannot connect" } else { "the connection broke" };
    Failure { status, reason: format!("{kind}: {error}") }
}
