//! Where one customer stands in one flow: what is stored between two of the customer's messages. Knows no steps.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::value::Vars;
use crate::model::time::Millis;

/// A run that waits. Stored as JSON and replaced by compare-and-set on what [`Run::expects`] tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The flow.
    pub flow: String,
    /// The flow's version that it started with, and ends with.
    pub version: u32,
    /// The step at which it waits, from 0.
    pub node: usize,
    /// Raised whenever it goes on or asks again; never lowered. An answer belongs to one serial.
    pub serial: u64,
    /// What it waits for.
    pub waits: Waits,
    /// What is known so far.
    pub vars: Vars,
    /// How many answers to this step did not fit.
    pub retries: u32,
    /// When it started.
    pub started_at: Millis,
    /// When it ends, whatever happens.
    pub deadline: Millis,
    /// When this step is given up.
    pub step_deadline: Millis,
    /// What the service told when it sent a code; goes back to it with the customer's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Value>,
}

/// What a run waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Waits {
    /// The customer's words, choice, or media.
    Answer,
    /// The answer of a service. Words that come meanwhile change nothing, but escape words are heard.
    Call,
    /// The answer of a service about a code that the customer typed.
    Check,
    /// The way back from a page.
    Link,
    /// A rating, which the survey takes. The flow leaves the customer's words to it.
    Rating,
}

/// What an answer must belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expects {
    /// The step.
    pub node: usize,
    /// The serial: that of the buttons that were tapped, of the call that came back, of the timer that fired.
    pub serial: u64,
    /// What it waits for.
    pub waits: Waits,
}

impl Run {
    /// What the next answer must belong to; an answer to another serial came late or twice and is to be dropped.
    #[must_use]
    pub fn expects(&self) -> Expects {
        Expects { node: self.node, serial: self.serial, waits: self.waits }
    }

    /// When an answer is no longer waited for: the time of the run's one timer.
    #[must_use]
    pub fn due(&self) -> Millis {
        match self.waits {
            // What a service did is still told when the run's own time is over.
            Waits::Call | Waits::Check => self.step_deadline,
            Waits::Answer | Waits::Link | Waits::Rating => self.step_deadline.min(self.deadline),
        }
    }
}
