//! Services of forms that are asked over HTTP: one signed request, one JSON object back. Knows no form.
//!
//! The request is `POST <url>/<op>` with the arguments as JSON, signed as Standard Webhooks are where the tenant has set a
//! secret: a service may be asked twice under one `webhook-id`, and does the work once.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::model::secret::Secret;
use crate::runtime::Stop;

use super::error::RobotError;
use super::guard::Endpoint;
use super::http::{Http, Post};
use super::line::Line;
use super::webhook::SigningKeys;

/// What a service is asked.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The same for a second try.
    pub id: &'a str,
    /// The operation.
    pub op: &'a str,
    /// Its arguments.
    pub args: &'a Map<String, Value>,
    /// What the request is signed with, and when, in seconds.
    pub secret: Option<(&'a Secret, i64)>,
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
    let headers = match asked.secret {
        Some((secret, seconds)) => SigningKeys::new(secret, None)
            .map_err(|_unfit| RobotError::Garbled("a secret that cannot sign"))?
            .headers(asked.id, seconds, &body)?,
        None => {
            let id = HeaderValue::try_from(asked.id).map_err(|_unfit| RobotError::Garbled("no header"))?;
            HeaderMap::from_iter([(HeaderName::from_static("webhook-id"), id)])
        }
    };
    let post = Post { to: &place, headers, key: asked.secret.map(|(secret, _)| secret), body };
    http.post(&line, post).await?.success(&line).await?.json(&line).await
}
