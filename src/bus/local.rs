//! The bus of a single process: a broadcast with a bounded buffer.

use tokio::sync::broadcast;

use super::Event;

/// Events that a listener may be behind.
const BUFFER: usize = 1024;

/// Listeners in this process.
#[derive(Debug, Clone)]
pub struct Local {
    events: broadcast::Sender<Event>,
}

impl Local {
    pub(super) fn new() -> Self {
        Self { events: broadcast::Sender::new(BUFFER) }
    }

    pub(super) fn publish(&self, events: &[Event]) {
        for event in events {
            // Nobody listening is not a failure: the event was offered.
            drop(self.events.send(event.clone()));
        }
    }

    pub(super) fn listen(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Bus, Event};
    use crate::model::id::TenantId;

    #[tokio::test]
    async fn listeners_get_events_in_order() {
        let bus = Bus::local();
        let mut listener = bus.listen();
        let event = |id: &str| Event { tenant: TenantId::parse("t").unwrap(), id: id.into(), body: "{}".into() };
        bus.publish(&[event("1"), event("2")]).await.unwrap();
        assert_eq!(listener.recv().await.unwrap().id, "1");
        assert_eq!(listener.recv().await.unwrap().id, "2");
    }
}
