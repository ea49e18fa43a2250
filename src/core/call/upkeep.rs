//! Time, and calls that nobody looks after any more.

use std::time::Duration;

use super::settle::watch;
use super::{limits, step};
use crate::core::effect::Effects;
use crate::core::{Core, Error, Scene};
use crate::model::call::{Author, Move, Reason};
use crate::model::id::{CallId, TenantId};
use crate::runtime::Stop;
use crate::store::Tx;
use crate::store::call::{self as store, Call};

/// A call whose time was over for so long has lost its timer. With a look's pause it is over within 25 s after that, by the
/// clock of whichever node looks first; the rest of the half minute (H11) is for nodes whose clocks are all up to 5 s behind that
/// of the one which set the time. A clock that is ahead ends nothing too early: its node has fired the timer by the same
/// clock, if there was one.
const ORPHAN: Duration = Duration::from_secs(20);
/// How often.
const LOOK: Duration = Duration::from_secs(5);
/// Calls that are looked at at a time.
const BATCH: i64 = 5_000;

/// A call's timer has fired.
pub(in crate::core) fn overdue(tx: &mut Tx<'_>, scene: &Scene, id: CallId, fx: &mut Effects) -> Result<(), Error> {
    let Some(mut call) = store::find(tx, id)?.filter(|call| call.life.is_live()) else { return Ok(()) };
    if step(tx, scene, &mut call, Move::Tick, fx)? {
        return Ok(());
    }
    // It was not time yet: by this node's clock.
    watch(tx, scene, None, &call, fx)
}

/// The call, if its time was over for so long that nobody can be looking after it.
fn is_orphan(tx: &mut Tx<'_>, scene: &Scene, id: CallId) -> Result<Option<Call>, Error> {
    let Some(call) = store::find(tx, id)?.filter(|call| call.life.is_live()) else { return Ok(None) };
    let due = call.life.deadline(&limits(scene)).map(|(at, _)| at);
    Ok(due.is_some_and(|due| scene.now.since(due) >= ORPHAN).then_some(call))
}

fn orphaned(tx: &mut Tx<'_>, scene: &Scene, id: CallId, fx: &mut Effects) -> Result<bool, Error> {
    let Some(mut call) = is_orphan(tx, scene, id)? else { return Ok(false) };
    step(tx, scene, &mut call, Move::Over(Reason::ServerRestart, Author::System), fx)
}

impl Core {
    /// Looks after calls and recordings that everybody else has forgotten, until `stop`.
    pub async fn run_call_upkeep(&self, stop: Stop) {
        while !stop.is_cancelled() {
            if let Err(error) = self.tidy_calls().await {
                tracing::warn!(error = ?error, "calls could not be looked after; it is tried again");
            }
            let now = self.clock().now();
            self.inner.call_tests.forget(now);
            self.inner.call_servers.forget(now);
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Ends calls whose time is over and that no timer has ended, and closes recordings that nobody will finish.
    ///
    /// # Errors
    /// When the store is away; what was ended until then is.
    pub(crate) async fn tidy_calls(&self) -> Result<(), Error> {
        let before = self.clock().now().minus(ORPHAN);
        let live: Vec<(TenantId, CallId)> =
            self.store().survey(move |conn| store::live_since(conn, before, BATCH).map_err(Error::from)).await?;
        for (tenant, call) in live {
            if self.tenants().tenant(&tenant).is_none() {
                continue;
            }
            let ended = self.end_orphan(&tenant, call).await;
            Error::one_of_many(ended, &tenant, "a call without a timer could not be ended")?;
        }
        self.close_recordings().await
    }

    /// Looks first: nearly all calls are well, and a look holds up nobody.
    async fn end_orphan(&self, tenant: &TenantId, call: CallId) -> Result<(), Error> {
        let scene = self.scene(tenant)?;
        if !self.scope(tenant).read(move |tx| is_orphan(tx, &scene, call).map(|found| found.is_some())).await? {
            return Ok(());
        }
        if self.change(tenant, move |tx, scene, fx| orphaned(tx, scene, call, fx)).await? {
            tracing::warn!(%tenant, %call, "a call without a timer was ended");
        }
        Ok(())
    }
}
