//! Who serves whom at the moment, as the agents' clients know it. Only for choosing what to do next: checks do not trust it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is known.
#[derive(Debug, Default)]
pub struct Desk {
    inner: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    threads: HashMap<String, u32>,
    holders: HashMap<u32, (usize, String)>,
}

impl Desk {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A conversation is that of this customer.
    pub fn learn(&self, conv: &str, thread: u32) {
        self.known().threads.entry(conv.to_owned()).or_insert(thread);
    }

    /// The customer of a conversation.
    pub fn thread(&self, conv: &str) -> Option<u32> {
        self.known().threads.get(conv).copied()
    }

    /// An agent has a conversation now.
    pub fn hold(&self, conv: &str, agent: usize) {
        let mut known = self.known();
        if let Some(thread) = known.threads.get(conv).copied() {
            known.holders.insert(thread, (agent, conv.to_owned()));
        }
    }

    /// An agent has it no more.
    pub fn release(&self, conv: &str, agent: usize) {
        let mut known = self.known();
        if let Some(thread) = known.threads.get(conv).copied()
            && known.holders.get(&thread).is_some_and(|(holder, _)| *holder == agent)
        {
            known.holders.remove(&thread);
        }
    }

    /// Who serves this customer, and in which conversation.
    pub fn holder(&self, thread: u32) -> Option<(usize, String)> {
        self.known().holders.get(&thread).cloned()
    }

    /// Customers that are served.
    pub fn served(&self) -> usize {
        self.known().holders.len()
    }
}
