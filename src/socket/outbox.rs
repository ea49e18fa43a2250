//! What waits for one client, bounded in messages and bytes. Knows no socket.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::config::{Bug, planted};
use crate::hub::Frame;

/// A text frame on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// Made for this client.
    Own(String),
    /// Made once for many clients.
    Shared(Arc<Frame>),
}

impl Text {
    /// The JSON.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Own(text) => text,
            Self::Shared(frame) => &frame.text,
        }
    }
}

/// Capacity that an emptied queue may keep.
const KEEP: usize = 16;

/// The client does not read fast enough: what it was not told yet has to be replayed from the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// The frames that wait for one client.
///
/// Invariant: never more than `messages` frames; never more than `bytes` bytes besides the oldest and the newest frame.
/// The oldest does not count, because it may be the answer to a resume, which is as large as what was missed.
#[derive(Debug)]
pub struct Outbox {
    frames: VecDeque<Text>,
    waiting: usize,
    messages: usize,
    bytes: usize,
}

impl Outbox {
    /// An empty outbox with these bounds.
    #[must_use]
    pub fn new(messages: usize, bytes: usize) -> Self {
        Self { frames: VecDeque::new(), waiting: 0, messages, bytes }
    }

    /// Adds a frame.
    ///
    /// # Errors
    /// When a bound is reached; the frame is dropped.
    pub fn push(&mut self, text: Text) -> Result<(), Full> {
        let oldest = self.frames.front().map_or(0, |text| text.as_str().len());
        let full = self.frames.len() >= self.messages || self.waiting - oldest >= self.bytes;
        if full && !planted(Bug::OutboxUnbounded) {
            return Err(Full);
        }
        self.waiting += text.as_str().len();
        self.frames.push_back(text);
        Ok(())
    }

    /// Takes the oldest frame.
    pub fn pop(&mut self) -> Option<Text> {
        let text = self.frames.pop_front();
        self.waiting -= text.as_ref().map_or(0, |text| text.as_str().len());
        if self.frames.is_empty() && self.frames.capacity() > KEEP {
            self.frames = VecDeque::new();
        }
        text
    }

    /// Forgets everything that waits.
    pub fn clear(&mut self) {
        self.frames = VecDeque::new();
        self.waiting = 0;
    }

    /// How many frames wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(bytes: usize) -> Text {
        Text::Own("x".repeat(bytes))
    }

    #[test]
    fn messages_and_bytes_are_bounded_and_one_large_frame_passes() {
        let mut outbox = Outbox::new(3, 100);
        assert_eq!(outbox.push(own(5_000)), Ok(()));
        assert_eq!(outbox.push(own(100)), Ok(()));
        assert_eq!(outbox.push(own(1)), Err(Full));
        while outbox.pop().is_some() {}
        assert!((0..3).all(|_| outbox.push(Text::Shared(Frame::plain("{}"))).is_ok()));
        assert_eq!(outbox.push(own(1)), Err(Full));
        while outbox.pop().is_some() {}
        assert_eq!((outbox.waiting, outbox.is_empty()), (0, true));
    }
}
