//! Moves one connection along: what comes in, what the hub announces, what the core answers, what time demands.
//!
//! Everything of a connection happens in this one task, in turn. Writing never waits here: the pipe is bounded, and
//! who does not read is ended. Requests, marks and log reads run beside it, one of each at a time.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use actix_ws::AggregatedMessage;
use futures_util::future::join_all;
use tokio::time::{Sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::pipe::Pipe;
use super::reader::Incoming;
use super::transport::Transport;
use crate::hub::Hint;
use crate::socket::close::Close;
use crate::socket::connection::Connection;
use crate::socket::roster::Presence;
use crate::socket::wire::Violation;
use crate::socket::work::{Applicant, Done, Hold, Work, Worker};

/// How long a client that was too slow is waited for before it is cut off.
const FAREWELL: Duration = Duration::from_secs(1);

/// What a piece of work brings back besides its outcome.
type Finished = (Done, Option<(Option<Box<Hold>>, Presence)>);
type Task = Pin<Box<dyn Future<Output = Finished>>>;

/// How the client left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaving {
    /// We end it.
    Ours,
    /// It sent a close frame.
    Theirs(Option<u16>),
    /// It vanished.
    Vanished,
}

/// One connection on its way.
pub struct Pump {
    connection: Connection,
    worker: Worker,
    pipe: Pipe,
    presence: Option<Presence>,
    hold: Option<Box<Hold>>,
    request: Option<Task>,
    marks: Option<Task>,
    read: Option<Task>,
    write: Duration,
    spread: Duration,
    leaving: Option<Leaving>,
}

enum Happened {
    Came(Incoming),
    Hint(Option<Hint>),
    Done(Finished),
    Time,
    Drain,
    Gone,
}

/// Waits for an optional thing; for ever if it is not there.
async fn of<T>(task: &mut Option<Pin<Box<dyn Future<Output = T>>>>) -> T {
    match task {
        Some(running) => {
            let done = running.as_mut().await;
            *task = None;
            done
        }
        None => pending().await,
    }
}

async fn hint(hold: Option<&mut Box<Hold>>) -> Option<Hint> {
    match hold {
        Some(hold) => hold.inlet.hints.recv().await,
        None => pending().await,
    }
}

impl Pump {
    /// A pump for a connection that was just opened.
    #[must_use]
    pub fn new(connection: Connection, worker: Worker, pipe: Pipe, presence: Presence) -> Self {
        let settings = worker.settings();
        let (write, spread) = (settings.write, settings.drain_spread);
        Self {
            connection,
            worker,
            pipe,
            presence: Some(presence),
            hold: None,
            request: None,
            marks: None,
            read: None,
            write,
            spread,
            leaving: None,
        }
    }

    /// Runs the connection to its end and returns the code it was closed with.
    pub async fn run(mut self, mut transport: Transport, draining: CancellationToken) -> Option<u16> {
        let mut drain = std::pin::pin!(draining.cancelled());
        let mut timer = std::pin::pin!(sleep_until(Instant::now().into()));
        let mut drained = false;
        while self.leaving.is_none() {
            self.advance();
            if self.connection.verdict().is_some() {
                self.leaving = Some(Leaving::Ours);
                break;
            }
            self.arm(timer.as_mut());
            let (listens, watching) = (self.connection.listens(), self.hold.is_some());
            let happened = tokio::select! {
                hint = hint(self.hold.as_mut()), if watching => Happened::Hint(hint),
                done = of(&mut self.request) => Happened::Done(done),
                done = of(&mut self.marks) => Happened::Done(done),
                done = of(&mut self.read) => Happened::Done(done),
                incoming = transport.next(), if listens => Happened::Came(incoming),
                () = timer.as_mut() => Happened::Time,
                () = drain.as_mut(), if !drained => Happened::Drain,
                () = self.pipe.gone() => Happened::Gone,
            };
            drained |= matches!(happened, Happened::Drain);
            self.take(happened, &transport);
        }
        // Boxed: the end needs room that a connection at rest should not hold.
        Box::pin(self.end(transport)).await
    }

    /// Sends what is to be sent and starts what is to be done.
    fn advance(&mut self) {
        let now = Instant::now();
        if self.request.is_none() {
            let work = self.connection.next_request(now);
            self.request = work.and_then(|work| self.start(work));
        }
        if self.marks.is_none() {
            let work = self.connection.next_marks(now);
            self.marks = work.and_then(|work| self.start(work));
        }
        if self.read.is_none() {
            let work = self.connection.next_read(self.pipe.backlog());
            self.read = work.and_then(|work| self.start(work));
        }
        self.flush();
    }

    fn flush(&mut self) {
        let full = self.connection.outgoing().any(|text| self.pipe.push(text).is_err());
        let overrun = self.hold.as_ref().is_some_and(|hold| hold.inlet.overrun.load(Ordering::Acquire));
        if full || overrun {
            self.connection.end(Close::SLOW_CONSUMER);
        }
    }

    fn start(&mut self, work: Work) -> Option<Task> {
        let worker = self.worker.clone();
        if let Work::Admit { proof, device, convs } = work {
            let presence = self.presence.take()?;
            let (endpoint, id) = (self.connection.endpoint(), self.connection.id());
            let applicant = Applicant { endpoint, id, proof, device, convs };
            return Some(Box::pin(async move {
                let (done, hold, presence) = worker.admit(applicant, presence).await;
                (done, Some((hold, presence)))
            }));
        }
        let client = std::sync::Arc::clone(self.connection.client()?);
        let standing = self.hold.as_ref().map(|hold| hold.standing());
        Some(Box::pin(async move { (worker.run(&client, standing, work).await, None) }))
    }

    fn take(&mut self, happened: Happened, transport: &Transport) {
        let now = Instant::now();
        match happened {
            Happened::Came(incoming) => self.came(incoming, now),
            Happened::Hint(Some(hint)) => {
                self.connection.hint(&hint);
                self.more_hints();
            }
            Happened::Hint(None) => self.connection.end(Close::INSUFFICIENT_STATE),
            Happened::Done((done, kept)) => {
                if let Some((hold, presence)) = kept {
                    (self.hold, self.presence) = (hold, Some(presence));
                }
                self.connection.done(done, now);
            }
            Happened::Time => {
                self.connection.tick(now);
                let stuck = self.pipe.stuck_since().is_some_and(|since| now.duration_since(since) >= self.write);
                if stuck {
                    transport.cut();
                    self.leaving = Some(Leaving::Vanished);
                }
            }
            Happened::Drain => self.connection.drain(self.spread),
            Happened::Gone => self.leaving = Some(Leaving::Vanished),
        }
    }

    /// Takes the hints that are already there, so that they leave in one write.
    fn more_hints(&mut self) {
        for _ in 0..64 {
            let Some(hint) = self.hold.as_mut().and_then(|hold| hold.inlet.hints.try_recv().ok()) else { break };
            self.connection.hint(&hint);
        }
    }

    fn came(&mut self, incoming: Incoming, now: Instant) {
        match incoming {
            Incoming::Message(AggregatedMessage::Text(text)) => self.connection.text(&text, now),
            Incoming::Message(AggregatedMessage::Ping(payload)) => {
                self.connection.control_ping(now);
                self.pipe.pong(payload);
            }
            Incoming::Message(AggregatedMessage::Pong(_)) => {
                self.connection.control_ping(now);
            }
            Incoming::Message(AggregatedMessage::Binary(_)) => {
                self.connection.end(Close::violation(Violation::UNSUPPORTED));
            }
            Incoming::Message(AggregatedMessage::Close(reason)) => {
                self.leaving = Some(Leaving::Theirs(reason.map(|reason| reason.code.into())));
            }
            Incoming::Violation(violation) => self.connection.end(Close::violation(violation)),
            Incoming::Gone => self.leaving = Some(Leaving::Vanished),
        }
    }

    /// Sets the timer if something is due before it; it may ring early, then nothing happens.
    fn arm(&self, mut timer: Pin<&mut Sleep>) {
        let now = Instant::now();
        let due = self.connection.deadline(now);
        let due = self.pipe.stuck_since().map_or(due, |since| due.min(since + self.write));
        if timer.is_elapsed() || timer.deadline() > due.into() {
            timer.as_mut().reset(due.into());
        }
    }

    async fn end(mut self, transport: Transport) -> Option<u16> {
        self.flush();
        let leaving = self.leaving.unwrap_or(Leaving::Vanished);
        let for_good = matches!(leaving, Leaving::Theirs(Some(1000 | 1001)));
        let close = match leaving {
            Leaving::Ours => self.connection.verdict(),
            Leaving::Theirs(code) => Some(Close::echo(code)),
            Leaving::Vanished => None,
        };
        self.settle(for_good).await;
        match close {
            Some(close) => {
                // Whoever was too slow for what came before is hardly quick enough for this.
                let patience = if close == Close::SLOW_CONSUMER { FAREWELL } else { self.write };
                transport.close(close, matches!(leaving, Leaving::Theirs(_)), patience).await;
            }
            None => transport.abandon(),
        }
        close.and_then(|close| close.code)
    }

    /// Waits for work under way, whose outcome nobody will hear, and for the last marks; then gives back what was held.
    async fn settle(&mut self, for_good: bool) {
        let last = self.connection.last_marks().and_then(|marks| self.start(marks));
        let all = [self.request.take(), self.marks.take(), last].into_iter().flatten();
        // Work has a time limit of its own; beyond it the lease runs out by itself.
        let done = tokio::time::timeout(self.write, join_all(all)).await.unwrap_or_default();
        if let Some((hold, _)) = done.into_iter().find_map(|(_, kept)| kept) {
            self.hold = hold;
        }
        if let Some(hold) = self.hold.take() {
            self.worker.leave(hold, for_good).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 18 KB per idle socket are allowed, of which actix takes 16 for its two buffers.
    #[test]
    fn a_connection_at_rest_is_small() {
        fn size<T, F>(_: impl FnOnce(T) -> F) -> usize {
            size_of::<F>()
        }
        let future = size(|(pump, transport, drain): (Pump, Transport, CancellationToken)| pump.run(transport, drain));
        assert!(future <= 2_560, "{future} bytes");
    }
}
