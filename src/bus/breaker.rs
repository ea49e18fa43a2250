//! Leaves a service alone for a while that fails again and again. Pure: the time and what became of a question are told.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

/// Failures in a row after which a service is left alone.
const FAILURES: u32 = 5;
/// For how long.
const REST: Duration = Duration::from_secs(10);
/// Services in trouble that are kept in mind. Further ones are asked as if nothing was wrong.
const SERVICES: usize = 1_024;

/// Which services are in trouble. One that is not takes no room.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    troubled: HashMap<String, Trouble>,
}

#[derive(Debug, Clone, Copy)]
enum Trouble {
    Failing { in_a_row: u32 },
    Resting { until: Instant },
    OnTrial,
}

/// As what a question goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// As one of many.
    Usual,
    /// As the only one, to see whether the service is well again.
    Trial,
}

/// What a question says about the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It answers, whatever.
    Well,
    /// It does not do its part.
    Failed,
    /// Nothing: it was not reached, or nobody waited for the end.
    Open,
}

impl Breaker {
    /// Whether a service may be asked now. The outcome of what is admitted has to be noted.
    pub(super) fn admit(&mut self, service: &str, now: Instant) -> Option<Admission> {
        match self.troubled.get_mut(service) {
            None | Some(Trouble::Failing { .. }) => Some(Admission::Usual),
            Some(Trouble::Resting { until }) if now < *until => None,
            Some(Trouble::OnTrial) => None,
            Some(trouble @ Trouble::Resting { .. }) => {
                *trouble = Trouble::OnTrial;
                Some(Admission::Trial)
            }
        }
    }

    /// Notes what became of a question. Whether the service is left alone from now on.
    pub(super) fn note(&mut self, service: &str, admission: Admission, verdict: Verdict, now: Instant) -> bool {
        match verdict {
            Verdict::Well => {
                self.troubled.remove(service);
                false
            }
            Verdict::Failed => self.failed(service, admission, now),
            Verdict::Open => {
                let trouble = self.troubled.get_mut(service);
                if let (Some(trouble @ Trouble::OnTrial), Admission::Trial) = (trouble, admission) {
                    // The next one tries, at once.
                    *trouble = Trouble::Resting { until: now };
                }
                false
            }
        }
    }

    fn failed(&mut self, service: &str, admission: Admission, now: Instant) -> bool {
        let full = self.troubled.len() >= SERVICES;
        let Some(trouble) = self.troubled.get_mut(service) else {
            if !full {
                self.troubled.insert(service.to_owned(), Trouble::Failing { in_a_row: 1 });
            }
            return false;
        };
        let rests = match trouble {
            Trouble::Failing { in_a_row } => {
                *in_a_row += 1;
                *in_a_row >= FAILURES
            }
            Trouble::OnTrial => admission == Admission::Trial,
            // Asked before it was left alone: that it fails is known.
            Trouble::Resting { .. } => false,
        };
        if rests {
            *trouble = Trouble::Resting { until: now + REST };
        }
        rests
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CRM: &str = "crm";

    /// A service that has just been left alone.
    fn resting(now: Instant) -> Breaker {
        let mut breaker = Breaker::default();
        for n in 1..=FAILURES {
            assert_eq!(breaker.admit(CRM, now), Some(Admission::Usual));
            assert_eq!(breaker.note(CRM, Admission::Usual, Verdict::Failed, now), n == FAILURES);
        }
        breaker
    }

    #[test]
    fn five_failures_in_a_row_make_it_rest_and_one_trial_decides() {
        let start = Instant::now();
        let mut breaker = resting(start);
        let almost = start + REST - Duration::from_millis(1);
        assert_eq!(breaker.admit(CRM, almost), None);
        assert_eq!(breaker.admit("bank", almost), Some(Admission::Usual), "each service for itself");
        let again = start + REST;
        assert_eq!(breaker.admit(CRM, again), Some(Admission::Trial));
        assert_eq!(breaker.admit(CRM, again), None, "only one");
        assert!(breaker.note(CRM, Admission::Trial, Verdict::Failed, again), "one more failure is enough");
        assert_eq!(breaker.admit(CRM, again + REST - Duration::from_millis(1)), None);
        assert_eq!(breaker.admit(CRM, again + REST), Some(Admission::Trial));
        breaker.note(CRM, Admission::Trial, Verdict::Well, again + REST);
        assert_eq!(breaker.admit(CRM, again + REST), Some(Admission::Usual));
        assert!(breaker.troubled.is_empty());
    }

    #[test]
    fn an_answer_between_failures_begins_the_count_anew() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        for verdict in [Verdict::Failed; 4].into_iter().chain([Verdict::Well]).chain([Verdict::Failed; 4]) {
            assert!(!breaker.note(CRM, Admission::Usual, verdict, now));
        }
        assert_eq!(breaker.admit(CRM, now), Some(Admission::Usual));
        assert!(!breaker.note(CRM, Admission::Usual, Verdict::Open, now), "not reached is no failure");
        assert!(breaker.note(CRM, Admission::Usual, Verdict::Failed, now));
    }

    #[test]
    fn a_trial_without_an_end_leaves_the_next_one_to_try() {
        let start = Instant::now();
        let mut breaker = resting(start);
        let again = start + REST;
        assert_eq!(breaker.admit(CRM, again), Some(Admission::Trial));
        assert!(!breaker.note(CRM, Admission::Trial, Verdict::Open, again));
        assert_eq!(breaker.admit(CRM, again), Some(Admission::Trial));
    }

    #[test]
    fn what_was_asked_before_the_rest_does_not_prolong_it_but_an_answer_ends_it() {
        let start = Instant::now();
        let mut breaker = resting(start);
        let later = start + REST / 2;
        assert!(!breaker.note(CRM, Admission::Usual, Verdict::Failed, later));
        assert_eq!(breaker.admit(CRM, start + REST), Some(Admission::Trial));
        assert!(!breaker.note(CRM, Admission::Usual, Verdict::Failed, start + REST), "the trial decides");
        breaker.note(CRM, Admission::Usual, Verdict::Well, start + REST);
        assert_eq!(breaker.admit(CRM, start + REST), Some(Admission::Usual));
    }

    #[test]
    fn no_more_services_are_kept_in_mind_than_agreed() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        for n in 0..2 * SERVICES {
            breaker.note(&format!("s{n}"), Admission::Usual, Verdict::Failed, now);
        }
        assert_eq!(breaker.troubled.len(), SERVICES);
    }
}
