//! From a connection's outbox to the response body that carries its frames. Lives on one thread.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use actix_web::body::{BodySize, MessageBody};
use bytes::{Bytes, BytesMut};

use crate::socket::Settings;
use crate::socket::close::Close;
use crate::socket::outbox::{Full, Outbox, Text};
use crate::socket::wire;

/// Bytes that are handed over at a time.
const BATCH: usize = 16 * 1024;
/// Pongs that may wait.
const PONGS: usize = 16;

#[derive(Debug)]
struct State {
    outbox: Outbox,
    /// A binary message, for the echo of conformance tests only.
    binary: VecDeque<Vec<u8>>,
    /// What the newest unanswered pings carried.
    pongs: VecDeque<Vec<u8>>,
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
#[derive(Debug)]
pub struct Frames(Rc<RefCell<State>>);

/// A pipe with the bounds of the settings.
#[must_use]
pub fn pipe(settings: &Settings) -> (Pipe, Frames) {
    let state = State {
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
    };
    let state = Rc::new(RefCell::new(state));
    (Pipe(Rc::clone(&state)), Frames(state))
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

    fn fill(&mut self) -> BytesMut {
        let mut out = BytesMut::new();
        for payload in std::mem::take(&mut self.pongs) {
            wire::pong(&payload, &mut out);
        }
        for message in std::mem::take(&mut self.binary) {
            wire::binary(&message, &mut out);
        }
        while out.len() < BATCH {
            let Some(text) = self.outbox.pop() else { break };
            wire::text(text.as_str().as_bytes(), &mut out);
        }
        if self.outbox.is_empty()
            && !self.closed
            && let Some(close) = self.close
        {
            wire::close(close.code, close.reason, &mut out);
            self.closed = true;
        }
        out
    }
}

impl Pipe {
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
    pub fn binary(&self, message: Vec<u8>) {
        self.add(|state| state.binary.push_back(message));
    }

    /// Answers a ping. While many wait for their answer only the newest get one (RFC 6455 §5.5.3).
    pub fn pong(&self, payload: Vec<u8>) {
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
        std::future::poll_fn(|context| {
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

impl MessageBody for Frames {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let mut state = self.0.borrow_mut();
        let out = state.fill();
        if !out.is_empty() {
            state.moved = Instant::now();
            return Poll::Ready(Some(Ok(out.freeze())));
        }
        if state.finished {
            return Poll::Ready(None);
        }
        state.body = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        let mut state = self.0.borrow_mut();
        state.gone = true;
        if let Some(waker) = state.pump.take() {
            waker.wake();
        }
    }
}
