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

use std::future::{Ready, ready};

use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use actix_web::{HttpResponse, Route, web};

use super::Deps;
use super::error::ApiError;
use super::other_method;
use crate::admin::office::Office;
use crate::admin::openapi;
use crate::admin::openapi::page::{STYLE, page};

/// What a request is answered with.
type Answer = Result<HttpResponse, ApiError>;

/// Bytes of a JSON body.
const JSON: usize = 1024 * 1024;
/// Bytes of a table.
const TABLE: usize = 5 * 1024 * 1024;

/// What the page of the contract may do: be read, in its own style.
const PAGE: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

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
    let open =
        |path: &str, route: Route| web::resource(path.to_owned()).route(route).default_service(web::to(other_method));
    cfg.service(open("/api/openapi.json", web::get().to(|| told("application/json", openapi::document()))))
        .service(open("/api/docs", web::get().to(docs)))
        .service(open("/api/docs.css", web::get().to(|| told("text/css; charset=utf-8", STYLE.to_owned()))));
}

/// The contract, in whatever form; it tells nothing about any tenant.
fn told(kind: &'static str, text: String) -> Ready<HttpResponse> {
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, kind)).insert_header((CACHE_CONTROL, "public, max-age=300"));
    ready(response.body(text))
}

/// The contract as a page to read.
async fn docs() -> HttpResponse {
    let mut response = told("text/html; charset=utf-8", page()).await;
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE));
    response
}
