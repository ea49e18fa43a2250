//! Why a robot did not do its part. Each variant is a different thing to do for whoever asked it.

use std::time::Duration;

use super::guard::Blocked;

/// A turn without an end. What was told before it happened stands: a message that was said was said.
#[derive(Debug, thiserror::Error)]
pub enum RobotError {
    /// Whoever asked does not want an answer any more. Nothing has to be done.
    #[error("stopped on request")]
    Stopped,
    /// There was no complete answer in time.
    #[error("the robot did not answer in time")]
    Late,
    /// The robot's address is none that is called. The operator has to change it, or to permit the host.
    #[error("the robot's address {0}")]
    Blocked(#[from] Blocked),
    /// There is no connection: nobody there, no such name, or a certificate that is not theirs.
    #[error("the robot cannot be reached: check its address and its certificate")]
    Unreachable(#[source] reqwest::Error),
    /// The connection broke before the answer was complete.
    #[error("the robot's answer broke off")]
    Broken(#[source] Option<reqwest::Error>),
    /// It has too much to do.
    #[error("the robot is busy")]
    Busy {
        /// When it wants to be asked again, if it said so.
        after: Option<Duration>,
    },
    /// It refuses this question, or the key. The same question will be refused again.
    #[error("the robot refused (HTTP status {status}): {message}")]
    Refused {
        /// The status.
        status: u16,
        /// Its words, short and without the key.
        message: String,
    },
    /// It has a fault of its own.
    #[error("the robot failed: {message}")]
    Failed {
        /// Its words, short and without the key.
        message: String,
    },
    /// It said something that is none of the forms that were agreed on.
    #[error("the robot's answer was not understood: {0}")]
    Garbled(&'static str),
    /// Its answer is larger than any honest one.
    #[error("the robot's answer is longer than {limit} bytes")]
    TooLarge {
        /// The limit, bytes.
        limit: usize,
    },
}

impl RobotError {
    /// Whether the same question may be answered if it is asked again.
    #[must_use]
    pub fn retry(&self) -> bool {
        match self {
            Self::Late | Self::Unreachable(_) | Self::Broken(_) | Self::Busy { .. } | Self::Failed { .. } => true,
            Self::Stopped | Self::Blocked(_) | Self::Refused { .. } | Self::Garbled(_) | Self::TooLarge { .. } => false,
        }
    }

    /// How long to wait before asking again, if the robot said so.
    #[must_use]
    pub fn after(&self) -> Option<Duration> {
        match self {
            Self::Busy { after } => *after,
            _ => None,
        }
    }
}

/// Why settings are not those of a robot. `key` is the setting's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} {problem}")]
pub struct SettingError {
    /// Which setting.
    pub key: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

impl SettingError {
    pub(super) fn new(key: &'static str, problem: impl Into<String>) -> Self {
        Self { key, problem: problem.into() }
    }
}
