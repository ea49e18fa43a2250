//! Extractors that prove who asks. A handler that takes one cannot be reached without it.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::{FromRequest, HttpRequest, web};
use subtle::ConstantTimeEq;

use super::error::ApiError;
use super::{Settings, cookie, origin};
use crate::core::access::{Access, SignIn};

/// A signed-in agent. For writes, the page has shown that it is ours.
#[derive(Debug)]
pub struct Agent(pub SignIn);

impl FromRequest for Agent {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { agent(&request).await.map(Agent) })
    }
}

/// The signed-in agent behind a request.
pub(super) async fn agent(request: &HttpRequest) -> Result<SignIn, ApiError> {
    let missing = ApiError::unauthenticated;
    let access = request.app_data::<web::Data<Access>>().ok_or_else(missing)?;
    let settings = request.app_data::<web::Data<Settings>>().ok_or_else(missing)?;
    let writes = !matches!(*request.method(), Method::GET | Method::HEAD);
    if writes {
        origin::check_same(settings, request.headers())?;
    }
    let token = cookie::read(request.headers(), settings.secure).ok_or_else(missing)?;
    let sign_in = access.check(token).await?.ok_or_else(missing)?;
    let shown = request.headers().get("x-csrf-token").map(actix_web::http::header::HeaderValue::as_bytes);
    let proven = shown.is_some_and(|shown| shown.ct_eq(sign_in.csrf.as_bytes()).into());
    if writes && !proven {
        return Err(ApiError::forbidden("缺少 CSRF 令牌 / missing CSRF token"));
    }
    Ok(sign_in)
}
