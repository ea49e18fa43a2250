//! Services of forms that are asked over HTTP: one signed request, one JSON object back. Knows no form.
//!
//! The request is `POST <url>/<op>` with the arguments as JSON, signed as Standard Webhooks are: a service may be asked
//! twice under one `webhook-id`, and does the work once.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::{Map, Value};
use sha2::Sha256;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::model::secret::Secret;
use crate::runtime::Stop;

use super::error::RobotError;
use super::guard::Endpoint;
use super::http::{Http, Post};
use super::line::Line;

/// What a service is asked.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The same for a second try.
    pub id: &'a str,
    /// The operation.
    pub op: &'a str,
    /// Its arguments.
    pub args: &'a Map<String, Value>,
    /// What the request is signed with.
    pub secret: Option<&'a Secret>,
}

/// Asks a service and waits for its answer, for `left` at the most.
///
/// # Errors
/// See [`RobotError`]; a status of the service that is no success is `Refused` or `Failed` with its words.
pub async fn ask(http: &Http, to: &Endpoint, asked: &Asked<'_>, left: Duration) -> Result<Value, RobotError> {
    let (out, _listener) = mpsc::channel(1);
    let stop = Stop::new();
    let line = Line::silent(out, &stop, Instant::now() + left);
    let body = Bytes::from(Value::Object(asked.args.clone()).to_string());
    let place = to.below(&[asked.op]);
    let post = Post { to: &place, headers: headers(asked, &body)?, key: asked.secret, body };
    http.post(&line, post).await?.success(&line).await?.json(&line).await
}

fn headers(asked: &Asked<'_>, body: &Bytes) -> Result<HeaderMap, RobotError> {
    let garbled = |_unfit| RobotError::Garbled("an id that no header can carry");
    let mut headers = HeaderMap::new();
    headers.insert("webhook-id", HeaderValue::try_from(asked.id).map_err(garbled)?);
    if let Some(secret) = asked.secret {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes())
            .map_err(|_length| RobotError::Garbled("a secret that cannot sign"))?;
        mac.update(asked.id.as_bytes());
        mac.update(b".");
        mac.update(body);
        let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        headers.insert("webhook-signature", HeaderValue::try_from(signature).map_err(garbled)?);
    }
    Ok(headers)
}
