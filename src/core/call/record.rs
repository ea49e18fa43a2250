//! Recording by the agent's browser: asked for, agreed to, shown to both sides.

use super::request::Switch;
use super::{participant, policy, step};
use crate::core::asker::agent;
use crate::core::effect::Effects;
use crate::core::{Client, Core, Error, Party, Scene};
use crate::model::call::{Move, Recording as Now};
use crate::model::code::Code;
use crate::model::id::{CallId, MediaId, RecordingId};
use crate::store::Tx;
use crate::store::call::Call;
use crate::store::call::recording::{self, Recording};
use crate::tenant::call::Record;

/// Asks to record, or stops recording or asking.
pub(in crate::core) fn switched(
    tx: &mut Tx<'_>,
    scene: &Scene,
    call: &mut Call,
    on: bool,
    fx: &mut Effects,
) -> Result<(), Error> {
    if on && policy(scene)?.record == Record::None {
        return Err(Error::new(Code::Forbidden, "未开通录制 / nothing is recorded here"));
    }
    let what = if on { Move::AskRecord } else { Move::StopRecord };
    step(tx, scene, call, what, fx).map(drop)
}

impl Core {
    /// The agent asks to record, which may be repeated, or stops recording or asking.
    ///
    /// # Errors
    /// `not_found`, `call_gone`, `bad_request`; `forbidden` where nothing is recorded.
    pub(super) async fn record(&self, client: &Client, switch: Switch) -> Result<(), Error> {
        agent(client)?;
        let owned = client.clone();
        self.change(&client.tenant, move |tx, scene, fx| {
            let (mut call, _) = participant(tx, &owned, switch.call_id)?;
            switched(tx, scene, &mut call, switch.on, fx)
        })
        .await
    }

    /// The contact says whether it may be recorded; no longer, while it is.
    ///
    /// # Errors
    /// `not_found`, `call_gone`; `bad_request` when nobody asked and nothing is recorded.
    pub(super) async fn consent(&self, client: &Client, id: CallId, ok: bool) -> Result<(), Error> {
        if !matches!(client.party, Party::Contact { .. }) {
            return Err(Error::new(Code::Forbidden, "仅限访客 / for visitors only"));
        }
        let owned = client.clone();
        self.change(&client.tenant, move |tx, scene, fx| {
            let (mut call, _) = participant(tx, &owned, id)?;
            if !ok {
                if let Now::On(id) = call.life.recording {
                    call.tally.withdrawn.push(id);
                }
                return step(tx, scene, &mut call, Move::NoConsent, fx).map(drop);
            }
            let made = Recording {
                recording: RecordingId::generate(scene.now),
                call: id,
                agent: call.agent.clone(),
                media: MediaId::generate(scene.now),
                mime: String::new(),
                chunks: 0,
                size: 0,
                ms: None,
                sha256: None,
                started_at: scene.now,
                ended_at: None,
            };
            call.tally.recordings.push(made.recording);
            step(tx, scene, &mut call, Move::Consent(made.recording), fx)?;
            Ok(recording::insert(tx, &made)?)
        })
        .await
    }
}
