//! Blobs that clients put and get: grants, arrival, addresses. The bytes are the business of `media`.

use bytes::Bytes;
use futures_util::Stream;
use serde::Serialize;

use super::signature::Signed;
use super::{Client, Core, Error};
use crate::media::{self, Opened};
use crate::model::code::Code;
use crate::model::content;
use crate::model::id::{MediaId, TenantId};
use crate::model::label::label;
use crate::model::time::Millis;
use crate::store::{self, Tx};

/// How long a granted upload may be outstanding before it is forgotten.
const OUTSTANDING: std::time::Duration = std::time::Duration::from_secs(3600);

/// Leave to put one blob.
#[derive(Debug, Clone, Serialize)]
pub struct Grant {
    /// Where.
    pub upload_url: String,
    /// The blob's name.
    pub media_id: MediaId,
    /// Until when.
    pub expires: Millis,
}

/// A blob to be sent to a client.
#[derive(Debug)]
pub struct Found {
    /// Its sniffed type.
    pub mime: String,
    /// Its label.
    pub name: Option<String>,
    /// The bytes.
    pub file: Opened,
}

fn refused(error: media::Error) -> Error {
    let code = match error {
        media::Error::TooLarge => Code::TooLarge,
        media::Error::Empty => Code::MediaRejected,
        media::Error::Interrupted => Code::BadRequest,
        media::Error::Io(_) => Code::DependencyUnavailable,
    };
    let message = match code {
        Code::TooLarge => "文件过大 / the file is too large",
        Code::MediaRejected => "文件是空的 / the file is empty",
        Code::BadRequest => "上传中断 / the upload was cut off",
        _ => "暂时无法处理 / cannot be done now",
    };
    Error { source: Some(Box::new(error)), ..Error::new(code, message) }
}

impl Core {
    /// The most bytes of one blob that a client puts.
    #[must_use]
    pub fn max_upload(&self) -> u64 {
        self.inner.parts.media.max_bytes()
    }

    /// Leave for a client to put a blob.
    ///
    /// # Errors
    /// `too_large` for more than a blob may have, `media_rejected` for nothing.
    pub async fn grant_upload(&self, client: &Client, name: &str, size: u64, mime: &str) -> Result<Grant, Error> {
        if size == 0 {
            return Err(refused(media::Error::Empty));
        }
        if size > self.max_upload() {
            return Err(refused(media::Error::TooLarge));
        }
        let now = self.clock().now();
        let id = MediaId::generate(now);
        let (owner, name, mime) = (client.participant(), label(name, 255), label(mime, 127));
        self.scope(&client.tenant)
            .write(move |tx| store::media::expect(tx, id, &owner, &name, &mime, now))
            .await
            .map_err(Error::from)?;
        let Signed { url, expires } = self.inner.signer.put_url(&client.tenant, id);
        Ok(Grant { upload_url: url, media_id: id, expires })
    }

    /// Takes a granted blob. It is on disk before its row says so. Dropping the future leaves a part that is swept.
    ///
    /// # Errors
    /// `not_found` without a grant, `conflict` when it is here already, `too_large`, `media_rejected`, `bad_request`
    /// when the stream breaks off.
    pub async fn receive_upload<E>(
        &self,
        tenant: &TenantId,
        id: MediaId,
        bytes: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<content::Media, Error> {
        let scope = self.scope(tenant);
        let expected = scope.read(move |tx| store::media::find(tx, id)).await.map_err(Error::from)?;
        let expected = expected.filter(|blob| blob.owner.is_some()).ok_or_else(Error::not_found)?;
        if expected.is_ready() {
            return Err(Error::new(Code::Conflict, "已上传 / already there"));
        }
        let stored = self.inner.parts.media.put(tenant, id, bytes).await.map_err(refused)?;
        let (mime, size) = (stored.mime, stored.size);
        let was_waiting =
            scope.write(move |tx| store::media::arrived(tx, id, mime, size)).await.map_err(Error::from)?;
        if !was_waiting {
            return Err(Error::new(Code::Conflict, "已上传 / already there"));
        }
        Ok(content::Media {
            id,
            mime: stored.mime.to_owned(),
            name: expected.name,
            size: Some(stored.size),
            duration_ms: None,
            url: Some(self.inner.signer.read_url(tenant, id).url),
        })
    }

    /// A blob whose address was verified.
    ///
    /// # Errors
    /// `not_found` when it does not exist or its bytes are not here.
    pub async fn blob(&self, tenant: &TenantId, id: MediaId) -> Result<Found, Error> {
        let blob = self.scope(tenant).read(move |tx| store::media::find(tx, id)).await.map_err(Error::from)?;
        let blob = blob.filter(store::media::Blob::is_ready).ok_or_else(Error::not_found)?;
        let file = self.inner.parts.media.get(tenant, id).await.map_err(refused)?.ok_or_else(Error::not_found)?;
        Ok(Found { mime: blob.mime, name: blob.name, file })
    }

    /// Forgets grants that were not used and parts of uploads that broke off; to be called every few minutes.
    ///
    /// # Errors
    /// When the store or the disk is away.
    pub async fn sweep_blobs(&self) -> Result<(), Error> {
        let since = self.clock().now().minus(OUTSTANDING);
        self.store().sweep(move |conn| store::media::sweep(conn, since)).await.map_err(Error::from)?;
        self.inner.parts.media.sweep().await.map_err(refused)
    }
}

/// Puts an uploaded blob into a message: whoever sends it must have put it, and it must be here. What the row knows
/// replaces what the client claims.
///
/// # Errors
/// `not_found` when there is no such blob of theirs.
pub(crate) fn claim(tx: &mut Tx<'_>, owner: &str, media: &mut content::Media) -> Result<(), Error> {
    let blob = store::media::find(tx, media.id)?
        .filter(|blob| blob.is_ready() && blob.owner.as_deref() == Some(owner))
        .ok_or_else(|| Error::new(Code::NotFound, "文件不存在或未上传完 / no such upload"))?;
    media.mime = blob.mime;
    media.name = blob.name;
    media.size = blob.size.and_then(|size| u64::try_from(size).ok());
    media.url = None;
    Ok(())
}
