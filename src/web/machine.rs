//! Addresses for programs and pages of tenants: later answers of robots, the way back from a form's page. Knows HTTP; who
//! is heard is the core's business.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap};
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Map, Value};

use super::error::ApiError;
use super::limit::Rejections;
use super::other_method;
use crate::core::Core;
use crate::core::robot::Unheard;
use crate::model::id::TenantId;
use crate::robot::webhook::{Refused, Signed};

/// The largest answer of a robot.
const MAX_BODY: usize = 64 * 1024;
/// The longest value that a page gives back, bytes.
const MAX_VALUE: usize = 2_000;
/// Values that a page gives back.
const MAX_VALUES: usize = 20;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(
        web::resource("/robot/{tenant}")
            .app_data(web::PayloadConfig::new(MAX_BODY))
            .route(web::post().to(answers))
            .default_service(web::to(other_method)),
    );
    cfg.service(web::resource("/flow/back").route(web::get().to(back)).default_service(web::to(other_method)));
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

async fn answers(
    tenant: web::Path<String>,
    request: HttpRequest,
    body: web::Bytes,
    core: web::Data<Core>,
    rejections: web::Data<Rejections>,
) -> Result<HttpResponse, ApiError> {
    let now = core.clock().now();
    let many = || ApiError::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", "请稍后再试 / try again later");
    let peer = rejections.admit(&request, now).ok_or_else(many)?;
    let nowhere = || ApiError::new(StatusCode::NOT_FOUND, "not_found", "不存在 / not found");
    let tenant = TenantId::parse(&tenant).map_err(|_form| nowhere())?;
    let headers = request.headers();
    let signed = Signed {
        id: header(headers, "webhook-id"),
        timestamp: header(headers, "webhook-timestamp"),
        signature: header(headers, "webhook-signature"),
    };
    match core.robot_answers(&tenant, &signed, &body).await {
        Ok(()) => Ok(HttpResponse::NoContent().finish()),
        Err(Unheard::Refused(refused @ (Refused::Signature | Refused::Time))) => {
            rejections.note(peer, now);
            Err(ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized", refused.to_string()))
        }
        Err(Unheard::Refused(refused @ Refused::Body)) => Err(ApiError::unprocessable(refused.to_string())),
        Err(replayed @ Unheard::Replayed) => Err(ApiError::new(StatusCode::CONFLICT, "conflict", replayed.to_string())),
        Err(Unheard::Nothing) => Err(nowhere()),
        Err(Unheard::Core(error)) => Err(error.into()),
    }
}

/// A customer comes back from a page. What the page gives back is believed as far as a customer's own words are.
async fn back(query: web::Query<BTreeMap<String, String>>, core: web::Data<Core>) -> Result<HttpResponse, ApiError> {
    let mut given = query.into_inner();
    let state = given.remove("state").unwrap_or_default();
    let fits = |(name, value): &(String, String)| name.len() <= 64 && value.len() <= MAX_VALUE;
    let values: Map<String, Value> =
        given.into_iter().filter(fits).take(MAX_VALUES).map(|(name, value)| (name, Value::String(value))).collect();
    core.returned(&state, Value::Object(values)).await?;
    let page = "<!doctype html><html lang=\"zh\"><meta charset=\"utf-8\">\
                <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>已完成 Done</title>\
                <p>已完成，请返回聊天窗口继续。<br>Done. Please go back to the conversation.</p></html>";
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, "text/html; charset=utf-8")).body(page))
}
