//! Whether the process lives, whether it takes work, and its counters.

use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};

use super::error::ApiError;
use super::metric::Metrics;
use super::{Settings, bus_metric, other_method, peer};
use crate::bus::Bus;
use crate::core::Core;
use crate::socket::connection::Shared;
use crate::socket::roster::Roster;
use crate::store;

/// The store has to answer within this.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    let other = || web::to(other_method);
    cfg.service(web::resource("/livez").route(web::get().to(live)).default_service(other()))
        .service(web::resource("/readyz").route(web::get().to(ready)).default_service(other()))
        .service(web::resource("/metrics").route(web::get().to(metrics)).default_service(other()));
}

async fn live() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("ok")
}

async fn ready(core: web::Data<Core>, roster: web::Data<Roster>) -> Result<HttpResponse, ApiError> {
    if roster.draining().is_cancelled() {
        return Err(ApiError::draining());
    }
    let probe = core.store().survey(store::pass::probe);
    match tokio::time::timeout(PATIENCE, probe).await {
        Ok(Ok(())) => Ok(HttpResponse::Ok().content_type("text/plain").body("ok")),
        Ok(Err(error)) => Err(crate::core::Error::from(error).into()),
        Err(_elapsed) => Err(crate::core::Error::from(store::Error::Unavailable).into()),
    }
}

async fn metrics(
    request: HttpRequest,
    core: web::Data<Core>,
    roster: web::Data<Roster>,
    (metrics, bus, shared): (web::Data<Metrics>, web::Data<Bus>, web::Data<Shared>),
    settings: web::Data<Settings>,
) -> Result<HttpResponse, ApiError> {
    let ip = peer::address(request.head(), &settings.trusted_proxies);
    if !settings.public_metrics && !peer::is_private(ip) {
        return Err(ApiError::not_found());
    }
    if let Some(hub) = core.hub().counts() {
        metrics.crossing(&hub, core.swept(), shared.found.load(Ordering::Relaxed));
    }
    let mut text = metrics.text(roster.counts(), core.store().commits()).map_err(|error| {
        tracing::error!(error = %error, "metrics could not be written");
        ApiError::new(actix_web::http::StatusCode::INTERNAL_SERVER_ERROR, "internal", "metrics")
    })?;
    // The other figures are worth having without these.
    let backlog = tokio::time::timeout(PATIENCE, core.backlog()).await.ok().and_then(Result::ok);
    text.push_str(&bus_metric::text(bus.figures(), backlog, &core.orders().read()));
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text))
}
