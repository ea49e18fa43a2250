//! What a campaign intends and allows; written beside its history, so that a verdict needs nothing else.

use serde::{Deserialize, Serialize};

/// What a checker has to know besides what happened.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Plan {
    /// The fault, as in F14.
    pub fault: String,
    /// The topology: S or P2.
    pub topology: String,
    /// Of the marks and of all choices.
    pub seed: u64,
    /// Whether the fault makes a process or the network silent, so that nobody can answer a callback in time.
    pub silence: bool,
    /// Whether events are consumed from a broker, so that none may be missing.
    pub events: bool,
    /// Tenants: the letter of their marks and their id.
    pub tenants: Vec<Tenant>,
    /// Secrets that no log may hold.
    pub secrets: Vec<String>,
    /// Resident memory of a node that is too much, KB.
    pub memory_kb: i64,
}

/// One tenant.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Tenant {
    /// The letter of its marks.
    pub letter: char,
    /// Its id.
    pub id: String,
}

impl Plan {
    /// The tenant with this letter.
    pub fn tenant(&self, letter: char) -> Option<&str> {
        self.tenants.iter().find(|tenant| tenant.letter == letter).map(|tenant| tenant.id.as_str())
    }
}
