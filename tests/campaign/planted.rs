//! The planted bugs, each with the fault that has to catch it. A checker that finds nothing proves nothing.

use std::collections::BTreeSet;

use yizhan::config::Bug;

use crate::run::Outcome;
use crate::table;

/// A bug and where it has to show.
#[derive(Debug, Clone, Copy)]
pub struct Plant {
    /// The bug.
    pub bug: Bug,
    /// The fault that has to catch it.
    pub fault: &'static str,
    /// What it is, in a line.
    pub about: &'static str,
    /// How many customers it takes, if it shows only where one has several messages under way.
    pub threads: Option<u32>,
    /// The checks or requirements that are about it. Others may be broken by a slow machine, and catch nothing.
    signs: &'static [&'static str],
}

const fn plant(bug: Bug, fault: &'static str, signs: &'static [&'static str], about: &'static str) -> Plant {
    Plant { bug, fault, about, threads: None, signs }
}

/// With few customers, each of whom has the more to say.
const fn crowded(plant: Plant) -> Plant {
    Plant { threads: Some(24), ..plant }
}

/// All of them.
pub const ALL: [Plant; 24] = [
    plant(Bug::AnswerBeforeCommit, "F05", &["C1 "], "yes is said before the commit"),
    plant(Bug::DedupeForgotten, "F12", &["C3 "], "a repeated delivery is taken for a new one"),
    plant(Bug::MsgIdAsFloat, "F38", &["C1 "], "the 64-bit id of a delivery is read as a floating-point number"),
    plant(Bug::CidIgnored, "none", &["C3 "], "a client's repeated message is taken for a new one"),
    plant(Bug::ResumeSkipsOne, "none", &["C4 ", "C2 "], "resume off by one: a message is left out"),
    plant(Bug::ResumeRepeatsOne, "none", &["C3 "], "resume off by one: a message comes again"),
    plant(Bug::StaleEpoch, "F03", &["C8 ", "late writes refused"], "the epoch is not compared when an agent speaks"),
    plant(Bug::PlaceNotGivenBack, "none", &["C8 "], "the conversation is locked, the agent's places are not"),
    plant(Bug::HubWithoutTenant, "none", &["C9 "], "the hub's key lacks the tenant"),
    plant(
        Bug::HintForgotten,
        "none",
        &["C2 ", "C4 ", "C13 "],
        "some messages are announced to nobody (one node: nobody sweeps)",
    ),
    plant(Bug::SweepOff, "F18", &["C13 ", "shown although"], "nobody looks for what no hint announced"),
    plant(Bug::UncertainRepeated, "F20", &["C12 "], "a send whose answer was lost is repeated"),
    crowded(plant(Bug::NewestFirst, "F20", &["C12 "], "replies do not leave in their order")),
    plant(Bug::AttemptNotNoted, "F04", &["C12 ", "sends caught"], "the attempt is not on disk before the call"),
    plant(Bug::SentWithoutCall, "none", &["C12 "], "some replies count as sent, and nobody sent them"),
    plant(Bug::ReceiptNotTold, "none", &["C12 "], "agents do not hear what became of their replies"),
    plant(Bug::TokenStorm, "F21", &["new tokens"], "a refused token is replaced as often as it is refused"),
    plant(Bug::OutboxUnbounded, "F35", &["slow devices", "memory"], "the way to a slow reader is unbounded"),
    plant(Bug::PanicInFrame, "none", &["C15 "], "some frames panic"),
    plant(Bug::NoDrain, "F02", &["4010", "without a close frame", "exit code"], "SIGTERM without a drain"),
    plant(Bug::EventsForgotten, "F24", &["C11 "], "events are forgotten although the broker did not take them"),
    plant(Bug::ConfirmIgnored, "F24", &["C11 "], "a publish counts before its confirm"),
    plant(Bug::WordsInLog, "none", &["C15 "], "a log line with what a customer said"),
    plant(Bug::TokenInLog, "none", &["C15 "], "a log line with an access token"),
];

impl Plant {
    /// The bug of a name.
    pub fn named(name: &str) -> Option<Self> {
        ALL.into_iter().find(|plant| plant.bug.name().eq_ignore_ascii_case(name))
    }
}

/// How a bug fared.
#[derive(Debug)]
pub struct Catch {
    plant: Plant,
    /// What it was caught by, or why not.
    by: Result<String, String>,
}

impl Catch {
    /// What a run with the bug comes to. Only what is about the bug has caught it: a run that could not be run, or that
    /// broke something else, may have other reasons.
    pub fn of(plant: Plant, outcome: anyhow::Result<Outcome>) -> Self {
        let by = match outcome.map(|outcome| (outcome.exit_code(), reasons(&outcome))) {
            Ok((code, all)) => {
                let signs = |reason: &&String| plant.signs.iter().any(|sign| reason.contains(sign));
                let about: Vec<_> = all.iter().filter(signs).map(String::as_str).collect();
                if about.is_empty() {
                    Err(format!("exit code {code}; {}", all.join("; ")))
                } else {
                    Ok(about.join("; "))
                }
            }
            Err(error) => Err(format!("{error:#}")),
        };
        Self { plant, by }
    }

    /// Whether it was caught.
    pub fn caught(&self) -> bool {
        self.by.is_ok()
    }

    /// A line for a person.
    pub fn told(&self) -> String {
        let name = self.plant.bug.name();
        match &self.by {
            Ok(by) => format!("caught   {name} in {}: {by}", self.plant.fault),
            Err(why) => format!("ESCAPED  {name} in {}: {why}", self.plant.fault),
        }
    }
}

/// Everything that was broken.
fn reasons(outcome: &Outcome) -> Vec<String> {
    let checks: BTreeSet<_> = outcome.verdict.findings.iter().map(|finding| finding.check).collect();
    let broken = outcome.requirements.iter().filter(|requirement| !requirement.holds);
    let broken = broken.map(|requirement| requirement.what.clone());
    checks.into_iter().map(|check| check.name().to_owned()).chain(broken).collect()
}

/// Writes the row of a bug.
pub fn tell(catch: &Catch) -> anyhow::Result<()> {
    let Catch { plant, by } = catch;
    let key = |plant: &Plant| format!("`{}`", plant.bug.name());
    let by = by.as_ref().map_or_else(|why| format!("**not caught**: {why}"), Clone::clone);
    let row = vec![key(plant), plant.about.to_owned(), plant.fault.to_owned(), by];
    table::planted(row, &ALL.iter().map(key).collect::<Vec<_>>())
}
