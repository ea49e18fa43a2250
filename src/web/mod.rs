//! HTTP: routes, extractors, errors, sockets, assets. With `simulator` the only code that knows actix.
//!
//! [`configure`] mounts everything but WeChat's callback; [`shield::shield`] has to wrap the whole application;
//! [`link::on_connect`] has to be given to the server, or slow clients cannot be cut off.

mod api;
pub mod asset;
pub mod attachment;
pub mod body;
mod bus_metric;
mod call;
pub mod cookie;
#[cfg(test)]
mod corpus;
mod crossing;
pub mod echo;
pub mod error;
pub mod flood;
pub mod handshake;
pub mod health;
pub mod limit;
pub mod link;
mod machine;
pub mod metric;
pub mod origin;
pub mod peer;
pub mod pipe;
pub mod pump;
pub mod reader;
pub mod scope;
pub mod shield;
pub mod sign_in;
pub mod transport;
pub mod visitor;
pub mod wechat;

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::{HttpRequest, web};

use self::error::ApiError;
use self::flood::Floods;
use self::limit::{Handshakes, Rejections};
use self::metric::Metrics;
use crate::bus::Bus;
use crate::core::Core;
use crate::core::access::Access;
use crate::socket::connection::Shared;
use crate::socket::roster::Roster;
use crate::socket::work::Worker;

/// What the operator says about the outside.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The gateway's own origins, as browsers send them.
    pub own_origins: Vec<String>,
    /// Whether browsers reach it by https.
    pub secure: bool,
    /// Proxies whose forwarding headers are believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Whether `/metrics` answers addresses that are not private.
    pub public_metrics: bool,
    /// Handshakes of sockets per minute and address.
    pub handshakes_per_minute: u32,
    /// Bytes of a JSON body.
    pub body_bytes: usize,
    /// Whether the phone page of the simulator is served.
    pub phone: bool,
    /// Whether `/ws/echo` exists: for conformance tests, never on by itself.
    pub conformance: bool,
}

/// What requests are answered with.
#[derive(Debug, Clone)]
pub struct Deps {
    /// The core.
    pub core: Core,
    /// The way to other modules.
    pub bus: Bus,
    /// Who may come in.
    pub access: Access,
    /// What sockets share.
    pub shared: Arc<Shared>,
    /// The sockets of this process.
    pub roster: Roster,
    /// Counters.
    pub metrics: Metrics,
    /// What the operator says.
    pub settings: Arc<Settings>,
}

/// Mounts the routes. Call once per worker with clones of the same `Deps`, after WeChat's callback and before the
/// simulator.
pub fn configure(cfg: &mut web::ServiceConfig, deps: &Deps, counts: &Counts) {
    let worker = Worker::new(deps.core.clone(), deps.access.clone(), deps.shared.settings.clone());
    cfg.app_data(web::Data::new(deps.core.clone()))
        .app_data(web::Data::new(deps.bus.clone()))
        .app_data(web::Data::new(deps.access.clone()))
        .app_data(web::Data::from(Arc::clone(&deps.shared)))
        .app_data(web::Data::new(deps.roster.clone()))
        .app_data(web::Data::new(deps.metrics.clone()))
        .app_data(web::Data::new(worker))
        .app_data(web::Data::from(Arc::clone(&deps.settings)))
        .app_data(web::Data::from(Arc::clone(&counts.handshakes)))
        .app_data(web::Data::from(Arc::clone(&counts.rejections)))
        .app_data(web::Data::from(Arc::clone(&counts.floods)));
    sign_in::configure(cfg);
    visitor::configure(cfg);
    attachment::configure(cfg);
    call::configure(cfg);
    api::configure(cfg, deps);
    handshake::configure(cfg);
    health::configure(cfg);
    machine::configure(cfg);
    if deps.settings.conformance {
        echo::configure(cfg);
    }
    asset::configure(cfg, deps.settings.phone);
    cfg.default_service(web::to(nowhere));
}

/// Counts that all workers share.
#[derive(Debug, Clone)]
pub struct Counts {
    handshakes: Arc<Handshakes>,
    rejections: Arc<Rejections>,
    floods: Arc<Floods>,
}

impl Counts {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let proxies = settings.trusted_proxies.clone();
        Self {
            handshakes: Arc::new(Handshakes::new(settings.handshakes_per_minute)),
            rejections: Arc::new(Rejections::new(proxies)),
            floods: Arc::default(),
        }
    }
}

async fn nowhere(request: HttpRequest) -> ApiError {
    tracing::debug!(path = %request.path(), "no such address");
    ApiError::not_found()
}

/// The answer for a method that a resource does not have.
async fn other_method() -> ApiError {
    ApiError::method_not_allowed()
}
