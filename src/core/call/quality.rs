//! How well a call goes and went, and its record.

use std::time::Duration;

use super::request::Sample;
use super::{bad, find, gone_error, participant, party};
use crate::core::event::emit;
use crate::core::session::conflict;
use crate::core::{Client, Core, Error};
use crate::model::call::Side;
use crate::model::event::call::{Opinion, Rated, Record, RecordingRef};
use crate::model::id::CallId;
use crate::model::label::label;
use crate::model::time::Millis;
use crate::store::Tx;
use crate::store::call::recording::{self, Recording};
use crate::store::call::{self as store, Call, Tally};

/// How long after its end a call may be rated.
const LATE: Duration = Duration::from_secs(600);
/// Problems of one opinion, and characters of each.
const PROBLEMS: usize = 8;
const PROBLEM_CHARS: usize = 32;
/// The longest round trip that is believed, milliseconds.
const LONGEST_RTT_MS: f64 = 3_600_000.0;

/// The record of a call that is over.
pub(super) fn record_of(call: &Call, recordings: &[Recording]) -> Record {
    let (life, tally) = (&call.life, &call.tally);
    let at = life.end.map_or(life.since, |end| end.at);
    let mean = |sum: f64, count: u32| (count > 0).then(|| sum / f64::from(count));
    let opinion = |side: Side| {
        let said = tally.quality.of(side).clone();
        said.map(|(score, problems)| Opinion { side, score, problems })
    };
    Record {
        call: call.call,
        session: call.session,
        conv: call.conv,
        contact: call.contact,
        agent: call.agent.clone(),
        transfer_from: tally.transfer_from.clone(),
        direction: life.caller,
        wanted: tally.wanted,
        media: life.media,
        invited_at: life.invited_at,
        ringing_at: life.ringing_at,
        accepted_at: life.accepted_at,
        connected_at: life.connected_at,
        ended_at: at,
        ring_ms: life.ring_ms(at),
        talk_ms: life.talk_ms(at),
        hold_ms: life.held_ms(at),
        end_reason: life.end.map_or(crate::model::call::Reason::ServerRestart, |end| end.reason),
        ended_by: life.end.map_or(crate::model::call::Author::System, |end| end.by),
        ice_pair: tally.pair.clone(),
        avg_rtt_ms: mean(tally.rtt_ms, tally.rtts),
        avg_loss: mean(tally.loss, tally.losses),
        restarts: life.restarts,
        recordings: recordings.iter().map(|recording| shown(recording, tally)).collect(),
        consent: life.consent,
        quality: Side::BOTH.into_iter().filter_map(opinion).collect(),
    }
}

/// The record of a call; none while it is not over.
///
/// # Errors
/// `not_found`.
pub fn record(tx: &mut Tx<'_>, id: CallId) -> Result<Option<Record>, Error> {
    let call = find(tx, id)?;
    if call.life.is_live() {
        return Ok(None);
    }
    let recordings = recording::of_call(tx, id)?;
    Ok(Some(record_of(&call, &recordings)))
}

/// A recording as other modules see it.
pub(super) fn shown(recording: &Recording, tally: &Tally) -> RecordingRef {
    RecordingRef {
        id: recording.recording,
        side: Side::Agent,
        media: recording.media,
        url: recording.sha256.is_some().then(|| format!("/media/{}", recording.media)),
        sha256: recording.sha256.clone(),
        ms: recording.ms,
        size: recording.size,
        consent: tally.recordings.contains(&recording.recording),
        withdrawn: tally.withdrawn.contains(&recording.recording),
    }
}

/// The kinds of candidates, and the protocols; anything else is not kept.
fn way(sample: &Sample) -> Option<String> {
    let pair = sample.pair.as_ref()?;
    let kind = |text: &str| matches!(text, "host" | "srflx" | "prflx" | "relay");
    let known = kind(&pair.local) && kind(&pair.remote) && matches!(pair.proto.as_str(), "udp" | "tcp");
    known.then(|| format!("{}/{}/{}", pair.local, pair.remote, pair.proto))
}

impl Core {
    /// Takes a sample of how well a call goes.
    ///
    /// # Errors
    /// `not_found`, `call_gone`, `bad_request`.
    pub(super) async fn sample(&self, client: &Client, sample: Sample) -> Result<(), Error> {
        let fits = |value: Option<f64>, most: f64| value.is_none_or(|value| (0.0..=most).contains(&value));
        if !fits(sample.rtt_ms, LONGEST_RTT_MS) || !fits(sample.loss, 1.0) {
            return Err(bad("数值超出范围 / out of range"));
        }
        let owned = client.clone();
        self.change(&client.tenant, move |tx, _scene, _fx| {
            let (mut call, _) = participant(tx, &owned, sample.call_id)?;
            // What a browser does not know says nothing, least of all that it is zero.
            if let Some(rtt) = sample.rtt_ms {
                call.tally.rtts = call.tally.rtts.saturating_add(1);
                call.tally.rtt_ms += rtt;
            }
            if let Some(loss) = sample.loss {
                call.tally.losses = call.tally.losses.saturating_add(1);
                call.tally.loss += loss;
            }
            if let Some(pair) = way(&sample) {
                call.tally.pair = Some(pair);
            }
            if store::save(tx, &mut call)? { Ok(()) } else { Err(conflict()) }
        })
        .await
    }

    /// Takes what a side thought of a call.
    ///
    /// # Errors
    /// `not_found`, `bad_request`; `call_gone` when it ended too long ago.
    pub(super) async fn rate_call(
        &self,
        client: &Client,
        id: CallId,
        score: u8,
        problems: Vec<String>,
    ) -> Result<(), Error> {
        if !(1..=5).contains(&score) || problems.len() > PROBLEMS {
            return Err(bad("评分为 1–5，问题至多 8 个 / score 1 to 5, at most 8 problems"));
        }
        let problems: Vec<String> = problems.iter().map(|text| label(text, PROBLEM_CHARS)).collect();
        let owned = client.clone();
        self.change(&client.tenant, move |tx, scene, _fx| {
            let (mut call, side) = party(tx, &owned, id)?;
            let late = |at: Millis| scene.now.since(at) > LATE;
            if call.life.end.is_some_and(|end| late(end.at)) {
                return Err(gone_error());
            }
            *call.tally.quality.of_mut(side) = Some((score, problems.clone()));
            if !store::save(tx, &mut call)? {
                return Err(conflict());
            }
            emit(tx, scene, &Rated { call: id, session: call.session, opinion: Opinion { side, score, problems } })
        })
        .await
    }
}
