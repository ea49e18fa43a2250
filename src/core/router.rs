//! Who is offered what: claims for as long as something fits. The order is in the store's rows, the choice in `model`.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use super::effect::{Effect, Effects, Push};
use super::view::queue_view;
use super::{Core, Error, Scene, call, handoff, offer};
use crate::model::id::{QueueId, SessionId, TenantId};
use crate::runtime::Stop;
use crate::store::assignment::{self, Terms};
use crate::store::{Tx, queue};
use crate::tenant::Strategy;

/// Looks at every queue in which somebody waits, for whatever no wake-up announced.
const SWEEP: Duration = Duration::from_secs(4);
/// Claims per transaction.
const BATCH: usize = 16;
/// Waiting customers of a queue who are told their place.
const PLACES: i64 = 100;
/// How long an offer stands where no queue says.
const OFFER: Duration = Duration::from_secs(20);

/// How long an agent has to accept.
pub(super) fn offer_time(scene: &Scene, queue: Option<&QueueId>) -> Duration {
    queue.and_then(|id| scene.tenant.queue(id)).map_or(OFFER, |queue| queue.offer)
}

/// Makes at most one batch of offers; `true` when there may be more.
fn make_offers(tx: &mut Tx<'_>, scene: &Scene, fx: &mut Effects) -> Result<bool, Error> {
    let mut made = 0;
    let busy = queue::busy(tx)?;
    let load = if busy.is_empty() { call::Load::default() } else { call::Load::read(tx, scene)? };
    for id in busy {
        let declared = scene.tenant.queue(&id);
        if declared.is_some_and(|queue| queue.strategy == Strategy::Manual) {
            continue;
        }
        let video = declared.is_some_and(|queue| queue.video);
        let terms = Terms { now: scene.now, deadline: scene.now.plus(offer_time(scene, Some(&id))) };
        while made < BATCH
            && let Some(offered) =
                assignment::claim_fit(tx, &id, terms, |agent, session| load.fits(agent, session, video))?
        {
            offer::show(tx, scene, &offered, fx)?;
            made += 1;
        }
    }
    Ok(made == BATCH)
}

/// What was last told about queues and places, so that only changes are told.
#[derive(Debug, Default)]
pub(super) struct Board {
    lengths: HashMap<TenantId, HashMap<QueueId, i64>>,
    places: HashMap<TenantId, HashMap<SessionId, usize>>,
}

/// What is told now.
#[derive(Debug)]
struct Told {
    lengths: HashMap<QueueId, i64>,
    places: HashMap<SessionId, usize>,
    effects: Effects,
}

fn look(
    tx: &mut Tx<'_>,
    scene: &Scene,
    lengths: &HashMap<QueueId, i64>,
    places: &HashMap<SessionId, usize>,
) -> Result<Told, Error> {
    let mut told = Told { lengths: HashMap::new(), places: HashMap::new(), effects: Effects::default() };
    for declared in &scene.tenant.queues {
        let view = queue_view(tx, scene, &declared.id)?;
        told.lengths.insert(declared.id.clone(), view.waiting);
        let was = lengths.get(&declared.id).copied();
        if was.unwrap_or(0) == view.waiting {
            if view.waiting == 0 {
                continue;
            }
        } else {
            told.effects.push(Effect::Agents(Push::Queue(view)));
        }
        for (index, entry) in queue::first(tx, &declared.id, PLACES)?.into_iter().enumerate() {
            if places.get(&entry.session).is_some_and(|place| *place != index) {
                handoff::show_place(tx, &entry, &mut told.effects)?;
            }
            told.places.insert(entry.session, index);
        }
    }
    Ok(told)
}

impl Core {
    /// Offers waiting sessions to agents until `stop`: at once when something changed, and every few seconds for
    /// whatever was not announced.
    pub async fn run_router(&self, stop: Stop) {
        let mut board = Board::default();
        let mut sweep = tokio::time::interval(SWEEP);
        sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let (tenants, rung) = tokio::select! {
                () = stop.cancelled() => return,
                rung = self.inner.routes.heard() => (rung, true),
                _ = sweep.tick() => (self.waiting_tenants(&board).await, false),
            };
            for tenant in tenants {
                if let Err(error) = self.pass(&tenant, &mut board, rung).await {
                    tracing::warn!(tenant = %tenant, error = ?error, "routing failed; the sweep repeats it");
                }
            }
        }
    }

    /// The tenants in which somebody waits, or waited when it was last told: another node may have served them.
    async fn waiting_tenants(&self, board: &Board) -> BTreeSet<TenantId> {
        let told = board.lengths.iter().filter(|(_, lengths)| lengths.values().any(|length| *length > 0));
        let told: Vec<TenantId> = told.map(|(tenant, _)| tenant.clone()).collect();
        match self.inner.parts.store.survey(|conn| queue::busy_tenants(conn).map_err(Error::from)).await {
            Ok(tenants) => tenants.into_iter().chain(told).collect(),
            Err(error) => {
                tracing::warn!(error = ?error, "waiting sessions could not be read");
                BTreeSet::new()
            }
        }
    }

    async fn pass(&self, tenant: &TenantId, board: &mut Board, rung: bool) -> Result<(), Error> {
        self.route(tenant).await?;
        let told = self.show_board(tenant, board).await?;
        // What nobody here has changed another node has told already, and looks for itself if its hints get lost.
        match rung || !self.hub().spans_nodes() {
            true => self.announce(tenant, told),
            false => self.announce_here(tenant, told),
        }
        Ok(())
    }

    /// Offers a tenant's waiting sessions until nothing fits any more.
    ///
    /// # Errors
    /// `dependency_unavailable`; what was offered before stays offered.
    pub(crate) async fn route(&self, tenant: &TenantId) -> Result<(), Error> {
        while self.change(tenant, make_offers).await? {}
        Ok(())
    }

    /// The lengths of queues for agents and the places of web customers, where they changed.
    async fn show_board(&self, tenant: &TenantId, board: &mut Board) -> Result<Effects, Error> {
        let scene = self.scene(tenant)?;
        let lengths = board.lengths.remove(tenant).unwrap_or_default();
        let places = board.places.remove(tenant).unwrap_or_default();
        let told = self.scope(tenant).read(move |tx| look(tx, &scene, &lengths, &places)).await?;
        board.lengths.insert(tenant.clone(), told.lengths);
        board.places.insert(tenant.clone(), told.places);
        Ok(told.effects)
    }
}
