//! Tickets for visitors of a site. The page's origin is the only proof of where they are.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;

use super::body::Json;
use super::error::ApiError;
use super::{Settings, origin, other_method, peer};
use crate::core::access::{Access, Visit};

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(
        web::resource("/api/v1/visitor/ticket").route(web::post().to(ticket)).default_service(web::to(other_method)),
    );
}

#[derive(Debug, Deserialize)]
struct Wish {
    account: String,
    visitor: Option<String>,
    name: Option<String>,
}

async fn ticket(
    request: HttpRequest,
    body: Json<Wish>,
    access: web::Data<Access>,
    settings: web::Data<Settings>,
) -> Result<HttpResponse, ApiError> {
    let unlisted = || ApiError::forbidden("此来源未登记 / this origin is not listed");
    let origin = origin::of(request.headers())?.ok_or_else(unlisted)?;
    let ip = peer::address(request.head(), &settings.trusted_proxies);
    let Wish { account, visitor, name } = body.0;
    let visit = Visit { site: &account, origin, visitor: visitor.as_deref(), name: name.as_deref() };
    let pass = access.visitor_ticket(ip, visit, &settings.own_origins).await?;
    Ok(HttpResponse::Ok().json(serde_json::json!({
        "ticket": pass.ticket.expose(),
        "visitor": pass.visitor,
        "expires_in": access.ticket_life(),
    })))
}
