//! Blobs of inbound messages on their way from the channel to us, before the channel forgets them.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::effect::{Effect, Effects, Push};
use super::{Core, Error};
use crate::channel::wechat::error::Verdict;
use crate::media::Stored;
use crate::model::id::{MediaId, TenantId};
use crate::model::time::Millis;
use crate::runtime::backoff::Backoff;
use crate::store::fetch::{self, Fetch};
use crate::store::{Tx, assignment, conversation, message};

/// Blobs that are fetched at the same time.
const CONCURRENCY: i64 = 8;
/// Without a wake-up the rows are looked at this often.
const SWEEP: Duration = Duration::from_secs(2);
/// Tries; with the pauses between them they span more than a day, the channel keeps blobs for three.
const ATTEMPTS: i32 = 24;
/// The pauses.
const BACKOFF: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(2 * 3600));
/// How long a fetch belongs to the node that began it.
const LEASE: Duration = Duration::from_secs(120);

/// Why a blob is not here.
enum Missing {
    /// Worth another try, after a pause if one was asked for.
    Later(Option<Duration>),
    /// Never to be had.
    Never,
}

impl Core {
    /// Fetches what waits until `stop`.
    pub async fn run_fetches(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let fetched = match self.fetch_once().await {
                Ok(fetched) => fetched,
                Err(error) => {
                    tracing::warn!(error = ?error, "blobs to be fetched could not be read");
                    0
                }
            };
            if fetched == 0 {
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = self.inner.fetches.notified() => {}
                    () = tokio::time::sleep(SWEEP) => {}
                }
            }
        }
    }

    /// Fetches what is due now; returns how many blobs were tried.
    async fn fetch_once(&self) -> Result<usize, Error> {
        let now = self.clock().now();
        let due = self.store().survey(move |conn| fetch::due(conn, now, CONCURRENCY).map_err(Error::from)).await?;
        let tried = due.len();
        let mut of_tenant: BTreeMap<TenantId, Vec<MediaId>> = BTreeMap::new();
        for (tenant, media) in due {
            of_tenant.entry(tenant).or_default().push(media);
        }
        let mut claimed = Vec::with_capacity(tried);
        for (tenant, ids) in of_tenant {
            let claim = move |tx: &mut Tx<'_>| fetch::claim(tx, &ids, now, now.plus(LEASE)).map_err(Error::from);
            let items = self.scope(&tenant).write(claim).await?;
            claimed.extend(items.into_iter().map(|item| (tenant.clone(), item)));
        }
        let mut work = JoinSet::new();
        for (tenant, item) in claimed {
            let core = self.clone();
            work.spawn(async move { core.fetch(tenant, item).await });
        }
        while let Some(done) = work.join_next().await {
            if let Err(error) = done.map_err(Error::internal).and_then(|outcome| outcome) {
                tracing::error!(error = ?error, "a fetched blob could not be noted");
            }
        }
        Ok(tried)
    }

    async fn fetch(&self, tenant: TenantId, item: Fetch) -> Result<(), Error> {
        let outcome = self.download(&tenant, &item).await;
        let now = self.clock().now();
        let url = self.signer().read_url(&tenant, item.media).url;
        let effects = self
            .scope(&tenant)
            .write(move |tx| {
                let mut effects = Effects::default();
                settle(tx, now, &item, outcome, url, &mut effects).map(|()| effects)
            })
            .await?;
        self.announce(&tenant, effects);
        Ok(())
    }

    async fn download(&self, tenant: &TenantId, item: &Fetch) -> Result<Stored, Missing> {
        let parts = &self.inner.parts;
        let door = self.directory().wechat_of(tenant, &item.account).ok_or(Missing::Later(None))?;
        let blob = parts.wechat.download(&door.credentials, &item.remote).await.map_err(|error| {
            tracing::warn!(tenant = %tenant, media = %item.media, error = %error, "blob not fetched");
            match error.verdict() {
                Verdict::Retry { after } => Missing::Later(Some(after)),
                Verdict::RefreshToken | Verdict::Stop(_) => Missing::Later(None),
                Verdict::Show(_) | Verdict::Bug => Missing::Never,
            }
        })?;
        let bytes = stream::iter([Ok::<_, std::convert::Infallible>(Bytes::from(blob.bytes))]);
        parts.media.put(tenant, item.media, bytes).await.map_err(|error| {
            tracing::error!(tenant = %tenant, media = %item.media, error = %error, "blob not kept");
            Missing::Later(None)
        })
    }
}

/// Writes into the message what its blob turned out to be.
fn fill_in(tx: &mut Tx<'_>, item: &Fetch, stored: &Stored) -> Result<(), Error> {
    let Some(conversation) = conversation::find(tx, item.conv)? else { return Ok(()) };
    let origin = conversation.origin(tx);
    let Some(mut envelope) = message::at(tx, &origin, item.conv, item.seq)? else { return Ok(()) };
    if let Some(media) = envelope.content.media_mut().filter(|media| media.id == item.media) {
        media.mime = stored.mime.to_owned();
        media.size = Some(stored.size);
        message::fill_in(tx, &envelope)?;
    }
    Ok(())
}

fn settle(
    tx: &mut Tx<'_>,
    now: Millis,
    item: &Fetch,
    outcome: Result<Stored, Missing>,
    url: String,
    effects: &mut Effects,
) -> Result<(), Error> {
    let push = match outcome {
        Ok(stored) => {
            fetch::done(tx, item.media, stored.mime, stored.size)?;
            fill_in(tx, item, &stored)?;
            Push::Media {
                conv: item.conv,
                id: item.media,
                mime: stored.mime.to_owned(),
                size: Some(stored.size),
                url: Some(url),
                state: "ready",
            }
        }
        Err(Missing::Later(after)) if item.attempts < ATTEMPTS => {
            let pause = BACKOFF.draw(item.attempts.unsigned_abs()).max(after.unwrap_or_default());
            return Ok(fetch::again(tx, item.media, now.plus(pause))?);
        }
        Err(_) => {
            fetch::failed(tx, item.media)?;
            let mime = "application/octet-stream".to_owned();
            Push::Media { conv: item.conv, id: item.media, mime, size: None, url: None, state: "failed" }
        }
    };
    for agent in assignment::holders(tx, item.conv)? {
        effects.push(Effect::Agent(agent, push.clone()));
    }
    Ok(())
}
