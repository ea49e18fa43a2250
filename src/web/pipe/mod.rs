//! From a connection's outbox through the library's session to the response body. Lives on one thread.
//!
//! Sending through a [`Session`] waits while its 32 places are taken, and so does closing. Here nobody does: frames wait
//! in the bounded outbox, and the body itself moves them into the session when the connection takes bytes, just before
//! it lets the library turn them into bytes. What a client does not read stays in the outbox, where it is counted.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::error::Error;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_ws::{CloseReason, Message, Session};
use bytes::Bytes;
use futures_util::Sink;
use tokio::task::coop::unconstrained;

use crate::socket::Settings;
use crate::socket::close::Close;
use crate::socket::outbox::{Full, Outbox, Text};

/// Frames that are handed over at a time. The connection asks again while its own buffer of 32 KiB has room, so this
/// does not bound a write; the library keeps room for what it was once handed at a time, so this bounds memory.
const BATCH: usize = 4;
/// Pongs that may wait.
const PONGS: usize = 16;

#[derive(Debug)]
struct State {
    outbox: Outbox,
    /// A binary message, for the echo of conformance tests only.
    binary: VecDeque<Bytes>,
    /// What the newest unanswered pings carried.
    pongs: VecDeque<Bytes>,
    close: Option<Close>,
    /// The close frame was handed over.
    closed: bool,
    /// Nothing more will come: the body ends when all is handed over.
    finished: bool,
    /// The body is gone, and the connection with it.
    gone: bool,
    /// When something was last handed over, or began to wait.
    moved: Instant,
    body: Option<Waker>,
    pump: Option<Waker>,
}

/// The writing end. Clones share it.
#[derive(Debug, Clone)]
pub struct Pipe(Rc<RefCell<State>>);

/// The reading end: the response body.
struct Frames {
    state: Rc<RefCell<State>>,
    session: Session,
    /// The library's body, which turns what the session was given into bytes.
    body: BoxBody,
}

impl State {
    fn idle(&self) -> bool {
        self.outbox.is_empty()
            && self.binary.is_empty()
            && self.pongs.is_empty()
            && (self.close.is_none() || self.closed)
    }

    /// Notes that something waits, and wakes whoever carries it.
    fn added(&mut self, was_idle: bool) {
        if was_idle {
            self.moved = Instant::now();
        }
        if let Some(waker) = self.body.take() {
            waker.wake();
        }
    }

    /// The next frame to hand over. The close frame is the last one.
    fn next(&mut self) -> Option<Message> {
        if self.closed {
            return None;
        }
        if let Some(payload) = self.pongs.pop_front() {
            return Some(Message::Pong(payload));
        }
        if let Some(message) = self.binary.pop_front() {
            return Some(Message::Binary(message));
        }
        if let Some(text) = self.outbox.pop() {
            return Some(Message::Text(match text {
                Text::Own(text) => text.into(),
                Text::Shared(frame) => (&*frame.text).into(),
            }));
        }
        let close = self.close?;
        self.closed = true;
        let description = (!close.reason.is_empty()).then(|| close.reason.to_owned());
        Some(Message::Close(close.code.map(|code| CloseReason { code: code.into(), description })))
    }
}

impl Pipe {
    /// A pipe with the bounds of the settings.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        Self(Rc::new(RefCell::new(State {
            outbox: Outbox::new(settings.outbox_messages, settings.outbox_bytes),
            binary: VecDeque::new(),
            pongs: VecDeque::new(),
            close: None,
            closed: false,
            finished: false,
            gone: false,
            moved: Instant::now(),
            body: None,
            pump: None,
        })))
    }

    /// The response whose body carries what is put in here, by way of its session.
    #[must_use]
    pub fn carried_by(&self, response: HttpResponse, session: Session) -> HttpResponse {
        let state = Rc::clone(&self.0);
        response.map_body(|_, body| BoxBody::new(Frames { state, session, body }))
    }

    fn add(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.0.borrow_mut();
        let was_idle = state.idle();
        change(&mut state);
        state.added(was_idle);
    }

    /// Adds a frame.
    ///
    /// # Errors
    /// When a bound is reached; the frame is dropped.
    pub fn push(&self, text: Text) -> Result<(), Full> {
        let mut outcome = Ok(());
        self.add(|state| outcome = state.outbox.push(text));
        outcome
    }

    /// Echoes a binary message.
    pub fn binary(&self, message: Bytes) {
        self.add(|state| state.binary.push_back(message));
    }

    /// Answers a ping. While many wait for their answer only the newest get one (RFC 6455 §5.5.3).
    pub fn pong(&self, payload: Bytes) {
        self.add(|state| {
            if state.pongs.len() >= PONGS {
                state.pongs.pop_front();
            }
            state.pongs.push_back(payload);
        });
    }

    /// The last frame. Frames of a client that is too slow are forgotten first.
    pub fn close(&self, close: Close) {
        self.add(|state| {
            if close == Close::SLOW_CONSUMER {
                state.outbox.clear();
                if let Some(bye) = close.push() {
                    state.outbox.push(Text::Own(bye)).unwrap_or_else(|Full| state.outbox.clear());
                }
            }
            state.close = Some(close);
        });
    }

    /// Nothing more will come.
    pub fn finish(&self) {
        self.add(|state| state.finished = true);
    }

    /// Frames that wait.
    #[must_use]
    pub fn backlog(&self) -> usize {
        self.0.borrow().outbox.len()
    }

    /// Since when something waits without moving, if something waits.
    #[must_use]
    pub fn stuck_since(&self) -> Option<Instant> {
        let state = self.0.borrow();
        (!state.idle()).then_some(state.moved)
    }

    /// Ends when the body is gone.
    pub async fn gone(&self) {
        poll_fn(|context| {
            let mut state = self.0.borrow_mut();
            if state.gone {
                return Poll::Ready(());
            }
            state.pump = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

impl Frames {
    /// Moves frames into the session, whose other end is polled right after.
    fn hand_over(&mut self, context: &mut Context<'_>) {
        let mut state = self.state.borrow_mut();
        for _ in 0..BATCH {
            if state.idle() || !matches!(Pin::new(&mut self.session).poll_ready(context), Poll::Ready(Ok(()))) {
                return;
            }
            let sent = state.next().map(|message| Pin::new(&mut self.session).start_send(message));
            if !matches!(sent, Some(Ok(()))) {
                return;
            }
        }
    }
}

impl MessageBody for Frames {
    type Error = Box<dyn Error>;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let frames = self.get_mut();
        // The library's channel would make a task yield after some dozens of frames. Here the outbox bounds them.
        let polled = std::pin::pin!(unconstrained(poll_fn(|context| {
            frames.hand_over(context);
            Pin::new(&mut frames.body).poll_next(context)
        })))
        .poll(context);
        let mut state = frames.state.borrow_mut();
        if let Poll::Ready(Some(bytes)) = polled {
            state.moved = Instant::now();
            return Poll::Ready(Some(bytes));
        }
        // The library ends its body with our close frame. The client's is still to come.
        if state.finished {
            return Poll::Ready(None);
        }
        state.body = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        let mut state = self.state.borrow_mut();
        state.gone = true;
        if let Some(waker) = state.pump.take() {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests;
