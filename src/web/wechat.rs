//! The callback address of WeChat accounts. Knows HTTP and the time WeChat waits; verification is the channel's.
//!
//! WeChat waits 5 s and then delivers again, three times in all. Whatever is broken it hears something within the
//! deadline: `success` or a reply after the commit, or 503 so that the next delivery gets another chance.

use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;

use super::flood::Floods;
use super::limit::Rejections;
use super::metric::Metrics;
use crate::channel::wechat::callback::{Accepted, Received};
use crate::channel::wechat::{receive, reply, verify_url};
use crate::core::Core;
use crate::core::directory::WechatDoor;

/// The largest callback body; real ones stay far below.
const MAX_BODY: usize = 64 * 1024;

/// How long callbacks may take.
#[derive(Debug, Clone, Copy)]
pub struct CallbackLimits {
    /// From the arrival of the request to its answer; below WeChat's 5 s.
    pub deadline: Duration,
}

/// Mounts the callback address.
pub fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(
        web::resource("/wechat/{account}")
            .route(web::get().to(verify))
            .route(web::post().to(deliver))
            .default_service(web::to(other_method)),
    );
}

async fn other_method() -> HttpResponse {
    let mut response = HttpResponse::new(StatusCode::METHOD_NOT_ALLOWED);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, POST"));
    response
}

fn empty(status: StatusCode) -> HttpResponse {
    HttpResponse::new(status)
}

fn success() -> HttpResponse {
    HttpResponse::Ok().insert_header((CONTENT_TYPE, "text/plain; charset=utf-8")).body(reply::SUCCESS)
}

async fn verify(
    account: web::Path<String>,
    request: HttpRequest,
    core: web::Data<Core>,
    metrics: web::Data<Metrics>,
    rejections: web::Data<Rejections>,
) -> HttpResponse {
    let Some(peer) = rejections.admit(&request, core.clock().now()) else {
        return empty(StatusCode::TOO_MANY_REQUESTS);
    };
    let Some(door) = core.directory().wechat(&account) else { return empty(StatusCode::NOT_FOUND) };
    match verify_url(&door.credentials, request.query_string(), core.clock().now()) {
        Ok(echo) => HttpResponse::Ok().insert_header((CONTENT_TYPE, "text/plain; charset=utf-8")).body(echo),
        Err(reject) => {
            metrics.wechat_reject(reject.label());
            rejections.note(peer, core.clock().now());
            tracing::warn!(account = %account, reason = reject.label(), "callback address not verified");
            empty(StatusCode::FORBIDDEN)
        }
    }
}

async fn deliver(
    account: web::Path<String>,
    request: HttpRequest,
    payload: web::Payload,
    core: web::Data<Core>,
    (metrics, limits): (web::Data<Metrics>, web::Data<CallbackLimits>),
    (rejections, floods): (web::Data<Rejections>, web::Data<Floods>),
) -> HttpResponse {
    let started = Instant::now();
    let now = core.clock().now();
    let Some(peer) = rejections.admit(&request, now) else { return empty(StatusCode::TOO_MANY_REQUESTS) };
    if request.headers().contains_key(CONTENT_ENCODING) {
        return empty(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let Some(door) = core.directory().wechat(&account) else { return empty(StatusCode::NOT_FOUND) };
    if !door.admits(peer) {
        metrics.wechat_reject("ip");
        rejections.note(peer, now);
        return empty(StatusCode::FORBIDDEN);
    }
    let body = match read(payload, limits.deadline).await {
        Ok(body) => body,
        Err(status) => return empty(status),
    };
    let response = match receive(&door.credentials, &door.replay, request.query_string(), &body, now) {
        Received::Reject(reject) => {
            metrics.wechat_reject(reject.label());
            rejections.note(peer, now);
            if reject.is_misrouting() {
                tracing::error!(account = %account, "callback for another AppID under our signature: check token and key");
            }
            empty(StatusCode::FORBIDDEN)
        }
        Received::TooLarge => empty(StatusCode::PAYLOAD_TOO_LARGE),
        Received::Quarantine { reason, raw } => {
            metrics.wechat_reject(reason.label());
            let kept = core.quarantine(&door.entrance, reason.label(), &raw);
            finish(limits.deadline, started, kept).await.map_or_else(|response| response, |()| success())
        }
        Received::Inbound(accepted) if floods.drowns(&account, &accepted.inbound, now) => {
            metrics.wechat_reject("flood");
            success()
        }
        Received::Inbound(accepted) => {
            if accepted.compat_mismatch {
                metrics.wechat_reject("compat_mismatch");
            }
            take_in(&core, &door, *accepted, limits.deadline, started).await
        }
    };
    metrics.callback(started.elapsed(), response.status());
    response
}

/// Waits for the outcome until the deadline; an outcome that is not good or not there yet becomes 503.
async fn finish<T>(
    deadline: Duration,
    started: Instant,
    work: impl Future<Output = Result<T, crate::core::Error>>,
) -> Result<T, HttpResponse> {
    match tokio::time::timeout(deadline.saturating_sub(started.elapsed()), work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => {
            tracing::error!(error = ?error, "callback could not be taken in");
            Err(empty(StatusCode::SERVICE_UNAVAILABLE))
        }
        Err(_elapsed) => {
            tracing::error!("callback was not taken in before the deadline");
            Err(empty(StatusCode::SERVICE_UNAVAILABLE))
        }
    }
}

async fn take_in(
    core: &Core,
    door: &WechatDoor,
    accepted: Accepted,
    deadline: Duration,
    started: Instant,
) -> HttpResponse {
    let Accepted { inbound, reply, .. } = accepted;
    match finish(deadline, started, core.take_in(door.entrance.clone(), inbound)).await {
        Ok(answer) => {
            let body = reply::body(&door.credentials, &reply, &answer, core.clock().now(), rand::random());
            HttpResponse::Ok().insert_header((CONTENT_TYPE, body.content_type)).body(body.text)
        }
        Err(response) => response,
    }
}

/// Reads the body up to its limit. A sender that stalls is cut at the deadline.
async fn read(mut payload: web::Payload, deadline: Duration) -> Result<Bytes, StatusCode> {
    let all = async {
        let mut body = BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_broken| StatusCode::BAD_REQUEST)?;
            if body.len() + chunk.len() > MAX_BODY {
                return Err(StatusCode::PAYLOAD_TOO_LARGE);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    };
    tokio::time::timeout(deadline, all).await.unwrap_or(Err(StatusCode::REQUEST_TIMEOUT))
}
