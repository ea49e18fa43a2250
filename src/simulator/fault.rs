//! Scripted misbehaviour of the platform, rule by rule. Knows no end point.

use serde::{Deserialize, Serialize};

/// The most rules that may stand at once.
const MAX_RULES: usize = 256;

/// One rule: how calls of one path go wrong.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// `/cgi-bin/…`, or `*` for every path.
    pub path: String,
    /// The account; all when absent.
    #[serde(default)]
    pub appid: Option<String>,
    /// How many calls it spoils; all until it is taken away when absent.
    #[serde(default)]
    pub times: Option<u32>,
    /// Calls that pass before it begins.
    #[serde(default)]
    pub skip: u32,
    /// Waits so long before answering, milliseconds. Alone, the call then succeeds as usual.
    #[serde(default)]
    pub delay_ms: u64,
    /// Answers with this error code.
    #[serde(default)]
    pub errcode: Option<i64>,
    /// Answers with this HTTP status.
    #[serde(default)]
    pub http: Option<u16>,
    /// Cuts the connection instead of answering.
    #[serde(default)]
    pub reset: Option<Reset>,
    /// Answers with exactly this body.
    #[serde(default)]
    pub body: Option<String>,
    /// Carries the call out before it goes wrong, so that the caller hears a failure of something that happened.
    #[serde(default)]
    pub after_accept: bool,
}

/// When the connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reset {
    /// Before anything was done.
    Before,
    /// After the call was carried out: the caller cannot know.
    AfterAccept,
}

impl Fault {
    /// Whether the call itself is carried out.
    pub(crate) fn accepts(&self) -> bool {
        let spoils = self.errcode.is_some() || self.http.is_some() || self.body.is_some() || self.reset.is_some();
        !spoils || self.after_accept || self.reset == Some(Reset::AfterAccept)
    }
}

/// The rules in force, in the order they were given: the first that fits takes the call.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    rules: Vec<Fault>,
}

impl Faults {
    /// Adds rules; `false` when there would be too many.
    pub(crate) fn add(&mut self, rules: Vec<Fault>) -> bool {
        if self.rules.len() + rules.len() > MAX_RULES {
            return false;
        }
        self.rules.extend(rules);
        true
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(crate) fn all(&self) -> &[Fault] {
        &self.rules
    }

    /// Takes the rule for a call, if one stands, and counts it.
    pub(crate) fn take(&mut self, path: &str, appid: Option<&str>) -> Option<Fault> {
        let fits = |rule: &Fault| {
            (rule.path == "*" || rule.path == path) && rule.appid.as_deref().is_none_or(|wanted| Some(wanted) == appid)
        };
        let position = self.rules.iter().position(fits)?;
        let rule = self.rules.get_mut(position)?;
        if rule.skip > 0 {
            rule.skip -= 1;
            return None;
        }
        let taken = rule.clone();
        match &mut rule.times {
            Some(0 | 1) => drop(self.rules.remove(position)),
            Some(left) => *left -= 1,
            None => {}
        }
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(path: &str, times: Option<u32>) -> Fault {
        Fault { path: path.into(), times, errcode: Some(-1), ..Fault::default() }
    }

    #[test]
    fn a_rule_spoils_so_many_calls_of_its_path_and_account() {
        let mut faults = Faults::default();
        faults.add(vec![Fault { appid: Some("wx1".into()), ..rule("/a", Some(2)) }]);
        assert!(faults.take("/a", Some("wx2")).is_none());
        assert!(faults.take("/b", Some("wx1")).is_none());
        assert!(faults.take("/a", Some("wx1")).is_some());
        assert!(faults.take("/a", Some("wx1")).is_some());
        assert!(faults.take("/a", Some("wx1")).is_none());
        assert!(faults.all().is_empty());
    }

    #[test]
    fn what_only_delays_or_cuts_afterwards_is_carried_out() {
        assert!(Fault { delay_ms: 5, ..Fault::default() }.accepts());
        assert!(Fault { reset: Some(Reset::AfterAccept), ..Fault::default() }.accepts());
        assert!(Fault { http: Some(500), after_accept: true, ..Fault::default() }.accepts());
        assert!(!Fault { reset: Some(Reset::Before), ..Fault::default() }.accepts());
        assert!(!rule("/a", None).accepts());
    }

    #[test]
    fn a_rule_may_let_some_calls_pass_first() {
        let mut faults = Faults::default();
        faults.add(vec![Fault { skip: 1, ..rule("*", Some(1)) }]);
        assert!(faults.take("/a", None).is_none());
        assert!(faults.take("/a", None).is_some());
        assert!(faults.take("/a", None).is_none());
    }
}
