//! Blobs to and from the platform. Knows the platform's limits; does not keep anything.
//!
//! Source: the temporary media pages. Traps: errors and video addresses come with status 200 and a content type that
//! says nothing; uploads fail without a part named `media`, with a file name beyond ASCII, or sent in chunks.

use bytes::Bytes;

use super::super::Credentials;
use super::super::error::Error;
use super::Api;
use super::answer::Object;
use super::transport::MAX_ANSWER;

/// Separates the parts of an upload. The bytes of a blob do not contain it by accident.
const BOUNDARY: &str = "----yizhan-7f3c9a52d1e84b60a1c5";

const MIB: usize = 1024 * 1024;

/// A kind of temporary media.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaKind {
    /// PNG, JPEG or GIF, at most 10 MiB.
    Image,
    /// AMR or MP3, at most 2 MiB and 60 s.
    Voice,
    /// MP4, at most 10 MiB.
    Video,
    /// JPEG, at most 64 KiB.
    Thumb,
}

impl MediaKind {
    fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Voice => "voice",
            Self::Video => "video",
            Self::Thumb => "thumb",
        }
    }

    fn limit(self) -> usize {
        match self {
            Self::Image | Self::Video => 10 * MIB,
            Self::Voice => 2 * MIB,
            Self::Thumb => 64 * 1024,
        }
    }

    /// The file extension by which the platform knows a type; absent when it takes no such type of this kind.
    #[must_use]
    pub fn extension(self, mime: &str) -> Option<&'static str> {
        match (self, mime) {
            (Self::Image | Self::Thumb, "image/jpeg") => Some("jpg"),
            (Self::Image, "image/png") => Some("png"),
            (Self::Image, "image/gif") => Some("gif"),
            (Self::Voice, "audio/amr") => Some("amr"),
            (Self::Voice, "audio/mpeg" | "audio/mp3") => Some("mp3"),
            (Self::Video, "video/mp4") => Some("mp4"),
            _ => None,
        }
    }
}

/// A blob of the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Downloaded {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// What the platform claims that they are; to be sniffed before anybody sees them.
    pub content_type: Option<String>,
}

impl Api {
    /// Uploads a blob for three days and returns the platform's id of it.
    ///
    /// # Errors
    /// [`Error::TooLarge`] before anything is sent; otherwise see [`Error::verdict`], repeating does no harm.
    pub async fn upload(
        &self,
        credentials: &Credentials,
        kind: MediaKind,
        mime: &str,
        bytes: &[u8],
    ) -> Result<String, Error> {
        let limit = kind.limit().min(self.max_media);
        if bytes.len() > limit {
            return Err(Error::TooLarge { limit });
        }
        let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
        let body = multipart(kind, mime, bytes);
        let query = [("type", kind.name())];
        let body = Some((content_type.as_str(), body));
        let answer = self.call(credentials, "/cgi-bin/media/upload", &query, body, MAX_ANSWER).await?;
        let answer = Object::read(&answer.body)?;
        let id = answer.text("media_id").or(answer.text("thumb_media_id"));
        id.filter(|id| !id.is_empty()).map(str::to_owned).ok_or(Error::Garbled("no media_id"))
    }

    /// Fetches a blob by the platform's id, within three days after it came.
    ///
    /// # Errors
    /// [`Error::TooLarge`] beyond the configured limit; otherwise see [`Error::verdict`], repeating does no harm.
    pub async fn download(&self, credentials: &Credentials, media_id: &str) -> Result<Downloaded, Error> {
        let limit = self.max_media.max(MAX_ANSWER);
        let query = [("media_id", media_id)];
        let answer = self.call(credentials, "/cgi-bin/media/get", &query, None, limit).await?;
        let answer = match address(&answer.body)? {
            Some(address) => self.transport.fetch(&address, limit).await?,
            None => answer,
        };
        if answer.body.is_empty() {
            return Err(Error::Garbled("empty"));
        }
        if answer.body.len() > self.max_media {
            return Err(Error::TooLarge { limit: self.max_media });
        }
        Ok(Downloaded { bytes: answer.body, content_type: answer.content_type })
    }
}

/// The address in an answer that is JSON: a video's. Anything that does not read as such is a blob.
fn address(body: &[u8]) -> Result<Option<String>, Error> {
    if body.len() > MAX_ANSWER || !body.trim_ascii_start().starts_with(b"{") {
        return Ok(None);
    }
    match Object::read(body) {
        Ok(object) => Ok(object.text("video_url").map(str::to_owned)),
        Err(Error::Garbled("not JSON")) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The whole body in memory, so that it goes out with its length.
fn multipart(kind: MediaKind, mime: &str, bytes: &[u8]) -> Bytes {
    let extension = kind.extension(mime).unwrap_or("bin");
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"media\"; filename=\"media.{extension}\"\r\n\
         Content-Type: {mime}\r\n\r\n"
    );
    let tail = format!("\r\n--{BOUNDARY}--\r\n");
    [head.as_bytes(), bytes, tail.as_bytes()].concat().into()
}
