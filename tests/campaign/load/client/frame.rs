//! What frames mean to a client: replies to what it asked, pushes, reports.

use serde_json::{Value, json};
use tokio::time::Instant;

use super::view::list;
use super::{Client, Party};
use crate::history::{Kind, What};
use crate::load::web::{number, text};

/// What a request was about.
#[derive(Debug, Clone)]
pub(super) enum Asked {
    /// A message, by its operation.
    Say(u64),
    /// A message that was accepted, once more.
    SayAgain(u64),
    /// An offer, by operation and session.
    Accept(u64, String),
    /// Giving away or ending a session, by operation.
    Give(u64, What),
    /// A catch-up of a conversation from a place.
    Sync(String, i64),
    /// A page of a conversation.
    History(String),
    /// A visitor's conversation.
    Open,
    /// Nothing that matters.
    Other,
}

impl Client {
    /// Takes a frame.
    pub(super) fn handle(&mut self, frame: &Value) {
        self.heard = Instant::now();
        if let Some(id) = frame.get("id").and_then(Value::as_u64) {
            if let Some((asked, _)) = self.waiting.remove(&id) {
                match frame.get("ok") {
                    Some(ok) => self.answered(asked, ok),
                    None => self.refused(asked, frame.get("err").unwrap_or(&Value::Null)),
                }
            }
            return;
        }
        let d = frame.get("d").unwrap_or(&Value::Null);
        match text(frame, "op").unwrap_or_default() {
            "msg" => self.pushed(d, number(frame, "prev").unwrap_or(0)),
            "conv" => self.head(d),
            "conv.gone" => self.unlist(text(d, "conv").unwrap_or_default()),
            "offer" => self.offered(d),
            "session" => self.session(text(d, "conv").unwrap_or_default(), d),
            "receipt" => self.receipt(d),
            "presence" => self.presence(d),
            _ => {}
        }
    }

    fn answered(&mut self, asked: Asked, ok: &Value) {
        match asked {
            Asked::Say(op) => self.said(op, ok),
            Asked::SayAgain(op) => self.note_said(op, ok),
            Asked::Accept(op, session) => {
                let conv = ok.get("conv").unwrap_or(&Value::Null);
                let held = conv.get("session");
                let mut line = self.line(Kind::Ok, What::Accept);
                (line.op, line.sess) = (op, Some(session));
                line.epoch = held.and_then(|held| number(held, "control_epoch"));
                line.conv = text(conv, "conv").map(str::to_owned);
                self.world.journal.write(&line);
                self.head(conv);
            }
            Asked::Give(op, what) => {
                let mut line = self.line(Kind::Ok, what);
                line.op = op;
                self.world.journal.write(&line);
            }
            Asked::Sync(conv, from) => {
                let all = list(ok, "convs");
                match all.first() {
                    Some(recovery) => self.recovered(recovery, from, None),
                    None => self.caught_up(&conv),
                }
            }
            Asked::History(conv) => self.paged(&conv, ok),
            Asked::Open => self.head(ok.get("conv").unwrap_or(&Value::Null)),
            Asked::Other => {}
        }
    }

    fn refused(&mut self, asked: Asked, err: &Value) {
        let code = text(err, "code").unwrap_or_default().to_owned();
        match asked {
            Asked::Say(op) => self.not_said(op, &code, err),
            Asked::Accept(op, _) => self.note_refusal(op, What::Accept, &code),
            Asked::Give(op, what) => self.note_refusal(op, what, &code),
            Asked::Sync(conv, _) | Asked::History(conv) => {
                // It is not theirs any more, or cannot be read at the moment: a later look will tell.
                self.last_look.remove(&conv);
                if code == "not_found" {
                    self.known.remove(&conv);
                }
                self.interrupted(&conv);
            }
            Asked::SayAgain(_) | Asked::Open | Asked::Other => {}
        }
    }

    /// The reply will not come any more.
    pub(super) fn unanswered(&mut self, asked: &Asked, how: &str) {
        let (op, what) = match asked {
            Asked::Say(op) => (*op, What::Send),
            Asked::Accept(op, _) => (*op, What::Accept),
            Asked::Give(op, what) => (*op, *what),
            _ => return,
        };
        let mut line = self.line(Kind::Info, what);
        (line.op, line.code) = (op, how.to_owned());
        self.world.journal.write(&line);
        self.unsay(op);
    }

    fn note_refusal(&self, op: u64, what: What, code: &str) {
        // An outcome that the gateway itself does not know is unknown.
        let kind = if matches!(code, "timeout" | "internal") { Kind::Info } else { Kind::Fail };
        let mut line = self.line(kind, what);
        (line.op, line.code) = (op, code.to_owned());
        self.world.journal.write(&line);
    }

    /// An agent takes every offer.
    pub(super) fn offered(&mut self, offer: &Value) {
        let session = text(offer, "session").unwrap_or_default().to_owned();
        let op = self.op();
        let mut line = self.line(Kind::Invoke, What::Accept);
        (line.op, line.sess) = (op, Some(session.clone()));
        self.world.journal.write(&line);
        let d = json!({ "assignment": offer.get("assignment"), "token": offer.get("token") });
        self.ask("offer.accept", &d, Asked::Accept(op, session));
    }

    /// A session as it stands now.
    pub(super) fn session(&mut self, conv: &str, session: &Value) {
        let Party::Agent(login, place) = self.party.clone() else { return };
        let control = session.get("control").unwrap_or(&Value::Null);
        let id = text(session, "session").unwrap_or_default();
        let epoch = number(session, "control_epoch").unwrap_or(0);
        let newer = self.held.get(conv).is_none_or(|(held, known)| held != id || *known <= epoch);
        if text(control, "agent") == Some(login.as_str()) && text(session, "state") == Some("active") {
            if newer {
                self.held.insert(conv.to_owned(), (id.to_owned(), epoch));
                self.world.desk.hold(conv, place);
            }
        } else if newer {
            self.let_go(conv);
        }
    }

    /// The control is somebody else's.
    pub(super) fn let_go(&mut self, conv: &str) {
        if let (Party::Agent(_, place), Some(_)) = (&self.party, self.held.remove(conv)) {
            self.world.desk.release(conv, *place);
        }
    }

    fn presence(&mut self, agent: &Value) {
        if let Party::Agent(login, _) = &self.party
            && text(agent, "agent") == Some(login.as_str())
        {
            self.ready(Some(agent));
        }
    }

    /// An agent is ready, always.
    pub(super) fn ready(&mut self, agent: Option<&Value>) {
        if agent.and_then(|agent| text(agent, "status")) != Some("ready") {
            self.ask("presence.set", &json!({ "status": "ready" }), Asked::Other);
        }
    }

    /// A visitor opens the conversation.
    pub(super) fn open(&mut self) {
        self.ask("open", &json!({ "entry": { "page": "/" } }), Asked::Open);
    }

    /// Reports that came with messages.
    pub(super) fn receipts(&mut self, answer: &Value) {
        list(answer, "receipts").iter().for_each(|receipt| self.receipt(receipt));
    }

    fn receipt(&mut self, receipt: &Value) {
        let (Some(id), Some(state)) = (text(receipt, "id"), text(receipt, "state")) else { return };
        let mut line = self.line(Kind::Recv, What::Receipt);
        (line.id, line.code) = (Some(id.to_owned()), state.to_owned());
        line.arg = text(receipt, "code").unwrap_or_default().to_owned();
        self.world.journal.write(&line);
    }
}
