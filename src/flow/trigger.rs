//! Which flow something that happens starts. Knows the declared flows, not whether one may start now.

use std::sync::Arc;

use super::catalogue::Catalogue;
use super::definition::{Definition, State, Trigger};
use super::words::plain;

/// Something that may start a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// A click on the menu's key.
    Menu(&'a str),
    /// Service is in this state.
    State(State),
    /// The customer wrote.
    Text(&'a str),
    /// The customer scanned a QR code with this scene.
    Scene(&'a str),
    /// The customer follows the account.
    Subscribe,
}

impl Catalogue {
    /// The newest version of the flow that this starts: of the first one declared, when several would.
    #[must_use]
    pub fn started_by(&self, event: Event<'_>) -> Option<&Arc<Definition>> {
        // Once for all patterns, and only for words.
        let words = if let Event::Text(words) = event { plain(words) } else { String::new() };
        self.declared().find(|definition| definition.triggers.iter().any(|trigger| trigger.fits(event, &words)))
    }
}

impl Trigger {
    fn fits(&self, event: Event<'_>, words: &str) -> bool {
        match (self, event) {
            (Self::Menu(key), Event::Menu(clicked)) => key == clicked,
            (Self::State(state), Event::State(is)) => *state == is,
            (Self::Text(regex), Event::Text(raw)) => regex.is_match(words) || regex.is_match(raw.trim()),
            (Self::Scene(scene), Event::Scene(scanned)) => scene == scanned,
            (Self::Subscribe, Event::Subscribe) => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::catalogue::Source;

    fn flow(head: &str) -> String {
        format!("{head}\nsteps:\n  - end: {{}}\n")
    }

    #[test]
    fn the_first_declared_flow_wins_and_only_its_newest_version_starts() {
        let texts = [
            "flow: leave\ntrigger: [{menu: LEAVE}, {state: closed_hours}, {text: '^留言$'}]",
            "flow: other\ntrigger: [{text: 留言}, {scene: '7'}, subscribe, {menu: LEAVE}]",
            "flow: leave\nversion: 2\ntrigger: [{menu: LEAVE}, {text: '^留言$'}]",
        ]
        .map(flow);
        let catalogue = Catalogue::build(texts.iter().map(|text| Source { file: "f", text })).unwrap();
        let started = |event| catalogue.started_by(event).map(|flow| (flow.name.as_str(), flow.version));
        assert_eq!(started(Event::Menu("LEAVE")), Some(("leave", 2)));
        assert_eq!(started(Event::Text(" 留言 ")), Some(("leave", 2)));
        assert_eq!(started(Event::Text("我要留言")), Some(("other", 1)));
        assert_eq!(started(Event::Scene("7")), Some(("other", 1)));
        assert_eq!(started(Event::Subscribe), Some(("other", 1)));
        assert_eq!(started(Event::State(State::ClosedHours)), None, "the newest version no longer says so");
        assert_eq!(started(Event::Menu("留言")), None);
    }

    #[test]
    fn versions_are_told_apart_and_older_ones_are_kept() {
        let old = flow("flow: a");
        let (same, changed, raised) = (flow("flow: a"), flow("flow: a\nttl: 1h"), flow("flow: a\nversion: 2"));
        let build = |texts: &[&String]| Catalogue::build(texts.iter().map(|text| Source { file: "a.yaml", text }));
        let faults = build(&[&old, &changed]).unwrap_err();
        assert!(faults[0].to_string().starts_with("a.yaml:1:1: 流程 a 的版本 1 已有不同内容"), "{}", faults[0]);
        let before = build(&[&old]).unwrap();
        assert!(build(&[&same]).unwrap().over(&before).is_ok());
        assert!(build(&[&changed]).unwrap().over(&before).is_err());
        let now = build(&[&raised]).unwrap().over(&before).unwrap();
        assert_eq!(now.versions("a"), [1, 2]);
        let dropped = build(&[]).unwrap().over(&now).unwrap();
        assert_eq!((dropped.newest("a").is_none(), dropped.versions("a")), (true, vec![1, 2]));
        assert_eq!(dropped.started_by(Event::Subscribe).map(|flow| flow.version), None);
    }
}
