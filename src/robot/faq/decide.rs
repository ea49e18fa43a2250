//! What is done about the hits of a search: answer, ask back, chat, or admit that nothing was understood. Knows
//! probabilities, no texts.

use serde::{Deserialize, Serialize};

use super::Kind;
use super::index::Hit;

/// From when on what is done.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Thresholds {
    /// A question this probable is answered,
    pub direct: f64,
    /// if no other is nearly as probable: so much must lie between them.
    pub margin: f64,
    /// With one this probable, somebody is asked which was meant.
    pub clarify: f64,
    /// At most so many are offered to choose from.
    pub list: usize,
    /// Talk this probable is answered.
    pub chitchat: f64,
}

impl Default for Thresholds {
    /// These are probabilities, not scores: a list whose first line is meant with 35 % is worth showing, a wrong answer is
    /// worse than none.
    fn default() -> Self {
        Self { direct: 0.80, margin: 0.08, clarify: 0.35, list: 5, chitchat: 0.80 }
    }
}

/// Questions less probable than this are not offered, however short the list is.
const WORTH_OFFERING: f64 = 0.02;

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Answer this question.
    Answer(Hit),
    /// Ask which of these was meant, the most probable first.
    Clarify(Vec<Hit>),
    /// Answer this talk.
    Chitchat(Hit),
    /// Nothing was understood.
    Miss,
}

/// Decides. Hits come as a search returns them: the most probable first.
///
/// A wording of a question is that question, whatever else is like it: so a choice that was offered can be sent back.
#[must_use]
pub fn decide(hits: &[Hit], thresholds: &Thresholds) -> Decision {
    if let Some(hit) = hits.iter().find(|hit| hit.exact) {
        return match hit.kind {
            Kind::Faq => Decision::Answer(hit.clone()),
            Kind::Chitchat => Decision::Chitchat(hit.clone()),
        };
    }
    let of = |kind: Kind| hits.iter().filter(move |hit| hit.kind == kind);
    let first = of(Kind::Faq).next().filter(|hit| hit.p >= thresholds.clarify);
    let talk = of(Kind::Chitchat).next().filter(|hit| hit.p >= thresholds.chitchat);
    match (first, talk) {
        // Talk that is more probable than business is not business.
        (first, Some(talk)) if first.is_none_or(|first| talk.p > first.p) => Decision::Chitchat(talk.clone()),
        (Some(first), _) => {
            let second = of(Kind::Faq).nth(1).map_or(0.0, |hit| hit.p);
            if first.p >= thresholds.direct && first.p - second >= thresholds.margin {
                return Decision::Answer(first.clone());
            }
            Decision::Clarify(offered(hits, thresholds, |_| true))
        }
        // Somebody who only names a thing, 信用卡, has asked nothing yet: no question is probable, yet those that name it
        // are worth showing, if there are several.
        (None, _) => match offered(hits, thresholds, |hit| hit.features.names_all()) {
            named if named.len() > 1 => Decision::Clarify(named),
            _ => Decision::Miss,
        },
    }
}

/// What a list shows: the most probable questions among these that are probable enough.
fn offered(hits: &[Hit], thresholds: &Thresholds, among: impl Fn(&Hit) -> bool) -> Vec<Hit> {
    let worth = |hit: &&Hit| hit.kind == Kind::Faq && hit.p >= WORTH_OFFERING && among(hit);
    hits.iter().filter(worth).take(thresholds.list.max(1)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::robot::faq::Features;

    fn hit(question: usize, p: f64) -> Hit {
        Hit { question, kind: Kind::Faq, p, exact: false, score: 1.0, features: Features::default() }
    }

    fn talk(question: usize, p: f64) -> Hit {
        Hit { kind: Kind::Chitchat, ..hit(question, p) }
    }

    fn decided(hits: &[Hit]) -> String {
        match decide(hits, &Thresholds::default()) {
            Decision::Answer(hit) => format!("answer {}", hit.question),
            Decision::Clarify(hits) => format!("clarify {:?}", hits.iter().map(|hit| hit.question).collect::<Vec<_>>()),
            Decision::Chitchat(hit) => format!("talk {}", hit.question),
            Decision::Miss => "miss".to_owned(),
        }
    }

    #[test]
    fn probabilities_decide() {
        for (hits, wanted) in [
            (vec![], "miss"),
            (vec![hit(1, 0.34)], "miss"),
            (vec![hit(1, 0.35)], "clarify [1]"),
            (vec![hit(1, 0.79), hit(2, 0.1), hit(3, 0.001)], "clarify [1, 2]"),
            (vec![hit(1, 0.80)], "answer 1"),
            (vec![hit(1, 0.90), hit(2, 0.81)], "answer 1"),
            (vec![hit(1, 0.90), hit(2, 0.83)], "clarify [1, 2]"),
            (vec![talk(9, 0.85)], "talk 9"),
            (vec![talk(9, 0.75)], "miss"),
            (vec![talk(9, 0.95), hit(1, 0.85)], "talk 9"),
            (vec![hit(1, 0.95), talk(9, 0.94)], "answer 1"),
        ] {
            assert_eq!(decided(&hits), wanted, "{hits:?}");
        }
    }

    #[test]
    fn a_wording_is_its_question_whatever_is_like_it() {
        let exact = |hit: Hit| Hit { exact: true, p: 1.0, ..hit };
        assert_eq!(decided(&[exact(hit(1, 1.0)), hit(2, 0.99)]), "answer 1");
        assert_eq!(decided(&[hit(2, 1.0), exact(hit(1, 1.0))]), "answer 1");
        assert_eq!(decided(&[exact(talk(9, 1.0)), hit(2, 0.99)]), "talk 9");
    }

    #[test]
    fn questions_about_what_is_only_named_are_offered() {
        let mut named = Features::default();
        // All that was asked is in the wording, to the letter.
        (named.0[1], named.0[5]) = (1.0, 1.0);
        let about = |question, p| Hit { features: named, ..hit(question, p) };
        assert_eq!(decided(&[about(1, 0.1), hit(2, 0.1), about(3, 0.05)]), "clarify [1, 3]");
        assert_eq!(decided(&[about(1, 0.1), hit(2, 0.1)]), "miss");
        assert_eq!(decided(&[about(1, 0.1), about(3, 0.001)]), "miss");
    }

    #[test]
    fn no_more_are_offered_than_the_channel_shows() {
        let hits: Vec<Hit> = (0..9).map(|n| hit(n, 0.7)).collect();
        let wechat = Thresholds { list: 3, ..Thresholds::default() };
        assert!(matches!(decide(&hits, &wechat), Decision::Clarify(offered) if offered.len() == 3));
        assert_eq!(decided(&hits), "clarify [0, 1, 2, 3, 4]");
    }
}
