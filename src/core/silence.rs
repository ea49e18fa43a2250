//! Customers who say nothing, and sessions that go on for too long. Knows deadlines that have passed, no routing.

use super::effect::Effects;
use super::session::{by_channel, home, say};
use super::timer::{self, Kind};
use super::{Error, Scene, call, ending};
use crate::model::id::SessionId;
use crate::model::session::{EndedBy, State};
use crate::model::time::Millis;
use crate::store::Tx;
use crate::store::session as store;
use crate::template::Prompt;

/// The timers of a customer's silence, as [`Deadlines`] names them.
const KINDS: [Kind; 2] = [Kind::IdleWarn, Kind::IdleClose];

/// Which timers of a customer's silence stand, as far as is known: one that does not need not be removed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadlines {
    warn: bool,
    close: bool,
}

impl Deadlines {
    /// Where nobody has looked.
    pub(crate) const UNKNOWN: Self = Self { warn: true, close: true };

    /// What to ask the store for.
    pub(super) fn kinds() -> [&'static str; 2] {
        KINDS.map(Kind::as_str)
    }

    /// What the store says of [`Deadlines::kinds`].
    pub(super) fn found([warn, close]: [bool; 2]) -> Self {
        Self { warn, close }
    }
}

/// The customer has said something: neither asked nor given up.
pub(super) fn broken(tx: &mut Tx<'_>, deadlines: Deadlines, id: SessionId) -> Result<(), Error> {
    let stand = [deadlines.warn, deadlines.close];
    let standing: Vec<Kind> =
        KINDS.into_iter().zip(stand).filter_map(|(kind, stands)| stands.then_some(kind)).collect();
    timer::cancel(tx, &standing, id)
}

/// The agent has said something: the customer has time for an answer from now on.
pub(super) fn begins(
    tx: &mut Tx<'_>,
    deadlines: Deadlines,
    (id, warn): (SessionId, Millis),
    fx: &mut Effects,
) -> Result<(), Error> {
    if deadlines.close {
        timer::cancel(tx, &[Kind::IdleClose], id)?;
    }
    timer::set(tx, Kind::IdleWarn, id, warn, fx)
}

/// The customer is silent: asked once, then given the rest of the time. Who talks in a call is not silent.
pub(super) fn idle_warn(tx: &mut Tx<'_>, scene: &Scene, id: SessionId, fx: &mut Effects) -> Result<(), Error> {
    let Some(session) = store::find(tx, id)?.filter(|session| session.state == State::Active) else { return Ok(()) };
    let conversation = home(tx, &session)?;
    let policy = &scene.tenant.policy;
    let (warn, close) = (policy.contact_idle_warn, policy.contact_idle_close);
    if call::talks(tx, id)? {
        return timer::set(tx, Kind::IdleWarn, id, scene.now.plus(by_channel(warn, conversation.kind)), fx);
    }
    let left = by_channel(close, conversation.kind).saturating_sub(by_channel(warn, conversation.kind));
    timer::set(tx, Kind::IdleClose, id, scene.now.plus(left), fx)?;
    let minutes = left.as_secs().div_ceil(60).max(1);
    say(tx, scene, &session, &Prompt::ContactIdleWarn { minutes }, fx)
}

/// The customer stayed silent. Whoever waits in a queue is silent for a good reason.
pub(super) fn idle_close(tx: &mut Tx<'_>, scene: &Scene, id: SessionId, fx: &mut Effects) -> Result<(), Error> {
    match store::find(tx, id)? {
        Some(session) if session.state == State::Active && call::talks(tx, id)? => {
            let warn = by_channel(scene.tenant.policy.contact_idle_warn, home(tx, &session)?.kind);
            timer::set(tx, Kind::IdleWarn, id, scene.now.plus(warn), fx)
        }
        Some(mut session) if session.state == State::Active => {
            say(tx, scene, &session, &Prompt::ContactIdleClose, fx)?;
            ending::finish(tx, scene, &mut session, EndedBy::Timer, "contact_idle", fx)
        }
        Some(mut session) if matches!(session.state, State::New | State::Bot) => {
            ending::finish(tx, scene, &mut session, EndedBy::Timer, "contact_idle", fx)
        }
        _ => Ok(()),
    }
}

/// No session lasts for ever.
pub(super) fn too_long(tx: &mut Tx<'_>, scene: &Scene, id: SessionId, fx: &mut Effects) -> Result<(), Error> {
    match store::find(tx, id)? {
        Some(mut session) if session.state != State::Ended => {
            ending::finish(tx, scene, &mut session, EndedBy::Timer, "session_max", fx)
        }
        _ => Ok(()),
    }
}
