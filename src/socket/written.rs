//! Frames of messages, written once for all devices that get the same one after the other: many of one agent, or an agent and
//! the supervisors who watch. Knows no connection.

use std::sync::{Arc, Mutex, PoisonError};

use super::frame;
use crate::core::signature::Signer;
use crate::hub::Frame;
use crate::model::envelope::Envelope;

/// The frame that was written last.
#[derive(Debug, Default)]
pub struct Written(Mutex<Option<Last>>);

#[derive(Debug)]
struct Last {
    envelope: Arc<Envelope>,
    prev: i64,
    frame: Arc<Frame>,
}

impl Written {
    /// The frame of a message to whoever had the log up to `prev`.
    ///
    /// # Errors
    /// When a stored value has no JSON form.
    pub fn message(
        &self,
        signer: &Signer,
        prev: i64,
        envelope: &Arc<Envelope>,
    ) -> Result<Arc<Frame>, serde_json::Error> {
        if let Some(frame) = self.known(prev, envelope) {
            return Ok(frame);
        }
        let frame = Frame::plain(frame::message(prev, &signer.json(envelope)?));
        let last = Last { envelope: Arc::clone(envelope), prev, frame: Arc::clone(&frame) };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
        Ok(frame)
    }

    fn known(&self, prev: i64, envelope: &Arc<Envelope>) -> Option<Arc<Frame>> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = last.as_ref().filter(|last| last.prev == prev && Arc::ptr_eq(&last.envelope, envelope))?;
        Some(Arc::clone(&last.frame))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::core::signature;
    use crate::model::envelope::Visibility;
    use crate::socket::connection::tests::{conv, envelope};

    #[test]
    fn devices_that_get_the_same_share_one_frame() {
        let (written, signer) = (Written::default(), signature::tests::signer(&Clock::system()));
        let (one, other) = (envelope(conv(1), 7, Visibility::All), envelope(conv(1), 8, Visibility::All));
        let first = written.message(&signer, 6, &one).unwrap();
        assert!(Arc::ptr_eq(&first, &written.message(&signer, 6, &one).unwrap()));
        // A customer did not see the note before it.
        let further = written.message(&signer, 5, &one).unwrap();
        assert!(
            first.text.starts_with(r#"{"op":"msg","prev":6,"#) && further.text.starts_with(r#"{"op":"msg","prev":5,"#)
        );
        let next = written.message(&signer, 6, &other).unwrap();
        assert!(next.text.contains(&other.id.to_string()), "{}", next.text);
    }
}
