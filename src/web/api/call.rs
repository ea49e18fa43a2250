//! `/api/v1/calls`: records of calls, and calls that administrators end.

use actix_web::{HttpRequest, HttpResponse, web};

use super::caller::Admin;
use super::request as part;
use crate::admin::office::{Author, Office, Once};
use crate::core::Core;
use crate::core::order::kind::{Actor, Order};
use crate::model::id::{AgentId, CallId, MessageId};
use crate::web::error::ApiError;
use crate::web::other_method;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    let other = || web::to(other_method);
    cfg.service(web::resource("/api/v1/calls/{id}").route(web::get().to(record)).default_service(other()))
        .service(web::resource("/api/v1/calls/{id}/end").route(web::post().to(end)).default_service(other()));
}

/// Who orders it, as the audit trail names them.
fn actor(author: &Author) -> Actor {
    let (kind, name) = author.actor.split_once(':').unwrap_or(("", &author.actor));
    match AgentId::parse(name) {
        Ok(agent) if kind == "agent" => Actor::Agent(agent),
        _ => Actor::Key(name.to_owned()),
    }
}

async fn record(
    Admin(author): Admin,
    request: HttpRequest,
    path: web::Path<String>,
    office: web::Data<Office>,
) -> Result<HttpResponse, ApiError> {
    part::shown(&request, &office.call_record(&author, part::id(&path)?).await?)
}

async fn end(
    Admin(author): Admin,
    request: HttpRequest,
    path: web::Path<String>,
    core: web::Data<Core>,
) -> Result<HttpResponse, ApiError> {
    let call: CallId = part::id(&path)?;
    let once = part::once(&request, &author, &[])?;
    // Without a key the request is one of its own.
    let once = once.unwrap_or_else(|| Once::new(&author, &MessageId::generate(core.clock().now()).to_string(), &[]));
    core.order(&author.tenant, once.parts(), actor(&author), Order::EndCall { call }).await?;
    Ok(HttpResponse::NoContent().finish())
}
