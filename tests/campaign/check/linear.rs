//! Linearizability of one register's history, after Wing, Gong and Lowe: is there an order of the operations, each
//! between its beginning and its end, that the register allows? Knows no gateway.

use std::collections::{BTreeSet, HashSet};
use std::hash::Hash;

/// Operations that may overlap in one window; more is undecided.
const WINDOW: usize = 60;

/// A completed operation.
#[derive(Debug, Clone)]
pub struct Timed<O> {
    /// When it began.
    pub begun: u64,
    /// When its author knew that it was done.
    pub done: u64,
    /// What it did.
    pub op: O,
}

/// What a history is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Linear {
    /// There is an order.
    Yes,
    /// There is none; the operation before which every order ends, by its place in the history sorted by beginning.
    No(usize),
    /// Too much overlaps.
    Undecided,
}

/// Whether the operations can be put in an order in which `step` allows each one.
///
/// Windows end where nothing is under way; all states that a window can end in begin the next one, so that cutting
/// decides nothing.
pub fn check<S, O>(start: S, mut history: Vec<Timed<O>>, step: impl Fn(&S, &O) -> Option<S>) -> Linear
where
    S: Clone + Eq + Hash + Ord,
{
    history.sort_by_key(|timed| (timed.begun, timed.done));
    let mut states = BTreeSet::from([start]);
    let mut from = 0;
    while from < history.len() {
        let to = quiet(&history, from);
        let Some(window) = history.get(from..to) else { return Linear::Undecided };
        if window.len() > WINDOW {
            return Linear::Undecided;
        }
        let mut ends = BTreeSet::new();
        let mut furthest = 0;
        for state in states {
            let mut search =
                Search { window, step: &step, seen: HashSet::new(), ends: &mut ends, furthest: &mut furthest };
            search.from(0, state);
        }
        if ends.is_empty() {
            return Linear::No(from + furthest);
        }
        states = ends;
        from = to;
    }
    Linear::Yes
}

/// The end of the window that begins at `from`: the next operation begins after all of it is done.
fn quiet<O>(history: &[Timed<O>], from: usize) -> usize {
    let mut end = 0;
    for (n, timed) in history.iter().enumerate().skip(from) {
        if n > from && timed.begun > end {
            return n;
        }
        end = end.max(timed.done);
    }
    history.len()
}

struct Search<'a, S, O, F> {
    window: &'a [Timed<O>],
    step: &'a F,
    seen: HashSet<(u64, S)>,
    ends: &'a mut BTreeSet<S>,
    furthest: &'a mut usize,
}

impl<S, O, F> Search<'_, S, O, F>
where
    S: Clone + Eq + Hash + Ord,
    F: Fn(&S, &O) -> Option<S>,
{
    /// Goes on from where the operations of `done` have taken effect.
    fn from(&mut self, done: u64, state: S) {
        if !self.seen.insert((done, state.clone())) {
            return;
        }
        *self.furthest = (*self.furthest).max(usize::try_from(done.count_ones()).unwrap_or(0));
        let waiting = |n: &usize| done & (1 << n) == 0;
        let first_end = (0..self.window.len()).filter(waiting).filter_map(|n| Some(self.window.get(n)?.done)).min();
        let Some(first_end) = first_end else {
            self.ends.insert(state);
            return;
        };
        for n in (0..self.window.len()).filter(waiting) {
            let Some(timed) = self.window.get(n) else { continue };
            // Whoever begins after another has ended cannot come before it.
            if timed.begun > first_end {
                continue;
            }
            if let Some(next) = (self.step)(&state, &timed.op) {
                self.from(done | (1 << n), next);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, Copy)]
    enum Op {
        Write(i32),
        Read(i32),
    }

    fn register(state: &i32, op: &Op) -> Option<i32> {
        match op {
            Op::Write(value) => Some(*value),
            Op::Read(value) => (state == value).then_some(*value),
        }
    }

    fn timed(begun: u64, done: u64, op: Op) -> Timed<Op> {
        Timed { begun, done, op }
    }

    #[test]
    fn overlapping_operations_may_take_effect_in_any_order() {
        let history = vec![
            timed(0, 10, Op::Write(1)),
            timed(1, 9, Op::Write(2)),
            timed(2, 3, Op::Read(2)),
            timed(4, 5, Op::Read(1)),
            timed(20, 21, Op::Read(1)),
        ];
        assert_eq!(check(0, history, register), Linear::Yes);
    }

    #[test]
    fn an_old_value_after_a_new_one_was_read_has_no_order() {
        let history = vec![timed(0, 10, Op::Write(1)), timed(1, 2, Op::Read(1)), timed(3, 4, Op::Read(0))];
        assert_eq!(check(0, history, register), Linear::No(2));
    }

    #[test]
    fn all_ends_of_a_window_begin_the_next_one() {
        let either =
            |value| vec![timed(0, 10, Op::Write(1)), timed(0, 10, Op::Write(2)), timed(20, 21, Op::Read(value))];
        assert_eq!(check(0, either(1), register), Linear::Yes);
        assert_eq!(check(0, either(2), register), Linear::Yes);
        assert_eq!(check(0, either(3), register), Linear::No(2));
    }

    #[test]
    fn long_histories_go_window_by_window_and_too_much_overlap_is_undecided() {
        let calm = (0..500).map(|n| timed(n * 10, n * 10 + 5, Op::Write(1))).collect();
        assert_eq!(check(0, calm, register), Linear::Yes);
        let crowd = (0..70).map(|_| timed(0, 5, Op::Write(1))).collect();
        assert_eq!(check(0, crowd, register), Linear::Undecided);
    }
}
