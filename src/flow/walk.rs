//! The way through the steps from one wait to the next. Knows what each step does, not what reaches a run.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use std::time::Duration;

use super::definition::{Definition, Node, Patience, Resort, Setting, Verify};
use super::run::{Run, Waits};
use super::step::{Act, Step};
use super::text::Text;
use super::value::{Vars, reading};
use crate::model::content::MenuOption;
use crate::model::time::Millis;

/// Why a run ended before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The customer wanted out.
    Escaped,
    /// Too many answers did not fit.
    Failed,
    /// No answer came in time.
    Expired,
    /// A service failed.
    Trouble,
    /// Its flow is not the one that it started with. Nothing is said.
    Gone,
}

/// How long after a service's own time its silence is noticed, when nobody else does.
const MARGIN: Duration = Duration::from_secs(2);
/// Longest summary, characters.
const SUMMARY_MAX: usize = 1000;

/// A run on its way.
pub(super) struct Walk<'d> {
    pub(super) definition: &'d Definition,
    pub(super) run: Run,
    pub(super) acts: Vec<Act>,
    pub(super) now: Millis,
}

impl<'d> Walk<'d> {
    pub(super) fn new(definition: &'d Definition, run: Run, now: Millis) -> Self {
        Self { definition, run, acts: Vec::new(), now }
    }

    /// The input changed nothing.
    pub(super) fn unchanged(self) -> Step {
        Step { run: Some(self.run), acts: self.acts }
    }

    pub(super) fn say(&mut self, text: &Text) {
        let text = text.render(&self.run.vars);
        if !text.trim().is_empty() {
            self.acts.push(Act::Say(text));
        }
    }

    /// Goes on at a step, up to the next wait or the end.
    pub(super) fn enter(mut self, at: usize) -> Step {
        let definition = self.definition;
        let mut index = at;
        // Each silent step is passed once at most before something waits: rings of them were refused.
        for _ in 0..=definition.len() {
            let Some(step) = definition.steps.get(index) else { return self.cancel(Why::Gone) };
            index = match &step.node {
                Node::Say(text) => {
                    self.say(text);
                    index + 1
                }
                Node::Set(settings) => {
                    for (name, setting) in settings {
                        let value = value(setting, &self.run.vars);
                        self.run.vars.insert(name.clone(), value);
                    }
                    index + 1
                }
                Node::Branch { condition, goto, otherwise } => {
                    let holds = condition.as_ref().is_none_or(|condition| condition.holds(&self.run.vars));
                    if holds { *goto } else { otherwise.unwrap_or(index + 1) }
                }
                node => {
                    self.run.node = index;
                    self.run.retries = 0;
                    self.run.sent = None;
                    return self.stop(node);
                }
            };
        }
        self.cancel(Why::Gone)
    }

    /// Waits at a step, or ends there.
    fn stop(mut self, node: &'d Node) -> Step {
        match node {
            Node::Call(call) => {
                let args = arguments(&call.args, &self.run.vars);
                self.ask_service((&call.service, &call.op), args, call.timeout, Waits::Call)
            }
            Node::Verify(verify) => self.send_code(verify),
            Node::Link(link) => {
                let text = link.prompt.render(&self.run.vars);
                let url = link.url.render_address(&self.run.vars);
                let state = self.run.serial.saturating_add(1);
                self.acts.push(Act::Link { text, url, state });
                self.wait(Waits::Link)
            }
            Node::Survey { .. } => {
                self.acts.push(Act::Survey);
                self.wait(Waits::Rating)
            }
            Node::Handoff { queue, reason, text } => {
                text.iter().for_each(|text| self.say(text));
                let summary = self.summary();
                self.end(Act::Handoff { queue: queue.clone(), reason: reason.clone(), summary })
            }
            Node::Robot => self.end(Act::Robot),
            Node::End { reason, text } => {
                text.iter().for_each(|text| self.say(text));
                self.end(Act::End { reason: reason.clone() })
            }
            // A question, or one of the steps that `enter` passes itself.
            _ => self.ask(None),
        }
    }

    /// Asks the question of the step at which the run stands, after what was wrong with the last answer.
    pub(super) fn ask(mut self, error: Option<String>) -> Step {
        let above = |prompt: String| match error {
            Some(error) => format!("{error}\n{prompt}"),
            None => prompt,
        };
        let vars = &self.run.vars;
        match self.definition.steps.get(self.run.node).map(|step| &step.node) {
            Some(Node::Menu(menu)) => {
                let option =
                    |o: &super::definition::Choosable| MenuOption { key: o.key.clone(), label: o.text.clone() };
                let options = menu.options.iter().map(option).collect();
                self.acts.push(Act::Choices { prompt: above(menu.prompt.render(vars)), options });
            }
            Some(Node::Ask(ask)) => self.acts.push(Act::Say(above(ask.prompt.render(vars)))),
            Some(Node::Media(media)) => self.acts.push(Act::Say(above(media.prompt.render(vars)))),
            Some(Node::Verify(verify)) => self.acts.push(Act::Say(above(verify.prompt.render(vars)))),
            _ => return self.cancel(Why::Gone),
        }
        self.wait(Waits::Answer)
    }

    pub(super) fn send_code(self, verify: &Verify) -> Step {
        let to = Value::from(verify.to.render(&self.run.vars));
        let args = Map::from_iter([("to".to_owned(), to)]);
        self.ask_service((&verify.service, &verify.send), args, verify.timeout, Waits::Call)
    }

    /// Asks a service for an operation.
    pub(super) fn ask_service(
        mut self,
        (service, op): (&str, &str),
        args: Map<String, Value>,
        timeout: Duration,
        waits: Waits,
    ) -> Step {
        let id = self.run.serial.saturating_add(1);
        self.acts.push(Act::Call { service: service.to_owned(), op: op.to_owned(), args, timeout, id });
        self.wait_for(waits, timeout.saturating_add(MARGIN))
    }

    /// Waits from now on.
    fn wait(self, waits: Waits) -> Step {
        let step_ttl = self.definition.step_ttl;
        self.wait_for(waits, step_ttl)
    }

    fn wait_for(mut self, waits: Waits, longest: Duration) -> Step {
        self.run.serial = self.run.serial.saturating_add(1);
        self.run.waits = waits;
        self.run.step_deadline = self.now.plus(longest);
        Step { run: Some(self.run), acts: self.acts }
    }

    pub(super) fn next(self) -> Step {
        let next = self.run.node.saturating_add(1);
        self.enter(next)
    }

    fn end(mut self, last: Act) -> Step {
        self.acts.push(last);
        Step { run: None, acts: self.acts }
    }

    pub(super) fn cancel(mut self, why: Why) -> Step {
        let notices = &self.definition.notices;
        let said = match why {
            Why::Escaped => Some(&notices.cancelled),
            Why::Failed => Some(&notices.failed),
            Why::Expired => Some(&notices.expired),
            Why::Trouble => Some(&notices.trouble),
            Why::Gone => None,
        };
        self.acts.extend(said.cloned().map(Act::Say));
        self.end(Act::Cancelled(why))
    }

    pub(super) fn hand_off(self, reason: &str) -> Step {
        let summary = self.summary();
        self.end(Act::Handoff { queue: None, reason: reason.to_owned(), summary })
    }

    /// An answer did not fit: asks again, or gives up.
    pub(super) fn again(mut self, patience: &Patience, usual: &str) -> Step {
        if self.run.retries >= patience.retries {
            return self.resort(patience.on_fail, Why::Failed);
        }
        self.run.retries = self.run.retries.saturating_add(1);
        let error = patience.error.as_ref().map_or_else(|| usual.to_owned(), |text| text.render(&self.run.vars));
        self.ask(Some(error))
    }

    /// The step cannot do its part.
    pub(super) fn resort(mut self, resort: Resort, why: Why) -> Step {
        match resort {
            Resort::Cancel => self.cancel(why),
            Resort::Handoff => self.hand_off(if why == Why::Failed { "failed" } else { "trouble" }),
            Resort::Later => {
                self.acts.push(Act::Say(self.definition.notices.later.clone()));
                self.end(Act::End { reason: "later".to_owned() })
            }
            Resort::Continue => self.next(),
            Resort::Goto(index) => self.enter(index),
        }
    }

    /// What the customer has told, a line for each question; secrets are left out.
    fn summary(&self) -> String {
        let mut lines = Vec::new();
        for step in &self.definition.steps {
            let told = match &step.node {
                Node::Ask(ask) if !ask.secret => Some(&ask.var),
                Node::Menu(menu) => menu.var.as_ref(),
                _ => None,
            };
            let Some((name, value)) = told.and_then(|name| Some((name, self.run.vars.get(name)?))) else { continue };
            let line = format!("{name}: {}", reading(value));
            if !reading(value).is_empty() && !lines.contains(&line) {
                lines.push(line);
            }
        }
        lines.join("\n").chars().take(SUMMARY_MAX).collect()
    }
}

fn value(setting: &Setting, vars: &Vars) -> Value {
    match setting {
        Setting::Value(value) => value.clone(),
        // A variable alone keeps its type: a score stays a number on its way to a service.
        Setting::Text(text) => match text.only() {
            Some(path) => path.find(vars).cloned().unwrap_or_default(),
            None => Value::from(text.render(vars)),
        },
    }
}

fn arguments(settings: &[(String, Setting)], vars: &Vars) -> Map<String, Value> {
    settings.iter().map(|(name, setting)| (name.clone(), value(setting, vars))).collect()
}
