//! Uploads and downloads of temporary media. What is kept and for how long is in `super::super::blob`.

use bytes::Bytes;
use serde_json::json;

use super::{Answer, Visit};
use crate::simulator::blob::{BlobKind, accepts, sniff};
use crate::simulator::errcode::Refusal;
use crate::simulator::multipart;

pub(super) fn upload(visit: &mut Visit<'_>) -> Result<Answer, Refusal> {
    if visit.call.chunked {
        return Ok(Answer::Status(412));
    }
    let kind = visit.call.param("type").and_then(BlobKind::parse).ok_or_else(|| Refusal::new(40004))?;
    let (content_type, bytes) = file(visit, kind, kind.limit())?;
    let id = visit.world.keep(visit.appid, kind, content_type, bytes, visit.now);
    let name = if kind == BlobKind::Thumb { "thumb_media_id" } else { "media_id" };
    Ok(Answer::Json(json!({ "type": kind.name(), name: id, "created_at": visit.now.seconds() })))
}

/// Pictures for the inside of articles: an address instead of an id.
pub(super) fn upload_image(visit: &mut Visit<'_>) -> Result<Answer, Refusal> {
    if visit.call.chunked {
        return Ok(Answer::Status(412));
    }
    let (content_type, bytes) = file(visit, BlobKind::Image, 1 << 20).map_err(|refusal| match refusal.code {
        45001 => Refusal::new(40009),
        _ => refusal,
    })?;
    let id = visit.world.keep(visit.appid, BlobKind::Image, content_type, bytes, visit.now);
    Ok(Answer::Json(json!({ "url": visit.world.absolute_url(&id) })))
}

/// The one file of the form: a part named `media` with a plain file name.
fn file(visit: &Visit<'_>, kind: BlobKind, limit: usize) -> Result<(&'static str, Bytes), Refusal> {
    let parts = multipart::read(&visit.call.content_type, &visit.call.body).ok_or_else(|| Refusal::new(41005))?;
    let named = |part: &multipart::Part| part.name == "media" && part.filename.as_deref().is_some_and(str::is_ascii);
    let part = parts.into_iter().find(named).ok_or_else(|| Refusal::new(41005))?;
    if part.bytes.is_empty() {
        return Err(Refusal::new(44001));
    }
    if part.bytes.len() > limit {
        return Err(Refusal::new(45001));
    }
    let content_type = sniff(&part.bytes);
    if !accepts(kind, content_type) {
        return Err(Refusal::new(40005));
    }
    Ok((content_type, part.bytes))
}

pub(super) fn get(visit: &mut Visit<'_>) -> Result<Answer, Refusal> {
    let id = visit.call.param("media_id").ok_or_else(|| Refusal::new(41006))?;
    let blob = visit.world.blobs.live(id, visit.appid, visit.now).ok_or_else(|| Refusal::new(40007))?;
    if blob.kind == BlobKind::Video {
        return Ok(Answer::Json(json!({ "video_url": visit.world.absolute_url(id) })));
    }
    let filename = format!("{id}.{}", blob.ending());
    Ok(Answer::File { content_type: blob.content_type, filename, bytes: blob.bytes.clone() })
}

/// Voice in the finer form. The simulator has no encoder: the bytes are those that came.
pub(super) fn get_speex(visit: &mut Visit<'_>) -> Result<Answer, Refusal> {
    let id = visit.call.param("media_id").ok_or_else(|| Refusal::new(41006))?;
    let blob = visit.world.blobs.live(id, visit.appid, visit.now).filter(|blob| blob.kind == BlobKind::Voice);
    let bytes = blob.ok_or_else(|| Refusal::new(40007))?.bytes.clone();
    Ok(Answer::File { content_type: "voice/speex", filename: format!("{id}.speex"), bytes })
}
