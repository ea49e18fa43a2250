//! What the phone page asks and does. Knows no rule of the platform.

use std::collections::HashMap;

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::parse;
use crate::simulator::act::{Act, ActError};
use crate::simulator::blob::BlobKind;
use crate::simulator::{Platform, Raw};

type Shared = web::Data<Platform>;

pub(super) async fn accounts(platform: Shared) -> HttpResponse {
    let world = platform.world();
    let list: Vec<Value> = world
        .accounts
        .iter()
        .map(|account| {
            let settings = &account.settings;
            json!({ "appid": settings.appid, "gh_id": settings.gh_id, "name": settings.name, "menu": settings.temper.menu })
        })
        .collect();
    drop(world);
    HttpResponse::Ok().json(list)
}

#[derive(Deserialize)]
struct NewPhone {
    appid: String,
    nickname: Option<String>,
    openid: Option<String>,
}

pub(super) async fn create(platform: Shared, body: Bytes) -> Result<HttpResponse, ActError> {
    let new: NewPhone = parse(&body)?;
    let openid = platform.add_phone(&new.appid, new.nickname.as_deref(), new.openid.as_deref())?;
    Ok(HttpResponse::Ok().json(json!({ "openid": openid })))
}

pub(super) async fn show(platform: Shared, openid: web::Path<String>) -> Result<HttpResponse, ActError> {
    let mut world = platform.world();
    let appid = world.account_of(&openid).ok_or(ActError::UnknownPhone)?.settings.appid.clone();
    let phone = world.phone(&openid).ok_or(ActError::UnknownPhone)?;
    let shown = json!({
        "openid": phone.openid,
        "appid": appid,
        "nickname": phone.nickname,
        "following": phone.following,
        "receives": phone.receives,
        "window": { "left": phone.window.left, "until": phone.window.until },
        "last_event": phone.last_event(),
        "messages": phone.messages().collect::<Vec<_>>(),
    });
    drop(world);
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(shown))
}

#[derive(Deserialize)]
struct Scene {
    #[serde(default)]
    scene: Option<Value>,
}

#[derive(Deserialize)]
struct Tap {
    key: String,
    scanned: Option<String>,
}

#[derive(Deserialize)]
struct Text {
    content: String,
    menu_id: Option<Value>,
}

#[derive(Deserialize)]
struct Place {
    lat: f64,
    lon: f64,
    #[serde(default)]
    label: String,
}

#[derive(Deserialize)]
struct Link {
    title: String,
    #[serde(default)]
    desc: String,
    url: String,
}

/// A scene or id that may be written as a number.
fn plain(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

pub(super) async fn act(
    platform: Shared,
    path: web::Path<(String, String)>,
    body: Bytes,
) -> Result<HttpResponse, ActError> {
    let (openid, verb) = path.into_inner();
    let act = match verb.as_str() {
        "follow" => Act::Follow { scene: parse::<Scene>(&body)?.scene.and_then(plain) },
        "unfollow" => Act::Unfollow,
        "scan" => {
            let scene = parse::<Scene>(&body)?.scene.and_then(plain);
            Act::Scan { scene: scene.ok_or_else(|| ActError::BadRequest("the scene is missing".to_owned()))? }
        }
        "menu" => {
            let tap: Tap = parse(&body)?;
            Act::Tap { key: tap.key, scanned: tap.scanned }
        }
        "text" => {
            let text: Text = parse(&body)?;
            Act::Text { content: text.content, menu_id: text.menu_id.and_then(plain) }
        }
        "location" => {
            let place: Place = parse(&body)?;
            Act::Location { lat: place.lat, lon: place.lon, label: place.label }
        }
        "position" => {
            let place: Place = parse(&body)?;
            Act::Position { lat: place.lat, lon: place.lon }
        }
        "link" => {
            let link: Link = parse(&body)?;
            Act::Link { title: link.title, desc: link.desc, url: link.url }
        }
        "raw" => Act::Raw(parse::<Raw>(&body)?),
        other => return Err(ActError::BadRequest(format!("there is no {other:?} on a phone"))),
    };
    Ok(accepted(&platform.act(&openid, act)?))
}

pub(super) async fn media(
    platform: Shared,
    openid: web::Path<String>,
    query: web::Query<HashMap<String, String>>,
    payload: web::Payload,
) -> Result<HttpResponse, ActError> {
    let kind = query.get("kind").cloned().unwrap_or_else(|| "image".to_owned());
    let read = payload.to_bytes_limited(BlobKind::Image.limit()).await.map_err(|_longer| ActError::TooLarge)?;
    let bytes = read.map_err(|error| ActError::BadRequest(error.to_string()))?;
    Ok(accepted(&platform.act(&openid, Act::Media { kind, bytes })?))
}

fn accepted(id: &str) -> HttpResponse {
    HttpResponse::Accepted().json(json!({ "id": id }))
}

#[derive(Deserialize)]
struct Switch {
    on: bool,
}

/// The follower's "receive messages" switch; nothing is pushed.
pub(super) async fn receive(
    platform: Shared,
    openid: web::Path<String>,
    body: Bytes,
) -> Result<HttpResponse, ActError> {
    let switch: Switch = parse(&body)?;
    platform.world().phone_mut(&openid).ok_or(ActError::UnknownPhone)?.receives = switch.on;
    Ok(HttpResponse::NoContent().finish())
}

/// A medium by its id. Anything that a browser could run is only offered as a file.
pub(super) async fn blob(platform: Shared, id: web::Path<String>) -> HttpResponse {
    let found = platform.world().blobs.any(&id).map(|blob| (blob.content_type, blob.bytes.clone()));
    match found {
        Some((content_type, bytes)) => HttpResponse::Ok()
            .content_type(content_type)
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((header::CACHE_CONTROL, "private, max-age=3600"))
            .body(bytes),
        None => HttpResponse::NotFound().finish(),
    }
}
