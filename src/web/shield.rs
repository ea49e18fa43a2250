//! What every answer carries: a request id, security headers, and a problem's body.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::middleware::Next;
use actix_web::{Error, web};

use super::Settings;
use super::error::Problem;

/// For answers that no browser shows as a page.
const DATA: &str = "default-src 'none'; frame-ancestors 'none'";

/// Wraps the application: `App::new().wrap(from_fn(web::shield::shield))`.
///
/// # Errors
/// What is inside returns no errors that are not answers already.
pub async fn shield(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let secure = request.app_data::<web::Data<Settings>>().is_some_and(|settings| settings.secure);
    let id = format!("{:016x}", rand::random::<u64>());
    let mut response = next.call(request).await?.map_into_boxed_body();
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Ok(response);
    }
    let problem = response.response_mut().extensions_mut().remove::<Problem>();
    headers(response.headers_mut(), secure, &id);
    if let Some(problem) = problem {
        return Ok(response.map_body(|_, _| BoxBody::new(problem.json(&id))));
    }
    Ok(response)
}

fn headers(headers: &mut HeaderMap, secure: bool, id: &str) {
    let fixed = [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let unless_set = [
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (CONTENT_SECURITY_POLICY, DATA),
        (CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in unless_set {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    if secure {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=63072000"));
    }
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
}
