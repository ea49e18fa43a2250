//! Calls: that it rings, how they stand, that they are over.

use super::round::Here;
use super::{Core, Memory, News};
use crate::core::{Error, call};
use crate::hub::{Hint, Recipient};
use crate::model::id::TenantId;

impl Core {
    /// Looks at the calls of a tenant and tells those parties who are here what has changed.
    pub(super) async fn sweep_calls(&self, tenant: &TenantId, here: &Here, memory: &mut Memory) -> Result<(), Error> {
        let scene = self.scene(tenant)?;
        let known = memory.calls.remove(tenant).unwrap_or_default();
        // Where calls were switched off what was seen live before is looked at until it is over.
        if scene.tenant.call.is_none() && known.is_empty() {
            return Ok(());
        }
        let (seen, told) = self.scope(tenant).read(move |tx| call::look(tx, &scene, &known)).await?;
        memory.calls.insert(tenant.clone(), seen);
        let mut news = News { statements: 1, ..News::default() };
        for told in told {
            let to = told.recipient(tenant);
            let is_here = match &to {
                Recipient::Agent(_, agent) => here.agents.contains(agent),
                Recipient::Contact(_, contact) => here.contacts.contains(contact),
                Recipient::Agents(_) => false,
            };
            if is_here {
                news.list.push((to, Hint::Swept(told.frame(true).map_err(Error::internal)?)));
            }
        }
        memory.found(news);
        Ok(())
    }
}
