//! `[media]`: where files are kept.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::reader::Reader;

/// Where media are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Media {
    /// In a folder.
    Disk(Disk),
}

/// Media in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// The folder.
    pub path: PathBuf,
    /// Largest file, bytes.
    pub max_bytes: u64,
    /// Life of a signed address.
    pub url_ttl: Duration,
}

/// Reads `kind`, which may only be `known`; the names in `later` get an answer of their own.
fn only_kind(r: &Reader<'_>, known: &str, later: &[&str]) {
    match r.maybe_text("kind") {
        Some(kind) if later.contains(&kind) => r.problem("kind", format!("is not in this version; use \"{known}\"")),
        Some(kind) if kind != known => r.problem("kind", format!("must be \"{known}\"")),
        _ => {}
    }
}

impl Media {
    pub(super) fn read(r: &Reader<'_>, data: &Path) -> Self {
        only_kind(r, "disk", &["s3"]);
        Self::Disk(Disk {
            path: data.join(r.maybe_text("path").unwrap_or("media")),
            max_bytes: r.int("max_bytes", 10_485_760, 65_536..=104_857_600),
            url_ttl: r.seconds("url_ttl_s", 86_400, 60..=604_800),
        })
    }
}
