//! Putting and getting blobs by signed addresses. What a browser might run is only ever downloaded.

use actix_web::body::SizedStream;
use actix_web::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, HeaderMap, HeaderValue, RANGE,
};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::error::ApiError;
use super::other_method;
use crate::core::Core;
use crate::core::signature::Purpose;
use crate::media::{Opened, sniff};
use crate::model::id::{MediaId, TenantId};

/// Bytes that are read at a time.
const CHUNK: usize = 64 * 1024;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    let other = || web::to(other_method);
    cfg.service(web::resource("/api/v1/upload/{id}").route(web::put().to(put)).default_service(other())).service(
        web::resource("/media/{id}").route(web::get().to(get)).route(web::head().to(get)).default_service(other()),
    );
}

/// What an address says.
struct Address {
    tenant: TenantId,
    id: MediaId,
    exp: i64,
}

/// Reads and verifies an address. An id that is none is not found; everything else that is wrong is refused alike.
fn verified(core: &Core, request: &HttpRequest, id: &str, purpose: Purpose) -> Result<Address, ApiError> {
    let refused = || ApiError::forbidden("地址无效或已过期 / the address is not valid or has expired");
    let id = MediaId::parse(id).map_err(|_form| ApiError::not_found())?;
    let (mut tenant, mut exp, mut sig) = (None, None, None);
    for (key, value) in url::form_urlencoded::parse(request.query_string().as_bytes()) {
        match key.as_ref() {
            "t" => tenant = TenantId::parse(&value).ok(),
            "exp" => exp = value.parse::<i64>().ok(),
            "sig" => sig = Some(value),
            _ => {}
        }
    }
    let (Some(tenant), Some(exp), Some(sig)) = (tenant, exp, sig) else { return Err(refused()) };
    if core.signer().verify(purpose, &tenant, id, exp, &sig) { Ok(Address { tenant, id, exp }) } else { Err(refused()) }
}

async fn put(
    request: HttpRequest,
    id: web::Path<String>,
    payload: web::Payload,
    core: web::Data<Core>,
) -> Result<HttpResponse, ApiError> {
    let Address { tenant, id, .. } = verified(&core, &request, &id, Purpose::Put)?;
    let announced = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > core.max_upload()) {
        return Err(ApiError::too_large());
    }
    let media = core.receive_upload(&tenant, id, payload).await?;
    Ok(HttpResponse::Ok().json(serde_json::json!({ "media": media })))
}

async fn get(request: HttpRequest, id: web::Path<String>, core: web::Data<Core>) -> Result<HttpResponse, ApiError> {
    let Address { tenant, id, exp } = verified(&core, &request, &id, Purpose::Read)?;
    let found = core.blob(&tenant, id).await?;
    let (start, length) = match range(request.headers(), found.file.size) {
        Range::Whole => (0, found.file.size),
        Range::Part(start, end) => (start, end - start + 1),
        Range::Unsatisfiable => {
            let size = format!("bytes */{}", found.file.size);
            return Ok(HttpResponse::RangeNotSatisfiable().insert_header((CONTENT_RANGE, size)).finish());
        }
    };
    let partial = request.headers().contains_key(RANGE) && length != found.file.size;
    let mut response = HttpResponse::build(if partial { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK });
    if partial {
        let (end, size) = (start + length - 1, found.file.size);
        response.insert_header((CONTENT_RANGE, format!("bytes {start}-{end}/{size}")));
    }
    let inline = sniff::shown_inline(&found.mime);
    let mime = if inline { found.mime.as_str() } else { sniff::UNKNOWN };
    let left = exp.saturating_sub(core.clock().now().seconds()).max(0);
    response
        .insert_header((CONTENT_TYPE, mime))
        .insert_header((CONTENT_DISPOSITION, disposition(inline, found.name.as_deref())))
        .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"))
        .insert_header((CACHE_CONTROL, format!("private, max-age={left}, immutable")))
        .insert_header((ACCEPT_RANGES, "bytes"));
    if *request.method() == Method::HEAD {
        response.no_chunking(length);
        return Ok(
            response.body(SizedStream::new(length, futures_util::stream::empty::<Result<Bytes, std::io::Error>>()))
        );
    }
    let bytes = read(found.file, start, length).await.map_err(|error| {
        tracing::error!(error = %error, "a blob could not be read");
        ApiError::from(crate::core::Error::from(crate::store::Error::Unavailable))
    })?;
    Ok(response.body(SizedStream::new(length, bytes)))
}

/// A stretch of a file, read as it is sent.
async fn read(
    opened: Opened,
    start: u64,
    length: u64,
) -> std::io::Result<impl Stream<Item = std::io::Result<Bytes>> + use<>> {
    let mut file: File = opened.file;
    file.seek(std::io::SeekFrom::Start(start)).await?;
    Ok(futures_util::stream::try_unfold((file, length), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let most = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
        let mut chunk = BytesMut::with_capacity(most);
        let got = (&mut file).take(u64::try_from(most).unwrap_or(0)).read_buf(&mut chunk).await?;
        if got == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let left = left - u64::try_from(got).unwrap_or(left);
        Ok(Some((chunk.freeze(), (file, left))))
    }))
}

#[derive(Debug, PartialEq, Eq)]
enum Range {
    Whole,
    /// First and last byte.
    Part(u64, u64),
    Unsatisfiable,
}

/// The one range that a request asks for. Several at once, or one outside the file, cannot be had.
fn range(headers: &HeaderMap, size: u64) -> Range {
    let Some(value) = headers.get(RANGE).and_then(|value| value.to_str().ok()) else { return Range::Whole };
    let Some((first, last)) = value.strip_prefix("bytes=").and_then(|spec| spec.trim().split_once('-')) else {
        return Range::Unsatisfiable;
    };
    let end = size.saturating_sub(1);
    let part = match (first.parse::<u64>().ok(), last.parse::<u64>().ok()) {
        (Some(first), Some(last)) => (first, last.min(end)),
        (Some(first), None) if last.is_empty() => (first, end),
        (None, Some(suffix)) if first.is_empty() && suffix > 0 => (size.saturating_sub(suffix), end),
        _ => return Range::Unsatisfiable,
    };
    if part.0 > part.1 || part.0 >= size { Range::Unsatisfiable } else { Range::Part(part.0, part.1) }
}

/// `Content-Disposition` with the name as RFC 6266 wants it; the name is a label and was cleaned when it came.
fn disposition(inline: bool, name: Option<&str>) -> HeaderValue {
    let kind = if inline { "inline" } else { "attachment" };
    let mut text = kind.to_owned();
    let label = name.map(|name| name.rsplit(['/', '\\']).next().unwrap_or(name)).filter(|name| !name.is_empty());
    if let Some(label) = label {
        text.push_str("; filename*=UTF-8''");
        for byte in label.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                text.push(char::from(byte));
            } else {
                text.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    HeaderValue::from_str(&text).unwrap_or_else(|_form| HeaderValue::from_static("attachment"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_or_none() {
        let cases = [
            ("bytes=0-4", Range::Part(0, 4)),
            ("bytes=5-", Range::Part(5, 9)),
            ("bytes=-3", Range::Part(7, 9)),
            ("bytes=0-99", Range::Part(0, 9)),
            ("bytes=10-", Range::Unsatisfiable),
            ("bytes=4-2", Range::Unsatisfiable),
            ("bytes=0-,0-", Range::Unsatisfiable),
            ("bytes=-0", Range::Unsatisfiable),
            ("lines=1-2", Range::Unsatisfiable),
        ];
        for (value, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(RANGE, HeaderValue::from_static(value));
            assert_eq!(range(&headers, 10), expected, "{value}");
        }
        assert_eq!(range(&HeaderMap::new(), 10), Range::Whole);
    }

    #[test]
    fn a_name_cannot_leave_its_header() {
        let text = |name| disposition(false, Some(name)).to_str().unwrap().to_owned();
        assert_eq!(text("../../etc/passwd"), "attachment; filename*=UTF-8''passwd");
        assert_eq!(text("a\"\r\nSet-Cookie: x"), "attachment; filename*=UTF-8''a%22%0D%0ASet-Cookie%3A%20x");
        assert_eq!(text("合同.pdf"), "attachment; filename*=UTF-8''%E5%90%88%E5%90%8C.pdf");
    }
}
