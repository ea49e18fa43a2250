//! Blobs that come piece by piece, over hours and restarts: each piece is on disk before it is confirmed. How far one has
//! come the caller knows; what is beyond that was never confirmed and is written over.

use std::io::SeekFrom;
use std::path::PathBuf;

use sha2::{Digest, Sha256};
use tokio::fs::{self, File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use super::disk::{Disk, HEAD};
use super::{Error, Stored, sniff};
use crate::model::id::{MediaId, TenantId};

/// The most bytes of such a blob.
const MOST: u64 = 4 * 1024 * 1024 * 1024;
/// Bytes that are read at a time.
const READ: usize = 64 * 1024;

impl Disk {
    fn growing(&self, tenant: &TenantId, id: MediaId) -> PathBuf {
        self.root().join("growing").join(tenant.as_str()).join(id.to_string())
    }

    /// Puts a piece behind the first `at` bytes.
    pub(super) async fn append(&self, tenant: &TenantId, id: MediaId, at: u64, piece: &[u8]) -> Result<(), Error> {
        let path = self.growing(tenant, id);
        if at.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX)) > MOST {
            return Err(Error::TooLarge);
        }
        let folder = path.parent().unwrap_or(self.root());
        fs::create_dir_all(folder).await?;
        let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).await?;
        if file.metadata().await?.len() < at {
            return Err(Error::Interrupted);
        }
        file.set_len(at).await?;
        file.seek(SeekFrom::Start(at)).await?;
        file.write_all(piece).await?;
        file.sync_all().await?;
        if at == 0 {
            // The name is on disk only when its folder is.
            File::open(folder).await?.sync_all().await?;
        }
        Ok(())
    }

    /// Makes the first `size` bytes an ordinary blob. Repeating it does no harm.
    pub(super) async fn complete(&self, tenant: &TenantId, id: MediaId, size: u64) -> Result<Stored, Error> {
        let (from, to) = (self.growing(tenant, id), self.path(tenant, id));
        match OpenOptions::new().write(true).open(&from).await {
            Ok(file) => {
                file.set_len(size).await?;
                file.sync_all().await?;
                let folder = to.parent().unwrap_or(self.root());
                fs::create_dir_all(folder).await?;
                fs::rename(&from, &to).await?;
                File::open(folder).await?.sync_all().await?;
            }
            // It was made one before, and whoever did could not say so any more.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        weigh(File::open(&to).await?).await
    }
}

async fn weigh(mut file: File) -> Result<Stored, Error> {
    let (mut size, mut hash, mut head) = (0_u64, Sha256::new(), Vec::with_capacity(HEAD));
    let mut buffer = vec![0; READ];
    loop {
        let read = file.read(&mut buffer).await?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        head.extend(bytes.iter().take(HEAD.saturating_sub(head.len())));
        hash.update(bytes);
        size = size.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
    }
    Ok(Stored { mime: sniff::mime(&head), size, sha256: hash.finalize().into() })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config;
    use crate::model::time::Millis;

    #[tokio::test]
    async fn pieces_that_were_not_confirmed_are_written_over_and_the_whole_has_one_hash() {
        let dir = tempfile::tempdir().unwrap();
        let settings = config::Disk { path: dir.path().into(), max_bytes: 4, url_ttl: Duration::from_secs(60) };
        let disk = Disk::open(&settings).unwrap();
        let (tenant, id) = (TenantId::parse("a").unwrap(), MediaId::generate(Millis(1)));
        disk.append(&tenant, id, 0, b"\x1a\x45\xdf\xa3one").await.unwrap();
        assert!(matches!(disk.append(&tenant, id, 99, b"gap").await, Err(Error::Interrupted)));
        disk.append(&tenant, id, 7, b"lost with the answer").await.unwrap();
        // A new process begins; parts of uploads are cleared, this is not one.
        let disk = Disk::open(&settings).unwrap();
        disk.append(&tenant, id, 7, b"two").await.unwrap();
        let stored = disk.complete(&tenant, id, 10).await.unwrap();
        assert_eq!((stored.size, stored.sha256), (10, Sha256::digest(b"\x1a\x45\xdf\xa3onetwo").into()));
        assert_eq!(disk.complete(&tenant, id, 10).await.unwrap(), stored, "again");
        assert_eq!(disk.get(&tenant, id).await.unwrap().unwrap().size, 10);
    }
}
