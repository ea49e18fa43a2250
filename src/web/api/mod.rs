//! The administrator's REST API below `/api/v1/`: who may ask, bodies, pages, marks and repeated requests. What is done is
//! in `admin`; what is offered is listed in `admin/openapi`, and a test compares.

mod call;
mod caller;
mod entry;
mod flow;
mod problem;
mod request;
mod session;
mod unknown;
mod xmpp;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpResponse, web};

use super::Deps;
use super::error::ApiError;
use super::other_method;
use crate::admin::office::Office;
use crate::admin::openapi;

/// What a request is answered with.
type Answer = Result<HttpResponse, ApiError>;

/// Bytes of a JSON body.
const JSON: usize = 1024 * 1024;
/// Bytes of a table.
const TABLE: usize = 5 * 1024 * 1024;

/// Mounts the routes.
pub(super) fn configure(cfg: &mut web::ServiceConfig, deps: &Deps) {
    let core = &deps.core;
    let office = Office::new(core.store().clone(), core.tenants().clone(), core.clock().clone());
    cfg.app_data(web::Data::new(office));
    entry::configure(cfg);
    unknown::configure(cfg);
    flow::configure(cfg);
    session::configure(cfg);
    call::configure(cfg);
    xmpp::configure(cfg);
    cfg.service(
        web::resource("/api/openapi.json").route(web::get().to(document)).default_service(web::to(other_method)),
    );
}

/// The contract; it tells nothing about any tenant.
async fn document() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/json"))
        .insert_header((CACHE_CONTROL, "public, max-age=300"))
        .body(openapi::document())
}
