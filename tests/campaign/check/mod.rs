//! The verdict on a campaign: files in, findings out. Pure: knows no process, no socket and no clock.
//!
//! A finding names its check. What cannot be decided is `unknown`, which counts as failure.

mod event;
mod hygiene;
mod index;
mod isolation;
mod kept;
mod life;
mod linear;
mod log;
mod owner;
mod report;
#[cfg(test)]
mod sample;
mod shown;
pub mod time;
mod wechat;

use super::history::{Records, Token};
use index::Index;
pub use report::report;
pub use time::Delays;

/// Findings of one check that are kept; more of the same tell nothing new.
const KEPT: usize = 200;

/// Which promise a finding is about. The order is that of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// Accepted is stored.
    Stored,
    /// Stored is shown.
    Shown,
    /// Nothing is shown twice.
    Once,
    /// Logs are contiguous and in order.
    Order,
    /// Everybody sees the same log.
    Agreement,
    /// Nothing is shown that nobody said.
    Phantom,
    /// Every attempt has one outcome.
    Account,
    /// One owner at a time.
    Owner,
    /// Nobody sees another tenant's or colleague's words.
    Isolation,
    /// Every event leaves, at least once.
    Event,
    /// What reaches WeChat: all, once, in order, and the agent knows.
    Wechat,
    /// Answers and deliveries in time.
    Time,
    /// Memory and descriptors within bounds.
    Resource,
    /// No panic, no unexplained 5xx, no secret in a log.
    Hygiene,
}

impl Check {
    /// All checks.
    pub const ALL: [Self; 14] = [
        Self::Stored,
        Self::Shown,
        Self::Once,
        Self::Order,
        Self::Agreement,
        Self::Phantom,
        Self::Account,
        Self::Owner,
        Self::Isolation,
        Self::Event,
        Self::Wechat,
        Self::Time,
        Self::Resource,
        Self::Hygiene,
    ];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stored => "C1 accepted is stored",
            Self::Shown => "C2 stored is shown",
            Self::Once => "C3 nothing twice",
            Self::Order => "C4 in order",
            Self::Agreement => "C5 one log for all",
            Self::Phantom => "C6 no phantom",
            Self::Account => "C7 accounts balance",
            Self::Owner => "C8 one owner",
            Self::Isolation => "C9 isolation",
            Self::Event => "C11 events",
            Self::Wechat => "C12 WeChat out",
            Self::Time => "C13 in time",
            Self::Resource => "C14 resources",
            Self::Hygiene => "C15 hygiene",
        }
    }
}

/// One thing that is not as promised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which promise.
    pub check: Check,
    /// The message that it shows on.
    pub token: Option<Token>,
    /// What is wrong.
    pub what: String,
}

impl Finding {
    fn of(check: Check, token: Option<Token>, what: String) -> Self {
        Self { check, token, what }
    }
}

/// How many messages met which fate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages that somebody tried to send.
    pub attempted: usize,
    /// Answered with yes.
    pub accepted: usize,
    /// Answered with no.
    pub failed: usize,
    /// Never answered.
    pub unknown: usize,
    /// Of those, stored all the same.
    pub recovered: usize,
    /// Messages shown to somebody, over all receivers.
    pub shown: usize,
    /// Customer-service messages that reached WeChat.
    pub sent: usize,
    /// Of the messages to WeChat, those whose fate nobody can know.
    pub uncertain: usize,
    /// Events that were consumed.
    pub events: usize,
}

/// The verdict.
#[derive(Debug, Clone, Default)]
pub struct Verdict {
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Why nothing can be said for sure.
    pub unknown: Vec<String>,
    /// Fates of messages.
    pub counts: Counts,
    /// How long messages took.
    pub delays: Delays,
    /// After the last healing, until messages were shown within a second again, milliseconds.
    pub recovery_ms: u64,
}

impl Verdict {
    /// Findings of some checks.
    pub fn count(&self, checks: &[Check]) -> usize {
        self.findings.iter().filter(|finding| checks.contains(&finding.check)).count()
    }

    /// 0 valid, 1 invalid, 2 unknown.
    pub fn exit_code(&self) -> u8 {
        match (self.findings.is_empty(), self.unknown.is_empty()) {
            (false, _) => 1,
            (true, false) => 2,
            (true, true) => 0,
        }
    }
}

/// Looks at everything.
pub fn judge(records: &Records) -> Verdict {
    let index = Index::of(records);
    let mut verdict = Verdict { unknown: unknown(records, &index), ..Verdict::default() };
    let checks: [fn(&Index<'_>) -> Vec<Finding>; 9] = [
        kept::findings,
        log::findings,
        shown::findings,
        owner::findings,
        isolation::findings,
        event::findings,
        wechat::findings,
        time::findings,
        hygiene::findings,
    ];
    for check in checks {
        verdict.findings.extend(check(&index));
    }
    verdict.findings.sort_by_key(|finding| finding.check);
    for check in Check::ALL {
        let mut left = KEPT;
        verdict.findings.retain(|finding| {
            let keep = finding.check != check || left > 0;
            left = left.saturating_sub(usize::from(finding.check == check));
            keep
        });
    }
    verdict.counts = kept::counts(&index);
    verdict.delays = time::delays(&index);
    verdict.recovery_ms = time::recovery(&index);
    verdict
}

/// What makes a verdict impossible.
fn unknown(records: &Records, index: &Index<'_>) -> Vec<String> {
    let mut unknown = records.broken.clone();
    if index.ops.is_empty() {
        unknown.push("nobody has sent anything".to_owned());
    }
    let ended = records.lines.iter().any(|line| line.f == super::history::What::Phase && line.arg == "end");
    if !ended {
        unknown.push("the campaign did not come to its end".to_owned());
    }
    for name in index.clients.iter().filter(|name| !index.drained.contains_key(*name)) {
        unknown.push(format!("{name} has not read everything at the end"));
    }
    unknown
}

#[cfg(test)]
mod tests {
    use super::sample::Sample;
    use super::*;

    #[test]
    fn a_campaign_in_order_is_valid_and_counted() {
        let verdict = judge(&Sample::new().records());
        assert_eq!(verdict.findings, []);
        assert_eq!(verdict.unknown, Vec::<String>::new());
        assert_eq!(verdict.exit_code(), 0);
        let counts = verdict.counts;
        assert_eq!((counts.attempted, counts.accepted, counts.sent), (4, 4, 1));
        assert_eq!((verdict.delays.told(), verdict.count(&Check::ALL)), ((0, 0, 0), 0));
    }

    #[test]
    fn a_broken_promise_is_invalid_and_told_with_the_life_of_its_message() {
        let mut sample = Sample::new();
        sample.message("agent says").content = "{}".to_owned();
        let records = sample.records();
        let verdict = judge(&records);
        assert_eq!((verdict.exit_code(), verdict.count(&[Check::Stored])), (1, 1));
        let report = report(&records, &verdict);
        assert!(report.contains(Check::Stored.name()) && report.contains("was told yes"), "{report}");
    }

    #[test]
    fn what_was_not_read_to_the_end_is_unknown() {
        let mut sample = Sample::new();
        sample.lines.retain(|line| line.arg != "drained" || line.p != "visitor:acme:2");
        assert_eq!(judge(&sample.records()).exit_code(), 2);
        let mut broken = Sample::new().records();
        broken.broken.push("cut off".to_owned());
        assert_eq!(judge(&broken).exit_code(), 2);
        assert_eq!(judge(&Records::default()).exit_code(), 2);
    }
}
