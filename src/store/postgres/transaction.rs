//! The transaction that a connection is in: what was sent in it, what became of that, and how it ends.
//!
//! A group of jobs is one transaction. PostgreSQL takes nothing after a failed statement but a rollback, and answers
//! even `COMMIT` with success then; so every failure is remembered here until it is rolled back.

use std::time::{Duration, Instant};

use tokio_postgres::SimpleQueryMessage;

use super::fault::Fault;
use super::link::word;
use super::{Later, Postgres, sent};
use crate::store::Error;
use crate::store::lane::Lane;

/// The most that a transaction may take, however fast each statement of it is answered.
const WHOLE: Duration = Duration::from_secs(10);
/// How long the outcome of a commit is looked for after its answer was lost.
const INQUIRY: Duration = Duration::from_secs(1);
/// The pause between two looks for it.
const PAUSE: Duration = Duration::from_millis(50);
/// After waiting for a row in vain, locks of rows are waited for only this long ...
const HURT: Duration = Duration::from_millis(50);
/// ... for so long: one row must not hold up everybody again and again.
const RECOVERY: Duration = Duration::from_secs(10);
/// After a statement that nobody waited for has failed, so many jobs wait for each of theirs.
const CAREFUL: u32 = 1_000;
/// The first half of the names of lanes among advisory locks.
const LANES: i32 = 0x7969_7a68;

/// What became of a transaction that did not commit as it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) enum Lost {
    /// Nothing of it is stored.
    Certainly(String),
    /// It was sent to be committed, and the answer did not come.
    Perhaps(String),
}

/// Who sent what was not waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    /// The start of the transaction, with the lock of its lane.
    Start,
    /// The job with this number.
    Job(u32),
    /// Whoever asked for a job that does not want to know any more.
    Ahead,
}

#[derive(Debug, Default)]
pub(super) struct Transaction {
    /// Since when there is one.
    began: Option<Instant>,
    /// The number of the job in it.
    job: u32,
    /// Whether the job has changed anything.
    touched: bool,
    /// Why nothing but a rollback is taken.
    broken: Option<String>,
    /// Whether a statement of a job that was done already has failed: then no job of the group is good.
    spoiled: bool,
    /// The server's number for it.
    number: Option<u64>,
    /// Waiting for a row was in vain.
    hurt: Option<Instant>,
    /// Jobs that still have to wait for each of their statements.
    careful: u32,
}

impl Transaction {
    /// The one after this, begun now.
    pub(super) fn next(&self) -> Self {
        let hurt = self.hurt.filter(|_| self.is_hurt());
        Self { began: Some(Instant::now()), hurt, careful: self.careful, ..Self::default() }
    }

    /// Whether a row was waited for in vain of late.
    fn is_hurt(&self) -> bool {
        self.hurt.is_some_and(|at| at.elapsed() < RECOVERY)
    }

    /// The job is about to change something.
    pub(super) fn touched(&mut self) -> Sender {
        self.touched = true;
        Sender::Job(self.job)
    }

    /// What is left of the time for all of it.
    pub(super) fn left(&self) -> Option<Duration> {
        self.began.map(|began| WHOLE.saturating_sub(began.elapsed()))
    }

    /// A statement that was waited for has failed. What failed before it says more than "the transaction is aborted".
    pub(super) fn failed(&mut self, fault: Fault) -> Fault {
        if fault.is_lock() {
            self.hurt = Some(Instant::now());
        }
        if self.began.is_none() {
            return fault;
        }
        match &self.broken {
            Some(before) if fault.is_aftermath() => Fault::Aborted(before.clone()),
            Some(_) => fault,
            None => {
                self.broken = Some(fault.to_string());
                fault
            }
        }
    }

    /// What was not waited for has been answered.
    pub(super) fn told(&mut self, sender: Sender, answer: Result<Vec<SimpleQueryMessage>, tokio_postgres::Error>) {
        match (sender, answer) {
            (Sender::Start, Ok(messages)) => self.number = word(&messages).and_then(|word| word.parse().ok()),
            (Sender::Job(_) | Sender::Ahead, Ok(_)) => {}
            (sender, Err(error)) => {
                let fault = Fault::from(error);
                if let Sender::Job(job) = sender
                    && !fault.is_aftermath()
                {
                    self.spoiled |= job < self.job;
                    self.careful = CAREFUL;
                }
                self.broken.get_or_insert_with(|| fault.to_string());
            }
        }
    }

    /// The connection is gone, and the transaction with it.
    pub(super) fn lost(&mut self) {
        if self.began.is_some() {
            self.broken.get_or_insert_with(|| "the connection broke".into());
        }
    }

    /// The fault of whoever uses a connection that is not there.
    pub(super) fn gone(&self) -> Fault {
        Fault::Gone(self.broken.clone().unwrap_or_else(|| "there is no connection to PostgreSQL".into()))
    }
}

impl Postgres {
    /// Starts a transaction that will write; with a lane, as the only writer of that lane.
    ///
    /// Nothing is waited for: the lane's lock is taken before the first statement that follows is worked.
    pub(in crate::store) fn begin(&mut self, lane: Option<Lane>) -> Result<(), Error> {
        if self.take_up() {
            return Ok(());
        }
        self.ahead.clear();
        self.gathered.clear();
        let sql = self.beginning(lane);
        self.transaction = self.transaction.next();
        Ok(self.simple_later(Sender::Start, sql)?)
    }

    /// How a transaction is begun.
    pub(super) fn beginning(&self, lane: Option<Lane>) -> String {
        let lock = self.server.patience.lock;
        let lock = if self.transaction.is_hurt() { HURT.min(lock) } else { lock }.as_millis();
        // The wait for the lane is bounded by the time for a statement, that for a row by much less.
        match lane {
            Some(lane) => format!(
                "BEGIN; SELECT pg_current_xact_id()::text, pg_advisory_xact_lock({LANES}, {}), \
                 set_config('lock_timeout', '{lock}', true)",
                lane.number()
            ),
            None => format!("BEGIN; SET LOCAL lock_timeout = {}", HURT.as_millis()),
        }
    }

    /// Marks what the transaction has so far, for [`Postgres::undo`]. `again` when there was a mark before.
    pub(in crate::store) fn mark(&mut self, again: bool) -> Result<(), Error> {
        self.send_all_gathered()?;
        let sql = if again { "RELEASE SAVEPOINT job; SAVEPOINT job" } else { "SAVEPOINT job" };
        self.transaction.job = self.transaction.job.saturating_add(1);
        self.transaction.touched = false;
        Ok(self.simple_later(Sender::Job(self.transaction.job), sql.into())?)
    }

    /// Undoes what was done since the mark; without one, everything. The transaction goes on.
    pub(in crate::store) fn undo(&mut self, marked: bool, lane: Option<Lane>) -> Result<(), Error> {
        self.ahead.next_job();
        if !self.transaction.touched && self.transaction.broken.is_none() {
            return Ok(());
        }
        if !self.is_open() || self.transaction.spoiled {
            return Err(self.transaction.gone().into());
        }
        self.gathered.clear();
        // They may have seen what is undone.
        self.spoil_all();
        if !marked {
            self.rollback();
            return self.begin(lane);
        }
        self.simple("ROLLBACK TO SAVEPOINT job")?;
        // Only now everything that was told before has been answered.
        if self.transaction.spoiled {
            return Err(self.transaction.gone().into());
        }
        self.transaction.broken = None;
        self.transaction.touched = false;
        Ok(())
    }

    /// Says how the job that has just been done stands, as far as that is known without waiting.
    ///
    /// # Errors
    /// When a statement of it has failed: the job has to be undone.
    pub(in crate::store) fn check(&mut self) -> Result<(), Error> {
        self.ahead.next_job();
        if self.transaction.careful > 0 {
            self.transaction.careful -= 1;
            self.send_all_gathered()?;
            self.settle()?;
        }
        match &self.transaction.broken {
            None => Ok(()),
            Some(_) => Err(self.transaction.gone().into()),
        }
    }

    /// Waits for the answers to all that was told.
    fn settle(&mut self) -> Result<(), Fault> {
        let Some(Later { sender, answer }) = self.later.pop_back() else { return Ok(()) };
        let messages = self.wait(answer)?;
        self.transaction.told(sender, Ok(messages));
        Ok(())
    }

    /// Sends the commit.
    ///
    /// # Errors
    /// With what is known about the outcome.
    pub(in crate::store) fn send_commit(&mut self) -> Result<(), Lost> {
        self.spoil_all();
        if let Err(fault) = self.send_all_gathered() {
            self.transaction.broken.get_or_insert_with(|| fault.to_string());
        }
        match self.client() {
            Ok(client) if self.transaction.broken.is_none() => {
                self.committing = Some(sent(Box::pin(async move { client.simple_query("COMMIT").await })));
                Ok(())
            }
            Ok(_) | Err(_) => Err(self.undone()),
        }
    }

    /// What the answer to the commit means.
    ///
    /// # Errors
    /// With what is known about the outcome.
    pub(super) fn committed(&mut self, answer: Result<Vec<SimpleQueryMessage>, Fault>) -> Result<(), Lost> {
        // A failure among what was told would make the commit a rollback; both answers are looked at.
        match answer {
            Ok(_) if self.transaction.broken.is_none() => {
                self.transaction.began = None;
                Ok(())
            }
            Err(Fault::Gone(why)) => self.inquire(why),
            Err(Fault::Late(time)) => self.inquire(Fault::Late(time).to_string()),
            Err(fault) if fault.is_fatal() => self.inquire(fault.to_string()),
            Ok(_) | Err(_) => Err(self.undone()),
        }
    }

    /// Undoes what cannot be committed.
    fn undone(&mut self) -> Lost {
        let why = self.transaction.broken.clone().unwrap_or_else(|| "the commit was refused".into());
        self.rollback();
        Lost::Certainly(why)
    }

    /// Ends the transaction without a trace.
    ///
    /// If that cannot be said to the server the connection is given up, and the server does the same by itself.
    pub(in crate::store) fn rollback(&mut self) {
        // What has begun behind a commit that was refused is the server's transaction now.
        let (began, behind) = (self.transaction.began.take(), self.behind.take());
        self.committing = None;
        let open = began.is_some() || behind.is_some();
        if open && self.is_open() && self.simple("ROLLBACK").is_err() {
            self.lose();
        }
        self.transaction.broken = None;
    }

    /// The answer to a commit was lost: asks the server, on a new connection, what became of it.
    fn inquire(&mut self, why: String) -> Result<(), Lost> {
        let (number, history, began) = (self.transaction.number, self.history.clone(), Instant::now());
        self.transaction.began = None;
        let (Some(number), Some(history)) = (number, history) else { return Err(Lost::Perhaps(why)) };
        while let Some(left) = INQUIRY.checked_sub(began.elapsed()) {
            if !self.is_open() && self.connect_within(left).is_err() {
                self.rest(PAUSE);
                continue;
            }
            // On another line of history the number belongs to some other transaction.
            if self.history.as_ref() != Some(&history) {
                break;
            }
            let status = self.simple(&format!("SELECT pg_xact_status('{number}'::xid8)"));
            match status.ok().and_then(|answer| word(&answer)).as_deref() {
                Some("committed") => return Ok(()),
                Some("aborted") => return Err(Lost::Certainly(why)),
                _ => self.rest(PAUSE),
            }
        }
        Err(Lost::Perhaps(why))
    }
}
