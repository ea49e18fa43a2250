//! The parts of a request of the API that all resources share: query, body, the marks that it names, its key.

use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, IF_MATCH, IF_NONE_MATCH, LOCATION,
};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::admin::office::{Author, Once, mark};
use crate::admin::problem::{Error, Finding};
use crate::web::body;
use crate::web::error::ApiError;

/// The longest `Idempotency-Key`.
const KEY: usize = 200;

/// What the address asks for. 422 with the name of what is not known or not right.
pub(super) fn query<T: DeserializeOwned>(request: &HttpRequest) -> Result<T, ApiError> {
    let parsed = web::Query::<T>::from_query(request.query_string());
    parsed.map(web::Query::into_inner).map_err(|error| {
        let cause = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        ApiError::unprocessable(format!("参数有误 / wrong parameter: {cause}"))
    })
}

/// An id out of the address. What is no id is not found.
pub(super) fn id<T: std::str::FromStr>(path: &web::Path<String>) -> Result<T, ApiError> {
    path.parse().map_err(|_form| ApiError::not_found())
}

/// The bytes of a body of one of these types. 415 for another, 413 beyond the limit.
pub(super) async fn bytes(
    request: &HttpRequest,
    payload: web::Payload,
    types: &[&str],
    limit: usize,
) -> Result<Bytes, ApiError> {
    let headers = request.headers();
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if !types.iter().any(|known| known.eq_ignore_ascii_case(essence)) || headers.contains_key(CONTENT_ENCODING) {
        return Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "bad_request",
            format!("需要 / must be {}", types.join(", ")),
        ));
    }
    body::read(payload.into_inner(), limit).await
}

/// A JSON body and its bytes.
pub(super) async fn json<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<(T, Bytes), ApiError> {
    let bytes = bytes(request, payload, &["application/json"], super::JSON).await?;
    let text = body::json(&bytes)?;
    let value = serde_json::from_str(text).map_err(|error| {
        let finding = Finding {
            line: Some(error.line()).filter(|line| *line > 0),
            column: Some(error.column()).filter(|column| *column > 0),
            field: None,
            detail: format!("字段有误 / a field is missing or wrong: {}", what(&error)),
        };
        ApiError::from(Error::Wrong(vec![finding]))
    })?;
    Ok((value, bytes))
}

/// A JSON body of a request that is done once, and what makes it so.
pub(super) async fn ordered<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: web::Payload,
    author: &Author,
) -> Result<(T, Option<Once>), ApiError> {
    let (value, bytes) = json(request, payload).await?;
    Ok((value, once(request, author, &bytes)?))
}

/// What is wrong, without the place that is told beside it.
fn what(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what).to_owned()
}

/// What makes this request harmless when it comes twice, if it has a key.
pub(super) fn once(request: &HttpRequest, author: &Author, body: &[u8]) -> Result<Option<Once>, ApiError> {
    let Some(header) = request.headers().get("idempotency-key") else { return Ok(None) };
    let key = header.to_str().ok().map(str::trim).filter(|key| (1..=KEY).contains(&key.len()));
    let Some(key) = key else {
        return Err(ApiError::unprocessable(format!(
            "Idempotency-Key: 1–{KEY} 个字符 / must be 1 to {KEY} characters"
        )));
    };
    let parts = [request.method().as_str(), request.path(), request.query_string()].map(str::as_bytes);
    let [method, path, query] = parts;
    Ok(Some(Once::new(author, key, &[method, path, query, body])))
}

/// The marks of states that the request may replace; `None` for any.
pub(super) fn read_before(headers: &HeaderMap) -> Option<Vec<String>> {
    let marks = marks(headers, &IF_MATCH)?;
    if marks.iter().any(|mark| mark == "*") { None } else { Some(marks) }
}

/// The marks in a header; `None` without it. Weak ones are no marks of ours.
fn marks(headers: &HeaderMap, name: &HeaderName) -> Option<Vec<String>> {
    let mut values = headers.get_all(name).peekable();
    values.peek()?;
    let text = values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    Some(text.map(|mark| mark.trim().trim_matches('"').to_owned()).collect())
}

fn etag(shown: &Value) -> String {
    format!("\"{}\"", mark(shown))
}

/// What is shown, with its mark; 304 for whoever has read it.
pub(super) fn shown(request: &HttpRequest, view: &impl Serialize) -> Result<HttpResponse, ApiError> {
    let value = serde_json::to_value(view).map_err(Error::from)?;
    let known = marks(request.headers(), &IF_NONE_MATCH).is_some_and(|marks| marks.contains(&mark(&value)));
    let mut answer = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer.insert_header((ETAG, etag(&value))).insert_header((CACHE_CONTROL, "no-cache"));
    Ok(if known { answer.finish() } else { answer.json(value) })
}

/// What was changed, with its mark.
pub(super) fn changed(value: &Value) -> HttpResponse {
    HttpResponse::Ok().insert_header((ETAG, etag(value))).json(value)
}

/// What was made, with its mark and its address below `base`.
pub(super) fn created(value: &Value, base: &str) -> HttpResponse {
    let mut answer = HttpResponse::Created();
    if let Some(id) = value.get("id").and_then(Value::as_str) {
        answer.insert_header((LOCATION, format!("{base}/{id}")));
    }
    answer.insert_header((ETAG, etag(value))).json(value)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn marks_are_read_as_they_were_given() {
        let request = TestRequest::default().append_header((IF_MATCH, "\"a\", \"b\"")).to_http_request();
        assert_eq!(read_before(request.headers()), Some(vec!["a".to_owned(), "b".to_owned()]));
        let any = TestRequest::default().append_header((IF_MATCH, "*")).to_http_request();
        assert_eq!(read_before(any.headers()), None);
        let weak = TestRequest::default().append_header((IF_MATCH, "W/\"a\"")).to_http_request();
        assert_ne!(read_before(weak.headers()), Some(vec!["a".to_owned()]));
        assert_eq!(read_before(TestRequest::default().to_http_request().headers()), None);
    }

    #[test]
    fn an_unknown_parameter_is_named() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Asked {
            _limit: Option<u16>,
        }
        let request = TestRequest::with_uri("/?sort=name%3Bdrop").to_http_request();
        let error = query::<Asked>(&request).unwrap_err();
        assert!(format!("{error:?}").contains("sort"), "{error:?}");
    }
}
