//! Who takes a customer's words: one rule over what is open. Knows no store and takes no action.
//!
//! Escape words, then an active flow, then a survey, then an open menu, then a queue's keyword, then whoever has the
//! turn. While an agent has it, only the escape words for that situation are heard: digits go to the agent.

use super::run::Run;
use super::words::{Choice, chosen, same};
use crate::model::time::Millis;

/// What is open for one customer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Open<'a> {
    /// An agent has the turn.
    pub agent: bool,
    /// Escape words that are heard even while an agent has the turn.
    pub in_service: &'a [String],
    /// Escape words everywhere else, apart from the flow's own.
    pub escapes: &'a [String],
    /// The run that waits, if one does. Its own escape words are its to hear.
    pub flow: Option<&'a Run>,
    /// What the pending survey can be answered with.
    pub survey: Option<&'a [Choice<'a>]>,
    /// The menu or the question back that was sent last.
    pub menu: Option<Menu<'a>>,
    /// Words that lead to a queue.
    pub keywords: &'a [String],
}

/// An open list to choose from.
#[derive(Debug, Clone, Copy)]
pub struct Menu<'a> {
    /// Its options.
    pub options: &'a [Choice<'a>],
    /// From when on nothing is chosen from it any more.
    pub expires_at: Millis,
}

/// Who takes the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taker {
    /// An escape word: its place in `in_service` while an agent has the turn, else in `escapes`.
    Escape(usize),
    /// The flow.
    Flow,
    /// The survey: the place of the answer.
    Survey(usize),
    /// The menu: the place of the option.
    Menu(usize),
    /// A queue: the place of its keyword.
    Keyword(usize),
    /// Whoever has the turn: the agent, the robot, the queue, nobody.
    Holder,
}

/// Who takes these words.
#[must_use]
pub fn taker(open: &Open<'_>, words: &str, now: Millis) -> Taker {
    let among = |list: &[String]| list.iter().position(|word| same(words, word));
    let option = |options: &[Choice<'_>]| chosen(options.iter().copied(), words);
    if open.agent {
        return among(open.in_service).map_or(Taker::Holder, Taker::Escape);
    }
    if let Some(index) = among(open.escapes) {
        return Taker::Escape(index);
    }
    if open.flow.is_some_and(|run| run.takes_words(now)) {
        return Taker::Flow;
    }
    let menu = open.menu.filter(|menu| now < menu.expires_at);
    let survey = || open.survey.and_then(option).map(Taker::Survey);
    let menu = || menu.and_then(|menu| option(menu.options)).map(Taker::Menu);
    let keyword = || among(open.keywords).map(Taker::Keyword);
    survey().or_else(menu).or_else(keyword).unwrap_or(Taker::Holder)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::flow::run::Waits;

    const OPTIONS: [Choice<'static>; 2] = [Choice { key: "1", text: "满意" }, Choice { key: "2", text: "一般" }];

    fn run(waits: Waits) -> Run {
        Run {
            flow: "f".into(),
            version: 1,
            node: 0,
            serial: 1,
            waits,
            vars: serde_json::Map::new(),
            retries: 0,
            started_at: Millis(0),
            deadline: Millis(1000),
            step_deadline: Millis(500),
            sent: None,
        }
    }

    #[test]
    fn a_digit_goes_where_the_precedence_says() {
        let (run, rating) = (run(Waits::Answer), run(Waits::Rating));
        let menu = Some(Menu { options: &OPTIONS, expires_at: Millis(100) });
        let keywords = ["1".to_owned()];
        let all = Open { flow: Some(&run), survey: Some(&OPTIONS), menu, keywords: &keywords, ..Open::default() };
        assert_eq!(taker(&all, "1", Millis(50)), Taker::Flow);
        assert_eq!(taker(&Open { agent: true, ..all }, "1", Millis(50)), Taker::Holder);
        assert_eq!(taker(&Open { flow: None, ..all }, "①", Millis(50)), Taker::Survey(0));
        assert_eq!(taker(&Open { flow: Some(&rating), ..all }, "2", Millis(50)), Taker::Survey(1));
        assert_eq!(taker(&Open { flow: None, survey: None, ..all }, "２", Millis(50)), Taker::Menu(1));
        assert_eq!(taker(&Open { flow: None, survey: None, ..all }, "1", Millis(100)), Taker::Keyword(0));
        assert_eq!(taker(&Open { flow: None, survey: None, menu: None, ..all }, "2", Millis(50)), Taker::Holder);
        assert_eq!(taker(&all, "你好", Millis(600)), Taker::Holder, "the run is over");
    }

    #[test]
    fn a_question_is_not_swallowed_by_a_survey() {
        let open = Open { survey: Some(&OPTIONS), ..Open::default() };
        assert_eq!(taker(&open, "我的卡丢了", Millis(0)), Taker::Holder);
    }

    proptest! {
        #[test]
        fn the_first_that_is_open_and_fits_takes_the_words(
            words in prop_oneof!["[12349]", Just("人工".to_owned()), Just("0".to_owned()), "[a-z你好]{1,4}"],
            agent: bool, flow: bool, survey: bool, menu: bool, expired: bool, keyword: bool,
        ) {
            let run = run(Waits::Answer);
            let (in_service, escapes, keywords) = (["人工".to_owned()], ["0".to_owned()], ["4".to_owned()]);
            let other = [Choice { key: "3", text: "三" }, Choice { key: "1", text: "一" }];
            let open = Open {
                agent,
                in_service: &in_service,
                escapes: &escapes,
                flow: flow.then_some(&run),
                survey: survey.then_some(&OPTIONS),
                menu: menu.then_some(Menu { options: &other, expires_at: Millis(if expired { 10 } else { 20 }) }),
                keywords: if keyword { &keywords } else { &[] },
            };
            let w = words.as_str();
            let expected = match () {
                () if agent && w == "人工" => Taker::Escape(0),
                () if agent => Taker::Holder,
                () if w == "0" => Taker::Escape(0),
                () if flow => Taker::Flow,
                () if survey && w == "1" => Taker::Survey(0),
                () if survey && w == "2" => Taker::Survey(1),
                () if menu && !expired && w == "3" => Taker::Menu(0),
                () if menu && !expired && w == "1" => Taker::Menu(1),
                () if keyword && w == "4" => Taker::Keyword(0),
                () => Taker::Holder,
            };
            prop_assert_eq!(taker(&open, w, Millis(10)), expected);
        }
    }
}
