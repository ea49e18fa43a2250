//! How far one connection is in one conversation's log. Pure: decides what to push, what to skip, when to read.
//!
//! Invariant: what is pushed is exactly the visible part of the log, in order, without a hole and without doubles,
//! whatever hints arrive in whatever order; each push names the visible message before it.

/// What to do about an announced message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// Push it, after the message at `prev`.
    Push {
        /// The place of the visible message before it.
        prev: i64,
    },
    /// Nothing: it was there before, is not for this party, or comes with the page that is being read.
    Nothing,
    /// Something is missing: read the log after this place.
    Read {
        /// The last place that is known.
        after: i64,
    },
}

/// One connection's place in one conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Everything up to here was pushed or is not for this party.
    sent: i64,
    /// The newest message that this party has.
    pushed: i64,
    /// The newest message that was announced while the log was being read.
    wanted: i64,
    reading: bool,
    /// The highest place that the client has acknowledged on this connection.
    acknowledged: i64,
}

impl Cursor {
    /// A client that has everything up to `seq`.
    #[must_use]
    pub fn at(seq: i64) -> Self {
        Self { sent: seq, pushed: seq, wanted: 0, reading: false, acknowledged: 0 }
    }

    /// A message was announced; `visible` says whether this party may see it.
    pub fn announced(&mut self, seq: i64, visible: bool) -> Move {
        if seq <= self.sent {
            return Move::Nothing;
        }
        if self.reading {
            self.wanted = self.wanted.max(seq);
            return Move::Nothing;
        }
        if seq == self.sent + 1 {
            self.sent = seq;
            return if visible { Move::Push { prev: std::mem::replace(&mut self.pushed, seq) } } else { Move::Nothing };
        }
        self.miss(seq)
    }

    /// The log is that long, whatever its newest message says.
    pub fn grown(&mut self, seq: i64) -> Move {
        if seq <= self.sent {
            return Move::Nothing;
        }
        if self.reading {
            self.wanted = self.wanted.max(seq);
            return Move::Nothing;
        }
        self.miss(seq)
    }

    /// What was pushed after `seq` has not arrived: it is read again.
    pub fn back_to(&mut self, seq: i64) -> Move {
        let head = self.sent.max(self.wanted);
        (self.sent, self.pushed, self.reading) = (seq.min(self.sent), seq.min(self.pushed), false);
        self.grown(head)
    }

    fn miss(&mut self, seq: i64) -> Move {
        self.reading = true;
        self.wanted = seq;
        Move::Read { after: self.sent }
    }

    /// A visible message of the page that was read; the place before it, or `None` if it was pushed before.
    pub fn read(&mut self, seq: i64) -> Option<i64> {
        if seq <= self.sent {
            return None;
        }
        self.sent = seq;
        Some(std::mem::replace(&mut self.pushed, seq))
    }

    /// The page is done and the log was read up to `last`; where to read on, if more was announced.
    ///
    /// A page that brings nothing ends the reading: the hint was about something that is not there.
    pub fn reached(&mut self, after: i64, last: i64) -> Option<i64> {
        self.sent = self.sent.max(last);
        let more = self.wanted > self.sent && last > after;
        self.reading = more;
        more.then_some(self.sent)
    }

    /// Whether an acknowledgement goes forward. Whether the log is that long only the store knows.
    pub fn acknowledge(&mut self, seq: i64) -> bool {
        let forward = seq >= self.acknowledged;
        self.acknowledged = self.acknowledged.max(seq);
        forward
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Feeds hints in the given order over a log and returns what was pushed as (prev, seq).
    fn pushes(visible: &[bool], hints: &[usize], page: i64, from: i64) -> Vec<(i64, i64)> {
        let seen = |seq: i64| visible[usize::try_from(seq - 1).unwrap()];
        let last = i64::try_from(visible.len()).unwrap();
        let mut cursor = Cursor::at(from);
        let mut pushed = Vec::new();
        let mut reading = None;
        for (turn, hint) in hints.iter().enumerate() {
            let seq = i64::try_from(*hint).unwrap() + 1;
            match cursor.announced(seq, seen(seq)) {
                Move::Push { prev } => pushed.push((prev, seq)),
                Move::Read { after } => reading = Some(after),
                Move::Nothing => {}
            }
            // A page arrives only every other turn, so that hints come in between.
            while turn % 2 == 1 || turn + 1 == hints.len() {
                let Some(after) = reading.take() else { break };
                let end = (after + page).min(last);
                let fresh = (after + 1..=end).filter(|&seq| seen(seq));
                pushed.extend(fresh.filter_map(|seq| cursor.read(seq).map(|prev| (prev, seq))));
                reading = cursor.reached(after, end);
            }
        }
        pushed
    }

    proptest! {
        #[test]
        fn any_order_of_hints_yields_the_visible_log_without_holes(
            visible in prop::collection::vec(any::<bool>(), 1..40),
            noise in prop::collection::vec(0_usize..40, 0..60),
            page in 1_i64..10,
            start in 0_usize..40,
        ) {
            let start = start.min(visible.len());
            let mut hints: Vec<usize> = noise.into_iter().map(|n| n % visible.len()).collect();
            hints.push(visible.len() - 1);
            let start = i64::try_from(start).unwrap();
            let pushed = pushes(&visible, &hints, page, start);
            let expected: Vec<i64> =
                (start + 1..=i64::try_from(visible.len()).unwrap()).filter(|&s| visible[usize::try_from(s - 1).unwrap()]).collect();
            prop_assert_eq!(pushed.iter().map(|p| p.1).collect::<Vec<_>>(), expected);
            let mut last = start;
            for (prev, seq) in pushed {
                prop_assert_eq!(prev, last);
                last = seq;
            }
        }
    }

    #[test]
    fn a_hint_about_nothing_does_not_read_forever() {
        let mut cursor = Cursor::at(3);
        assert_eq!(cursor.announced(9, true), Move::Read { after: 3 });
        assert_eq!(cursor.reached(3, 3), None);
        assert_eq!(cursor.announced(4, true), Move::Push { prev: 3 });
    }

    #[test]
    fn a_log_that_has_grown_is_read_once() {
        let mut cursor = Cursor::at(3);
        assert_eq!(cursor.grown(3), Move::Nothing);
        assert_eq!(cursor.grown(5), Move::Read { after: 3 });
        assert_eq!((cursor.grown(5), cursor.grown(6)), (Move::Nothing, Move::Nothing));
        assert_eq!(cursor.reached(3, 5), Some(5), "it has grown further meanwhile");
    }

    #[test]
    fn acknowledgements_do_not_go_back() {
        let mut cursor = Cursor::at(5);
        assert!(cursor.acknowledge(4) && cursor.acknowledge(4) && cursor.acknowledge(5));
        assert!(!cursor.acknowledge(3) && !cursor.acknowledge(-1));
    }

    #[test]
    fn what_has_not_arrived_is_read_again() {
        let mut cursor = Cursor::at(4);
        assert_eq!(cursor.announced(5, true), Move::Push { prev: 4 });
        assert_eq!(cursor.back_to(3), Move::Read { after: 3 });
        assert_eq!((cursor.read(4), cursor.read(5), cursor.reached(3, 5)), (Some(3), Some(4), None));
        assert_eq!(cursor.back_to(5), Move::Nothing);
        assert_eq!(cursor.announced(6, true), Move::Push { prev: 5 });
    }
}
