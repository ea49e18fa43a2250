//! A form's part in a session: what starts it, what it hears, what it has done. Knows rows and sessions; what an answer
//! leads to is the engine's business (`crate::flow`), what other systems are asked that of [`call`].
//!
//! A run is a row; a step is a compare-and-set on its version in the transaction that carries out the step's acts, so that
//! two deliveries or two taps never advance it twice.

mod act;
mod call;
mod survey;

use std::sync::Arc;

use serde_json::{Map, Value, json};

pub(in crate::core) use survey::{
    Rating, answered as survey_answered, is_due as survey_is_due, says_goodbye as survey_says_goodbye,
    send as send_survey,
};

use super::effect::Effects;
use super::leave::Why;
use super::session::{conflict, home, save, step};
use super::timer::{self, Kind};
use super::{Core, Error, Scene};
use crate::flow::trigger::Event;
use crate::flow::{self, Definition, Input, MediaKind, Run, State as Service};
use crate::model::content::Content;
use crate::model::envelope::Envelope;
use crate::model::event::flow::{Ended, Started};
use crate::model::id::{FlowId, SessionId};
use crate::model::session::{Holder, Move, State};
use crate::store::conversation::Conversation;
use crate::store::session::{self as store, Session};
use crate::store::{Tx, flow as rows};

/// What a run is for: the session's business, or what the customer thought of it.
const FLOW: &str = "flow";

/// A run with its row.
struct Live {
    row: rows::Run,
    run: Run,
    definition: Arc<Definition>,
}

/// The session's run, if there is one whose form is still known.
fn live(tx: &mut Tx<'_>, scene: &Scene, session: SessionId, purpose: &str) -> Result<Option<Live>, Error> {
    let Some(row) = rows::run(tx, session, purpose)? else { return Ok(None) };
    let run: Run = serde_json::from_str(&row.body).map_err(Error::internal)?;
    match scene.flows.of(&run).map(Arc::clone) {
        Some(definition) => Ok(Some(Live { row, run, definition })),
        None => {
            tracing::error!(flow = %run.flow, version = run.version, "a run's form is gone");
            rows::end(tx, &row)?;
            Ok(None)
        }
    }
}

/// Starts the form that an event begins; `false` when there is none, or when the session is in people's hands.
pub(super) fn happens(
    tx: &mut Tx<'_>,
    scene: &Scene,
    session: &mut Session,
    event: Event<'_>,
    fx: &mut Effects,
) -> Result<bool, Error> {
    if !matches!(session.state, State::New | State::Bot) {
        return Ok(false);
    }
    let Some(definition) = scene.flows.started_by(event).map(Arc::clone) else { return Ok(false) };
    begin(tx, scene, session, &definition, fx)?;
    Ok(true)
}

/// Starts a form where nobody can come; `false` when the tenant has none for it.
pub(super) fn instead_of_people(
    tx: &mut Tx<'_>,
    scene: &Scene,
    session: &mut Session,
    why: Why,
    fx: &mut Effects,
) -> Result<bool, Error> {
    let state = match why {
        Why::Closed => Service::ClosedHours,
        Why::NoAgent | Why::Full | Why::Timeout => Service::NoAgent,
    };
    let Some(definition) = scene.flows.started_by(Event::State(state)).map(Arc::clone) else { return Ok(false) };
    begin(tx, scene, session, &definition, fx)?;
    Ok(true)
}

/// Starts a form by its name.
///
/// # Errors
/// `not_found` when there is none; the session's own refusals.
pub(super) fn start(
    tx: &mut Tx<'_>,
    scene: &Scene,
    session: &mut Session,
    id: &FlowId,
    fx: &mut Effects,
) -> Result<(), Error> {
    let definition = scene.flows.newest(id.as_str()).map(Arc::clone).ok_or_else(Error::not_found)?;
    begin(tx, scene, session, &definition, fx)
}

fn begin(
    tx: &mut Tx<'_>,
    scene: &Scene,
    session: &mut Session,
    definition: &Definition,
    fx: &mut Effects,
) -> Result<(), Error> {
    abandon(tx, scene, session, "replaced", fx)?;
    if session.state != State::Bot || session.holder != Holder::Flow {
        step(session, Move::Flow)?;
        save(tx, session)?;
    }
    let conversation = home(tx, session)?;
    let (flow, version) = (definition.name.clone(), i64::from(definition.version));
    let started = Started { session: session.session, conv: session.conv, flow, version };
    super::session::record(tx, scene, session, &started, fx)?;
    let next = flow::start(definition, seed(scene, &conversation), scene.now);
    let row =
        rows::Run { session: session.session, purpose: FLOW.into(), conv: session.conv, body: "{}".into(), version: 0 };
    rows::begin(tx, &row)?;
    act::settle(tx, scene, session, (row, definition), next, fx)
}

/// What every run knows from the start.
fn seed(scene: &Scene, conversation: &Conversation) -> flow::Vars {
    let mut vars = Map::new();
    vars.insert("contact".into(), json!({ "id": conversation.contact, "external_id": conversation.external_id }));
    vars.insert("tenant".into(), json!(scene.tenant.name));
    vars.insert("channel".into(), json!(conversation.kind.as_str()));
    vars
}

/// What a message is to a form.
fn input(content: &Content) -> Input<'_> {
    let media = |kind, content: &Content| match content.media() {
        Some(media) => Input::Media { kind, id: media.id },
        None => Input::Words(""),
    };
    match content {
        Content::Text { text } => Input::Words(text),
        Content::Voice { asr_text: Some(text), .. } => Input::Words(text),
        Content::Choice { key, label } => Input::Choice { key, text: label },
        Content::Location { lat, lon, label, .. } => Input::Location { lat: *lat, lon: *lon, label },
        Content::Image { .. } => media(MediaKind::Image, content),
        Content::Voice { .. } => media(MediaKind::Voice, content),
        Content::Video { .. } => media(MediaKind::Video, content),
        Content::File { .. } => media(MediaKind::File, content),
        _ => Input::Words(""),
    }
}

/// The customer said something while a form has the control.
pub(super) fn hear(
    tx: &mut Tx<'_>,
    scene: &Scene,
    session: &mut Session,
    envelope: &Envelope,
    fx: &mut Effects,
) -> Result<(), Error> {
    let Some(live) = live(tx, scene, session.session, FLOW)? else { return act::go_on(tx, scene, session, fx) };
    let Live { row, run, definition } = live;
    let next = flow::advance(&definition, run, input(&envelope.content), scene.now);
    act::settle(tx, scene, session, (row, &definition), next, fx)
}

/// A run's time is over, or that of its step.
pub(super) fn expired(tx: &mut Tx<'_>, scene: &Scene, id: SessionId, fx: &mut Effects) -> Result<(), Error> {
    let Some(mut session) = store::find(tx, id)? else { return Ok(()) };
    let Some(live) = live(tx, scene, id, FLOW)? else { return Ok(()) };
    let Live { row, run, definition } = live;
    if session.holder != Holder::Flow {
        rows::end(tx, &row)?;
        return Ok(());
    }
    let due = run.due();
    if scene.now < due {
        return timer::set(tx, Kind::Flow, id, due, fx);
    }
    let next = flow::advance(&definition, run, Input::Expired, scene.now);
    act::settle(tx, scene, &mut session, (row, &definition), next, fx)
}

/// The customer came back from the page of a step.
fn returned(
    tx: &mut Tx<'_>,
    scene: &Scene,
    id: SessionId,
    serial: u64,
    given: Value,
    fx: &mut Effects,
) -> Result<(), Error> {
    let session = store::find(tx, id)?.filter(|session| session.holder == Holder::Flow);
    let (Some(mut session), Some(live)) = (session, live(tx, scene, id, FLOW)?) else { return Err(Error::not_found()) };
    // Coming back twice, or to a step that is over, changes nothing.
    if live.run.expects().serial != serial {
        return Ok(());
    }
    let next = flow::advance(&live.definition, live.run, Input::Returned(given), scene.now);
    act::settle(tx, scene, &mut session, (live.row, &live.definition), next, fx)
}

impl Core {
    /// Leads a form on after its customer came back from a page. `state` is what the page was given.
    ///
    /// # Errors
    /// `not_found` when the state is not ours, or nothing waits for it.
    pub async fn returned(&self, state: &str, given: Value) -> Result<(), Error> {
        let (tenant, session, serial) = self.signer().flow_step(state).ok_or_else(Error::not_found)?;
        self.change(&tenant, move |tx, scene, fx| returned(tx, scene, session, serial, given, fx)).await
    }
}

/// Ends the session's run without a word: somebody else has the control now.
pub(super) fn abandon(
    tx: &mut Tx<'_>,
    scene: &Scene,
    session: &Session,
    why: &str,
    fx: &mut Effects,
) -> Result<(), Error> {
    let Some(row) = rows::run(tx, session.session, FLOW)? else { return Ok(()) };
    if !rows::end(tx, &row)? {
        return Err(conflict());
    }
    timer::cancel(tx, &[Kind::Flow], session.session)?;
    let run: Run = serde_json::from_str(&row.body).map_err(Error::internal)?;
    tell_end(tx, scene, session, &run, why, fx)
}

/// Tells that a run is over.
fn tell_end(
    tx: &mut Tx<'_>,
    scene: &Scene,
    session: &Session,
    run: &Run,
    outcome: &str,
    fx: &mut Effects,
) -> Result<(), Error> {
    let (flow, version) = (run.flow.clone(), i64::from(run.version));
    let ended = Ended { session: session.session, conv: session.conv, flow, version, outcome: outcome.to_owned() };
    super::session::record(tx, scene, session, &ended, fx)
}

impl Scene {
    /// The address of a page with the signed way back to a step of a form.
    pub(super) fn way_back(&self, url: &str, session: SessionId, serial: u64) -> Result<String, Error> {
        let state = self.signer.flow_token(&self.tenant.id, session, serial);
        let mut url = url::Url::parse(url).map_err(Error::internal)?;
        let back = format!("{}/flow/back", self.public_url);
        url.query_pairs_mut().append_pair("state", &state).append_pair("return", &back);
        Ok(url.into())
    }
}
