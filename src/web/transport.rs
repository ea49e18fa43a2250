//! One WebSocket below its protocol: events in, frames out, an orderly end. Knows no JSON.

use std::rc::Rc;
use std::time::Duration;

use actix_web::dev::Payload;
use futures_util::StreamExt;
use tokio::time::{Instant, timeout_at};

use super::link::Link;
use super::pipe::Pipe;
use crate::socket::close::Close;
use crate::socket::wire::{Decoder, Event, Violation};

/// After our close frame the client has so long to answer it.
const LINGER: Duration = Duration::from_secs(2);
/// What a client may still send before it is cut off.
const LINGER_BYTES: usize = 1_048_576;

/// What came in.
#[derive(Debug)]
pub enum Incoming {
    /// A message or a control frame.
    Event(Event),
    /// The client broke the protocol.
    Violation(Violation),
    /// The connection is gone without a close frame.
    Gone,
}

/// The two ends of one socket.
pub struct Transport {
    payload: Payload,
    decoder: Decoder,
    pipe: Pipe,
    link: Option<Rc<Link>>,
}

impl Transport {
    /// A socket that was just opened.
    #[must_use]
    pub fn new(payload: Payload, decoder: Decoder, pipe: Pipe, link: Option<Rc<Link>>) -> Self {
        Self { payload, decoder, pipe, link }
    }

    /// What comes next. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Incoming {
        loop {
            match self.decoder.event() {
                Ok(Some(event)) => return Incoming::Event(event),
                Ok(None) => {}
                Err(violation) => return Incoming::Violation(violation),
            }
            match self.payload.next().await {
                Some(Ok(bytes)) => self.decoder.feed(&bytes),
                Some(Err(_)) | None => return Incoming::Gone,
            }
        }
    }

    /// Cuts the connection off.
    pub fn cut(&self) {
        if let Some(link) = &self.link {
            link.cut();
        }
    }

    /// Ends with a close frame. The client's own is waited for a moment, and what it sends until then is ignored:
    /// ending with unread data would reset the connection and take our close frame with it.
    pub async fn close(mut self, close: Close, answered: bool, patience: Duration) {
        self.pipe.close(close);
        let end = Instant::now() + LINGER;
        if !answered {
            // Whoever does not answer in time is not waited for.
            drop(timeout_at(end, self.farewell()).await);
        }
        self.pipe.finish();
        if tokio::time::timeout(patience, self.pipe.gone()).await.is_err() {
            self.cut();
        }
    }

    /// The connection is gone: lets go of the body.
    pub fn abandon(self) {
        self.pipe.finish();
    }

    async fn farewell(&mut self) {
        let mut ignored = 0_usize;
        loop {
            let broken = match self.decoder.event() {
                Ok(Some(Event::Close(_))) => return,
                Ok(Some(_)) => continue,
                Ok(None) => false,
                Err(_) => true,
            };
            match self.payload.next().await {
                Some(Ok(bytes)) if ignored < LINGER_BYTES => {
                    ignored += bytes.len();
                    if broken { self.decoder.restart(&bytes) } else { self.decoder.feed(&bytes) }
                }
                _ => return,
            }
        }
    }
}
