//! Blobs as files: `<tenant>/<two characters>/<id>`. A file appears under its name only when it is whole and on disk.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use sha2::{Digest, Sha256};
use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt;

use super::{Error, Opened, Stored, sniff};
use crate::config;
use crate::model::id::{MediaId, TenantId};

/// A part that nobody has written to for so long belongs to nobody.
const ABANDONED: Duration = Duration::from_secs(300);
/// Bytes that the type is told from.
pub(super) const HEAD: usize = 512;

/// A folder of blobs.
#[derive(Debug, Clone)]
pub struct Disk {
    root: Arc<Path>,
    max_bytes: u64,
    url_life: Duration,
}

impl Disk {
    pub(super) fn open(settings: &config::Disk) -> std::io::Result<Self> {
        let root = settings.path.as_path();
        // Parts that lie there may be another node's uploads under way: the sweep takes those that are nobody's.
        std::fs::create_dir_all(root.join("part"))?;
        Ok(Self { root: root.into(), max_bytes: settings.max_bytes, url_life: settings.url_ttl })
    }

    pub(super) fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    pub(super) fn url_life(&self) -> Duration {
        self.url_life
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Both ids were checked when they were parsed: neither can leave the folder.
    pub(super) fn path(&self, tenant: &TenantId, id: MediaId) -> PathBuf {
        let name = id.to_string();
        // The last characters are random, the first are the time.
        let spread: String = name.chars().skip(26).collect::<String>().to_lowercase();
        self.root.join("blob").join(tenant.as_str()).join(spread).join(name)
    }

    pub(super) async fn put<E>(
        &self,
        tenant: &TenantId,
        id: MediaId,
        bytes: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<Stored, Error> {
        let part = Part(self.root.join("part").join(format!("{id}.{:016x}", rand::random::<u64>())));
        let stored = self.write(&part.0, bytes).await?;
        let path = self.path(tenant, id);
        let folder = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder).await?;
        fs::rename(&part.0, &path).await?;
        // The name is on disk only when its folder is.
        File::open(folder).await?.sync_all().await?;
        Ok(stored)
    }

    async fn write<E>(
        &self,
        part: &Path,
        mut bytes: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<Stored, Error> {
        let mut file = File::create_new(part).await?;
        let (mut size, mut hash, mut head) = (0_u64, Sha256::new(), Vec::with_capacity(HEAD));
        while let Some(chunk) = bytes.next().await {
            let chunk = chunk.map_err(|_broken| Error::Interrupted)?;
            size = size.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
            if size > self.max_bytes {
                return Err(Error::TooLarge);
            }
            let missing = HEAD.saturating_sub(head.len());
            head.extend(chunk.iter().take(missing));
            hash.update(&chunk);
            file.write_all(&chunk).await?;
        }
        if size == 0 {
            return Err(Error::Empty);
        }
        file.flush().await?;
        file.sync_all().await?;
        Ok(Stored { mime: sniff::mime(&head), size, sha256: hash.finalize().into() })
    }

    pub(super) async fn get(&self, tenant: &TenantId, id: MediaId) -> Result<Option<Opened>, Error> {
        match File::open(self.path(tenant, id)).await {
            Ok(file) => Ok(Some(Opened { size: file.metadata().await?.len(), file })),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn delete(&self, tenant: &TenantId, id: MediaId) -> Result<(), Error> {
        match fs::remove_file(self.path(tenant, id)).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    pub(super) async fn sweep(&self) -> Result<(), Error> {
        // Compared with the disk's own time, not with the clock that tests turn.
        let probe = Part(self.root.join("part").join(format!("now.{:016x}", rand::random::<u64>())));
        File::create_new(&probe.0).await?;
        let now = fs::metadata(&probe.0).await?.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut entries = fs::read_dir(self.root.join("part")).await?;
        while let Some(entry) = entries.next_entry().await? {
            let Ok(modified) = entry.metadata().await.and_then(|data| data.modified()) else { continue };
            if now.saturating_sub(modified.duration_since(UNIX_EPOCH).unwrap_or_default()) > ABANDONED {
                fs::remove_file(entry.path()).await?;
            }
        }
        Ok(())
    }
}

/// A file that goes away with its owner, unless it was renamed.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        // After the rename there is nothing under this name; a part that stays is found by the sweep.
        drop(std::fs::remove_file(&self.0));
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;
    use crate::model::time::Millis;

    fn chunks(chunks: &[&[u8]]) -> impl Stream<Item = Result<Bytes, ()>> + Unpin + use<> {
        stream::iter(chunks.iter().map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect::<Vec<_>>())
    }

    fn place(root: &Path, max_bytes: u64) -> Disk {
        Disk::open(&config::Disk { path: root.into(), max_bytes, url_ttl: Duration::from_secs(60) }).unwrap()
    }

    fn parts(root: &Path) -> usize {
        std::fs::read_dir(root.join("part")).unwrap().count()
    }

    #[tokio::test]
    async fn what_is_put_is_got_by_its_tenant_only() {
        let dir = tempfile::tempdir().unwrap();
        let disk = place(dir.path(), 100);
        let (a, b) = (TenantId::parse("a").unwrap(), TenantId::parse("b").unwrap());
        let id = MediaId::generate(Millis(1));
        let stored = disk.put(&a, id, chunks(&[b"\x89PNG\r\n", b"\x1a\nrest"])).await.unwrap();
        assert_eq!((stored.mime, stored.size), ("image/png", 12));
        assert_eq!(disk.get(&a, id).await.unwrap().unwrap().size, 12);
        assert!(disk.get(&b, id).await.unwrap().is_none());
        disk.delete(&a, id).await.unwrap();
        disk.delete(&a, id).await.unwrap();
        assert!(disk.get(&a, id).await.unwrap().is_none());
        assert_eq!(parts(dir.path()), 0);
    }

    #[tokio::test]
    async fn what_is_too_large_empty_or_cut_off_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let disk = place(dir.path(), 10);
        let (a, id) = (TenantId::parse("a").unwrap(), MediaId::generate(Millis(1)));
        assert!(disk.put(&a, id, chunks(&[b"0123456789"])).await.is_ok());
        disk.delete(&a, id).await.unwrap();
        assert!(matches!(disk.put(&a, id, chunks(&[b"0123456789", b"x"])).await, Err(Error::TooLarge)));
        assert!(matches!(disk.put(&a, id, chunks(&[])).await, Err(Error::Empty)));
        let cut = stream::iter(vec![Ok(Bytes::from_static(b"01")), Err(())]);
        assert!(matches!(disk.put(&a, id, cut).await, Err(Error::Interrupted)));
        assert!(disk.get(&a, id).await.unwrap().is_none());
        assert_eq!(parts(dir.path()), 0);
    }

    #[tokio::test]
    async fn parts_of_a_process_that_died_are_cleared_and_fresh_parts_stay() {
        let dir = tempfile::tempdir().unwrap();
        let disk = place(dir.path(), 10);
        std::fs::write(dir.path().join("part/m_1"), b"x").unwrap();
        disk.sweep().await.unwrap();
        assert_eq!(parts(dir.path()), 1, "somebody may still write it");
        let old = std::time::SystemTime::UNIX_EPOCH;
        std::fs::File::open(dir.path().join("part/m_1")).unwrap().set_modified(old).unwrap();
        disk.sweep().await.unwrap();
        assert_eq!(parts(dir.path()), 0);
        std::fs::write(dir.path().join("part/m_2"), b"x").unwrap();
        place(dir.path(), 10);
        assert_eq!(parts(dir.path()), 1, "another node that starts leaves it alone");
    }
}
