//! What the hub announces: messages in the order of their log, frames as they are.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Connection, Stage};
use crate::core::log::LogPage;
use crate::core::{Client, Party};
use crate::hub::{Frame, Head, Hint};
use crate::model::code::Code;
use crate::model::envelope::Envelope;
use crate::model::id::ConversationId;
use crate::socket::close::Close;
use crate::socket::conversation::{Cursor, Move};
use crate::socket::outbox::Text;

/// Places in conversations that one connection keeps; the least recent conversations are forgotten beyond that.
const MAX_CURSORS: usize = 2_048;

/// Whether this client may see it.
fn visible(client: &Client, envelope: &Envelope) -> bool {
    match &client.party {
        Party::Agent { agent, .. } => envelope.for_agent(agent),
        Party::Contact { .. } => envelope.for_contact(),
    }
}

impl Connection {
    /// Something was announced. Must not be called before sign-in.
    pub fn hint(&mut self, hint: &Hint) {
        match hint {
            Hint::Message(_) | Hint::Head(_) if self.calls_only() => {}
            Hint::Frame(frame) | Hint::Swept(frame) if !self.is_meant(frame) => {}
            Hint::Message(envelope) => self.announced(envelope),
            Hint::Frame(frame) => {
                self.told(frame);
                self.show(frame);
            }
            Hint::Swept(frame) if self.told(frame) => {
                self.shared.found.fetch_add(1, Ordering::Relaxed);
                self.show(frame);
            }
            Hint::Swept(_) => {}
            Hint::Head(head) => self.grown(head),
            Hint::Replaced(old) if *old == self.id => self.end(Close::REPLACED),
            Hint::Replaced(_) => {}
            Hint::SignedOut => self.rechecking = true,
        }
    }

    /// Whether this client may do nothing but call.
    fn calls_only(&self) -> bool {
        self.client().is_some_and(|client| client.calls_only)
    }

    /// Whether a frame is for this device, and for such a client.
    fn is_meant(&self, frame: &Frame) -> bool {
        let Some(client) = self.client() else { return true };
        let about_calls = || frame.text.starts_with(r#"{"op":"call."#);
        frame.audience.includes(&client.device) && (!client.calls_only || about_calls())
    }

    /// Remembers what a frame tells; `true` when the client was not told the same before.
    fn told(&mut self, frame: &Frame) -> bool {
        if let Some((conv, seq)) = frame.place {
            // Only so that the cursor is there: pushes go on from what the frame shows.
            self.cursor(conv, seq.saturating_add(1));
        }
        frame.mark.is_none_or(|mark| self.told.changes(mark))
    }

    fn show(&mut self, frame: &Arc<Frame>) {
        if self.verdict.is_none() {
            self.out.push(Text::Shared(Arc::clone(frame)));
        }
    }

    fn announced(&mut self, envelope: &Arc<Envelope>) {
        let Stage::Client(client) = &self.stage else { return };
        let seen = visible(client, envelope);
        let cursor = self.cursor(envelope.conv, envelope.seq);
        match cursor.announced(envelope.seq, seen) {
            Move::Nothing => {}
            Move::Push { prev } => self.push(prev, envelope),
            Move::Read { after } => self.reads.push_back((envelope.conv, after)),
        }
    }

    fn grown(&mut self, head: &Head) {
        // Whoever does not know the conversation has it up to the base, by the push that told of it.
        if let Move::Read { after } = self.cursor(head.conv, head.base.saturating_add(1)).grown(head.seq) {
            self.shared.found.fetch_add(1, Ordering::Relaxed);
            self.reads.push_back((head.conv, after));
        }
    }

    /// The place in a conversation. One that is new here begins with the announced message: its client learns of the
    /// conversation by a `conv` push or an answer, and asks for what is before.
    fn cursor(&mut self, conv: ConversationId, seq: i64) -> &mut Cursor {
        let at = match self.cursors.binary_search_by_key(&conv, |(conv, _)| *conv) {
            Ok(at) => at,
            Err(at) => {
                let at = if self.cursors.len() < MAX_CURSORS {
                    at
                } else {
                    // Ids grow with time: the first is the oldest conversation.
                    self.cursors.remove(0);
                    at.saturating_sub(1)
                };
                self.cursors.insert(at, (conv, Cursor::at(seq - 1)));
                at
            }
        };
        #[expect(clippy::indexing_slicing, reason = "the search found the place or the line above made it")]
        &mut self.cursors[at].1
    }

    fn push(&mut self, prev: i64, envelope: &Arc<Envelope>) {
        match self.shared.written.message(&self.shared.signer, prev, envelope) {
            Ok(frame) => self.show(&frame),
            Err(error) => {
                tracing::error!(error = %error, "a message could not be written as JSON");
                self.end(Close::INSUFFICIENT_STATE);
            }
        }
    }

    /// A page of a log was read, or could not be.
    pub(super) fn page(&mut self, conv: ConversationId, after: i64, page: Result<LogPage, crate::core::Error>) {
        self.reading = false;
        let Ok(at) = self.cursors.binary_search_by_key(&conv, |(conv, _)| *conv) else { return };
        let page = match page {
            Ok(page) => page,
            Err(error) if matches!(error.code, Code::NotFound | Code::Forbidden) => {
                // The conversation is no longer this client's.
                self.cursors.remove(at);
                return;
            }
            Err(_) => return self.end(Close::INSUFFICIENT_STATE),
        };
        let Some((_, cursor)) = self.cursors.get_mut(at) else { return };
        let fresh: Vec<_> = page
            .envelopes
            .iter()
            .filter_map(|envelope| cursor.read(envelope.seq).map(|prev| (prev, envelope)))
            .collect();
        if let Some(next) = cursor.reached(after, page.last_seq) {
            self.reads.push_back((conv, next));
        }
        for (prev, envelope) in fresh {
            self.push(prev, envelope);
        }
    }
}
