//! What was seen of those who are silent: their last sign, and in how many looks it was that one. Knows no store.

use std::collections::HashMap;
use std::hash::Hash;

use crate::model::id::{ConnectionId, NodeId};
use crate::model::time::Millis;
use crate::store::lease::Sign;

/// So many looks in a row have to find a last sign as it was. Clocks of nodes differ, and one that is ahead takes nodes for
/// silent that are well: who gives signs is alive, whatever the time is. What begins before the end costs no time after it.
pub(super) const LOOKS: u32 = 3;

/// All that is watched.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    /// Sockets that fade.
    pub(super) sockets: Looks<ConnectionId, Sign>,
    /// All nodes.
    pub(super) nodes: Looks<NodeId, Millis>,
}

/// The last sign of each, and in how many looks it was that one.
#[derive(Debug)]
pub(super) struct Looks<K, S>(HashMap<K, (S, u32)>);

impl<K, S> Default for Looks<K, S> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Copy + Eq + Hash, S: Copy + PartialEq> Looks<K, S> {
    /// Takes in what a look has found, and gives back those without a new sign for long enough. What is not found is forgotten.
    pub(super) fn silent<T>(&mut self, found: Vec<T>, of: impl Fn(&T) -> (K, S)) -> Vec<T> {
        let before = std::mem::take(&mut self.0);
        let mut silent = Vec::new();
        for one in found {
            let (key, sign) = of(&one);
            let known = before.get(&key).filter(|(last, _)| *last == sign).map_or(0, |(_, looks)| *looks);
            let looks = known.saturating_add(1);
            self.0.insert(key, (sign, looks));
            if looks >= LOOKS {
                silent.push(one);
            }
        }
        silent
    }

    /// Lets one be found silent for as long again before anything is done about it.
    pub(super) fn put_off(&mut self, key: &K) {
        self.0.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_gives_signs_is_alive_whatever_the_time_is() {
        let (mut nodes, node) = (Looks::default(), NodeId::generate(Millis(1)));
        let mut look = |seen: i64| nodes.silent(vec![(node, Millis(seen))], |one| *one).len();
        assert_eq!([look(1), look(2), look(3), look(4)], [0; 4], "a sign between all of them");
        assert_eq!([look(4), look(4)], [0, 1], "as it was for three looks");
        assert_eq!(look(5), 0, "and a sign after all");
        assert!(nodes.silent(Vec::new(), |one| *one).is_empty());
        assert!(nodes.0.is_empty(), "who is not there is forgotten");
    }
}
