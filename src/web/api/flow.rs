//! `/api/v1/flows`: multi-step forms.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::Value;

use super::caller::Admin;
use super::{Answer, request as part};
use crate::admin::flow::{Switch, Text, validate};
use crate::admin::office::Office;
use crate::core;
use crate::web::error::ApiError;
use crate::web::other_method;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    let other = || web::to(other_method);
    cfg.service(
        web::resource("/api/v1/flows").route(web::get().to(list)).route(web::post().to(add)).default_service(other()),
    )
    .service(web::resource("/api/v1/flows/validate").route(web::post().to(check)).default_service(other()))
    .service(web::resource("/api/v1/flows/{id}").route(web::get().to(one)).default_service(other()))
    .service(web::resource("/api/v1/flows/{id}/enabled").route(web::put().to(switch)).default_service(other()));
}

async fn list(Admin(author): Admin, request: HttpRequest, office: web::Data<Office>) -> Answer {
    let page = office.flows(&author, &part::query(&request)?).await?;
    Ok(HttpResponse::Ok().json(page))
}

async fn add(Admin(author): Admin, request: HttpRequest, payload: web::Payload, office: web::Data<Office>) -> Answer {
    let (text, once) = part::ordered::<Text>(&request, payload, &author).await?;
    let applied = office.add_flow(&author, text, once).await?;
    let added = applied.get("added").and_then(Value::as_bool).unwrap_or_default();
    Ok(if added { part::created(&applied, "/api/v1/flows") } else { HttpResponse::Ok().json(applied) })
}

async fn check(_: Admin, request: HttpRequest, payload: web::Payload) -> Answer {
    let (text, _) = part::json::<Text>(&request, payload).await?;
    // Reading a large form takes milliseconds that other requests of this thread would wait.
    let checked = web::block(move || validate(text))
        .await
        .map_err(|_full| ApiError::from(core::Error::from(crate::store::Error::Unavailable)))?;
    Ok(HttpResponse::Ok().json(checked))
}

async fn one(Admin(author): Admin, request: HttpRequest, path: web::Path<String>, office: web::Data<Office>) -> Answer {
    part::shown(&request, &office.flow(&author, part::id(&path)?).await?)
}

async fn switch(
    Admin(author): Admin,
    request: HttpRequest,
    path: web::Path<String>,
    payload: web::Payload,
    office: web::Data<Office>,
) -> Answer {
    let id = part::id(&path)?;
    let (to, _) = part::json::<Switch>(&request, payload).await?;
    Ok(HttpResponse::Ok().json(office.switch_flow(&author, id, to).await?))
}
