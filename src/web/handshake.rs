//! Opening sockets: who may, and the exact answers to whoever may not.

use std::time::Instant;

use actix_web::http::header::{
    CONTENT_LENGTH, HeaderValue, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING,
    UPGRADE,
};
use actix_web::http::{Method, StatusCode, Version};
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::error::ApiError;
use super::limit::Handshakes;
use super::metric::Metrics;
use super::pump::Pump;
use super::transport::Transport;
use super::{Settings, origin, peer};
use crate::core::Core;
use crate::model::id::ConnectionId;
use crate::socket::connection::{Connection, Shared};
use crate::socket::roster::Roster;
use crate::socket::work::Worker;
use crate::socket::{Endpoint, PROTOCOL};

/// Names under which clients put secrets into addresses, where logs and histories keep them.
const SECRETS: [&str; 8] = ["token", "ticket", "access_token", "auth", "jwt", "session", "resume_token", "csrf"];

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/ws/agent").to(agent)).service(web::resource("/ws/visitor").to(visitor));
}

async fn agent(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, ApiError> {
    open(&request, payload, Endpoint::Agent).await
}

async fn visitor(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, ApiError> {
    open(&request, payload, Endpoint::Visitor).await
}

/// What the application keeps for handlers; it is there since `configure` put it there.
fn kept<T: 'static>(request: &HttpRequest) -> Result<&web::Data<T>, ApiError> {
    let missing = || ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "");
    request.app_data::<web::Data<T>>().ok_or_else(missing)
}

async fn open(request: &HttpRequest, payload: web::Payload, endpoint: Endpoint) -> Result<HttpResponse, ApiError> {
    let (core, settings, roster) = (kept::<Core>(request)?, kept::<Settings>(request)?, kept::<Roster>(request)?);
    let origin = origin::of(request.headers())?;
    let listed = origin.is_some_and(|origin| {
        origin::is_own(settings, origin) || (endpoint == Endpoint::Visitor && origin::is_site(core, origin))
    });
    if !listed {
        return Err(ApiError::forbidden("此来源未登记 / this origin is not listed"));
    }
    if roster.draining().is_cancelled() {
        return Err(ApiError::draining());
    }
    let now = core.clock().now();
    let ip = peer::address(request.head(), &settings.trusted_proxies);
    kept::<Handshakes>(request)?.admit(ip, now).map_err(ApiError::rate_limited)?;
    check(request)?;
    if !offers(request, PROTOCOL) {
        return Err(ApiError::bad_request("需要子协议 / the sub-protocol must be yizhan.v1.json"));
    }
    let metrics = kept::<Metrics>(request)?.get_ref().clone();
    metrics.handshake();

    let (shared, worker) = (kept::<Shared>(request)?, kept::<Worker>(request)?.get_ref().clone());
    let connection =
        Connection::open(shared.clone().into_inner(), ConnectionId::generate(now), endpoint, Instant::now(), now);
    let (response, transport) = Transport::open(request, payload, &[PROTOCOL], &shared.settings, false).await?;
    let (presence, draining) = (roster.enter(), roster.draining().clone());
    let pump = Pump::new(connection, worker, transport.pipe().clone(), presence);
    actix_web::rt::spawn(async move {
        let code = pump.run(transport, draining).await;
        metrics.close(code);
    });
    Ok(response)
}

/// Checks an upgrade (RFC 6455 §4.2.1) for the answers that the library would not give.
pub(super) fn check(request: &HttpRequest) -> Result<(), ApiError> {
    let headers = request.headers();
    let upgrade = headers.get(UPGRADE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let wants = upgrade.split(',').any(|word| word.trim().eq_ignore_ascii_case("websocket"));
    if !wants && !matches!(*request.method(), Method::GET | Method::POST) {
        return Err(ApiError::method_not_allowed());
    }
    let query = request.query_string().split('&').filter_map(|pair| pair.split('=').next());
    if query.into_iter().any(|name| SECRETS.iter().any(|secret| name.eq_ignore_ascii_case(secret))) {
        return Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "token_in_url",
            "令牌不可放在地址里 / no tokens in addresses",
        ));
    }
    let body =
        headers.contains_key(TRANSFER_ENCODING) || headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0");
    let bare = *request.method() == Method::GET && request.version() == Version::HTTP_11 && !body;
    if !bare || !wants || !request.head().upgrade() {
        return Err(ApiError::bad_request("需要 WebSocket 升级 / a WebSocket upgrade is required"));
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(ApiError::version());
    }
    let key = headers.get(SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes).unwrap_or_default();
    if STANDARD.decode(key).map_or(0, |bytes| bytes.len()) != 16 {
        return Err(ApiError::bad_request("Sec-WebSocket-Key"));
    }
    Ok(())
}

fn offers(request: &HttpRequest, protocol: &str) -> bool {
    let offered = request.headers().get_all(SEC_WEBSOCKET_PROTOCOL).filter_map(|value| value.to_str().ok());
    offered.flat_map(|line| line.split(',')).any(|name| name.trim() == protocol)
}
