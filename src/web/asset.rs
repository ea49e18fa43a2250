//! The pages: built from `web/`, embedded in the program, served with the policies that keep them ours.

use std::future::{Ready, ready};

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_NONE_MATCH, LOCATION,
};
use actix_web::{HttpRequest, HttpResponse, guard, web};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rust_embed::{Embed, EmbeddedFile};

use super::error::ApiError;
use super::other_method;
use crate::core::Core;

/// Everything that the front end's build has left. Absent while developing without it: then pages are not found.
#[derive(Embed)]
#[folder = "web/dist/"]
#[allow_missing = true]
struct Files;

/// What pages may do; `frame-ancestors` is added per page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ws: wss:; \
     img-src 'self' blob: data:; media-src 'self' blob:; font-src 'self'; base-uri 'none'; form-action 'self'; \
     frame-src 'self'; require-trusted-types-for 'script'";

/// Who may put a page into a frame.
enum Frames {
    Nobody,
    /// The pages of the site that the widget belongs to.
    Sites(String),
}

fn page(path: &str, handler: actix_web::Route) -> actix_web::Resource {
    let read = guard::Any(guard::Get()).or(guard::Head());
    web::resource(path.to_owned()).route(handler.guard(read)).default_service(web::to(other_method))
}

/// Mounts the phone page. Before the simulator's own scope, which would answer 404 for it.
pub fn configure_phone(cfg: &mut web::ServiceConfig) {
    cfg.service(page("/simulator/phone", web::route().to(|| moved("/simulator/phone/"))))
        .service(page("/simulator/phone/{path:.*}", web::route().to(phone)));
}

pub(super) fn configure(cfg: &mut web::ServiceConfig, phone: bool) {
    cfg.service(page("/", web::route().to(landing)))
        .service(page("/console", web::route().to(|| moved("/console/"))))
        .service(page("/console/{path:.*}", web::route().to(console)))
        .service(page("/call/{path:.*}", web::route().to(call)))
        .service(page("/widget.js", web::route().to(loader)))
        .service(page("/widget", web::route().to(|| moved("/widget/"))))
        .service(page("/widget/{path:.*}", web::route().to(widget)))
        .service(page("/site", web::route().to(|| moved("/site/"))))
        .service(page("/site/{path:.*}", web::route().to(site)));
    if phone {
        configure_phone(cfg);
    }
}

fn moved(to: &'static str) -> Ready<HttpResponse> {
    ready(HttpResponse::PermanentRedirect().insert_header((LOCATION, to)).finish())
}

async fn landing(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    file(&request, "index.html", &Frames::Nobody)
}

async fn console(request: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, ApiError> {
    application(&request, "console", &path, &Frames::Nobody)
}

/// The page of a link to a call. Its address is a secret: it is not kept.
async fn call(request: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, ApiError> {
    if path.contains('/') {
        return application(&request, "call", &path, &Frames::Nobody);
    }
    let mut response = file(&request, "call/index.html", &Frames::Nobody)?;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn phone(request: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, ApiError> {
    application(&request, "phone", &path, &Frames::Nobody)
}

async fn site(request: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, ApiError> {
    application(&request, "site", &path, &Frames::Nobody)
}

async fn widget(
    request: HttpRequest,
    path: web::Path<String>,
    core: web::Data<Core>,
) -> Result<HttpResponse, ApiError> {
    application(&request, "widget", &path, &Frames::Sites(holders(&core, &request)))
}

/// The origins that may hold the widget's frame: those of the account that the address names.
fn holders(core: &Core, request: &HttpRequest) -> String {
    let mut query = url::form_urlencoded::parse(request.query_string().as_bytes());
    let account = query.find(|(key, _)| key == "account").map(|(_, value)| value.into_owned());
    let door = account.and_then(|key| core.directory().web(&key));
    let listed = door.map(|door| door.settings.origins.join(" ")).unwrap_or_default();
    format!("'self' {listed}")
}

/// The one script that other sites load.
async fn loader(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let mut response = file(&request, "widget.js", &Frames::Nobody)?;
    let name = HeaderName::from_static("cross-origin-resource-policy");
    response.headers_mut().insert(name, HeaderValue::from_static("cross-origin"));
    Ok(response)
}

/// A file of an application, or its page for whatever address the application handles itself.
fn application(request: &HttpRequest, name: &str, path: &str, frames: &Frames) -> Result<HttpResponse, ApiError> {
    let asset = format!("{name}/{path}");
    if !path.is_empty() && Files::get(&asset).is_some() {
        return file(request, &asset, frames);
    }
    let page_like = !path.rsplit('/').next().unwrap_or_default().contains('.');
    if page_like { file(request, &format!("{name}/index.html"), frames) } else { Err(ApiError::not_found()) }
}

fn file(request: &HttpRequest, path: &str, frames: &Frames) -> Result<HttpResponse, ApiError> {
    let Some(file) = Files::get(path) else { return Err(ApiError::not_found()) };
    let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(file.metadata.sha256_hash()));
    // Built files carry a hash of their content in their name.
    let cache = if path.contains("/assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let known = request.headers().get(IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == tag.as_bytes());
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((ETAG, tag)).insert_header((CACHE_CONTROL, cache));
    response.insert_header((CONTENT_SECURITY_POLICY, policy(frames)));
    if known {
        return Ok(response.finish());
    }
    response.insert_header((CONTENT_TYPE, kind(&file)));
    Ok(match file.data {
        std::borrow::Cow::Borrowed(bytes) => response.body(bytes::Bytes::from_static(bytes)),
        std::borrow::Cow::Owned(bytes) => response.body(bytes),
    })
}

fn policy(frames: &Frames) -> String {
    match frames {
        Frames::Nobody => format!("{POLICY}; frame-ancestors 'none'"),
        Frames::Sites(sites) => format!("{POLICY}; frame-ancestors {}", sites.trim()),
    }
}

fn kind(file: &EmbeddedFile) -> String {
    let mime = file.metadata.mimetype();
    let text = mime.starts_with("text/") || mime.ends_with("javascript");
    if text { format!("{mime}; charset=utf-8") } else { mime.to_owned() }
}
