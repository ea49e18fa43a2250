//! One connection as a state machine: events in, frames, work and a verdict out. Knows no I/O and no clock.
//!
//! Lifecycle: waiting for sign-in → signed in → ended. One request at a time is worked on, in the order of arrival;
//! beside it one page of a log may be read. Hints are taken only after sign-in: whoever drives the connection has
//! attached it to the hub before its state was read, so nothing is missed in between.
//!
//! Invariants: once [`Connection::verdict`] is there, nothing more is said or asked; pushes are contiguous
//! ([`super::conversation`]).

mod inbound;
mod push;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use super::close::Close;
use super::conversation::Cursor;
use super::frame::{self, Frame};
use super::limit::{Calm, Flood, Window};
use super::outbox::Text;
use super::told::Told;
use super::work::{Admission, Done, Work};
use super::written::Written;
use super::{Endpoint, Settings};
use crate::core::signature::Signer;
use crate::core::{Client, Party};
use crate::hub::digest;
use crate::model::id::{ConnectionId, ConversationId, NodeId};
use crate::model::time::Millis;

/// Acks that make no sense, after which the client is broken.
const MAX_STRIKES: u8 = 10;
/// Marks of one connection are gathered for so many milliseconds.
const MARK_EVERY: u32 = 500;
/// Typing goes on once in so many milliseconds at most.
const TYPING_EVERY: u32 = 1_000;
/// Between the doubt whether a client is there and the verdict that it is not. A node that was stopped, or starved, reads
/// in this time what was sent to it meanwhile.
const DOUBT: Duration = Duration::from_secs(2);

/// What all connections of a node share.
#[derive(Debug)]
pub struct Shared {
    /// Bounds.
    pub settings: Settings,
    /// This process.
    pub node: NodeId,
    /// Fills in the addresses of blobs.
    pub signer: Signer,
    /// The frames that several clients get.
    pub written: Written,
    /// What the sweep found that no hint had told: hints get lost.
    pub found: AtomicU64,
}

#[derive(Debug)]
enum Stage {
    /// Until this instant the client has to sign in.
    Stranger(Instant),
    /// A sign-in is being checked.
    Checking(Option<u64>),
    /// Who it is.
    Client(Arc<Client>),
}

/// How far a client says it is, gathered until it is written.
#[derive(Debug, Clone, Copy)]
struct Gathered {
    conv: ConversationId,
    delivered: Option<i64>,
    read: Option<i64>,
}

/// See the module.
#[derive(Debug)]
pub struct Connection {
    shared: Arc<Shared>,
    id: ConnectionId,
    endpoint: Endpoint,
    stage: Stage,
    /// Sorted by conversation.
    cursors: Vec<(ConversationId, Cursor)>,
    told: Told,
    /// Frames that arrived together and wait for their turn.
    frames: VecDeque<Frame>,
    marks: Calm<Gathered>,
    typing: Calm<(ConversationId, bool)>,
    /// Logs that have to be read, and from where.
    reads: VecDeque<(ConversationId, i64)>,
    busy: bool,
    marking: bool,
    reading: bool,
    rechecking: bool,
    heard: Instant,
    /// When it was last found to be silent for nearly too long. Means nothing if it was heard since.
    doubted: Instant,
    recheck: Instant,
    sends: Window,
    requests: Window,
    /// Descriptions of media, each of which may fill a frame of the peer's.
    descriptions: Window,
    flood: Flood,
    pings: Flood,
    strikes: u8,
    out: Vec<Text>,
    draining: bool,
    verdict: Option<Close>,
}

/// Some part of the time for which marks are gathered, another one for each connection.
fn step(id: ConnectionId) -> u32 {
    u32::try_from(digest(id) % u64::from(MARK_EVERY)).unwrap_or_default()
}

impl Connection {
    /// A connection that was just opened; greets the client.
    #[must_use]
    pub fn open(shared: Arc<Shared>, id: ConnectionId, endpoint: Endpoint, now: Instant, clock: Millis) -> Self {
        let settings = &shared.settings;
        let hello = format!(
            r#"{{"op":"hello","d":{{"node":"{}","proto":1,"heartbeat_ms":{},"resume_ms":{},"max_frame":{},"now":"{}"}}}}"#,
            shared.node,
            settings.heartbeat.as_millis(),
            settings.resume.as_millis(),
            settings.max_frame,
            clock.rfc3339(),
        );
        Self {
            id,
            endpoint,
            stage: Stage::Stranger(now + settings.auth),
            cursors: Vec::new(),
            told: Told::default(),
            frames: VecDeque::new(),
            marks: Calm::new(MARK_EVERY).out_of_step(step(id)),
            typing: Calm::new(TYPING_EVERY),
            reads: VecDeque::new(),
            busy: false,
            marking: false,
            reading: false,
            rechecking: false,
            heard: now,
            doubted: now,
            recheck: now + settings.recheck,
            sends: Window::new(20, Duration::from_secs(10)),
            requests: Window::new(300, Duration::from_secs(10)),
            descriptions: Window::new(40, Duration::from_secs(10)),
            flood: Flood::new(100, 5),
            pings: Flood::new(20, 5),
            strikes: 0,
            out: vec![Text::Own(hello)],
            draining: false,
            verdict: None,
            shared,
        }
    }

    /// This connection.
    #[must_use]
    pub fn id(&self) -> ConnectionId {
        self.id
    }

    /// Whose door it came through.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint
    }

    /// Who it is, once signed in.
    #[must_use]
    pub fn client(&self) -> Option<&Arc<Client>> {
        match &self.stage {
            Stage::Client(client) => Some(client),
            Stage::Stranger(_) | Stage::Checking(_) => None,
        }
    }

    /// How the connection has to end, once it has to.
    #[must_use]
    pub fn verdict(&self) -> Option<Close> {
        self.verdict
    }

    /// Takes the frames to be sent, oldest first.
    pub fn outgoing(&mut self) -> std::vec::Drain<'_, Text> {
        self.out.drain(..)
    }

    /// Whether the next text should be read: not while earlier ones wait.
    #[must_use]
    pub fn listens(&self) -> bool {
        !self.busy && self.frames.is_empty() && !self.draining
    }

    /// The next request to work on, if none is being worked on.
    pub fn next_request(&mut self, now: Instant) -> Option<Work> {
        while !self.busy && self.verdict.is_none() {
            let Some(frame) = self.frames.pop_front() else { break };
            if let Some(work) = self.consider(frame, now) {
                self.busy = true;
                return Some(work);
            }
        }
        if self.busy || self.verdict.is_some() || self.client().is_none() {
            return None;
        }
        let work = self.typed(now).or_else(|| self.due_recheck(now));
        self.busy = work.is_some();
        work
    }

    /// The marks to be written next, if none are being written: no request waits for them.
    pub fn next_marks(&mut self, now: Instant) -> Option<Work> {
        if self.marking || self.verdict.is_some() || self.client().is_none() {
            return None;
        }
        let work = self.marked(now);
        self.marking = work.is_some();
        work
    }

    /// The next page to read, if none is being read and the client keeps up; `backlog` frames wait for it.
    pub fn next_read(&mut self, backlog: usize) -> Option<Work> {
        let room = backlog < self.shared.settings.outbox_messages / 4;
        if self.reading || !room || self.verdict.is_some() {
            return None;
        }
        let (conv, after) = self.reads.pop_front()?;
        self.reading = true;
        Some(Work::Read { conv, after })
    }

    /// The outcome of work.
    pub fn done(&mut self, done: Done, now: Instant) {
        match done {
            Done::Page { conv, after, page } => self.page(conv, after, page),
            Done::Admitted(admission) => self.admitted(*admission, now),
            Done::Refused(close) => {
                self.busy = false;
                self.end(close);
            }
            Done::Performed { id, result } => self.performed(id, result),
            Done::Marked { refused } => {
                self.marking = false;
                (0..refused).for_each(|_| self.strike());
            }
            Done::Alive(alive) => {
                self.busy = false;
                self.rechecking = false;
                self.recheck = now + self.shared.settings.recheck;
                if !alive {
                    self.end(Close::AUTH_FAILED);
                }
            }
        }
        if self.draining {
            self.drain(self.shared.settings.drain_spread);
        }
    }

    fn performed(&mut self, id: Option<u64>, result: Result<String, crate::core::Error>) {
        self.busy = false;
        match (id, result) {
            (Some(id), Ok(result)) => self.say(frame::ok(id, &result)),
            (None, Ok(_)) => {}
            (id, Err(error)) => self.say(frame::err(id, error.code, &error.message, error.after_ms)),
        }
    }

    fn admitted(&mut self, admission: Admission, now: Instant) {
        let Stage::Checking(id) = self.stage else { return };
        self.busy = false;
        self.recheck = now + self.shared.settings.recheck;
        self.stage = Stage::Client(admission.client);
        self.cursors = admission.positions.into_iter().map(|(conv, seq)| (conv, Cursor::at(seq))).collect();
        self.cursors.sort_unstable_by_key(|(conv, _)| *conv);
        self.cursors.shrink_to_fit();
        self.told.all(admission.marks);
        if let Some(id) = id {
            self.say(frame::ok(id, &admission.ready));
        }
    }

    /// When [`Connection::tick`] has something to do.
    #[must_use]
    pub fn deadline(&self, now: Instant) -> Instant {
        let silence = self.verdict_on_silence().unwrap_or_else(|| self.silence() - DOUBT);
        let sign_in = match self.stage {
            Stage::Stranger(until) => until,
            Stage::Checking(_) | Stage::Client(_) => silence,
        };
        let next = silence.min(sign_in).min(self.recheck);
        // What was gathered waits for its like that is being worked on.
        let marks = self.marks.due(now).filter(|_| !self.marking);
        let typing = self.typing.due(now).filter(|_| !self.busy);
        marks.into_iter().chain(typing).fold(next, Instant::min)
    }

    /// When the client has been silent for too long.
    fn silence(&self) -> Instant {
        self.heard + self.shared.settings.heartbeat.mul_f32(2.5)
    }

    /// When a client that is in doubt is gone.
    fn verdict_on_silence(&self) -> Option<Instant> {
        (self.doubted > self.heard).then(|| self.silence().max(self.doubted + DOUBT))
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Instant) {
        let verdict = self.verdict_on_silence();
        if verdict.is_none() && now >= self.silence() - DOUBT {
            self.doubted = now;
        }
        if verdict.is_some_and(|verdict| now >= verdict) {
            self.end(Close::HEARTBEAT_TIMEOUT);
        } else if matches!(self.stage, Stage::Stranger(until) if now >= until) {
            self.end(Close::AUTH_FAILED);
        } else if now >= self.recheck {
            self.rechecking |= matches!(self.client().map(|client| &client.party), Some(Party::Agent { .. }));
            self.recheck = now + self.shared.settings.recheck;
        }
    }

    /// The process stops: finishes the request that is being worked on, then ends.
    pub fn drain(&mut self, spread: Duration) {
        self.draining = true;
        if !self.busy {
            self.end(Close::draining(spread));
        }
    }

    /// Ends the connection; the first verdict stands.
    pub fn end(&mut self, close: Close) {
        if self.verdict.is_none() {
            self.out.extend(close.push().map(Text::Own));
            self.verdict = Some(close);
        }
    }

    fn say(&mut self, text: String) {
        if self.verdict.is_none() {
            self.out.push(Text::Own(text));
        }
    }

    fn due_recheck(&mut self, now: Instant) -> Option<Work> {
        // Customers have no sign-in that can end: they check only when told to.
        let agent = matches!(self.client()?.party, Party::Agent { .. });
        (self.rechecking || (agent && now >= self.recheck)).then_some(Work::Recheck)
    }
}

#[cfg(test)]
pub(super) mod tests;
