//! Multi-step forms: reads them, checks them, and says what each answer leads to. Knows no store, no clock and no
//! channel: runs, times and inputs are handed in, and what is to be done is handed back.
//!
//! A [`Definition`] is a checked flow, a [`Run`] is where one customer stands in it, [`start`] and [`advance`] are pure
//! functions from a run and an input to the next run and the [`Act`]s. The caller stores the run by compare-and-set on
//! its serial, carries out the acts after that, and keeps one timer for [`Run::due`].

mod answer;
pub mod bundled;
pub mod catalogue;
mod definition;
mod expression;
mod graph;
mod parse;
pub mod problem;
mod run;
mod step;
mod text;
mod token;
pub mod trigger;
mod value;
mod walk;
pub mod words;
mod yaml;

#[cfg(test)]
mod tests;

pub use catalogue::Catalogue;
pub use definition::{Definition, Escape, MediaKind, State, Trigger};
pub use run::{Expects, Run, Waits};
pub use step::{Act, CallError, Input, Step, advance, start};
pub use value::Vars;
pub use walk::Why;

/// The longest that a form may wait for a service.
pub const CALL_MAX: std::time::Duration = std::time::Duration::from_secs(60);
