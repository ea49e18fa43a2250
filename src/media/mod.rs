//! Blobs: bytes kept under a tenant's id. Knows no rows and no addresses.

mod disk;
mod growing;
pub mod sniff;

use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;

use crate::config;
use crate::model::id::{MediaId, TenantId};

/// Why a blob could not be kept or given.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// More bytes than allowed; nothing is kept.
    #[error("too many bytes")]
    TooLarge,
    /// No bytes at all; nothing is kept.
    #[error("no bytes")]
    Empty,
    /// The bytes stopped in the middle; nothing is kept.
    #[error("the bytes broke off")]
    Interrupted,
    /// The place is away.
    #[error("blob storage failed")]
    Io(#[from] std::io::Error),
}

/// A blob that was put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// What the bytes are, by themselves.
    pub mime: &'static str,
    /// How many.
    pub size: u64,
    /// SHA-256 of them.
    pub sha256: [u8; 32],
}

/// A blob that is ready to be read.
#[derive(Debug)]
pub struct Opened {
    /// How many bytes.
    pub size: u64,
    /// At the first byte.
    pub file: tokio::fs::File,
}

/// The blobs. Clones share the place.
#[derive(Debug, Clone)]
pub enum Media {
    /// Files.
    Disk(disk::Disk),
}

impl Media {
    /// Opens the place and clears away what an earlier process left half-done.
    ///
    /// # Errors
    /// When the place cannot be made or written.
    pub fn open(settings: &config::Media) -> Result<Self, Error> {
        match settings {
            config::Media::Disk(settings) => Ok(Self::Disk(disk::Disk::open(settings)?)),
        }
    }

    /// The most bytes of one blob.
    #[must_use]
    pub fn max_bytes(&self) -> u64 {
        match self {
            Self::Disk(disk) => disk.max_bytes(),
        }
    }

    /// How long an address of a blob is good at least.
    #[must_use]
    pub fn url_life(&self) -> Duration {
        match self {
            Self::Disk(disk) => disk.url_life(),
        }
    }

    /// Keeps a blob; when it returns the bytes are on disk. A blob of the same id is replaced as a whole.
    ///
    /// Dropping the future leaves nothing under the id.
    ///
    /// # Errors
    /// [`Error`]; nothing is kept then.
    pub async fn put<E>(
        &self,
        tenant: &TenantId,
        id: MediaId,
        bytes: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<Stored, Error> {
        match self {
            Self::Disk(disk) => disk.put(tenant, id, bytes).await,
        }
    }

    /// A blob, if it is here.
    ///
    /// # Errors
    /// When the place is away.
    pub async fn get(&self, tenant: &TenantId, id: MediaId) -> Result<Option<Opened>, Error> {
        match self {
            Self::Disk(disk) => disk.get(tenant, id).await,
        }
    }

    /// All bytes of a blob, if it is here.
    ///
    /// # Errors
    /// When the place is away.
    pub async fn read(&self, tenant: &TenantId, id: MediaId) -> Result<Option<Vec<u8>>, Error> {
        use tokio::io::AsyncReadExt;
        let Some(mut opened) = self.get(tenant, id).await? else { return Ok(None) };
        let mut bytes = Vec::new();
        opened.file.read_to_end(&mut bytes).await?;
        Ok(Some(bytes))
    }

    /// Takes a blob away; it is no error if it is not here.
    ///
    /// # Errors
    /// When the place is away.
    pub async fn delete(&self, tenant: &TenantId, id: MediaId) -> Result<(), Error> {
        match self {
            Self::Disk(disk) => disk.delete(tenant, id).await,
        }
    }

    /// Puts a piece of a blob that grows behind its first `at` bytes; when it returns the piece is on disk. What was
    /// behind them before is written over.
    ///
    /// # Errors
    /// [`Error::TooLarge`]; [`Error::Interrupted`] when there are not so many bytes yet; [`Error::Io`].
    pub async fn append(&self, tenant: &TenantId, id: MediaId, at: u64, piece: &[u8]) -> Result<(), Error> {
        match self {
            Self::Disk(disk) => disk.append(tenant, id, at, piece).await,
        }
    }

    /// Makes the first `size` bytes of a blob that has grown an ordinary one.
    ///
    /// # Errors
    /// When the place is away.
    pub async fn complete(&self, tenant: &TenantId, id: MediaId, size: u64) -> Result<Stored, Error> {
        match self {
            Self::Disk(disk) => disk.complete(tenant, id, size).await,
        }
    }

    /// Clears away parts of blobs that nobody is writing any more.
    ///
    /// # Errors
    /// When the place is away.
    pub async fn sweep(&self) -> Result<(), Error> {
        match self {
            Self::Disk(disk) => disk.sweep().await,
        }
    }
}
