//! Answers that an agent may use: what the question base would have said. Shown to the agent alone, never stored.

use std::sync::Arc;

use serde::Serialize;
use tokio::sync::{Mutex, mpsc};

use crate::core::Core;
use crate::core::effect::{Effect, Effects, Push};
use crate::model::content::Content;
use crate::model::envelope::Envelope;
use crate::model::id::{AgentId, ConversationId, FaqId, TenantId};
use crate::runtime::Stop;

/// Answers that are shown.
const SHOWN: usize = 3;
/// Less probable ones are not shown.
const LEAST: f64 = 0.3;
/// Shorter words say too little.
const WORDS: usize = 2;
/// Messages that may wait to be looked up.
const WAITING: usize = 256;

/// A customer's message to an agent.
#[derive(Debug)]
struct Heard {
    tenant: TenantId,
    agent: AgentId,
    envelope: Arc<Envelope>,
}

/// Messages that wait to be looked up: not on the way of the messages themselves.
#[derive(Debug)]
pub(in crate::core) struct Copilot {
    sender: mpsc::Sender<Heard>,
    heard: Mutex<mpsc::Receiver<Heard>>,
}

impl Default for Copilot {
    fn default() -> Self {
        let (sender, heard) = mpsc::channel(WAITING);
        Self { sender, heard: Mutex::new(heard) }
    }
}

/// What the question base would say to a message.
#[derive(Debug, Clone, Serialize)]
pub struct Suggestions {
    /// Where.
    pub conv: ConversationId,
    /// The customer's message.
    pub seq: i64,
    /// The answers, the most probable first.
    pub answers: Vec<Suggestion>,
}

/// An answer that an agent may use.
#[derive(Debug, Clone, Serialize)]
pub struct Suggestion {
    /// The entry.
    pub faq: FaqId,
    /// Its question.
    pub question: String,
    /// Its answer.
    pub answer: String,
    /// How probable it is that it was meant.
    pub p: f64,
}

impl Core {
    /// Has a customer's message looked up for the agent who answers. Dropped when too many wait.
    pub(in crate::core) fn listen(&self, tenant: &TenantId, agent: AgentId, envelope: Arc<Envelope>) {
        // A full buffer means that customers write faster than anybody reads suggestions.
        drop(self.inner.copilot.sender.try_send(Heard { tenant: tenant.clone(), agent, envelope }));
    }

    /// Looks messages up until `stop`.
    pub async fn run_copilot(&self, stop: Stop) {
        let mut waiting = self.inner.copilot.heard.lock().await;
        loop {
            let heard = tokio::select! {
                () = stop.cancelled() => return,
                heard = waiting.recv() => heard,
            };
            let Some(Heard { tenant, agent, envelope }) = heard else { return };
            self.suggest(&tenant, &agent, &envelope);
        }
    }

    /// Shows an agent what the question base would say to a customer's message, if it knows anything.
    fn suggest(&self, tenant: &TenantId, agent: &AgentId, envelope: &Envelope) {
        let Some(known) = self.tenants().tenant(tenant) else { return };
        let Some(_) = known.robot.as_ref().filter(|robot| robot.copilot) else { return };
        let Content::Text { text } = &envelope.content else { return };
        let Some(library) = self.inner.knowledge.ready(tenant).filter(|_| text.chars().count() >= WORDS) else {
            return;
        };
        let hits = library.search(text, SHOWN, self.clock().now());
        let probable = hits.into_iter().filter(|(hit, entry)| hit.p >= LEAST && entry.kind == "faq");
        let answers: Vec<Suggestion> = probable
            .map(|(hit, entry)| Suggestion {
                faq: entry.faq.clone(),
                question: entry.question.clone(),
                answer: entry.answer.clone(),
                p: hit.p,
            })
            .collect();
        if !answers.is_empty() {
            let push = Push::Suggest(Suggestions { conv: envelope.conv, seq: envelope.seq, answers });
            let mut effects = Effects::default();
            effects.push(Effect::Agent(agent.clone(), push));
            self.announce(tenant, effects);
        }
    }
}
