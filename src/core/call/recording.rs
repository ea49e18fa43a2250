//! Recordings of calls as they come: pieces that are on disk before they are confirmed, and one blob with a hash at the
//! end. A browser that never comes back leaves what it has sent.

use std::time::Duration;

use serde::Serialize;

use super::quality::shown;
use super::{bad, find};
use crate::core::event::emit;
use crate::core::{Core, Error};
use crate::media::{self, Stored};
use crate::model::code::Code;
use crate::model::event::call::RecordingReady;
use crate::model::id::{AgentId, CallId, MediaId, RecordingId, TenantId};
use crate::model::label::label;
use crate::model::time::Millis;
use crate::store::call::recording::{self as store, Recording};
use crate::store::{self as tables, Tx};

/// How long after its call a recording may go on coming.
const LATE: Duration = Duration::from_secs(600);
/// The longest that is believed, milliseconds.
const LONGEST_MS: i64 = 24 * 3_600_000;
/// Recordings that are looked at at a time.
const BATCH: i64 = 500;

/// Which recording, and who records it.
#[derive(Debug, Clone)]
pub struct Of {
    /// The enterprise.
    pub tenant: TenantId,
    /// The agent who is signed in.
    pub agent: AgentId,
    /// The call.
    pub call: CallId,
    /// The recording.
    pub recording: RecordingId,
}

/// A recording that is complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Complete {
    media: MediaId,
    sha256: Option<String>,
    ms: Option<i64>,
    size: i64,
}

fn conflict(words: &str) -> Error {
    Error::new(Code::Conflict, words)
}

fn refused(error: media::Error) -> Error {
    let code = match error {
        media::Error::TooLarge => Code::TooLarge,
        media::Error::Empty | media::Error::Interrupted => Code::Conflict,
        media::Error::Io(_) => Code::DependencyUnavailable,
    };
    Error {
        source: Some(Box::new(error)), ..Error::new(code, "录制内容无法保存 / the recording cannot be kept")
    }
}

fn complete(recording: &Recording) -> Complete {
    let Recording { media, sha256, ms, size, .. } = recording.clone();
    Complete { media, sha256, ms, size }
}

/// The recording, if it is this agent's.
fn own(tx: &mut Tx<'_>, of: &Of) -> Result<Recording, Error> {
    let found = store::find(tx, of.recording)?;
    found.filter(|found| found.call == of.call && found.agent == of.agent).ok_or_else(Error::not_found)
}

/// How long has been recorded by then, milliseconds.
fn length(recording: &Recording, until: Millis) -> i64 {
    until.0.saturating_sub(recording.started_at.0).clamp(0, LONGEST_MS)
}

/// Whether a piece is new; `false` for one that is here already.
fn is_next(recording: &Recording, n: i64) -> Result<bool, Error> {
    if n < recording.chunks {
        return Ok(false);
    }
    if recording.ended_at.is_some() {
        return Err(conflict("录制已结束 / the recording is closed"));
    }
    if n == recording.chunks { Ok(true) } else { Err(conflict("缺少之前的分片 / a piece before it is missing")) }
}

impl Core {
    /// Takes the next piece of a recording. It is on disk when this returns; the same piece again changes nothing.
    ///
    /// # Errors
    /// `not_found` for a recording that is not this agent's; `conflict` for a hole or when it is closed; `too_large`.
    pub async fn take_piece(&self, of: Of, n: i64, mime: &str, piece: &[u8]) -> Result<(), Error> {
        if n < 0 || piece.is_empty() {
            return Err(bad("分片从 0 起，不可为空 / pieces count from 0 and are not empty"));
        }
        let scope = self.scope(&of.tenant);
        let known = of.clone();
        let recording = scope.read(move |tx| own(tx, &known)).await?;
        if !is_next(&recording, n)? {
            return Ok(());
        }
        let at = u64::try_from(recording.size).unwrap_or(0);
        self.inner.parts.media.append(&of.tenant, recording.media, at, piece).await.map_err(refused)?;
        let (size, mime) = (i64::try_from(piece.len()).unwrap_or(i64::MAX), label(mime, 120));
        let now = self.clock().now();
        scope
            .write(move |tx| {
                let mut recording = own(tx, &of)?;
                if is_next(&recording, n)? {
                    recording.chunks += 1;
                    recording.size = recording.size.saturating_add(size);
                    recording.mime = mime;
                    // Until the browser says how long it is; it may never.
                    recording.ms = Some(length(&recording, now));
                    store::save(tx, &recording)?;
                }
                Ok(())
            })
            .await
    }

    /// Closes a recording whose pieces are all here. Repeating it gives the same answer.
    ///
    /// # Errors
    /// `not_found`; `conflict` when pieces are missing; `bad_request` for an impossible length.
    pub async fn finish_recording(&self, of: Of, chunks: i64, ms: i64) -> Result<Complete, Error> {
        if !(0..=LONGEST_MS).contains(&ms) {
            return Err(bad("时长不合理 / an impossible length"));
        }
        let tenant = of.tenant.clone();
        let recording = self.scope(&tenant).read(move |tx| own(tx, &of)).await?;
        if recording.ended_at.is_some() {
            return Ok(complete(&recording));
        }
        if recording.chunks != chunks || chunks == 0 {
            return Err(conflict("缺少分片 / pieces are missing"));
        }
        self.close_recording(&tenant, recording, Some(ms)).await
    }

    /// Makes a blob of what is here of a recording.
    async fn close_recording(
        &self,
        tenant: &TenantId,
        recording: Recording,
        ms: Option<i64>,
    ) -> Result<Complete, Error> {
        let stored = match u64::try_from(recording.size) {
            Ok(size) if size > 0 => {
                let blobs = &self.inner.parts.media;
                Some(blobs.complete(tenant, recording.media, size).await.map_err(refused)?)
            }
            _ => None,
        };
        let id = recording.recording;
        self.change(tenant, move |tx, scene, _fx| {
            let mut recording = store::find(tx, id)?.ok_or_else(Error::not_found)?;
            if recording.ended_at.is_some() {
                return Ok(complete(&recording));
            }
            recording.ended_at = Some(scene.now);
            let call = find(tx, recording.call)?;
            // Pieces may arrive long after they were recorded, but nothing is recorded after the end.
            let until = call.life.end.map_or(scene.now, |end| end.at);
            let likely = recording.ms.map(|ms| ms.min(length(&recording, until)));
            recording.ms = ms.or(likely);
            if let Some(stored) = &stored {
                shelve(tx, &mut recording, stored, scene.now)?;
            }
            store::save(tx, &recording)?;
            let told = shown(&recording, &call.tally);
            let ready = RecordingReady { call: call.call, session: call.session, recording: told };
            emit(tx, scene, &ready)?;
            Ok(complete(&recording))
        })
        .await
    }

    /// Closes the recordings of calls that are over for long, with what has arrived.
    pub(super) async fn close_recordings(&self) -> Result<(), Error> {
        let now = self.clock().now();
        let before = now.minus(LATE);
        let open = self.store().survey(move |conn| store::open(conn, before, BATCH).map_err(Error::from)).await?;
        for (tenant, id) in open.into_iter().filter(|(tenant, _)| self.tenants().tenant(tenant).is_some()) {
            let closed = self.close_late(&tenant, id, now).await;
            Error::one_of_many(closed, &tenant, "a recording could not be closed")?;
        }
        Ok(())
    }

    async fn close_late(&self, tenant: &TenantId, id: RecordingId, now: Millis) -> Result<(), Error> {
        let found = self
            .scope(tenant)
            .read(move |tx| {
                let Some(recording) = store::find(tx, id)?.filter(|found| found.ended_at.is_none()) else {
                    return Ok::<_, Error>(None);
                };
                let call = tables::call::find(tx, recording.call)?;
                let over = call.is_none_or(|call| call.life.end.is_some_and(|end| now.since(end.at) >= LATE));
                Ok(over.then_some(recording))
            })
            .await?;
        let Some(recording) = found else { return Ok(()) };
        tracing::warn!(%tenant, recording = %id, chunks = recording.chunks, "a recording was never finished");
        self.close_recording(tenant, recording, None).await?;
        Ok(())
    }
}

/// Notes the blob, so that its address can be read.
fn shelve(tx: &mut Tx<'_>, recording: &mut Recording, stored: &Stored, now: Millis) -> Result<(), Error> {
    let owner = format!("call:{}", recording.call);
    let name = format!("{}.webm", recording.recording);
    tables::media::expect(tx, recording.media, &owner, &name, stored.mime, now)?;
    tables::media::arrived(tx, recording.media, stored.mime, stored.size)?;
    recording.size = i64::try_from(stored.size).unwrap_or(i64::MAX);
    recording.sha256 = Some(stored.sha256.iter().map(|byte| format!("{byte:02x}")).collect());
    Ok(())
}
