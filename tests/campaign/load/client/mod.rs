//! An agent or a visitor with a socket that breaks: it resumes, drops what it has, repeats a message under one id until
//! it hears yes, and forgets everything in a crash but what it has to say.

mod frame;
mod link;
mod say;
mod view;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use self::frame::Asked;
use self::say::Pending;
use self::view::View;
use super::World;
use super::socket::{Next, Socket};
use super::web::SignedIn;
use crate::history::{Kind, Line, Token, What};
use crate::system::declare::Firm;

/// How often a client looks at what is due.
const TICK: Duration = Duration::from_millis(100);
/// A request without a reply for so long means a dead link.
const PATIENCE: Duration = Duration::from_secs(12);

/// Who it is.
#[derive(Debug, Clone)]
pub enum Party {
    /// An agent, by login and by place in the cast.
    Agent(String, usize),
    /// A visitor of the tenant's site.
    Visitor(u32),
}

/// What a client is asked to do.
#[derive(Debug)]
pub enum Order {
    /// Say this; an agent, in this conversation.
    Say(Token, Option<String>),
    /// Give the session of this conversation back to the queue.
    Pass(String),
    /// End the session of this conversation.
    End(String),
    /// The cable is pulled.
    Cut,
    /// The program ends without a word and forgets what it showed.
    Crash,
    /// Tell when there is nothing left to say.
    Rest(oneshot::Sender<()>),
    /// Read everything on a new socket, tell, and stay until nobody asks any more.
    Drain(oneshot::Sender<()>),
}

/// One client.
#[derive(Debug)]
pub struct Client {
    world: Arc<World>,
    firm: Firm,
    party: Party,
    /// Its name in histories.
    name: String,
    device: String,
    dice: StdRng,
    life: u64,
    sock: u64,
    ops: u64,
    signed_in: Option<SignedIn>,
    visitor: Option<String>,
    resume: Option<String>,
    views: HashMap<String, View>,
    /// Every conversation that it ever had.
    known: BTreeSet<String>,
    /// Conversations in its list.
    listed: BTreeSet<String>,
    /// Sessions that it has the control of, by conversation, with their epochs.
    held: HashMap<String, (String, i64)>,
    pending: VecDeque<Pending>,
    waiting: HashMap<u64, (Asked, Instant)>,
    out: Vec<Value>,
    next_id: u64,
    heartbeat: Duration,
    heard: Instant,
    pinged: Instant,
    acked: BTreeSet<String>,
    draining: Option<oneshot::Sender<()>>,
    /// Who waits for the last word.
    resting: Vec<oneshot::Sender<()>>,
    /// Conversations that were read to the end on the last socket.
    last_look: BTreeSet<String>,
    lost_at: Option<u64>,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// It is to come back.
    Again,
    /// Nobody asks it any more.
    Dismissed,
}

impl Client {
    /// A client that has not arrived yet. `device` tells several of one person apart.
    pub fn new(world: Arc<World>, firm: Firm, party: Party, device: u64) -> Self {
        let (name, whose) = match &party {
            Party::Agent(login, place) => (format!("agent:{}:{login}", firm.id), 10_000 + *place),
            Party::Visitor(thread) => (format!("visitor:{}:{thread}", firm.id), usize::try_from(*thread).unwrap_or(0)),
        };
        let whose = u64::try_from(whose).unwrap_or(0);
        let name = if device == 0 { name } else { format!("{name}#{device}") };
        let dice = world.dice(whose + device * 1_000_000);
        let now = Instant::now();
        Self {
            world,
            firm,
            party,
            device: format!("device-{device}-{whose}"),
            name,
            dice,
            life: 1,
            sock: 0,
            ops: 0,
            signed_in: None,
            visitor: None,
            resume: None,
            views: HashMap::new(),
            known: BTreeSet::new(),
            listed: BTreeSet::new(),
            held: HashMap::new(),
            pending: VecDeque::new(),
            waiting: HashMap::new(),
            out: Vec::new(),
            next_id: 1,
            heartbeat: Duration::from_secs(25),
            heard: now,
            pinged: now,
            acked: BTreeSet::new(),
            draining: None,
            resting: Vec::new(),
            last_look: BTreeSet::new(),
            lost_at: None,
        }
    }

    /// Lives until it is dismissed.
    pub async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let mut pause = Duration::from_millis(50);
        loop {
            match self.connect().await {
                Ok(socket) => {
                    pause = Duration::from_millis(50);
                    match self.attend(socket, &mut orders).await {
                        Ended::Again => {}
                        Ended::Dismissed => return,
                    }
                }
                Err(error) => self.note_failure(&error),
            }
            if orders.is_closed() && self.draining.is_none() {
                return;
            }
            let jitter = rand::RngExt::random_range(&mut self.dice, 0.5..1.5);
            tokio::time::sleep(pause.mul_f64(jitter)).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }

    fn note_failure(&mut self, error: &anyhow::Error) {
        let mut line = self.line(Kind::Info, What::Listed);
        line.arg = format!("cannot connect: {error:#}");
        self.world.journal.write(&line);
    }

    /// Works on an open socket until it ends.
    async fn attend(&mut self, mut socket: Socket, orders: &mut mpsc::Receiver<Order>) -> Ended {
        let mut tick = tokio::time::interval(TICK);
        let mut open = true;
        loop {
            let out = std::mem::take(&mut self.out);
            for frame in &out {
                if socket.send(frame).await.is_err() {
                    return self.lose("lost", 0);
                }
            }
            tokio::select! {
                next = socket.next() => match next {
                    Next::Frame(frame) => self.handle(&frame),
                    Next::Closed(code) => return self.lose("closed", code),
                    Next::Lost => return self.lose("lost", 0),
                },
                order = orders.recv(), if open => match order {
                    Some(Order::Cut) => return self.lose("cut", 0),
                    Some(Order::Crash) => {
                        self.forget();
                        return self.lose("crash", 0);
                    }
                    Some(Order::Drain(done)) => {
                        self.draining = Some(done);
                        return self.lose("cut", 0);
                    }
                    Some(order) => self.obey(order),
                    None => open = false,
                },
                _ = tick.tick() => if let Some(ended) = self.look(open) {
                    if ended != Ended::Again {
                        socket.close().await;
                    }
                    return ended;
                },
            }
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Say(token, conv) => self.plan_to_say(token, conv),
            Order::Pass(conv) => self.give_away(&conv, What::Transfer),
            Order::End(conv) => self.give_away(&conv, What::End),
            Order::Rest(tell) => self.resting.push(tell),
            Order::Cut | Order::Crash | Order::Drain(_) => {}
        }
    }

    /// Does what is due. What ended, if something did.
    fn look(&mut self, open: bool) -> Option<Ended> {
        let now = Instant::now();
        let silent = now.duration_since(self.heard) > self.heartbeat.mul_f64(2.5);
        let overdue = self.waiting.values().any(|(_, since)| now.duration_since(*since) > PATIENCE);
        if silent || overdue {
            return Some(self.lose("silent", 0));
        }
        if now.duration_since(self.pinged) >= self.heartbeat {
            self.pinged = now;
            self.out.push(json!({ "op": "ping" }));
        }
        self.acknowledge();
        self.speak(now);
        if self.pending.is_empty() {
            // Whoever asked may have given up.
            self.resting.drain(..).for_each(|tell| tell.send(()).unwrap_or_default());
        }
        let at_rest = self.pending.is_empty() && self.waiting.is_empty() && self.views.values().all(|view| !view.busy);
        if self.draining.is_some() && at_rest {
            if self.catch_up() {
                return None;
            }
            self.has_read_everything();
        }
        if open || self.draining.is_some() {
            return None;
        }
        self.note_close("left", 1000);
        Some(Ended::Dismissed)
    }

    /// Says so. Its socket stays open: an agent who leaves changes the logs.
    fn has_read_everything(&mut self) {
        let mut line = self.line(Kind::Recv, What::Phase);
        line.arg = "drained".to_owned();
        self.world.journal.write(&line);
        if let Some(done) = self.draining.take() {
            // Whoever waited has given up; the history says that it is done.
            done.send(()).unwrap_or_default();
        }
    }

    /// A crash: only what has to be said, the sign-in and the names of conversations are on disk.
    fn forget(&mut self) {
        self.life += 1;
        self.views.clear();
        self.resume = None;
    }

    fn lose(&mut self, how: &str, code: u16) -> Ended {
        self.note_close(how, code);
        let waiting = std::mem::take(&mut self.waiting);
        for (asked, _) in waiting.into_values() {
            self.unanswered(&asked, how);
        }
        for conv in self.views.keys().cloned().collect::<Vec<_>>() {
            self.interrupted(&conv);
        }
        for conv in self.held.keys() {
            if let Party::Agent(_, place) = self.party {
                self.world.desk.release(conv, place);
            }
        }
        self.held.clear();
        self.out.clear();
        self.last_look.clear();
        if code == 4002 {
            self.resume = None;
        }
        Ended::Again
    }

    fn note_close(&mut self, how: &str, code: u16) {
        let mut line = self.line(Kind::Recv, What::Socket);
        (line.arg, line.via, line.code) = ("close".to_owned(), how.to_owned(), code.to_string());
        self.lost_at = Some(line.t);
        self.world.journal.write(&line);
    }

    /// A line of this client, now.
    fn line(&self, kind: Kind, what: What) -> Line {
        let mut line = self.world.journal.line(&self.name, kind, what);
        (line.ten, line.sock, line.life) = (self.firm.id.to_owned(), self.sock, self.life);
        line
    }

    fn ask(&mut self, op: &str, d: &Value, asked: Asked) {
        let id = self.next_id;
        self.next_id += 1;
        self.out.push(json!({ "id": id, "op": op, "d": d }));
        self.waiting.insert(id, (asked, Instant::now()));
    }

    fn op(&mut self) -> u64 {
        self.ops += 1;
        self.ops
    }
}
