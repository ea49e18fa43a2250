//! One step of a run: pure. An answer and the time go in; the run as it waits next and what is to be done come out.
//!
//! Invariants: the run that comes out either waits for exactly one thing or is gone; its serial is greater than before
//! whenever it went on or asked again, and the same when the input changed nothing; between two waits it passes each
//! step at most a bounded number of times, since a ring without a question is refused when a flow is read.

use std::time::Duration;

use serde_json::{Map, Value};

use super::definition::{Definition, Escape, MediaKind};
use super::run::{Run, Waits};
use super::value::Vars;
use super::walk::{Walk, Why};
use crate::model::content::MenuOption;
use crate::model::id::{MediaId, QueueId};
use crate::model::time::Millis;

/// What reaches a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Input<'a> {
    /// The customer wrote.
    Words(&'a str),
    /// The customer tapped an option.
    Choice {
        /// Its key.
        key: &'a str,
        /// Its text.
        text: &'a str,
    },
    /// The customer sent a blob.
    Media {
        /// What it is.
        kind: MediaKind,
        /// Where it is.
        id: MediaId,
    },
    /// The customer sent a place; coordinates are absent when the channel had none.
    Location {
        /// Degrees north.
        lat: Option<f64>,
        /// Degrees east.
        lon: Option<f64>,
        /// Address or name.
        label: &'a str,
    },
    /// A service answered, or did not.
    Called(Result<Value, CallError>),
    /// The customer came back from a page; the caller has checked the signature.
    Returned(Value),
    /// The service was rated.
    Rated {
        /// The score.
        score: i64,
        /// What was said about it.
        words: Option<&'a str>,
    },
    /// The timer of [`Run::due`] fired.
    Expired,
}

/// Why a service gave no answer that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// It did not answer in time.
    #[error("no answer in time")]
    Timeout,
    /// It cannot be reached, or there is no service of this name.
    #[error("cannot be reached")]
    Unreachable,
    /// It answered that it cannot do this.
    #[error("refused: {0}")]
    Refused(String),
    /// Its answer is larger than a run may keep.
    #[error("the answer is too large")]
    TooLarge,
}

/// What is to be done, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// Say this.
    Say(String),
    /// Ask to choose: buttons where the channel has them, numbered lines elsewhere.
    Choices {
        /// Above the options.
        prompt: String,
        /// The options, in order.
        options: Vec<MenuOption>,
    },
    /// Ask a service. The caller adds whose run it is.
    Call {
        /// Who is asked; `local` is the gateway itself.
        service: String,
        /// What for.
        op: String,
        /// With what.
        args: Map<String, Value>,
        /// How long the answer is waited for; then [`CallError::Timeout`] is to be given.
        timeout: Duration,
        /// The run's serial: the answer belongs to it.
        id: u64,
    },
    /// Send the customer to a page; the caller signs the state and puts it into the address.
    Link {
        /// What is said.
        text: String,
        /// Where to.
        url: String,
        /// The run's serial: the way back belongs to it.
        state: u64,
    },
    /// The run is over; ask for a person.
    Handoff {
        /// In this queue, else the tenant's first.
        queue: Option<QueueId>,
        /// Why, for the log.
        reason: String,
        /// What the customer has told so far, for the agent.
        summary: String,
    },
    /// The run is over; the robot has the turn.
    Robot,
    /// Have the service rated; [`Input::Rated`] goes on.
    Survey,
    /// The run is over as its author meant it.
    End {
        /// Why.
        reason: String,
    },
    /// The run is over before its end. What the customer is told stands before this.
    Cancelled(Why),
}

/// A run after an input, and what is to be done.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The run as it waits; `None` when it is over.
    pub run: Option<Run>,
    /// What is to be done, in order.
    pub acts: Vec<Act>,
}

/// Starts a run. `vars` holds `contact`, `tenant`, `channel` and the flow's inputs.
#[must_use]
pub fn start(definition: &Definition, vars: Vars, now: Millis) -> Step {
    let run = Run {
        flow: definition.name.clone(),
        version: definition.version,
        node: 0,
        serial: 0,
        waits: Waits::Answer,
        vars,
        retries: 0,
        started_at: now,
        deadline: now.plus(definition.ttl),
        step_deadline: now,
        sent: None,
    };
    Walk::new(definition, run, now).enter(0)
}

/// Gives an input to a run. The caller has seen that it belongs to [`Run::expects`]; an input that the run does not
/// wait for changes nothing even so. Once the run is due, every input but a service's answer ends it.
#[must_use]
pub fn advance(definition: &Definition, run: Run, input: Input<'_>, now: Millis) -> Step {
    let fits = run.flow == definition.name && run.version == definition.version && run.node < definition.len();
    let waits_for_service = matches!(run.waits, Waits::Call | Waits::Check);
    let due = now >= run.due();
    let walk = Walk::new(definition, run, now);
    if !fits {
        return walk.cancel(Why::Gone);
    }
    match input {
        Input::Called(result) if waits_for_service => walk.called(result),
        Input::Expired if !due => walk.unchanged(),
        Input::Expired if waits_for_service => walk.called(Err(CallError::Timeout)),
        _ if due && !waits_for_service => walk.expire(),
        Input::Words(words) => match definition.escape(words) {
            Some(Escape::Cancel) => walk.cancel(Why::Escaped),
            Some(Escape::Handoff) => walk.hand_off("escape"),
            None => walk.answer(&Input::Words(words)),
        },
        other => walk.answer(&other),
    }
}
