//! Questions that were asked before whoever wants to know: sent together, each answered in its turn. Knows statements as
//! they are sent and words for what an answer depends on, not what either means.
//!
//! Invariants: an answer is given once, to the same statement with the same values, and only if nothing that it may
//! depend on was changed since it was asked. Whatever is not said to be harmless spoils all of them.

use std::collections::VecDeque;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use diesel::pg::Pg;
use diesel::query_builder::{QueryFragment, QueryId};
use futures_util::TryStreamExt;
use tokio_postgres::Row;

use super::fault::Fault;
use super::query::{Bind, Given, Key, given};
use super::transaction::Sender;
use super::{Later, Postgres};

type Answer = Pin<Box<dyn Future<Output = Result<Vec<Row>, tokio_postgres::Error>> + Send>>;

/// One question.
struct Asked {
    key: Key,
    binds: Arc<Vec<Bind>>,
    depends: Vec<String>,
    answer: Answer,
}

/// The questions that nobody has come for yet, in the order in which they were asked.
#[derive(Default)]
pub(super) struct Ahead {
    asked: VecDeque<Asked>,
    /// Whether the job that runs has said what its changes concern.
    confined: bool,
}

impl Ahead {
    /// Forgets them, where there is no transaction any more that an answer could break.
    pub(super) fn clear(&mut self) {
        self.asked.clear();
        self.confined = false;
    }

    /// The job that ran is done; the next one has said nothing yet.
    pub(super) fn next_job(&mut self) {
        self.confined = false;
    }

    fn take(&mut self, key: &Key, binds: &[Bind]) -> Option<Answer> {
        let place = self.asked.iter().position(|asked| asked.key == *key && *asked.binds == binds)?;
        self.asked.remove(place).map(|asked| asked.answer)
    }
}

impl Postgres {
    /// Sends a question without waiting for its answer.
    pub(in crate::store) fn ask_ahead<T>(
        &mut self,
        depends: Vec<String>,
        query: &T,
    ) -> Result<(), diesel::result::Error>
    where
        T: QueryFragment<Pg> + QueryId,
    {
        let (given, key) = (given(query)?, Key::of(query)?);
        let prepared = self.prepared(query, &given)?;
        let (client, binds) = (self.client()?, Arc::new(given.binds));
        let sent = Arc::clone(&binds);
        let mut answer: Answer =
            Box::pin(async move { client.query_raw(&prepared.statement, &*sent).await?.try_collect().await });
        // As for what is told: the first poll hands the bytes to the wire.
        if let Poll::Ready(early) = answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            answer = Box::pin(ready(early));
        }
        self.ahead.asked.push_back(Asked { key, binds, depends, answer });
        Ok(())
    }

    /// The rows of a query that was asked ahead.
    pub(super) fn foreseen<T>(&mut self, query: &T, given: &Given) -> Result<Option<Vec<Row>>, Fault>
    where
        T: QueryFragment<Pg> + QueryId,
    {
        if self.ahead.asked.is_empty() {
            return Ok(None);
        }
        let key = Key::of(query).map_err(Fault::Unsent)?;
        self.ahead.take(&key, &given.binds).map(|answer| self.wait(answer)).transpose()
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

    /// Gives up those that depend on such. Their answers come all the same, and one that failed has broken the transaction.
    fn spoil(&mut self, which: impl Fn(&[String]) -> bool) {
        let all = std::mem::take(&mut self.ahead.asked);
        let (spoiled, kept): (VecDeque<Asked>, VecDeque<Asked>) =
            all.into_iter().partition(|asked| which(&asked.depends));
        self.ahead.asked = kept;
        for Asked { answer, .. } in spoiled {
            let answer = Box::pin(async move { answer.await.map(|_rows| Vec::new()) });
            self.later.push_back(Later { sender: Sender::Ahead, answer });
        }
    }
}
