//! JSON bodies: the right type, within the limit, sound.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use actix_web::{FromRequest, HttpRequest, web};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::Settings;
use super::error::ApiError;

/// A JSON body. 415 for another type, 413 beyond the limit, 400 for what is no JSON, 422 for what is not right.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let limit = request.app_data::<web::Data<Settings>>().map_or(65_536, |settings| settings.body_bytes);
        let typed = check_type(request);
        let payload = payload.take();
        Box::pin(async move {
            typed?;
            parse(&read(payload, limit).await?).map(Json)
        })
    }
}

/// All bytes of a body. 413 beyond the limit, 400 when it ends before its end.
pub(super) async fn read(mut payload: Payload, limit: usize) -> Result<Bytes, ApiError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_cut| ApiError::bad_request("请求中断 / the body was cut off"))?;
        if body.len() + chunk.len() > limit {
            return Err(ApiError::too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn check_type(request: &HttpRequest) -> Result<(), ApiError> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    let plain = !request.headers().contains_key(CONTENT_ENCODING);
    if essence.eq_ignore_ascii_case("application/json") && plain { Ok(()) } else { Err(ApiError::media_type()) }
}

/// The text of a body that is JSON. 400 for what is not.
pub(super) fn json(body: &[u8]) -> Result<&str, ApiError> {
    let text = std::str::from_utf8(body).map_err(|_bytes| ApiError::bad_request("不是 UTF-8 / not UTF-8"))?;
    // Whether it is JSON at all comes first: the first wrong field would hide it.
    serde_json::from_str::<IgnoredAny>(text).map_err(|_grammar| ApiError::bad_request("不是 JSON / not JSON"))?;
    Ok(text)
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_str(json(body)?)
        .map_err(|_shape| ApiError::unprocessable("字段不正确 / a field is missing or wrong"))
}
