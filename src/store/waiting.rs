//! The jobs that wait for a thread of the store, in the order in which it takes them. Knows of a job only whether it bears to
//! wait.
//!
//! Somebody looks at a screen until a message is stored; nobody does until it is written that one was read, and WeChat gives
//! a callback less time than a socket that comes back with thousands. So those that bear it stand behind the others. After
//! [`PATIENCE`] each goes with one that does not: a crowd of them must not hold up the others for having waited.

use std::collections::VecDeque;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

/// After this time a job that bears to wait has waited enough.
const PATIENCE: Duration = Duration::from_millis(50);
/// So many of them at most stand aside; those behind stay in the queue, which is bounded.
const ASIDE: usize = 4_096;

/// What jobs were taken together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    /// All bear to wait: any may follow.
    AtLeisure,
    /// The last one does not bear to wait: one that has waited enough may go with it.
    Urgent,
    /// Such a one went with it.
    Shared,
}

/// See the module.
pub(in crate::store) struct Waiting<J> {
    queue: mpsc::Receiver<J>,
    /// Those that were passed by, each with the time when that was.
    aside: VecDeque<(J, Instant)>,
    bears: fn(&J) -> bool,
    /// What was taken since [`Waiting::first`].
    group: Group,
}

impl<J> Waiting<J> {
    /// With what says whether a job bears to wait.
    pub(in crate::store) fn new(queue: mpsc::Receiver<J>, bears: fn(&J) -> bool) -> Self {
        Self { queue, aside: VecDeque::new(), bears, group: Group::AtLeisure }
    }

    /// The next job, once there is one; `None` when there never will be.
    pub(in crate::store) fn first(&mut self) -> Option<J> {
        let job = self.urgent().or_else(|| self.patient());
        let job = if job.is_some() { job } else { self.queue.blocking_recv() }?;
        self.group = if (self.bears)(&job) { Group::AtLeisure } else { Group::Urgent };
        Some(job)
    }

    /// As [`Waiting::first`], for whoever waits for something else besides.
    pub(in crate::store) fn poll_first(&mut self, cx: &mut Context<'_>) -> Poll<Option<J>> {
        let job = self.urgent().or_else(|| self.patient());
        let job = if job.is_some() { job } else { ready!(self.queue.poll_recv(cx)) };
        self.group = if job.as_ref().is_some_and(self.bears) { Group::AtLeisure } else { Group::Urgent };
        Poll::Ready(job)
    }

    /// A job that may go with those taken before it. One that bears to wait goes with its like; with others only when it has
    /// waited enough.
    pub(in crate::store) fn another(&mut self) -> Option<J> {
        if self.group == Group::Urgent && self.has_waited() {
            self.group = Group::Shared;
            return self.patient();
        }
        if let Some(job) = self.urgent() {
            self.group = Group::Urgent;
            return Some(job);
        }
        if self.group == Group::AtLeisure { self.patient() } else { None }
    }

    /// Drops all jobs; says whether there may be more.
    pub(in crate::store) fn give_up(&mut self) -> bool {
        self.aside.clear();
        while self.queue.try_recv().is_ok() {}
        !self.queue.is_closed()
    }

    /// The first job that does not bear to wait. Those before it are put aside, as far as there is room.
    fn urgent(&mut self) -> Option<J> {
        while self.aside.len() < ASIDE {
            let job = self.queue.try_recv().ok()?;
            if !(self.bears)(&job) {
                return Some(job);
            }
            self.aside.push_back((job, Instant::now()));
        }
        None
    }

    /// Whether the first of those that stand aside has waited enough, or there is no room for more of them.
    fn has_waited(&self) -> bool {
        self.aside.len() >= ASIDE || self.aside.front().is_some_and(|(_, since)| since.elapsed() >= PATIENCE)
    }

    /// The first of those that stand aside.
    fn patient(&mut self) -> Option<J> {
        self.aside.pop_front().map(|(job, _)| job)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Jobs named by letters, small ones bear to wait.
    fn waiting(jobs: &str) -> (mpsc::Sender<char>, Waiting<char>) {
        let (way, queue) = mpsc::channel(4 * ASIDE);
        jobs.chars().for_each(|job| way.try_send(job).unwrap());
        (way, Waiting::new(queue, char::is_ascii_lowercase))
    }

    fn group(waiting: &mut Waiting<char>) -> String {
        let first = waiting.first();
        first.into_iter().chain(std::iter::from_fn(|| waiting.another())).collect()
    }

    fn tire(waiting: &mut Waiting<char>) {
        for (_, since) in &mut waiting.aside {
            *since = since.checked_sub(PATIENCE).unwrap();
        }
    }

    #[test]
    fn who_bears_to_wait_stands_behind_the_others_and_holds_up_nobody() {
        let (way, mut waiting) = waiting("aAbBc");
        assert_eq!(group(&mut waiting), "AB");
        assert_eq!(waiting.first(), Some('a'));
        way.try_send('C').unwrap();
        way.try_send('d').unwrap();
        let rest: String = std::iter::from_fn(|| waiting.another()).collect();
        assert_eq!(rest, "C", "who comes late goes with the group and ends it");
        assert_eq!(group(&mut waiting), "bcd");
        drop(way);
        assert_eq!(waiting.first(), None);
    }

    #[test]
    fn who_has_waited_enough_goes_with_another_one_with_each() {
        let (way, mut waiting) = waiting("abcdA");
        assert_eq!(group(&mut waiting), "A");
        tire(&mut waiting);
        "BCe".chars().for_each(|job| way.try_send(job).unwrap());
        assert_eq!(group(&mut waiting), "BaCb");
        assert_eq!(group(&mut waiting), "cde", "and all of them when there is nobody else");
    }

    #[test]
    fn only_so_many_stand_aside() {
        let (_way, mut waiting) = waiting(&format!("{}A", "a".repeat(ASIDE + 1)));
        assert_eq!(group(&mut waiting), "aaA", "one behind so many waits for room among them");
        assert_eq!(group(&mut waiting).len(), ASIDE - 1);
    }

    #[test]
    fn giving_up_drops_those_that_stand_aside_too() {
        let (way, mut waiting) = waiting("aA");
        assert_eq!(waiting.first(), Some('A'));
        assert!(waiting.another().is_none() && waiting.give_up());
        drop(way);
        assert_eq!(waiting.first(), None);
        assert!(!waiting.give_up());
    }
}
