//! The sockets of this process: recipients and their outlets.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::mpsc;

use super::{Hint, Inlet, Recipient};
use crate::config::{Bug, planted};
use crate::model::id::ConnectionId;

#[derive(Debug)]
struct Outlet {
    connection: ConnectionId,
    hints: mpsc::Sender<Hint>,
    overrun: Arc<AtomicBool>,
}

type Outlets = HashMap<Recipient, Vec<Arc<Outlet>>>;

/// The attached outlets. A read lock on the hot path: attaching is rare, publishing is not.
#[derive(Debug, Clone, Default)]
pub(super) struct Local {
    outlets: Arc<RwLock<Outlets>>,
}

impl Local {
    /// Attaches a connection; also returns the recipients that had no connection here before.
    pub(super) fn attach(
        &self,
        connection: ConnectionId,
        recipients: &[Recipient],
        capacity: usize,
    ) -> (Inlet, Vec<Recipient>) {
        let (sender, hints) = mpsc::channel(capacity);
        let overrun = Arc::new(AtomicBool::new(false));
        let outlet = Arc::new(Outlet { connection, hints: sender, overrun: Arc::clone(&overrun) });
        let mut new = Vec::new();
        let mut outlets = self.outlets.write().unwrap_or_else(PoisonError::into_inner);
        for recipient in recipients {
            let list = outlets.entry(recipient.clone()).or_default();
            if list.is_empty() {
                new.push(recipient.clone());
            }
            list.push(Arc::clone(&outlet));
        }
        (Inlet { hints, overrun }, new)
    }

    /// Detaches a connection; returns the recipients that have none here any more.
    pub(super) fn detach(&self, connection: ConnectionId, recipients: &[Recipient]) -> Vec<Recipient> {
        let mut gone = Vec::new();
        let mut outlets = self.outlets.write().unwrap_or_else(PoisonError::into_inner);
        for recipient in recipients {
            if let Some(list) = outlets.get_mut(recipient) {
                list.retain(|outlet| outlet.connection != connection);
                if list.is_empty() {
                    outlets.remove(recipient);
                    gone.push(recipient.clone());
                }
            }
        }
        gone
    }

    /// Whether a connection is attached under the recipient.
    pub(super) fn has(&self, recipient: &Recipient) -> bool {
        self.outlets.read().unwrap_or_else(PoisonError::into_inner).contains_key(recipient)
    }

    /// Every connection, under the first recipient that it stands for.
    pub(super) fn connections(&self) -> Vec<(Recipient, ConnectionId)> {
        let outlets = self.outlets.read().unwrap_or_else(PoisonError::into_inner);
        let single = outlets.iter().filter(|(recipient, _)| !matches!(recipient, Recipient::Agents(_)));
        single.flat_map(|(to, list)| list.iter().map(move |outlet| (to.clone(), outlet.connection))).collect()
    }

    /// Everybody who has a connection here.
    pub(super) fn recipients(&self) -> Vec<Recipient> {
        self.outlets.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    pub(super) fn publish(&self, to: &Recipient, hint: &Hint) {
        let tell = |outlet: &Arc<Outlet>| {
            if let Err(mpsc::error::TrySendError::Full(_)) = outlet.hints.try_send(hint.clone()) {
                outlet.overrun.store(true, Ordering::Release);
            }
        };
        let outlets = self.outlets.read().unwrap_or_else(PoisonError::into_inner);
        outlets.get(to).into_iter().flatten().for_each(tell);
        if planted(Bug::HubWithoutTenant) {
            outlets.iter().filter(|(other, _)| namesakes(to, other)).flat_map(|(_, list)| list).for_each(tell);
        }
    }
}

/// Whether two agents of different tenants have one name: only for the bug that mixes them up.
fn namesakes(one: &Recipient, other: &Recipient) -> bool {
    let name = |of: &Recipient| match of {
        Recipient::Agent(_, agent) => Some(agent.clone()),
        Recipient::Agents(_) | Recipient::Contact(..) => None,
    };
    one != other && name(one).is_some() && name(one) == name(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::{Frame, Hub};
    use crate::model::id::{AgentId, TenantId};
    use crate::model::time::Millis;

    fn li() -> Recipient {
        Recipient::Agent(TenantId::parse("t").unwrap(), AgentId::parse("li").unwrap())
    }

    #[test]
    fn a_full_outlet_is_marked_and_does_not_hold_up_others() {
        let hub = Hub::local();
        let (_slow, slow) = hub.attach(ConnectionId::generate(Millis(1)), vec![li()], 1);
        let (_quick, mut quick) = hub.attach(ConnectionId::generate(Millis(2)), vec![li()], 8);
        for _ in 0..3 {
            hub.publish(&li(), &Hint::Frame(Frame::plain("{}")));
        }
        assert!(slow.overrun.load(Ordering::Acquire));
        assert_eq!(std::iter::from_fn(|| quick.hints.try_recv().ok()).count(), 3);
    }

    #[test]
    fn dropping_the_attachment_detaches() {
        let hub = Hub::local();
        let (attachment, mut inlet) = hub.attach(ConnectionId::generate(Millis(1)), vec![li()], 8);
        drop(attachment);
        hub.publish(&li(), &Hint::Frame(Frame::plain("{}")));
        assert!(inlet.hints.try_recv().is_err());
    }
}
