//! What reaches a run that waits, taken by the step at which it waits. Knows how answers are judged, not how the run
//! goes on.

use serde_json::{Map, Value, json};
use unicode_normalization::UnicodeNormalization;

use super::definition::{Ask, Choosable, Media, Menu, Node, Rules, Verify};
use super::run::Waits;
use super::step::{CallError, Input, Step};
use super::value::is_true;
use super::walk::{Walk, Why};
use super::words::{Choice, chosen, same};

/// Largest answer of a service that a run keeps, bytes of JSON.
const RESULT_MAX: usize = 16 * 1024;

impl<'d> Walk<'d> {
    fn node(&self) -> Option<&'d Node> {
        self.definition.steps.get(self.run.node).map(|step| &step.node)
    }

    fn store(&mut self, name: Option<&String>, value: Value) {
        if let Some(name) = name {
            self.run.vars.insert(name.clone(), value);
        }
    }

    /// Gives the step what came; what it does not wait for changes nothing.
    pub(super) fn answer(mut self, input: &Input<'_>) -> Step {
        match (self.node(), self.run.waits, input) {
            (Some(Node::Link(link)), Waits::Link, Input::Returned(value)) => {
                if too_large(value) {
                    return self.cancel(Why::Trouble);
                }
                self.store(link.save.as_ref(), value.clone());
                self.next()
            }
            (Some(Node::Link(_)), Waits::Link, Input::Words(_)) => {
                // The link that was sent stays good: the run stands where it stood.
                let notice = self.definition.notices.link.clone();
                self.acts.push(super::step::Act::Say(notice));
                self.unchanged()
            }
            (Some(Node::Survey { save }), Waits::Rating, Input::Rated { score, words }) => {
                self.store(save.as_ref(), json!({ "score": score, "words": words.unwrap_or_default() }));
                self.next()
            }
            (Some(node), Waits::Answer, input) => self.question(node, input),
            _ => self.unchanged(),
        }
    }

    fn question(self, node: &'d Node, input: &Input<'_>) -> Step {
        let from_customer =
            matches!(input, Input::Words(_) | Input::Choice { .. } | Input::Media { .. } | Input::Location { .. });
        match node {
            _ if !from_customer => self.unchanged(),
            Node::Menu(menu) => self.chose(menu, input),
            // A button of a list that is answered already.
            _ if matches!(input, Input::Choice { .. }) => self.unchanged(),
            Node::Ask(ask) => self.asked(ask, input),
            Node::Media(media) => self.sent(media, input),
            Node::Verify(verify) => self.typed_code(verify, input),
            _ => self.unchanged(),
        }
    }

    fn asked(mut self, ask: &Ask, input: &Input<'_>) -> Step {
        let words = words(input).unwrap_or_default();
        let skipped = ask.skip.iter().any(|skip| same(words, skip));
        let fits = if skipped { Some(Value::from("")) } else { ask.rules.fit(words) };
        let Some(value) = fits else {
            let usual = self.definition.notices.error.as_str();
            return self.again(&ask.patience, usual);
        };
        self.store(Some(&ask.var), value);
        self.next()
    }

    fn chose(mut self, menu: &Menu, input: &Input<'_>) -> Step {
        let option = match input {
            Input::Choice { key, text } => {
                let tapped = |option: &&Choosable| option.key == *key && (text.is_empty() || same(text, &option.text));
                // A button of an earlier list, or the second tap on one: it was meant for what stood there.
                let Some(option) = menu.options.iter().find(tapped) else { return self.unchanged() };
                Some(option)
            }
            _ => words(input)
                .and_then(|words| chosen(menu.options.iter().map(Choosable::choice), words))
                .and_then(|index| menu.options.get(index)),
        };
        let Some(option) = option else {
            let usual = self.definition.notices.choice.as_str();
            return self.again(&menu.patience, usual);
        };
        self.store(menu.var.as_ref(), option.value.clone());
        match option.goto {
            Some(index) => self.enter(index),
            None => self.next(),
        }
    }

    fn sent(mut self, media: &Media, input: &Input<'_>) -> Step {
        let wanted = |kind: &super::definition::MediaKind| media.kinds.contains(kind);
        let value = match input {
            Input::Media { kind, id } if wanted(kind) => Some(json!({ "kind": kind.as_str(), "id": id })),
            Input::Location { lat, lon, label } if wanted(&super::definition::MediaKind::Location) => {
                Some(json!({ "kind": "location", "lat": lat, "lon": lon, "label": label }))
            }
            _ => None,
        };
        let Some(value) = value else {
            let usual = self.definition.notices.error.as_str();
            return self.again(&media.patience, usual);
        };
        self.store(Some(&media.var), value);
        self.next()
    }

    fn typed_code(mut self, verify: &Verify, input: &Input<'_>) -> Step {
        let words = words(input).unwrap_or_default();
        if verify.resend.iter().any(|resend| same(words, resend)) {
            // A code costs money and annoys: sending it again uses up patience like a wrong one.
            if self.run.retries >= verify.patience.retries {
                return self.resort(verify.patience.on_fail, Why::Failed);
            }
            self.run.retries = self.run.retries.saturating_add(1);
            return self.send_code(verify);
        }
        let code: String = words.nfkc().filter(|c| !c.is_whitespace()).collect();
        let is_code = (4..=10).contains(&code.len()) && code.chars().all(|c| c.is_ascii_alphanumeric());
        if !is_code {
            let usual = self.definition.notices.error.as_str();
            return self.again(&verify.patience, usual);
        }
        let to = verify.to.render(&self.run.vars);
        let sent = self.run.sent.clone().unwrap_or(Value::Null);
        let args = [("to", Value::from(to)), ("code", Value::from(code)), ("sent", sent)];
        let args: Map<String, Value> = args.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        self.ask_service((&verify.service, &verify.check), args, verify.timeout, Waits::Check)
    }

    /// A service answered, or did not.
    pub(super) fn called(mut self, result: Result<Value, CallError>) -> Step {
        let result = result.and_then(|value| if too_large(&value) { Err(CallError::TooLarge) } else { Ok(value) });
        match (self.node(), self.run.waits, result) {
            (Some(Node::Call(call)), Waits::Call, Ok(value)) => {
                self.store(call.save.as_ref(), value);
                self.next()
            }
            (Some(Node::Call(call)), Waits::Call, Err(_)) => self.resort(call.on_error, Why::Trouble),
            (Some(Node::Verify(_)), Waits::Call, Ok(value)) => {
                self.run.sent = Some(value).filter(|sent| !sent.is_null());
                self.ask(None)
            }
            (Some(Node::Verify(verify)), Waits::Check, Ok(value)) => {
                // `true`, or `{"ok": true, …}` with more to keep.
                let right = is_true(if value.is_object() { value.get("ok") } else { Some(&value) });
                if right {
                    self.store(verify.save.as_ref(), value);
                    return self.next();
                }
                let usual = self.definition.notices.error.as_str();
                self.again(&verify.patience, usual)
            }
            (Some(Node::Verify(verify)), Waits::Call | Waits::Check, Err(_)) => {
                self.resort(verify.on_error, Why::Trouble)
            }
            _ => self.unchanged(),
        }
    }

    /// No answer came in time.
    pub(super) fn expire(mut self) -> Step {
        // Whoever does not rate has no less been served: the flow goes on, if its own time is not over.
        let unrated = self.run.waits == Waits::Rating && self.now < self.run.deadline;
        match self.node() {
            Some(Node::Survey { save }) if unrated => {
                self.store(save.as_ref(), Value::Null);
                self.next()
            }
            _ => self.cancel(Why::Expired),
        }
    }
}

fn words<'i>(input: &Input<'i>) -> Option<&'i str> {
    match input {
        Input::Words(words) => Some(words),
        _ => None,
    }
}

fn too_large(value: &Value) -> bool {
    value.to_string().len() > RESULT_MAX
}

impl Rules {
    /// The value of an answer, when it fits. Full-width digits count as digits where a pattern or a number is wanted.
    fn fit(&self, words: &str) -> Option<Value> {
        let trimmed = words.trim();
        let (least, most) = self.length;
        if !(least..=most).contains(&trimmed.chars().count()) {
            return None;
        }
        let unified: String = trimmed.nfkc().collect();
        if self.regex.as_ref().is_some_and(|regex| !regex.is_match(&unified)) {
            return None;
        }
        if !self.one_of.is_empty() {
            let listed = self.one_of.iter().map(|text| Choice { key: text, text });
            return chosen(listed, trimmed)
                .and_then(|index| self.one_of.get(index))
                .map(|text| Value::from(text.as_str()));
        }
        if let Some((least, most)) = self.range {
            let number = unified.trim().parse::<f64>().ok().filter(|number| (least..=most).contains(number))?;
            return super::parse::literal(unified.trim()).or_else(|| Some(Value::from(number)));
        }
        Some(Value::from(if self.regex.is_some() { unified.as_str() } else { trimmed }))
    }
}
