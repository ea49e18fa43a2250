//! Robots: one contract, and one adapter for each kind of robot. Knows turns and what a robot says; knows nothing of
//! sessions, queues and channels, and decides nothing: a hand-over is a wish, an answer is valid if its epoch still is.

mod answer;
mod compose;
mod dify;
mod error;
pub mod faq;
pub mod guard;
mod http;
mod line;
mod openai;
mod rasa;
mod script;
pub mod service;
mod sse;
mod thought;
mod turn;
pub mod webhook;

use std::time::Duration;

use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::model::robot::RobotSetting;
use crate::runtime::Stop;

use dify::Dify;
use line::Line;
use openai::OpenAi;
use rasa::Rasa;
use script::Script;
use webhook::Webhook;

pub use answer::{Answer, MAX_CHARS, MAX_PARTS};
pub use error::{RobotError, SettingError};
pub use guard::{Blocked, Endpoint, Guard, Lookup, Permit};
pub use http::Http;
pub use turn::{Caps, Choice, Finish, Handoff, Outcome, Passage, RobotEvent, Said, Turn, Who};

/// Longest time that a robot may be given.
const MAX_TIMEOUT: Duration = Duration::from_secs(60);

/// A tenant's robot.
#[derive(Debug)]
pub enum Adapter {
    /// A language model.
    OpenAi(OpenAi),
    /// A Rasa assistant.
    Rasa(Rasa),
    /// A Dify application.
    Dify(Dify),
    /// The tenant's own program.
    Webhook(Webhook),
    /// Written rules.
    Script(Script),
}

impl Adapter {
    /// Checks the settings and takes them.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn new(setting: &RobotSetting, guard: &Guard, http: &Http, clock: &Clock) -> Result<Self, SettingError> {
        Ok(match setting {
            RobotSetting::OpenAi(setting) => Self::OpenAi(OpenAi::new(setting, guard, http.clone())?),
            RobotSetting::Rasa(setting) => Self::Rasa(Rasa::new(setting, guard, http.clone())?),
            RobotSetting::Dify(setting) => Self::Dify(Dify::new(setting, guard, http.clone())?),
            RobotSetting::Webhook(setting) => Self::Webhook(Webhook::new(setting, guard, http.clone(), clock.clone())?),
            RobotSetting::Script(setting) => Self::Script(Script::new(setting)?),
        })
    }

    /// The kind of robot, for traces.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::OpenAi(_) => "openai",
            Self::Rasa(_) => "rasa",
            Self::Dify(_) => "dify",
            Self::Webhook(_) => "webhook",
            Self::Script(_) => "script",
        }
    }

    /// Lets the robot answer one message. What it says goes to `out` while it says it; at most three messages and
    /// questions, and 2,000 characters in them.
    ///
    /// Ends when the robot has finished, when `stop` is cancelled, when nobody listens to `out` any more, or when the
    /// time is over: that of the turn or that of the robot, whichever is shorter. In each of these cases the robot is
    /// told to stop, if it can be told. Dropping the future only closes the connection.
    ///
    /// # Errors
    /// See [`RobotError`]; what was told before stands.
    pub async fn turn(&self, turn: Turn, out: mpsc::Sender<RobotEvent>, stop: &Stop) -> Result<Finish, RobotError> {
        let line = Line::open(&turn, out, stop, self.timeout());
        match self {
            Self::OpenAi(robot) => robot.turn(&turn, line).await,
            Self::Rasa(robot) => robot.turn(&turn, line).await,
            Self::Dify(robot) => robot.turn(&turn, line).await,
            Self::Webhook(robot) => robot.turn(&turn, line).await,
            Self::Script(robot) => robot.turn(&turn, line).await,
        }
    }

    /// The robot's own time for an answer.
    fn timeout(&self) -> Duration {
        match self {
            Self::OpenAi(robot) => robot.timeout,
            Self::Rasa(robot) => robot.timeout,
            Self::Dify(robot) => robot.timeout,
            Self::Webhook(robot) => robot.timeout,
            Self::Script(_) => MAX_TIMEOUT,
        }
    }
}

/// An address out of settings.
fn address(text: &str, guard: &Guard) -> Result<Endpoint, SettingError> {
    guard.endpoint(text).map_err(|blocked| SettingError::new("url", blocked.to_string()))
}

/// A time out of settings.
fn timeout(time: Duration) -> Result<Duration, SettingError> {
    if time.is_zero() || time > MAX_TIMEOUT {
        return Err(SettingError::new("timeout", "must be more than 0 and at most 60 s"));
    }
    Ok(time)
}

#[cfg(test)]
mod stub;
