//! Customers who say nothing, and sessions that go on for too long. Knows deadlines that have passed, no routing.

use super::effect::Effects;
use super::session::{by_channel, home, say};
use super::timer::{self, Kind};
use super::{Error, Scene, call, ending};
use crate::model::id::SessionId;
use crate::model::session::{EndedBy, State};
use crate::store::Tx;
use crate::store::session as store;
use crate::template::Prompt;

/// The customer is silent: asked once, then given the rest of the time. Who talks in a call is not silent.
pub(super) fn idle_warn(tx: &mut Tx<'_>, scene: &Scene, id: SessionId, fx: &mut Effects) -> Result<(), Error> {
    let Some(session) = store::find(tx, id)?.filter(|session| session.state == State::Active) else { return Ok(()) };
    let conversation = home(tx, &session)?;
    let policy = &scene.tenant.policy;
    let (warn, close) = (policy.contact_idle_warn, policy.contact_idle_close);
    if call::talks(tx, scene, id)? {
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
        Some(session) if session.state == State::Active && call::talks(tx, scene, id)? => {
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
