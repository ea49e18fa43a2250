//! The sockets of this process: recipients and their outlets.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::mpsc;

use super::{Attachment, Hint, Inlet, Recipient};
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
pub struct Local {
    outlets: Arc<RwLock<Outlets>>,
}

impl Local {
    pub(super) fn attach(
        &self,
        connection: ConnectionId,
        recipients: Vec<Recipient>,
        capacity: usize,
    ) -> (Attachment, Inlet) {
        let (sender, hints) = mpsc::channel(capacity);
        let overrun = Arc::new(AtomicBool::new(false));
        let outlet = Arc::new(Outlet { connection, hints: sender, overrun: Arc::clone(&overrun) });
        let mut outlets = self.outlets.write().unwrap_or_else(PoisonError::into_inner);
        for recipient in &recipients {
            outlets.entry(recipient.clone()).or_default().push(Arc::clone(&outlet));
        }
        (Attachment { hub: self.clone(), connection, recipients }, Inlet { hints, overrun })
    }

    pub(super) fn detach(&self, connection: ConnectionId, recipients: &[Recipient]) {
        let mut outlets = self.outlets.write().unwrap_or_else(PoisonError::into_inner);
        for recipient in recipients {
            if let Some(list) = outlets.get_mut(recipient) {
                list.retain(|outlet| outlet.connection != connection);
                if list.is_empty() {
                    outlets.remove(recipient);
                }
            }
        }
    }

    pub(super) fn publish(&self, to: &Recipient, hint: &Hint) {
        let outlets = self.outlets.read().unwrap_or_else(PoisonError::into_inner);
        for outlet in outlets.get(to).into_iter().flatten() {
            if let Err(mpsc::error::TrySendError::Full(_)) = outlet.hints.try_send(hint.clone()) {
                outlet.overrun.store(true, Ordering::Release);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::Hub;
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
            hub.publish(&li(), &Hint::Frame("{}".into()));
        }
        assert!(slow.overrun.load(Ordering::Acquire));
        assert_eq!(std::iter::from_fn(|| quick.hints.try_recv().ok()).count(), 3);
    }

    #[test]
    fn dropping_the_attachment_detaches() {
        let hub = Hub::local();
        let (attachment, mut inlet) = hub.attach(ConnectionId::generate(Millis(1)), vec![li()], 8);
        drop(attachment);
        hub.publish(&li(), &Hint::Frame("{}".into()));
        assert!(inlet.hints.try_recv().is_err());
    }
}
