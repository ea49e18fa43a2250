//! The bus of a single process: a broadcast with a bounded buffer.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::broadcast;

use super::Outcome;
use super::figure::{Counters, Figures, Tally};
use crate::model::event::Occurrence;

/// Events that a listener may be behind.
const BUFFER: usize = 1024;

/// Listeners in this process.
#[derive(Debug, Clone)]
pub struct Local {
    events: broadcast::Sender<Occurrence>,
    counters: Arc<Counters>,
}

impl Local {
    pub(super) fn new() -> Self {
        let counters = Arc::new(Counters::default());
        counters.up.store(true, Ordering::Relaxed);
        Self { events: broadcast::Sender::new(BUFFER), counters }
    }

    pub(super) fn publish(&self, events: &[Occurrence]) -> Outcome {
        if self.is_heard() {
            for event in events {
                // The last listener may have gone meanwhile. Nobody listening is not a failure: the event was offered.
                drop(self.events.send(event.clone()));
            }
        }
        Counters::add(&self.counters.published, events.len());
        Outcome { taken: events.iter().map(|event| event.id.clone()).collect(), failure: None }
    }

    pub(super) fn is_heard(&self) -> bool {
        self.events.receiver_count() > 0
    }

    pub(super) fn pass_over(&self, events: usize) {
        Counters::add(&self.counters.published, events);
    }

    pub(super) fn listen(&self) -> broadcast::Receiver<Occurrence> {
        self.events.subscribe()
    }

    pub(super) fn questions(&self) -> &Tally {
        &self.counters.questions
    }

    pub(super) fn figures(&self) -> Figures {
        self.counters.figures()
    }
}
