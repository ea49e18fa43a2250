//! The workbench: faults, ledger, keys and addresses, for tests and the curious. Knows no rule of the platform.

use std::collections::HashMap;

use actix_web::{HttpResponse, web};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use super::parse;
use crate::model::account::{WechatFormat, WechatMode};
use crate::model::secret::Secret;
use crate::simulator::act::ActError;
use crate::simulator::{Fault, Platform};

type Shared = web::Data<Platform>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewFaults {
    appid: Option<String>,
    rules: Vec<Fault>,
}

pub(super) async fn faults(platform: Shared) -> HttpResponse {
    let rules = platform.world().faults.all().to_vec();
    HttpResponse::Ok().json(json!({ "rules": rules }))
}

pub(super) async fn add_faults(platform: Shared, body: Bytes) -> Result<HttpResponse, ActError> {
    let new: NewFaults = parse(&body)?;
    let for_account = |rule: Fault| Fault { appid: rule.appid.or_else(|| new.appid.clone()), ..rule };
    platform.add_faults(new.rules.into_iter().map(for_account).collect())?;
    Ok(HttpResponse::NoContent().finish())
}

pub(super) async fn clear_faults(platform: Shared) -> HttpResponse {
    platform.clear_faults();
    HttpResponse::NoContent().finish()
}

pub(super) async fn ledger(platform: Shared, query: web::Query<HashMap<String, String>>) -> HttpResponse {
    HttpResponse::Ok().json(platform.ledger(query.get("appid").map(String::as_str)))
}

pub(super) async fn clear_ledger(platform: Shared) -> HttpResponse {
    platform.clear_ledger();
    HttpResponse::NoContent().finish()
}

#[derive(Deserialize)]
struct Verify {
    #[serde(default)]
    forged: bool,
}

pub(super) async fn verify(platform: Shared, appid: web::Path<String>, body: Bytes) -> Result<HttpResponse, ActError> {
    let verify: Verify = parse(&body)?;
    Ok(HttpResponse::Ok().json(platform.verify(&appid, verify.forged).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rotation {
    token: Option<Secret>,
    aes_key: Option<Secret>,
    #[serde(default)]
    stragglers: u32,
}

pub(super) async fn rotate(platform: Shared, appid: web::Path<String>, body: Bytes) -> Result<HttpResponse, ActError> {
    let change: Rotation = parse(&body)?;
    platform.rotate(&appid, change.token, change.aes_key, change.stragglers)?;
    Ok(HttpResponse::NoContent().finish())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mode {
    mode: WechatMode,
    #[serde(default)]
    format: WechatFormat,
}

pub(super) async fn mode(platform: Shared, appid: web::Path<String>, body: Bytes) -> Result<HttpResponse, ActError> {
    let change: Mode = parse(&body)?;
    platform.set_mode(&appid, change.mode, change.format)?;
    Ok(HttpResponse::NoContent().finish())
}

#[derive(Deserialize)]
struct Callback {
    url: String,
}

pub(super) async fn callback(
    platform: Shared,
    appid: web::Path<String>,
    body: Bytes,
) -> Result<HttpResponse, ActError> {
    let change: Callback = parse(&body)?;
    platform.set_callback(&appid, &change.url)?;
    Ok(HttpResponse::NoContent().finish())
}

/// Makes all access tokens of the account worthless.
pub(super) async fn revoke(platform: Shared, appid: web::Path<String>) -> Result<HttpResponse, ActError> {
    platform.revoke_tokens(&appid)?;
    Ok(HttpResponse::NoContent().finish())
}
