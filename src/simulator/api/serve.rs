//! The API over HTTP: reads calls, applies scripted faults, writes answers. Knows no end point.

use std::time::Duration;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Answer, Call, account_of, run};
use crate::simulator::Platform;
use crate::simulator::blob::THUMB;
use crate::simulator::errcode::{Refusal, rid};
use crate::simulator::fault::{Fault, Reset};
use crate::simulator::ledger::CallEntry;

/// Larger than any medium, so that one that is too large still gets its error code.
const MAX_UPLOAD: usize = 16 << 20;
/// Any other body.
const MAX_JSON: usize = 256 << 10;
/// Of a request body, so much is kept for `openapi/rid/get`.
const KEPT_BODY: usize = 512;

/// What is written on the wire.
struct Reply {
    status: u16,
    content_type: &'static str,
    disposition: Option<String>,
    body: Bytes,
    errcode: i64,
    rid: Option<String>,
}

/// Any call under `/cgi-bin/`.
pub(crate) async fn answer(request: HttpRequest, payload: web::Payload, platform: web::Data<Platform>) -> HttpResponse {
    let Some(call) = read(&request, payload).await else {
        return HttpResponse::PayloadTooLarge().finish();
    };
    let method = request.method().to_string();
    // Apart from the connection: a caller that hangs up does not undo what it has asked for.
    let carried = tokio::spawn(async move { handle(&platform, call, method).await }).await;
    match carried {
        Ok(reply) => reply.map_or_else(cut, write),
        Err(_panicked) => HttpResponse::InternalServerError().finish(),
    }
}

/// What to answer to a call. `None`: the connection is cut.
async fn handle(platform: &Platform, call: Call, method: String) -> Option<Reply> {
    let began = Instant::now();
    let at = platform.clock().now();
    let (appid, fault) = {
        let mut world = platform.world();
        let appid = account_of(&world, &call, at);
        let fault = world.faults.take(&call.path, appid.as_deref());
        (appid, fault)
    };
    let reply = match &fault {
        None => Some(carry_out(platform, &call, appid.as_deref())),
        Some(fault) => spoil(platform, &call, appid.as_deref(), fault).await,
    };
    let entry = CallEntry {
        at,
        appid,
        request: format!("{method} {}", call.path),
        status: reply.as_ref().map(|reply| reply.status),
        errcode: reply.as_ref().map_or(0, |reply| reply.errcode),
        fault: fault.is_some(),
        ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        rid: reply.as_ref().and_then(|reply| reply.rid.clone()),
        body: String::from_utf8_lossy(call.body.get(..KEPT_BODY).unwrap_or(&call.body)).into_owned(),
        peer: call.peer,
    };
    platform.world().ledger.call(entry);
    reply
}

async fn read(request: &HttpRequest, payload: web::Payload) -> Option<Call> {
    let text = |name: header::HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok());
    let query = url::form_urlencoded::parse(request.query_string().as_bytes()).into_owned().collect();
    let path = format!("/cgi-bin/{}", request.match_info().query("tail"));
    let limit = if path.starts_with("/cgi-bin/media/upload") { MAX_UPLOAD } else { MAX_JSON };
    let body = payload.to_bytes_limited(limit).await.ok()?.ok()?;
    Some(Call {
        post: request.method() == actix_web::http::Method::POST,
        path,
        query,
        content_type: text(header::CONTENT_TYPE).unwrap_or_default().to_owned(),
        chunked: text(header::TRANSFER_ENCODING).is_some_and(|coding| coding.to_ascii_lowercase().contains("chunked")),
        peer: request.peer_addr().map(|address| address.ip().to_string()).unwrap_or_default(),
        body,
    })
}

fn carry_out(platform: &Platform, call: &Call, appid: Option<&str>) -> Reply {
    let now = platform.clock().now();
    let mut world = platform.world();
    let result = run(&mut world, call, now);
    let as_text = appid.and_then(|appid| world.account(appid)).is_some_and(|a| a.settings.temper.string_errcode);
    drop(world);
    match result {
        Ok(Answer::Json(value)) => json_reply(value, as_text, None),
        Ok(Answer::File { content_type, filename, bytes }) => Reply {
            status: 200,
            content_type,
            disposition: Some(format!("attachment; filename=\"{filename}\"")),
            body: bytes,
            errcode: 0,
            rid: None,
        },
        Ok(Answer::Status(status)) => bare(status),
        Err(refusal) => refuse(&refusal, as_text, call.path.starts_with("/cgi-bin/media/get")),
    }
}

/// Lets a call go wrong as its fault says. `None`: the connection is cut.
async fn spoil(platform: &Platform, call: &Call, appid: Option<&str>, fault: &Fault) -> Option<Reply> {
    let delay = tokio::time::sleep(Duration::from_millis(fault.delay_ms));
    let done = if fault.after_accept && fault.accepts() {
        let done = carry_out(platform, call, appid);
        delay.await;
        Some(done)
    } else {
        delay.await;
        fault.accepts().then(|| carry_out(platform, call, appid))
    };
    if fault.reset.is_some_and(|reset| reset == Reset::Before || done.is_some()) {
        return None;
    }
    if let Some(body) = &fault.body {
        let status = fault.http.unwrap_or(200);
        return Some(Reply { body: Bytes::from(body.clone()), errcode: fault.errcode.unwrap_or(0), ..bare(status) });
    }
    if let Some(code) = fault.errcode {
        let reply = refuse(&Refusal::new(code), false, false);
        return Some(Reply { status: fault.http.unwrap_or(200), ..reply });
    }
    match fault.http {
        Some(status) => Some(bare(status)),
        None => done,
    }
}

fn json_reply(mut value: Value, as_text: bool, rid: Option<String>) -> Reply {
    let errcode = value.get("errcode").and_then(Value::as_i64).unwrap_or(0);
    if let (true, Some(object)) = (as_text && value.get("errcode").is_some(), value.as_object_mut()) {
        object.insert("errcode".to_owned(), Value::from(errcode.to_string()));
    }
    let body = Bytes::from(value.to_string());
    Reply { status: 200, content_type: "application/json; encoding=utf-8", disposition: None, body, errcode, rid }
}

/// Errors of the download come as plain text, status 200.
fn refuse(refusal: &Refusal, as_text: bool, plain: bool) -> Reply {
    let rid = rid();
    let reply = json_reply(json!({ "errcode": refusal.code, "errmsg": refusal.errmsg(&rid) }), as_text, Some(rid));
    if plain { Reply { content_type: "text/plain", ..reply } } else { reply }
}

fn bare(status: u16) -> Reply {
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Error");
    let page =
        format!("<html><head><title>{status} {reason}</title></head><body><h1>{status} {reason}</h1></body></html>");
    let body = if status == 204 { Bytes::new() } else { Bytes::from(page) };
    Reply { status, content_type: "text/html", disposition: None, body, errcode: 0, rid: None }
}

fn write(reply: Reply) -> HttpResponse {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    response.insert_header((header::CONTENT_TYPE, reply.content_type));
    if let Some(disposition) = reply.disposition {
        response.insert_header(("Content-disposition", disposition));
    }
    response.body(reply.body)
}

/// Ends the connection without an answer: the body fails before its first byte, and the head with it.
fn cut() -> HttpResponse {
    let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    HttpResponse::Ok().streaming(stream::once(std::future::ready(Err::<Bytes, _>(broken))))
}

/// `showqrcode`: a picture in place of the code (the simulator draws none); 404 for a ticket that was never given.
pub(crate) async fn picture(request: HttpRequest, platform: web::Data<Platform>) -> HttpResponse {
    let query: Vec<(String, String)> =
        url::form_urlencoded::parse(request.query_string().as_bytes()).into_owned().collect();
    let ticket = query.iter().find(|(name, _)| name == "ticket").map_or("", |(_, value)| value.as_str());
    let now = platform.clock().now();
    let live = platform
        .world()
        .accounts
        .iter()
        .flat_map(|account| &account.codes)
        .any(|code| code.ticket == ticket && code.until.is_none_or(|until| until > now));
    if live { HttpResponse::Ok().content_type("image/jpeg").body(THUMB) } else { HttpResponse::NotFound().finish() }
}
