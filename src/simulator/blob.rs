//! Temporary media: what phones and gateways have uploaded, until it is too old or too much. Knows no HTTP.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;

use crate::model::time::Millis;

/// How long a `media_id` works.
const LIFE: Duration = Duration::from_secs(3 * 24 * 3600);
/// All blobs of a platform together. The oldest go first.
const MAX_BYTES: usize = 256 << 20;
/// The picture in front of a video, and the placeholder for QR codes.
pub(crate) const THUMB: &[u8] = include_bytes!("thumb.jpg");

/// The four kinds of temporary media.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BlobKind {
    Image,
    Voice,
    Video,
    Thumb,
}

impl BlobKind {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name {
            "image" => Some(Self::Image),
            "voice" => Some(Self::Voice),
            "video" => Some(Self::Video),
            "thumb" => Some(Self::Thumb),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Voice => "voice",
            Self::Video => "video",
            Self::Thumb => "thumb",
        }
    }

    /// The largest upload, bytes.
    pub(crate) fn limit(self) -> usize {
        match self {
            Self::Image | Self::Video => 10 << 20,
            Self::Voice => 2 << 20,
            Self::Thumb => 64 << 10,
        }
    }
}

/// One medium.
#[derive(Debug, Clone)]
pub(crate) struct Blob {
    pub(crate) appid: String,
    pub(crate) kind: BlobKind,
    pub(crate) content_type: &'static str,
    pub(crate) bytes: Bytes,
    pub(crate) created: Millis,
}

impl Blob {
    pub(crate) fn expired(&self, now: Millis) -> bool {
        now.since(self.created) >= LIFE
    }

    /// The usual ending of its file name.
    pub(crate) fn ending(&self) -> &'static str {
        ending(self.content_type)
    }
}

fn ending(content_type: &str) -> &'static str {
    match content_type {
        "image/jpeg" => "jpg",
        "image/png" => "png",
        "image/gif" => "gif",
        "image/webp" => "webp",
        "audio/amr" => "amr",
        "audio/mpeg" => "mp3",
        "audio/ogg" => "ogg",
        "audio/wav" => "wav",
        "video/mp4" => "mp4",
        "video/webm" => "webm",
        _ => "bin",
    }
}

/// What the bytes are by their first ones; names and claimed types are not believed.
pub(crate) fn sniff(bytes: &[u8]) -> &'static str {
    match bytes {
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [b'G', b'I', b'F', b'8', ..] => "image/gif",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => "audio/wav",
        [b'#', b'!', b'A', b'M', b'R', ..] => "audio/amr",
        [b'I', b'D', b'3', ..] | [0xff, 0xe2..=0xfb, ..] => "audio/mpeg",
        [b'O', b'g', b'g', b'S', ..] => "audio/ogg",
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => "video/mp4",
        [0x1a, 0x45, 0xdf, 0xa3, ..] => "video/webm",
        _ => "application/octet-stream",
    }
}

/// Whether the platform takes an upload of this type as this kind.
pub(crate) fn accepts(kind: BlobKind, content_type: &str) -> bool {
    match kind {
        BlobKind::Image => matches!(content_type, "image/jpeg" | "image/png" | "image/gif"),
        BlobKind::Voice => matches!(content_type, "audio/amr" | "audio/mpeg"),
        BlobKind::Video => content_type == "video/mp4",
        BlobKind::Thumb => content_type == "image/jpeg",
    }
}

/// All media of a platform.
#[derive(Debug, Default)]
pub(crate) struct Blobs {
    by_id: HashMap<String, Blob>,
    order: VecDeque<String>,
    bytes: usize,
}

impl Blobs {
    /// Takes a medium and gives its id.
    pub(crate) fn put(&mut self, blob: Blob) -> String {
        self.bytes += blob.bytes.len();
        let random: [u8; 48] = std::array::from_fn(|_| rand::random());
        let id = URL_SAFE_NO_PAD.encode(random);
        self.by_id.insert(id.clone(), blob);
        self.order.push_back(id.clone());
        while self.bytes > MAX_BYTES {
            let Some(oldest) = self.order.pop_front() else { break };
            self.bytes -= self.by_id.remove(&oldest).map_or(0, |gone| gone.bytes.len());
        }
        id
    }

    /// The medium, however old: for addresses that the phone page holds.
    pub(crate) fn any(&self, id: &str) -> Option<&Blob> {
        self.by_id.get(id)
    }

    /// The medium, as long as its id works for this account.
    pub(crate) fn live(&self, id: &str, appid: &str, now: Millis) -> Option<&Blob> {
        self.by_id.get(id).filter(|blob| blob.appid == appid && !blob.expired(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob(bytes: usize) -> Blob {
        let bytes = Bytes::from(vec![0; bytes]);
        Blob { appid: "wx1".into(), kind: BlobKind::Image, content_type: "image/png", bytes, created: Millis(0) }
    }

    #[test]
    fn an_id_works_for_its_account_for_three_days() {
        let mut blobs = Blobs::default();
        let id = blobs.put(blob(3));
        let end = Millis(0).plus(LIFE);
        assert!(blobs.live(&id, "wx1", end.minus(Duration::from_millis(1))).is_some());
        assert!(blobs.live(&id, "wx1", end).is_none());
        assert!(blobs.live(&id, "wx2", Millis(0)).is_none());
        assert!(blobs.any(&id).is_some());
    }

    #[test]
    fn the_oldest_go_when_it_is_too_much() {
        let mut blobs = Blobs::default();
        let first = blobs.put(blob(MAX_BYTES));
        let second = blobs.put(blob(1));
        assert!(blobs.any(&first).is_none());
        assert!(blobs.any(&second).is_some());
    }

    #[test]
    fn the_thumb_is_a_jpeg_that_the_platform_takes() {
        assert!(accepts(BlobKind::Thumb, sniff(THUMB)));
        assert!(THUMB.len() <= BlobKind::Thumb.limit());
    }
}
