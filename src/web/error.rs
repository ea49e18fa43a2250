//! Errors as `application/problem+json` (RFC 9457). Knows which status belongs to which code.
//!
//! Bodies of server errors are constant; the cause is logged here, once.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, SEC_WEBSOCKET_VERSION};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use serde_json::Value;

use crate::core;
use crate::model::code::Code;

/// An answer that is no success. The request's id is filled in by [`super::shield`].
#[derive(Debug, Clone)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    detail: Box<str>,
    header: Option<(HeaderName, HeaderValue)>,
    errors: Option<Box<Value>>,
}

/// The body, kept beside the response until the request's id is known.
#[derive(Debug, Clone)]
pub(super) struct Problem(ApiError);

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    code: &'static str,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<&'a Value>,
    request_id: &'a str,
}

impl Problem {
    pub(super) fn json(&self, request_id: &str) -> String {
        let body = Body {
            r#type: "about:blank",
            title: self.0.status.canonical_reason().unwrap_or("Error"),
            status: self.0.status.as_u16(),
            code: self.0.code,
            detail: &self.0.detail,
            errors: self.0.errors.as_deref(),
            request_id,
        };
        // Plain texts and a number: this cannot fail.
        serde_json::to_string(&body).unwrap_or_default()
    }
}

impl ApiError {
    /// An answer with this status; `code` is what programs read, `detail` what people read.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into().into_boxed_str(), header: None, errors: None }
    }

    /// 400.
    #[must_use]
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", detail)
    }

    /// 422: read, but not right.
    #[must_use]
    pub fn unprocessable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_request", detail)
    }

    /// 401.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "请先登录 / sign in first")
    }

    /// 403.
    #[must_use]
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// 404, the same for what does not exist and what is not for this party.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "不存在 / not found")
    }

    /// 405.
    #[must_use]
    pub fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "bad_request", "不支持的方法 / method not allowed")
    }

    /// 413.
    #[must_use]
    pub fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "内容过大 / too large")
    }

    /// 415.
    #[must_use]
    pub fn media_type() -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "bad_request", "需要 application/json / must be application/json")
    }

    /// 426, for another version of the WebSocket protocol.
    #[must_use]
    pub fn version() -> Self {
        let header = Some((SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13")));
        Self { header, ..Self::new(StatusCode::UPGRADE_REQUIRED, "bad_request", "WebSocket 13") }
    }

    /// 429.
    #[must_use]
    pub fn rate_limited(wait: Duration) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", "请求过于频繁 / too many requests").after(wait)
    }

    /// 503, for a process that stops.
    #[must_use]
    pub fn draining() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "dependency_unavailable", "正在重启 / restarting")
            .after(Duration::from_secs(2))
    }

    /// The same answer with a header line.
    #[must_use]
    pub fn with(self, header: (HeaderName, HeaderValue)) -> Self {
        Self { header: Some(header), ..self }
    }

    /// The same answer with everything that is wrong, each with its place.
    #[must_use]
    pub fn listing(self, errors: Value) -> Self {
        Self { errors: Some(Box::new(errors)), ..self }
    }

    /// The same answer with the time to wait, in whole seconds, at least one.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        let seconds = wait.as_millis().div_ceil(1_000).max(1);
        let value = HeaderValue::from_str(&seconds.to_string()).ok();
        Self { header: value.map(|value| (RETRY_AFTER, value)), ..self }
    }

    /// The machine-readable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.status, self.code)
    }
}

impl std::error::Error for ApiError {}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::new(self.status);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some((name, value)) = &self.header {
            response.headers_mut().insert(name.clone(), value.clone());
        }
        response.extensions_mut().insert(Problem(self.clone()));
        response
    }
}

impl actix_web::Responder for ApiError {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &actix_web::HttpRequest) -> HttpResponse {
        self.error_response()
    }
}

fn status(code: Code) -> StatusCode {
    match code {
        Code::BadRequest | Code::UnsupportedOp => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::Forbidden | Code::NotInControl | Code::ChannelAccountDisabled => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Code::UnsupportedType | Code::MediaRejected | Code::BlockedContent => StatusCode::UNPROCESSABLE_ENTITY,
        Code::DependencyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Timeout => StatusCode::GATEWAY_TIMEOUT,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::CONFLICT,
    }
}

impl From<core::Error> for ApiError {
    fn from(error: core::Error) -> Self {
        let status = status(error.code);
        if status.is_server_error() {
            let source = error.source.as_ref().map(ToString::to_string);
            tracing::error!(code = error.code.as_str(), source, "a request failed");
            let detail = "暂时无法处理 / cannot be done now";
            let answer = Self::new(status, error.code.as_str(), detail);
            return if status == StatusCode::SERVICE_UNAVAILABLE {
                answer.after(Duration::from_secs(1))
            } else {
                answer
            };
        }
        let answer = Self::new(status, error.code.as_str(), error.message);
        match error.after_ms {
            Some(ms) => answer.after(Duration::from_millis(ms)),
            None => answer,
        }
    }
}
