//! `/api/v1/calls`: records of calls, and calls that administrators end.

use actix_web::{HttpRequest, HttpResponse, web};

use super::caller::Admin;
use super::{Answer, request as part};
use crate::admin::office::{Office, Once};
use crate::core::Core;
use crate::core::order::kind::Order;
use crate::model::id::{CallId, MessageId};
use crate::web::other_method;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    let other = || web::to(other_method);
    cfg.service(web::resource("/api/v1/calls/{id}").route(web::get().to(record)).default_service(other()))
        .service(web::resource("/api/v1/calls/{id}/end").route(web::post().to(end)).default_service(other()));
}

async fn record(
    Admin(author): Admin,
    request: HttpRequest,
    path: web::Path<String>,
    office: web::Data<Office>,
) -> Answer {
    part::shown(&request, &office.call_record(&author, part::id(&path)?).await?)
}

async fn end(Admin(author): Admin, request: HttpRequest, path: web::Path<String>, core: web::Data<Core>) -> Answer {
    let call: CallId = part::id(&path)?;
    let once = part::once(&request, &author, &[])?;
    // Without a key the request is one of its own.
    let once = once.unwrap_or_else(|| Once::new(&author, &MessageId::generate(core.clock().now()).to_string(), &[]));
    core.order(&author.tenant, once.parts(), author.actor, Order::EndCall { call }).await?;
    Ok(HttpResponse::NoContent().finish())
}
