//! Signing agents in and out, and the tickets of their sockets.

use actix_web::http::header::SET_COOKIE;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::body::Json;
use super::error::ApiError;
use super::scope::Agent;
use super::{Settings, cookie, origin, other_method, peer};
use crate::core::access::{Access, Profile, SignIn};
use crate::model::secret::Secret;

/// The longest password that is looked at, bytes.
const MAX_PASSWORD: usize = 1_024;
/// The longest name of a tenant or login, bytes.
const MAX_NAME: usize = 256;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    let other = || web::to(other_method);
    cfg.service(web::resource("/api/v1/login").route(web::post().to(login)).default_service(other()))
        .service(web::resource("/api/v1/logout").route(web::post().to(logout)).default_service(other()))
        .service(web::resource("/api/v1/me").route(web::get().to(me)).default_service(other()))
        .service(web::resource("/api/v1/ticket").route(web::post().to(ticket)).default_service(other()));
}

#[derive(Debug, Deserialize)]
struct Credentials {
    tenant: String,
    login: String,
    password: Secret,
}

#[derive(Serialize)]
struct Answer<'a> {
    agent: &'a Profile,
    csrf: &'a str,
}

fn answer(sign_in: &SignIn) -> Answer<'_> {
    Answer { agent: &sign_in.profile, csrf: &sign_in.csrf }
}

async fn login(
    request: HttpRequest,
    body: Json<Credentials>,
    access: web::Data<Access>,
    settings: web::Data<Settings>,
) -> Result<HttpResponse, ApiError> {
    origin::check_same(&settings, request.headers())?;
    let Credentials { tenant, login, password } = body.0;
    if password.expose().len() > MAX_PASSWORD || tenant.len() > MAX_NAME || login.len() > MAX_NAME {
        return Err(ApiError::unprocessable("账号或密码过长 / too long"));
    }
    let ip = peer::address(request.head(), &settings.trusted_proxies);
    let (token, sign_in) = access.login(ip, &tenant, &login, password).await?;
    let cookie = cookie::write(token.expose(), settings.secure)
        .map_err(|_form| ApiError::new(actix_web::http::StatusCode::INTERNAL_SERVER_ERROR, "internal", "cookie"))?;
    Ok(HttpResponse::Ok().insert_header((SET_COOKIE, cookie)).json(answer(&sign_in)))
}

async fn logout(
    agent: Agent,
    access: web::Data<Access>,
    settings: web::Data<Settings>,
) -> Result<HttpResponse, ApiError> {
    access.logout(&agent.0).await?;
    let mut response = HttpResponse::NoContent();
    if let Ok(empty) = cookie::write("", settings.secure) {
        response.insert_header((SET_COOKIE, empty));
    }
    Ok(response.finish())
}

async fn me(agent: Agent) -> HttpResponse {
    HttpResponse::Ok().json(answer(&agent.0))
}

async fn ticket(agent: Agent, access: web::Data<Access>) -> Result<HttpResponse, ApiError> {
    let ticket = access.ticket(&agent.0).await?;
    let expires_in = access.ticket_life();
    Ok(HttpResponse::Ok().json(serde_json::json!({ "ticket": ticket.expose(), "expires_in": expires_in })))
}
