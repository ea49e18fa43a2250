//! What a client has to say: one message at a time, under one id until the gateway says yes or no.

use std::time::Duration;

use rand::RngExt as _;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::frame::Asked;
use super::{Client, Party};
use crate::history::{Kind, Token, What};
use crate::load::web::{number, text};

/// Messages that may wait; whoever asks for more is not heard.
const WAITING: usize = 40;

/// A message that has not been settled.
#[derive(Debug)]
pub(super) struct Pending {
    token: Token,
    conv: Option<String>,
    op: u64,
    /// Session and epoch that it was first said under.
    control: Option<(String, i64)>,
    tries: u64,
    under_way: bool,
    not_before: Instant,
}

impl Client {
    pub(super) fn plan_to_say(&mut self, token: Token, conv: Option<String>) {
        if self.pending.len() < WAITING {
            let not_before = Instant::now();
            self.pending.push_back(Pending {
                token,
                conv,
                op: 0,
                control: None,
                tries: 0,
                under_way: false,
                not_before,
            });
        }
    }

    /// Says the next message if its time has come.
    pub(super) fn speak(&mut self, now: Instant) {
        let Some(next) = self.pending.front() else { return };
        if next.under_way || now < next.not_before {
            return;
        }
        let conv = match (&self.party, &next.conv) {
            (Party::Agent(..), Some(conv)) => conv.clone(),
            // A visitor's only conversation.
            _ => match self.listed.first() {
                Some(conv) => conv.clone(),
                None => return,
            },
        };
        let first = next.tries == 0;
        let control = if first { self.held.get(&conv).cloned() } else { next.control.clone() };
        if first && control.is_none() && matches!(self.party, Party::Agent(..)) {
            // Somebody else serves this customer by now: it is never said.
            self.pending.pop_front();
            return;
        }
        let op = if first { self.op() } else { next.op };
        let Some(next) = self.pending.front_mut() else { return };
        (next.op, next.under_way, next.tries) = (op, true, next.tries + 1);
        (next.conv, next.control) = (Some(conv.clone()), control.clone());
        let (token, attempt) = (next.token, next.tries);
        let mut line = self.line(Kind::Invoke, What::Send);
        (line.op, line.attempt, line.conv) = (op, attempt, Some(conv));
        line.tok = vec![self.world.mint.write(token)];
        (line.sess, line.epoch) = control.unzip();
        self.world.journal.write(&line);
        let d = self.words(op);
        self.ask("send", &d, Asked::Say(op));
    }

    /// The request of a message.
    fn words(&self, op: u64) -> Value {
        let Some(pending) = self.pending.iter().find(|pending| pending.op == op) else { return Value::Null };
        let text = format!("{} 您好，请稍等。", self.world.mint.write(pending.token));
        let mut d = json!({ "conv": pending.conv, "cid": format!("c{op}"), "type": "text", "body": { "text": text } });
        if let (Some((_, epoch)), Some(fields)) = (&pending.control, d.as_object_mut()) {
            fields.insert("epoch".to_owned(), (*epoch).into());
        }
        d
    }

    /// The gateway said yes. One in thirty is sent once more: the answer must be the same.
    pub(super) fn said(&mut self, op: u64, ok: &Value) {
        self.note_said(op, ok);
        self.world.accept();
        if self.dice.random_bool(0.03) {
            let d = self.words(op);
            self.ask("send", &d, Asked::SayAgain(op));
        }
        self.pending.retain(|pending| pending.op != op || pending.tries == 0);
    }

    pub(super) fn note_said(&self, op: u64, ok: &Value) {
        let mut line = self.line(Kind::Ok, What::Send);
        (line.op, line.seq, line.id) = (op, number(ok, "seq"), text(ok, "id").map(str::to_owned));
        line.arg = if ok.get("dup").and_then(Value::as_bool) == Some(true) { "dup" } else { "" }.to_owned();
        self.world.journal.write(&line);
    }

    /// The gateway said no, for now or for good.
    pub(super) fn not_said(&mut self, op: u64, code: &str, err: &Value) {
        let again = err.get("retry").and_then(Value::as_bool) == Some(true);
        let unknown = matches!(code, "timeout" | "internal");
        let mut line = self.line(if unknown { Kind::Info } else { Kind::Fail }, What::Send);
        (line.op, line.code) = (op, code.to_owned());
        if again {
            // It goes on: a refusal that is worth repeating is no end of the operation.
            line.k = Kind::Info;
            self.unsay(op);
            let after = err.get("after_ms").and_then(Value::as_u64).unwrap_or(300);
            if let Some(pending) = self.pending.iter_mut().find(|pending| pending.op == op && op > 0) {
                pending.not_before = Instant::now() + Duration::from_millis(after.min(5_000));
            }
        } else {
            self.pending.retain(|pending| pending.op != op || pending.tries == 0);
        }
        self.world.journal.write(&line);
    }

    /// It has to be said again.
    pub(super) fn unsay(&mut self, op: u64) {
        for pending in self.pending.iter_mut().filter(|pending| pending.op == op && pending.tries > 0) {
            pending.under_way = false;
        }
    }

    /// Gives the session of a conversation to the queue, or ends it.
    pub(super) fn give_away(&mut self, conv: &str, what: What) {
        let Some((session, epoch)) = self.held.get(conv).cloned() else { return };
        let op = self.op();
        let mut line = self.line(Kind::Invoke, what);
        (line.op, line.conv, line.sess, line.epoch) = (op, Some(conv.to_owned()), Some(session.clone()), Some(epoch));
        self.world.journal.write(&line);
        if what == What::End {
            self.ask("end", &json!({ "session": session, "reason": "done" }), Asked::Give(op, what));
        } else {
            let d = json!({ "session": session, "to": { "queue": "service" } });
            self.ask("transfer", &d, Asked::Give(op, what));
        }
    }
}
