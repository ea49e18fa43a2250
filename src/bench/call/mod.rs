//! How fast a call is set up, and how many calls a second a gateway carries: signalling only, no media. Visitors call,
//! agents accept at once, both exchange an offer and an answer, say that they are connected, and hang up.
//!
//! An agent has one call at a time, and a session ten a minute. So a *desk* is one agent with the visitors whom it
//! serves, who call in turn; desks work side by side.

mod desk;
mod load;
mod report;
mod run;

use std::time::Duration;

pub use run::run;

use super::Setting;
use super::relay::Scenario;

/// Who sets calls up.
const SCENARIOS: [Scenario; 3] = [Scenario::Embedded, Scenario::OneNode, Scenario::TwoNodes];
/// What is aimed at: 99 of 100 calls on one node, at this rate, within this time.
const GOAL: (u32, f64) = (50, 30.0);

/// What is measured, and on what.
#[derive(Debug, Clone)]
pub struct Options {
    /// What every experiment is told.
    pub setting: Setting,
    /// Only scenarios that have this in their word.
    pub only: Option<String>,
    /// Calls per second of all together.
    pub rates: Vec<u32>,
    /// Visitors, spread over the agents.
    pub visitors: usize,
    /// Worker threads of each node.
    pub workers: usize,
}

impl Options {
    fn scenarios(&self) -> Vec<Scenario> {
        let wanted = |one: &Scenario| self.only.as_ref().is_none_or(|only| one.word().contains(only.as_str()));
        SCENARIOS.into_iter().filter(wanted).collect()
    }

    /// Before anything counts, and how long is measured.
    fn times(&self) -> (Duration, Duration) {
        let ms = Duration::from_millis;
        if self.setting.quick { (ms(500), ms(1_500)) } else { (ms(1_500), ms(5_000)) }
    }
}
