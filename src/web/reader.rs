//! Reads one socket: a gate in front of the library's message stream, and what its errors mean. Knows no JSON.

use std::cell::{RefCell, RefMut};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::str::Utf8Error;
use std::task::{Context, Poll, ready};

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::{Error as Refusal, FromRequest as _, HttpRequest, HttpResponse, web};
use actix_ws::{AggregatedMessage, Item, Message, MessageStream, ProtocolError, Session};
use bytes::{Buf, Bytes};
use futures_util::Stream;

use crate::socket::wire::{End, Fragments, Guard, Violation, Whole};

/// What came in.
#[derive(Debug)]
pub enum Incoming {
    /// A whole message or a control frame.
    Message(AggregatedMessage),
    /// The client broke the protocol.
    Violation(Violation),
    /// The connection is gone without a close frame.
    Gone,
}

/// What stands between the connection and the library.
struct State {
    payload: Payload,
    guard: Guard,
    limit: usize,
    /// What was read and may not pass yet.
    held: Bytes,
    /// A frame has passed: the library has to give it out before it sees the next one.
    shut: bool,
    /// The library shall let go of the buffer of the last frame.
    release: bool,
    violation: Option<Violation>,
}

impl State {
    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, PayloadError>>> {
        if self.held.is_empty() {
            Pin::new(&mut self.payload).poll_next(context)
        } else {
            Poll::Ready(Some(Ok(std::mem::take(&mut self.held))))
        }
    }
}

/// The stream that the library reads from.
struct Gate(Rc<RefCell<State>>);

impl Stream for Gate {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut state = self.0.borrow_mut();
        if state.violation.is_some() {
            return Poll::Ready(None);
        }
        if state.shut {
            // No waker: whoever opens the gate polls again.
            return Poll::Pending;
        }
        if std::mem::take(&mut state.release) {
            return Poll::Ready(Some(Ok(Bytes::new())));
        }
        let Some(read) = ready!(state.poll_read(context)) else { return Poll::Ready(None) };
        let mut bytes = match read {
            Ok(bytes) => bytes,
            Err(error) => return Poll::Ready(Some(Err(error))),
        };
        match state.guard.admit(&bytes) {
            Ok((taken, end)) => {
                state.held = bytes.split_off(taken);
                state.shut = end != End::Inside;
                Poll::Ready(Some(Ok(bytes)))
            }
            Err(violation) => {
                state.violation = Some(violation);
                Poll::Ready(Some(Err(PayloadError::Overflow)))
            }
        }
    }
}

/// The reading end of a socket.
pub struct Reader {
    stream: MessageStream,
    state: Rc<RefCell<State>>,
    fragments: Fragments,
    binary: bool,
}

impl Reader {
    /// Opens a socket through the library: the response for the client, the session to write through, and the reader of
    /// frames and messages of at most `limit` bytes. `binary` says whether messages of bytes are taken.
    ///
    /// # Errors
    /// When the request is no upgrade to a WebSocket.
    pub async fn open(
        request: &HttpRequest,
        payload: web::Payload,
        protocols: &[&str],
        limit: usize,
        binary: bool,
    ) -> Result<(HttpResponse, Session, Self), Refusal> {
        let (payload, guard) = (payload.into_inner(), Guard::new(limit));
        let (held, shut, release, violation) = (Bytes::new(), false, false, None);
        let state = Rc::new(RefCell::new(State { payload, guard, limit, held, shut, release, violation }));
        let mut gate: Payload = Payload::Stream { payload: Box::pin(Gate(Rc::clone(&state))) };
        let gate = web::Payload::from_request(request, &mut gate).await?;
        let (response, session, stream) = actix_ws::handle_with_protocols(request, gate, protocols)?;
        let stream = stream.max_frame_size(limit);
        Ok((response, session, Self { stream, state, fragments: Fragments::default(), binary }))
    }

    /// What comes next. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Incoming {
        loop {
            let incoming = match poll_fn(|context| self.poll_message(context)).await {
                Some(Ok(message)) => self.take(message),
                Some(Err(error)) => Some(self.failed(&error)),
                None => Some(Incoming::Gone),
            };
            if let Some(incoming) = incoming {
                return incoming;
            }
        }
    }

    fn state(&self) -> RefMut<'_, State> {
        self.state.borrow_mut()
    }

    fn poll_message(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Message, ProtocolError>>> {
        loop {
            {
                let mut state = self.state();
                state.release |= std::mem::take(&mut state.shut);
            }
            let polled = Pin::new(&mut self.stream).poll_next(context);
            // The library waits at a shut gate only after a frame that it made nothing of.
            if polled.is_ready() || !self.state().shut {
                return polled;
            }
        }
    }

    fn take(&mut self, message: Message) -> Option<Incoming> {
        let taken = match message {
            Message::Text(text) => Ok(Some(AggregatedMessage::Text(text))),
            Message::Binary(_) | Message::Continuation(Item::FirstBinary(_)) if !self.binary => {
                Err(Violation::UNSUPPORTED)
            }
            Message::Binary(bytes) => Ok(Some(AggregatedMessage::Binary(bytes))),
            Message::Continuation(item) => self.fragment(item),
            Message::Ping(bytes) => Ok(Some(AggregatedMessage::Ping(bytes))),
            Message::Pong(bytes) => Ok(Some(AggregatedMessage::Pong(bytes))),
            Message::Close(reason) => Ok(Some(AggregatedMessage::Close(reason))),
            Message::Nop => Ok(None),
        };
        match taken {
            Ok(message) => message.map(Incoming::Message),
            Err(violation) => Some(Incoming::Violation(violation)),
        }
    }

    fn fragment(&mut self, item: Item) -> Result<Option<AggregatedMessage>, Violation> {
        match item {
            Item::FirstText(bytes) => self.fragments.text(&bytes)?,
            Item::FirstBinary(bytes) => self.fragments.binary(&bytes),
            Item::Continue(bytes) => self.fragments.more(&bytes)?,
            Item::Last(bytes) => {
                return Ok(Some(match self.fragments.last(&bytes)? {
                    Whole::Text(text) => AggregatedMessage::Text(text.into()),
                    Whole::Binary(bytes) => AggregatedMessage::Binary(bytes.into()),
                }));
            }
        }
        Ok(None)
    }

    fn failed(&self, error: &ProtocolError) -> Incoming {
        if let Some(violation) = self.state().violation {
            return Incoming::Violation(violation);
        }
        let violation = match error {
            ProtocolError::Io(error) => match error.get_ref() {
                Some(cause) if cause.is::<PayloadError>() => return Incoming::Gone,
                Some(cause) if cause.is::<Utf8Error>() => Violation::ENCODING,
                _ => Violation::PROTOCOL,
            },
            ProtocolError::BadOpCode if self.state().guard.closed_with_valid_code() => Violation::ENCODING,
            _ => Violation::PROTOCOL,
        };
        Incoming::Violation(violation)
    }

    /// Ignores what comes until the client's close frame, the end, or more than so many bytes.
    ///
    /// After a violation nothing shows where the next frame begins: the beginning of each read is taken for one.
    pub async fn farewell(&mut self, most: usize) {
        let mut ignored = 0_usize;
        while let Some(Ok(mut bytes)) = poll_fn(|context| self.state().poll_read(context)).await {
            ignored = ignored.saturating_add(bytes.len());
            if ignored > most {
                return;
            }
            let mut state = self.state();
            if state.violation.take().is_some() {
                state.guard = Guard::new(state.limit);
            }
            while !bytes.is_empty() {
                match state.guard.admit(&bytes) {
                    Ok((_, End::Close)) => return,
                    Ok((taken, _)) => bytes.advance(taken),
                    Err(violation) => {
                        state.violation = Some(violation);
                        break;
                    }
                }
            }
        }
    }
}
