//! What clients send: signing in, rates, who may ask what, marks and typing gathered.

use std::time::Instant;

use super::{Connection, Gathered, MAX_STRIKES, Stage};
use crate::core::Party;
use crate::core::request::{Mark, Request};
use crate::model::code::Code;
use crate::socket::Endpoint;
use crate::socket::close::Close;
use crate::socket::frame::{self, Frame};
use crate::socket::work::{Proof, Work};

impl Connection {
    /// A text message arrived.
    pub fn text(&mut self, text: &str, now: Instant) {
        if !self.heard(now) {
            return;
        }
        let Ok(batch) = frame::parse(text) else { return self.end(Close::PROTOCOL_ERROR) };
        // One was counted when the text was heard.
        let more = u32::try_from(batch.len().saturating_sub(1)).unwrap_or(u32::MAX);
        if more > 0 && self.flood.hits(more, now) {
            return self.end(Close::RATE_LIMITED);
        }
        for item in batch {
            match item {
                Ok(Frame::Pong) => {}
                Ok(Frame::Ping) => self.ping(now),
                Ok(frame) => self.frames.push_back(frame),
                Err(_) if self.client().is_none() => return self.end(Close::AUTH_FAILED),
                Err(refusal) if refusal.mark => self.strike(),
                Err(refusal) => {
                    self.say(frame::err(refusal.id, refusal.code, frame::explanation(refusal.code), None));
                }
            }
        }
    }

    /// Something arrived that needs no answer: the client is alive.
    pub fn heard(&mut self, now: Instant) -> bool {
        self.heard = now;
        if self.flood.hit(now) {
            self.end(Close::RATE_LIMITED);
        }
        self.verdict.is_none()
    }

    /// A WebSocket ping arrived; the pong is not ours to send.
    pub fn control_ping(&mut self, now: Instant) {
        self.heard = now;
        if self.pings.hit(now) {
            self.end(Close::RATE_LIMITED);
        }
    }

    fn ping(&mut self, now: Instant) {
        if self.pings.hit(now) {
            return self.end(Close::RATE_LIMITED);
        }
        self.say(r#"{"op":"pong"}"#.into());
    }

    /// Decides about one frame; the work that it means, if any.
    pub(super) fn consider(&mut self, frame: Frame, now: Instant) -> Option<Work> {
        match (frame, &self.stage) {
            (Frame::Auth(id, auth), Stage::Stranger(_)) => {
                self.stage = Stage::Checking(id);
                Some(Work::Admit { proof: Proof::Ticket(auth.ticket), device: auth.device, convs: Vec::new() })
            }
            (Frame::Resume(id, resume), Stage::Stranger(_)) => {
                self.stage = Stage::Checking(id);
                let proof = Proof::Resume(resume.resume_token);
                Some(Work::Admit { proof, device: resume.device, convs: resume.convs })
            }
            (Frame::Request(id, request), Stage::Client(_)) => self.request(id, request, now),
            (Frame::Auth(id, _) | Frame::Resume(id, _), Stage::Client(_)) => {
                self.refuse(id, Code::Conflict);
                None
            }
            (_, Stage::Stranger(_) | Stage::Checking(_)) => {
                self.end(Close::AUTH_FAILED);
                None
            }
            (Frame::Ping | Frame::Pong, _) => None,
        }
    }

    fn request(&mut self, id: Option<u64>, request: Request, now: Instant) -> Option<Work> {
        let window = match &request {
            Request::Send(_) => &mut self.sends,
            Request::Call(call) if call.describes() => &mut self.descriptions,
            _ => &mut self.requests,
        };
        let rated = if request.silent() { Ok(()) } else { window.hit(now) };
        if let Err(wait) = rated {
            let after = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
            self.say(frame::err(id, Code::RateLimited, frame::explanation(Code::RateLimited), Some(after)));
            return None;
        }
        match request {
            Request::Ack(mark) => self.mark(mark, false),
            Request::Read(mark) => self.mark(mark, true),
            Request::Typing { conv, on } => {
                let waiting = self.typing.waiting();
                waiting.clear();
                waiting.push((conv, on));
            }
            request => return Some(Work::Perform { id, request }),
        }
        None
    }

    fn refuse(&mut self, id: Option<u64>, code: Code) {
        self.say(frame::err(id, code, frame::explanation(code), None));
    }

    /// Gathers a mark; one that goes backwards is a strike. Whether the log is that long only the core can say.
    fn mark(&mut self, mark: Mark, read: bool) {
        let known = self.cursors.binary_search_by_key(&mark.conv, |(conv, _)| *conv).ok();
        let cursor = known.and_then(|at| self.cursors.get_mut(at)).map(|(_, cursor)| cursor);
        // What was read may be read again; only acks have an order of their own.
        let plausible = read || cursor.is_none_or(|cursor| cursor.acknowledge(mark.seq));
        if mark.seq < 0 || !plausible {
            return self.strike();
        }
        let waiting = self.marks.waiting();
        let at = waiting.iter().position(|gathered| gathered.conv == mark.conv).unwrap_or_else(|| {
            waiting.push(Gathered { conv: mark.conv, delivered: None, read: None });
            waiting.len() - 1
        });
        if let Some(gathered) = waiting.get_mut(at) {
            let place = if read { &mut gathered.read } else { &mut gathered.delivered };
            *place = (*place).max(Some(mark.seq));
        }
    }

    pub(super) fn strike(&mut self) {
        self.strikes += 1;
        if self.strikes > MAX_STRIKES {
            self.end(Close::PROTOCOL_ERROR);
        }
    }

    /// The typing that may go on now, as work.
    pub(super) fn typed(&mut self, now: Instant) -> Option<Work> {
        let (conv, on) = self.typing.take(now).pop()?;
        Some(Work::Perform { id: None, request: Request::Typing { conv, on } })
    }

    /// The marks that may go on now, as work.
    pub(super) fn marked(&mut self, now: Instant) -> Option<Work> {
        written_together(self.marks.take(now))
    }

    /// The marks that have not gone on when the connection ends.
    pub fn last_marks(&mut self) -> Option<Work> {
        written_together(std::mem::take(self.marks.waiting()))
    }

    /// Whether the door fits the party.
    #[must_use]
    pub fn fits(endpoint: Endpoint, party: &Party) -> bool {
        matches!((endpoint, party), (Endpoint::Agent, Party::Agent { .. }) | (Endpoint::Visitor, Party::Contact { .. }))
    }
}

/// Marks as work. What was read has arrived.
fn written_together(marks: Vec<Gathered>) -> Option<Work> {
    let each = marks.into_iter().flat_map(|Gathered { conv, delivered, read }| {
        let delivered = delivered.filter(|seq| Some(*seq) > read).map(|seq| Request::Ack(Mark { conv, seq }));
        delivered.into_iter().chain(read.map(|seq| Request::Read(Mark { conv, seq })))
    });
    let each: Vec<_> = each.collect();
    (!each.is_empty()).then_some(Work::Marks(each))
}
