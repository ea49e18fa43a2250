//! Working off turns: taken, answered, concluded; one at a time in a session, many sessions at once.

use std::time::Duration;

use super::answer::{Found, from_base};
use super::reply;
use crate::core::backlog::{Backlog, Worked, failed, long_after};
use crate::core::{Core, Error};
use crate::model::id::{SessionId, TenantId};
use crate::runtime::Stop;
use crate::store::turn::{self, Turn};
use crate::store::{Tx, session};
use crate::tenant::robot::Adapter;

/// Sessions that are worked at the same time, half of them of one tenant.
const CONCURRENCY: usize = 128;
/// What a turn may take beyond its adapter's time, before another node takes it.
const SPARE: Duration = Duration::from_secs(5);
/// Times that a turn is begun: whoever began it before died of it.
const TRIES: i32 = 3;

type Key = (TenantId, SessionId);

/// A turn with what has to be known to answer it.
pub(super) struct Task {
    pub(super) turn: Turn,
    /// Lines that fit on the customer's channel.
    pub(super) rows: usize,
}

impl Core {
    /// Answers turns until `stop`; then finishes those that are under way.
    pub async fn run_turns(&self, stop: Stop) {
        let turns = Backlog {
            what: "turns of robots",
            bell: &self.inner.turns,
            at_once: CONCURRENCY,
            due: |_: &Core| turn::due,
        };
        turns.work_off(self, &stop, |key| self.clone().work_turns(key, stop.clone())).await;
    }

    /// Works off the turns of one session.
    async fn work_turns(self, key: Key, stop: Stop) -> Worked<Key> {
        while !stop.is_cancelled() {
            match self.one_turn(&key, &stop).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::error!(tenant = %key.0, session = %key.1, error = ?error, "a robot's turn could not be worked off");
                    return failed(key, &error);
                }
            }
        }
        Ok(key)
    }

    /// Answers the session's next turn. `false` when there is none, or it is left to whoever comes after `stop`.
    async fn one_turn(&self, (tenant, session): &Key, stop: &Stop) -> Result<bool, Error> {
        let (scene, id) = (self.scene(tenant)?, *session);
        let patience = scene.tenant.robot.as_ref().map_or(SPARE, |robot| robot.timeout + SPARE);
        let until = scene.now.plus(patience);
        let take = move |tx: &mut Tx<'_>| {
            let Some(turn) = turn::claim(tx, id, scene.now, until)? else { return Ok(None) };
            let rows = match (&scene.tenant.robot, session::find(tx, id)?) {
                (Some(robot), Some(session)) => reply::rows(tx, robot, &session)?,
                _ => 1,
            };
            Ok::<_, Error>(Some(Task { turn, rows }))
        };
        let Some(task) = self.scope(tenant).write(take).await? else { return Ok(false) };
        let found = match task.turn.tries >= TRIES {
            true => Found::failed("given up after several tries"),
            false => tokio::select! {
                found = self.find_answer(tenant, &task) => found,
                () = long_after(stop) => {
                    let now = self.clock().now();
                    let back = move |tx: &mut Tx<'_>| turn::give_back(tx, &task.turn, until, now).map_err(Error::from);
                    return self.scope(tenant).write(back).await.map(|()| false);
                }
            },
        };
        let turn = task.turn;
        self.change(tenant, move |tx, scene, fx| reply::conclude(tx, scene, &turn, found, fx)).await?;
        Ok(true)
    }

    async fn find_answer(&self, tenant: &TenantId, task: &Task) -> Found {
        let known = self.tenants().tenant(tenant);
        let Some(robot) = known.as_ref().and_then(|tenant| tenant.robot.as_ref()) else {
            return Found::failed("the tenant has no robot any more");
        };
        let library = match self.library(tenant).await {
            Ok(library) => library,
            Err(error) => {
                tracing::error!(tenant = %tenant, error = ?error, "the question base could not be read");
                return Found::failed("the question base could not be read");
            }
        };
        let now = self.clock().now();
        match &robot.adapter {
            Adapter::Faq => from_base(&library, robot, &task.turn, task.rows, now),
            Adapter::Outside(_) => self.ask_outside(tenant, robot, &library, task).await,
        }
    }
}
