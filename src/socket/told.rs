//! Which states a client was told last, so that a sweep need not repeat what a hint has said. Bounded: what is
//! forgotten is told again, and does no harm.

use crate::hub::Mark;

/// Things that are remembered at most.
const MOST: usize = 1_024;

/// The last state of each thing, oldest thing first.
#[derive(Debug, Default)]
pub struct Told(Vec<Mark>);

impl Told {
    /// Remembers what an answer has told.
    pub fn all(&mut self, marks: Vec<Mark>) {
        self.0 = marks;
        self.0.truncate(MOST);
        self.0.shrink_to_fit();
    }

    /// Remembers a state; `true` when it is another one than before.
    pub fn changes(&mut self, mark: Mark) -> bool {
        if let Some(known) = self.0.iter_mut().find(|known| known.thing == mark.thing) {
            return std::mem::replace(&mut known.value, mark.value) != mark.value;
        }
        if self.0.len() >= MOST {
            self.0.drain(..MOST / 2);
        }
        self.0.push(mark);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_state_is_news_and_memory_is_bounded() {
        let mut told = Told::default();
        assert!(told.changes(Mark { thing: 1, value: 7 }));
        assert!(!told.changes(Mark { thing: 1, value: 7 }));
        assert!(told.changes(Mark { thing: 1, value: 8 }));
        for thing in 2..5_000 {
            assert!(told.changes(Mark { thing, value: 0 }));
        }
        assert!(told.0.len() <= MOST);
        assert!(!told.changes(Mark { thing: 4_999, value: 0 }));
        assert!(told.changes(Mark { thing: 1, value: 8 }), "long forgotten");
    }
}
