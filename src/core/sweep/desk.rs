//! What all agents of a tenant see: who of them is there.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::{Core, Memory, News};
use crate::core::Error;
use crate::core::effect::Push;
use crate::core::mark::marked;
use crate::core::view::agent_view;
use crate::hub::{Frame, Hint, Recipient};
use crate::model::id::{AgentId, TenantId};
use crate::store::agent;

/// What the last look saw: the mark of every agent.
pub(super) type DeskSeen = HashMap<u64, u64>;

impl Core {
    /// Looks at the agents of a tenant and tells its agents here what has changed.
    pub(super) async fn sweep_desk(&self, tenant: &TenantId, memory: &mut Memory) -> Result<(), Error> {
        let frames = self.presences(tenant).await?;
        let known = memory.desks.insert(tenant.clone(), seen(&frames)).unwrap_or_default();
        let to = Recipient::Agents(tenant.clone());
        let changed = frames.into_iter().filter(|frame| {
            frame.mark.is_some_and(|mark| known.get(&mark.thing) != Some(&mark.value)) && !known.is_empty()
        });
        let list = changed.map(|frame| (to.clone(), Hint::Swept(frame))).collect();
        memory.found(News { list, statements: 1 });
        Ok(())
    }

    /// Tells these agents, who have just come, how their colleagues are.
    pub(super) async fn show_desk(
        &self,
        tenant: &TenantId,
        agents: &BTreeSet<AgentId>,
        memory: &mut Memory,
    ) -> Result<(), Error> {
        let frames = self.presences(tenant).await?;
        let each = agents.iter().map(|agent| Recipient::Agent(tenant.clone(), agent.clone()));
        let list = each.flat_map(|to| frames.iter().map(move |frame| (to.clone(), Hint::Swept(Arc::clone(frame)))));
        let news = News { list: list.collect(), statements: 1 };
        memory.found(news);
        Ok(())
    }

    async fn presences(&self, tenant: &TenantId) -> Result<Vec<Arc<Frame>>, Error> {
        let views = self
            .scope(tenant)
            .read(|tx| Ok::<_, Error>(agent::all(tx)?.iter().map(agent_view).collect::<Vec<_>>()))
            .await?;
        views.into_iter().map(|view| marked(&Push::Presence(view)).map_err(Error::internal)).collect()
    }
}

fn seen(frames: &[Arc<Frame>]) -> DeskSeen {
    frames.iter().filter_map(|frame| frame.mark.map(|mark| (mark.thing, mark.value))).collect()
}
