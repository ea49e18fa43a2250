//! Questions that were asked before whoever wants to know: all of one kind as one statement, each answered in its turn. Knows
//! statements as they are sent and words for what an answer depends on, not what either means.
//!
//! Invariants: an answer is given once, to the same statement with the same values, and only if nothing that it may
//! depend on was changed since it was asked. Whatever is not said to be harmless spoils all of them. An answer that comes is
//! taken in, wanted or not: the driver holds back whatever comes behind one that is not.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use diesel::pg::Pg;
use diesel::query_builder::{QueryFragment, QueryId};
use futures_util::TryStreamExt;
use tokio_postgres::Row;

use super::fault::Fault;
use super::query::{Bind, Given, Key, Prepared, given, text};
use super::together::{columns, lists, together};
use super::transaction::Sender;
use super::{Postgres, sent};

type Answer = Pin<Box<dyn Future<Output = Result<Vec<Row>, tokio_postgres::Error>> + Send>>;

/// One question.
struct Asked {
    key: Key,
    binds: Vec<Bind>,
    depends: Vec<String>,
    /// The round that it was sent with, and its place in it.
    round: u64,
    place: usize,
}

/// Questions that were sent as one statement.
struct Round {
    number: u64,
    /// Until it has come.
    answer: Option<Answer>,
    /// From then on, by place.
    rows: Vec<Vec<Row>>,
}

impl Round {
    /// Takes the rows in; each says behind its columns whose it is.
    fn take_in(&mut self, rows: Vec<Row>) -> Result<(), tokio_postgres::Error> {
        for row in rows {
            let place: i64 = row.try_get(row.len().saturating_sub(1))?;
            let place = usize::try_from(place.saturating_sub(1)).ok();
            if let Some(of_one) = place.and_then(|place| self.rows.get_mut(place)) {
                of_one.push(row);
            }
        }
        Ok(())
    }
}

/// The questions that nobody has come for yet, in the order in which they were asked.
#[derive(Default)]
pub(super) struct Ahead {
    /// Those that are not sent yet, each with the statement for all of its kind.
    ready: Vec<(Asked, Prepared)>,
    asked: VecDeque<Asked>,
    rounds: Vec<Round>,
    last: u64,
    /// The last round of this transaction, once questions of the next one are sent.
    held: Option<u64>,
    /// Whether the job that runs has said what its changes concern.
    confined: bool,
}

impl Ahead {
    /// Forgets them, where there is no transaction any more that an answer could break.
    pub(super) fn clear(&mut self) {
        *self = Self { last: self.last, ..Self::default() };
    }

    /// What is sent from now on is the next transaction's, and not looked at before [`Ahead::let_go`].
    pub(super) fn hold(&mut self) {
        self.held = Some(self.last);
    }

    /// The next transaction is the one that goes on.
    pub(super) fn let_go(&mut self) {
        let last = self.held.take();
        self.rounds.retain(|round| last.is_none_or(|last| round.number > last));
        self.confined = false;
    }

    /// The job that ran is done; the next one has said nothing yet.
    pub(super) fn next_job(&mut self) {
        self.confined = false;
    }

    /// The question, if it was asked and nobody has come for it.
    fn take(&mut self, key: &Key, binds: &[Bind]) -> Option<Asked> {
        let place = self.asked.iter().position(|asked| asked.key == *key && *asked.binds == *binds)?;
        self.asked.remove(place)
    }

    fn round(&mut self, number: u64) -> Option<&mut Round> {
        self.rounds.iter_mut().find(|round| round.number == number)
    }

    /// Takes in what has come, in order. Says why one failed.
    pub(super) fn hear(&mut self, cx: &mut Context<'_>) -> Result<(), tokio_postgres::Error> {
        let mut outcome = Ok(());
        let held = self.held;
        for round in self.rounds.iter_mut().take_while(|round| held.is_none_or(|last| round.number <= last)) {
            let Some(answer) = &mut round.answer else { continue };
            let Poll::Ready(come) = answer.as_mut().poll(cx) else { break };
            round.answer = None;
            if let Err(error) = come.and_then(|rows| round.take_in(rows)) {
                self.asked.retain(|asked| asked.round != round.number);
                outcome = Err(error);
            }
        }
        outcome
    }

    /// Forgets the rounds that have come and that nobody will ask for any more.
    fn retire(&mut self) {
        let asked = &self.asked;
        self.rounds.retain(|round| round.answer.is_some() || asked.iter().any(|asked| asked.round == round.number));
    }
}

impl Postgres {
    /// Lays a question ready for [`Postgres::send_ahead`]. One that cannot be sent with others is asked by its job alone.
    pub(in crate::store) fn ask_ahead<T>(
        &mut self,
        depends: Vec<String>,
        query: &T,
    ) -> Result<(), diesel::result::Error>
    where
        T: QueryFragment<Pg> + QueryId,
    {
        let (Given { types, binds }, key) = (given(query)?, Key::of(query)?);
        let Some(lists) = lists(&types) else { return Ok(()) };
        let all = Key::All(Box::new(key.clone()));
        let prepared = match self.known(&all) {
            Some(prepared) => prepared,
            // What is waited for now is the commit before.
            None if self.behind.is_some() => return Ok(()),
            None => self.prepare(all, || Ok((together(&text(query)?, types.len()), lists)))?,
        };
        self.ahead.ready.push((Asked { key, binds, depends, round: 0, place: 0 }, prepared));
        Ok(())
    }

    /// Sends the questions that lie ready, without waiting for their answers.
    pub(in crate::store) fn send_ahead(&mut self) -> Result<(), crate::store::Error> {
        let mut ready = std::mem::take(&mut self.ahead.ready);
        while let Some((first, prepared)) = ready.first() {
            let (key, prepared) = (first.key.clone(), prepared.clone());
            let (same, others): (Vec<_>, Vec<_>) = ready.into_iter().partition(|(asked, _)| asked.key == key);
            ready = others;
            self.send_round(&prepared, same.into_iter().map(|(asked, _)| asked).collect())?;
        }
        Ok(())
    }

    fn send_round(&mut self, prepared: &Prepared, mut questions: Vec<Asked>) -> Result<(), Fault> {
        self.make_way(&prepared.text)?;
        let lists = columns(questions.iter().map(|asked| asked.binds.clone()));
        let (client, statement) = (self.client()?, prepared.statement.clone());
        let answer: Answer =
            sent(Box::pin(async move { client.query_raw(&statement, &lists).await?.try_collect().await }));
        self.ahead.last += 1;
        let number = self.ahead.last;
        for (place, asked) in questions.iter_mut().enumerate() {
            (asked.round, asked.place) = (number, place);
        }
        let rows = questions.iter().map(|_| Vec::new()).collect();
        self.ahead.rounds.push(Round { number, answer: Some(answer), rows });
        self.ahead.asked.extend(questions);
        Ok(())
    }

    /// The rows of a query that was asked ahead; behind their columns stands one that is not the query's.
    pub(super) fn foreseen<T>(&mut self, query: &T, given: &Given) -> Result<Option<Vec<Row>>, Fault>
    where
        T: QueryFragment<Pg> + QueryId,
    {
        if self.ahead.asked.is_empty() {
            return Ok(None);
        }
        let key = Key::of(query).map_err(Fault::Unsent)?;
        let Some(Asked { round, place, .. }) = self.ahead.take(&key, &given.binds) else { return Ok(None) };
        if let Some(answer) = self.ahead.round(round).and_then(|round| round.answer.take()) {
            self.arrived(round, answer)?;
        }
        let rows = self.ahead.round(round).and_then(|round| round.rows.get_mut(place)).map(std::mem::take);
        self.ahead.retire();
        Ok(rows)
    }

    /// Waits for the answer to a round and keeps it for each of its questions.
    fn arrived(&mut self, number: u64, answer: Answer) -> Result<(), Fault> {
        let rows = self.wait(answer).inspect_err(|_fault| self.ahead.asked.retain(|asked| asked.round != number))?;
        self.ahead.round(number).map_or(Ok(()), |round| round.take_in(rows)).map_err(Fault::from)
    }

    /// Until the job is done, what it changes concerns only what depends on one of these.
    pub(in crate::store) fn changes_only(&mut self, these: &[String]) {
        self.spoil(|depends| depends.iter().any(|one| these.contains(one)));
        self.ahead.confined = true;
    }

    /// Something is about to be changed.
    pub(super) fn changing(&mut self) -> Sender {
        if !self.ahead.confined {
            self.spoil_all();
        }
        self.transaction.touched()
    }

    /// Gives all of them up.
    pub(super) fn spoil_all(&mut self) {
        self.spoil(|_| true);
    }

    /// Gives up those that depend on such.
    fn spoil(&mut self, which: impl Fn(&[String]) -> bool) {
        self.ahead.asked.retain(|asked| !which(&asked.depends));
        self.ahead.retire();
    }
}
