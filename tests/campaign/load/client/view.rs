//! What a client shows of one conversation: strictly in order, each once, and what does not follow waits for a catch-up.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::frame::Asked;
use super::{Client, Party};
use crate::history::{Kind, Line, What};
use crate::load::web::{number, text};

/// What was shown of one conversation.
#[derive(Debug)]
pub(super) struct View {
    pub(super) epoch: String,
    /// The place of the newest message that was shown.
    pub(super) mine: i64,
    /// A catch-up is under way.
    pub(super) busy: bool,
    /// Pushes that came meanwhile, with what they follow.
    held: VecDeque<(i64, Value)>,
}

impl View {
    pub(super) fn new() -> Self {
        Self { epoch: String::new(), mine: 0, busy: false, held: VecDeque::new() }
    }

    /// How far it is, for the gateway. A view without an epoch has nothing.
    pub(super) fn place(&self, conv: &str) -> Option<Value> {
        (!self.epoch.is_empty()).then(|| json!({ "conv": conv, "epoch": self.epoch, "seq": self.mine }))
    }
}

impl Client {
    /// A pushed message.
    pub(super) fn pushed(&mut self, message: &Value, prev: i64) {
        let Some(conv) = text(message, "conv").map(str::to_owned) else { return };
        self.known.insert(conv.clone());
        let view = self.views.entry(conv.clone()).or_insert_with(View::new);
        let seq = number(message, "seq").unwrap_or(0);
        if view.busy {
            view.held.push_back((prev, message.clone()));
        } else if seq <= view.mine || prev == view.mine {
            self.show(&conv, message, "push", None);
        } else {
            view.held.push_back((prev, message.clone()));
            self.catch(&conv);
        }
    }

    /// The catch-up of a conversation will not come. What was pushed meanwhile is dropped, and written down: it was here.
    pub(super) fn interrupted(&mut self, conv: &str) {
        let Some(view) = self.views.get_mut(conv) else { return };
        view.busy = false;
        for (_, message) in std::mem::take(&mut view.held) {
            let mut line = self.arrival(conv, &message);
            "dropped".clone_into(&mut line.via);
            self.world.journal.write(&line);
        }
    }

    /// That a message came.
    fn arrival(&self, conv: &str, message: &Value) -> Line {
        let tokens = self.world.mint.ours(&message.get("body").map(Value::to_string).unwrap_or_default());
        let mut line = self.line(Kind::Recv, What::Msg);
        (line.conv, line.seq) = (Some(conv.to_owned()), number(message, "seq"));
        line.id = text(message, "id").map(str::to_owned);
        line.tok = tokens.into_iter().map(|token| self.world.mint.write(token)).collect();
        line
    }

    /// Shows a message, unless it was shown. Writes down that it came.
    fn show(&mut self, conv: &str, message: &Value, via: &str, from: Option<i64>) {
        let seq = number(message, "seq").unwrap_or(0);
        let mine = self.views.get(conv).map_or(0, |view| view.mine);
        let mut line = self.arrival(conv, message);
        if let Some(token) = line.tok.first().and_then(|text| self.world.mint.ours(text).first().copied()) {
            self.world.desk.learn(conv, token.thread);
        }
        line.from = from;
        (line.via, line.shown) = (via.to_owned(), seq > mine);
        self.world.journal.write(&line);
        if let Some(view) = self.views.get_mut(conv).filter(|view| seq > view.mine) {
            view.mine = seq;
            self.acked.insert(conv.to_owned());
        }
        // The desk learns of a customer only by what was said; who serves them may have been known before.
        if let (Party::Agent(_, place), true) = (&self.party, self.held.contains_key(conv)) {
            self.world.desk.hold(conv, *place);
        }
    }

    /// Asks for what a conversation has beyond what was shown.
    pub(super) fn catch(&mut self, conv: &str) {
        let Some(view) = self.views.get_mut(conv).filter(|view| !view.busy) else { return };
        view.busy = true;
        let mine = view.mine;
        match view.place(conv) {
            Some(place) => self.ask("sync", &json!({ "convs": [place] }), Asked::Sync(conv.to_owned(), mine)),
            None => self.page(conv),
        }
    }

    /// Asks for the next page of a log.
    fn page(&mut self, conv: &str) {
        let mine = self.views.get(conv).map_or(0, |view| view.mine);
        let d = json!({ "conv": conv, "after": mine, "limit": 200 });
        self.ask("history", &d, Asked::History(conv.to_owned()));
    }

    /// An answer to `resume` or `sync`, for one conversation. `from` is the place that it was asked from, `head` the end
    /// of the log as far as it was told in the same answer.
    pub(super) fn recovered(&mut self, recovery: &Value, from: i64, head: Option<i64>) {
        let Some(conv) = text(recovery, "conv").map(str::to_owned) else { return };
        let complete = recovery.get("recovered").and_then(Value::as_bool) == Some(true);
        let messages: Vec<_> = list(recovery, "msgs");
        let last = messages.last().and_then(|message| number(message, "seq"));
        let mut line = self.line(Kind::Recv, What::Recovery);
        (line.conv, line.from, line.seq) = (Some(conv.clone()), Some(from), last.max(head).or(Some(from)));
        line.n = i64::try_from(messages.len()).ok();
        line.arg = if complete { "recovered" } else { "reload" }.to_owned();
        self.world.journal.write(&line);
        let view = self.views.entry(conv.clone()).or_insert_with(View::new);
        if let Some(epoch) = text(recovery, "epoch") {
            epoch.clone_into(&mut view.epoch);
        }
        messages.iter().for_each(|message| self.show(&conv, message, "recovery", Some(from)));
        self.receipts(recovery);
        if complete {
            self.caught_up(&conv);
        } else {
            if let Some(view) = self.views.get_mut(&conv) {
                view.busy = true;
            }
            self.page(&conv);
        }
    }

    /// A page of a log.
    pub(super) fn paged(&mut self, conv: &str, ok: &Value) {
        list(ok, "msgs").iter().for_each(|message| self.show(conv, message, "history", None));
        self.receipts(ok);
        if ok.get("has_more").and_then(Value::as_bool) == Some(true) {
            self.page(conv);
        } else {
            self.caught_up(conv);
        }
    }

    /// The catch-up is over: what was pushed meanwhile follows, or another catch-up is due.
    pub(super) fn caught_up(&mut self, conv: &str) {
        if let Some(view) = self.views.get_mut(conv) {
            view.busy = false;
        }
        while let Some((prev, message)) = self.views.get_mut(conv).and_then(|view| view.held.pop_front()) {
            let mine = self.views.get(conv).map_or(0, |view| view.mine);
            if number(&message, "seq").unwrap_or(0) > mine && prev > mine {
                if let Some(view) = self.views.get_mut(conv) {
                    view.held.push_front((prev, message));
                }
                self.catch(conv);
                return;
            }
            self.show(conv, &message, "push", None);
        }
    }

    /// At the end: asks for everything of every conversation that it ever had, once on this socket. Whether something
    /// was asked.
    pub(super) fn catch_up(&mut self) -> bool {
        let left: Vec<_> = self.known.iter().filter(|conv| !self.last_look.contains(*conv)).take(20).cloned().collect();
        for conv in &left {
            self.last_look.insert(conv.clone());
            self.views.entry(conv.clone()).or_insert_with(View::new);
            self.catch(conv);
        }
        !left.is_empty()
    }

    /// Tells how far it is.
    pub(super) fn acknowledge(&mut self) {
        for conv in std::mem::take(&mut self.acked) {
            if let Some(view) = self.views.get(&conv) {
                self.out.push(json!({ "op": "ack", "d": { "conv": conv, "seq": view.mine } }));
            }
        }
    }
}

/// The entries of a list in an object.
pub(super) fn list(value: &Value, name: &str) -> Vec<Value> {
    value.get(name).and_then(Value::as_array).cloned().unwrap_or_default()
}
