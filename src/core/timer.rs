//! Deadlines that survive a restart. Knows when, and whom to ask what to do; not what is done.
//!
//! A timer is a row. Whoever deletes it, under its version, does its work in the same transaction: it happens once,
//! on whatever node, and a timer that was moved or cancelled meanwhile does nothing. Every handler checks again
//! whether there is anything left to do.

use std::time::Duration;

use futures_util::{StreamExt, stream};

use super::effect::{Effect, Effects};
use super::{Core, Error, Scene, call, flow, handoff, leave, offer, presence, silence};
use crate::model::code::Code;
use crate::model::id::{AgentId, AssignmentId, CallId, SessionId};
use crate::model::time::Millis;
use crate::runtime::Stop;
use crate::store::Tx;
use crate::store::timer::{self, Due};

/// Longest wait between two looks at the table: other nodes set timers too, and die with theirs undone.
const LOOK: Duration = Duration::from_secs(1);
/// Timers fired per look.
const BATCH: i64 = 200;
/// Timers whose work is done at the same time: those of a tenant whose writer is held hold up no other tenant's, and those
/// that meet there share a commit.
const AT_ONCE: usize = 16;
/// Wait before a timer whose work failed is tried again.
const RETRY: Duration = Duration::from_secs(15);

/// What a timer is for; its subject in brackets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An offer ends (assignment).
    Offer,
    /// A wrap-up ends (assignment).
    Wrapup,
    /// An agent without a socket is given up (agent).
    AgentGrace,
    /// A session has waited long enough (session).
    MaxWait,
    /// A web customer without a socket is given up while waiting (session).
    QueueGrace,
    /// A silent customer is asked (session).
    IdleWarn,
    /// The session of a silent customer ends (session).
    IdleClose,
    /// The longest session (session).
    SessionMax,
    /// An agent may be offered a session again (session).
    Cooldown,
    /// A form waits no longer (session).
    Flow,
    /// A call has waited or lasted long enough (call).
    Call,
}

impl Kind {
    const ALL: [Self; 11] = [
        Self::Offer,
        Self::Wrapup,
        Self::AgentGrace,
        Self::MaxWait,
        Self::QueueGrace,
        Self::IdleWarn,
        Self::IdleClose,
        Self::SessionMax,
        Self::Cooldown,
        Self::Flow,
        Self::Call,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Offer => "offer",
            Self::Wrapup => "wrapup",
            Self::AgentGrace => "agent_grace",
            Self::MaxWait => "max_wait",
            Self::QueueGrace => "queue_grace",
            Self::IdleWarn => "contact_idle_warn",
            Self::IdleClose => "contact_idle_close",
            Self::SessionMax => "session_max",
            Self::Cooldown => "cooldown",
            Self::Flow => "flow",
            Self::Call => "call",
        }
    }
}

/// Sets a timer, or moves it.
pub(super) fn set(
    tx: &mut Tx<'_>,
    kind: Kind,
    subject: impl std::fmt::Display,
    due: Millis,
    fx: &mut Effects,
) -> Result<(), Error> {
    timer::set(tx, kind.as_str(), &subject.to_string(), due)?;
    fx.push(Effect::Timer);
    Ok(())
}

/// Removes timers of a subject.
pub(super) fn cancel(tx: &mut Tx<'_>, kinds: &[Kind], subject: impl std::fmt::Display) -> Result<(), Error> {
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    Ok(timer::cancel(tx, &kinds, &subject.to_string())?)
}

/// What a look at the table has left.
#[derive(Debug, PartialEq, Eq)]
enum Rest {
    Nothing,
    More,
}

fn fire(tx: &mut Tx<'_>, scene: &Scene, due: &Due, fx: &mut Effects) -> Result<(), Error> {
    let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.as_str() == due.kind) else {
        // A node of a newer version may have set it, and will fire it.
        return Err(Error::new(Code::Internal, "a timer of an unknown kind"));
    };
    let session = || SessionId::parse(&due.subject);
    match kind {
        Kind::Offer => offer::expired(tx, scene, AssignmentId::parse(&due.subject)?, fx),
        Kind::Wrapup => super::ending::wrapup_over(tx, scene, AssignmentId::parse(&due.subject)?, fx),
        Kind::AgentGrace => presence::given_up(tx, scene, &AgentId::parse(&due.subject)?, fx),
        Kind::MaxWait => handoff::waited_out(tx, scene, session()?, fx),
        Kind::QueueGrace => leave::abandoned(tx, scene, session()?, fx),
        Kind::IdleWarn => silence::idle_warn(tx, scene, session()?, fx),
        Kind::IdleClose => silence::idle_close(tx, scene, session()?, fx),
        Kind::SessionMax => silence::too_long(tx, scene, session()?, fx),
        Kind::Call => call::overdue(tx, scene, CallId::parse(&due.subject)?, fx),
        Kind::Flow => flow::expired(tx, scene, session()?, fx),
        Kind::Cooldown => {
            fx.push(Effect::Route);
            Ok(())
        }
    }
}

impl Core {
    /// Fires timers until `stop`, on every node: each timer fires on one of them. Those that are being fired then are
    /// seen to their end.
    pub async fn run_timers(&self, stop: Stop) {
        while !stop.is_cancelled() {
            let wait = match self.fire_some().await {
                Ok(Rest::More) => continue,
                Ok(Rest::Nothing) => self.until_next().await.unwrap_or(LOOK).min(LOOK),
                Err(error) => {
                    tracing::warn!(error = ?error, "timers could not be read");
                    LOOK
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.inner.timers.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    async fn until_next(&self) -> Option<Duration> {
        let next = self.inner.parts.store.survey(|conn| timer::next(conn).map_err(Error::from)).await;
        match next {
            Ok(next) => next.map(|due| due.since(self.inner.parts.clock.now())),
            Err(error) => {
                tracing::warn!(error = ?error, "the next timer could not be read");
                None
            }
        }
    }

    /// Fires what is due now, the earliest of it, and says whether there is more.
    ///
    /// # Errors
    /// When the table cannot be read, or work that failed cannot be put off. A timer whose work fails is tried again later
    /// and holds up no other.
    async fn fire_some(&self) -> Result<Rest, Error> {
        let now = self.inner.parts.clock.now();
        let due = self.inner.parts.store.survey(move |conn| timer::due(conn, now, BATCH).map_err(Error::from)).await?;
        let full = i64::try_from(due.len()).is_ok_and(|found| found == BATCH);
        // All are seen to their end, whatever became of one: what is stored has to be announced.
        let fired = stream::iter(due).map(|due| self.fire_one(due)).buffer_unordered(AT_ONCE);
        fired.fold(Ok(()), async |all: Result<(), Error>, one| all.and(one)).await?;
        Ok(if full { Rest::More } else { Rest::Nothing })
    }

    /// Fires all that is due now.
    #[cfg(test)]
    pub(crate) async fn fire_due(&self) -> Result<(), Error> {
        while self.fire_some().await? == Rest::More {}
        Ok(())
    }

    async fn fire_one(&self, due: Due) -> Result<(), Error> {
        let tenant = due.tenant.clone();
        let Err(error) = self.try_fire(due.clone()).await else { return Ok(()) };
        tracing::warn!(error = ?error, kind = %due.kind, "a timer's work failed; it will be repeated");
        let later = self.inner.parts.clock.now().plus(RETRY);
        self.scope(&tenant).write(move |tx| timer::postpone(tx, &due, later).map_err(Error::from)).await
    }

    async fn try_fire(&self, due: Due) -> Result<(), Error> {
        let tenant = due.tenant.clone();
        let scene = self.scene(&tenant)?;
        let effects = self
            .scope(&tenant)
            .write(move |tx| {
                let mut effects = Effects::default();
                if timer::claim(tx, &due, scene.now)? {
                    fire(tx, &scene, &due, &mut effects)?;
                }
                Ok::<_, Error>(effects)
            })
            .await?;
        self.announce(&tenant, effects);
        Ok(())
    }
}
