//! Calls over HTTP: tickets for whoever opens a link to one, and recordings piece by piece.

use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::json;

use super::body::{self, Json};
use super::error::ApiError;
use super::scope::Agent;
use super::{Settings, origin, other_method, peer};
use crate::core::Core;
use crate::core::access::Access;
use crate::core::call::recording::Of;
use crate::model::id::{CallId, RecordingId};

/// The most bytes of one piece: five seconds need a tenth of it.
const PIECE: usize = 4 * 1024 * 1024;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    let other = || web::to(other_method);
    let under = "/api/v1/calls/{call}/recording/{recording}";
    cfg.service(web::resource("/api/v1/call/ticket").route(web::post().to(ticket)).default_service(other()))
        .service(web::resource(format!("{under}/finish")).route(web::post().to(finish)).default_service(other()))
        .service(web::resource(format!("{under}/{{n}}")).route(web::put().to(piece)).default_service(other()));
}

#[derive(Debug, Deserialize)]
struct Link {
    token: String,
}

async fn ticket(
    request: HttpRequest,
    body: Json<Link>,
    access: web::Data<Access>,
    settings: web::Data<Settings>,
) -> Result<HttpResponse, ApiError> {
    origin::check_same(&settings, request.headers())?;
    let ip = peer::address(request.head(), &settings.trusted_proxies);
    let pass = access.call_ticket(ip, &body.0.token).await?;
    Ok(HttpResponse::Ok().json(json!({
        "ticket": pass.ticket.expose(),
        "visitor": pass.invitation.contact,
        "expires_in": access.ticket_life(),
        "device": pass.device,
        "call": {
            "media": pass.invitation.media,
            "account_name": pass.account_name,
            "agent_name": pass.agent_name,
            "expires_at": pass.invitation.until,
        },
    })))
}

fn of(agent: Agent, call: &str, recording: &str) -> Result<Of, ApiError> {
    let profile = agent.0.profile;
    Ok(Of {
        tenant: profile.tenant,
        agent: profile.id,
        call: CallId::parse(call).map_err(|_form| ApiError::not_found())?,
        recording: RecordingId::parse(recording).map_err(|_form| ApiError::not_found())?,
    })
}

async fn piece(
    agent: Agent,
    request: HttpRequest,
    path: web::Path<(String, String, i64)>,
    payload: web::Payload,
    core: web::Data<Core>,
) -> Result<HttpResponse, ApiError> {
    let (call, recording, n) = path.into_inner();
    let of = of(agent, &call, &recording)?;
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    if header(CONTENT_LENGTH).and_then(|value| value.parse::<usize>().ok()).is_some_and(|length| length > PIECE) {
        return Err(ApiError::too_large());
    }
    let bytes = body::read(payload.into_inner(), PIECE).await?;
    core.take_piece(of, n, header(CONTENT_TYPE).unwrap_or_default(), &bytes).await?;
    Ok(HttpResponse::NoContent().finish())
}

#[derive(Debug, Deserialize)]
struct Whole {
    chunks: i64,
    ms: i64,
}

async fn finish(
    agent: Agent,
    path: web::Path<(String, String)>,
    body: Json<Whole>,
    core: web::Data<Core>,
) -> Result<HttpResponse, ApiError> {
    let (call, recording) = path.into_inner();
    let of = of(agent, &call, &recording)?;
    Ok(HttpResponse::Ok().json(core.finish_recording(of, body.0.chunks, body.0.ms).await?))
}
