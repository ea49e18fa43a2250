//! Blobs of inbound messages on their way from the channel to us, before the channel forgets them.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;

use super::backlog::{self, Backlog, Worked};
use super::effect::{Effect, Effects, Push};
use super::{Core, Error};
use crate::channel::wechat::error::Verdict;
use crate::media::Stored;
use crate::model::id::TenantId;
use crate::model::time::Millis;
use crate::runtime::Stop;
use crate::runtime::backoff::Backoff;
use crate::store::fetch::{self, Fetch};
use crate::store::{Tx, assignment, conversation, message};

/// Blobs that are fetched at the same time, half of them of one tenant.
const CONCURRENCY: usize = 16;
/// Tries; with the pauses between them they span more than a day, the channel keeps blobs for three.
const ATTEMPTS: i32 = 24;
/// The pauses.
const BACKOFF: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(2 * 3600));
/// How long a fetch belongs to the node that began it, if that lives.
const LEASE: Duration = Duration::from_secs(120);

/// Why a blob is not here.
enum Missing {
    /// Worth another try, after a pause if one was asked for.
    Later(Option<Duration>),
    /// Never to be had.
    Never,
}

type Key = (TenantId, String);

impl Core {
    /// Fetches what waits until `stop`; what is on its way then is left to whoever comes after the end of its lease.
    pub async fn run_fetches(&self, stop: Stop) {
        let fetches = Backlog {
            what: "blobs to be fetched",
            bell: &self.inner.fetches,
            at_once: CONCURRENCY,
            due: |_: &Core| fetch::due,
        };
        fetches.work_off(self, &stop, |key| self.clone().fetch(key, stop.clone())).await;
    }

    async fn fetch(self, key: Key, stop: Stop) -> Worked<Key> {
        let Err(error) = self.fetch_one(&key, &stop).await else { return Ok(key) };
        tracing::error!(tenant = %key.0, media = %key.1, error = ?error, "a blob could not be claimed or noted");
        backlog::failed(key, &error)
    }

    async fn fetch_one(&self, (tenant, id): &Key, stop: &Stop) -> Result<(), Error> {
        let (now, claimed) = (self.clock().now(), id.clone());
        let (node, until) = (self.node(), now.plus(LEASE));
        let claim = move |tx: &mut Tx<'_>| fetch::claim(tx, &claimed, node, (now, until)).map_err(Error::from);
        let Some(item) = self.scope(tenant).write(claim).await? else { return Ok(()) };
        // The channel may be silent for longer than the process has to end.
        let Some(outcome) = stop.run_until_cancelled(self.download(tenant, &item)).await else { return Ok(()) };
        let now = self.clock().now();
        let url = self.signer().read_url(tenant, item.media).url;
        let effects = self
            .scope(tenant)
            .write(move |tx| {
                let mut effects = Effects::default();
                settle(tx, now, &item, outcome, url, &mut effects).map(|()| effects)
            })
            .await?;
        self.announce(tenant, effects);
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
