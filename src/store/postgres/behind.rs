//! The transaction that begins behind the commit of the one before, while that is still on its way to the disk: the server
//! then has the lock and the first questions at hand as soon as it is ready for them. Knows no jobs.
//!
//! Invariants: what was sent behind a commit is looked at only once that commit has succeeded. If it has not, the server
//! is in a transaction that nobody wants, which [`Postgres::rollback`] ends.

use std::task::{Context, Poll, Waker};

use futures_util::future::Either;

use super::fault::Fault;
use super::transaction::{Lost, Sender};
use super::{Later, Postgres, Told};
use crate::store::Error;
use crate::store::lane::Lane;

/// What came first.
#[derive(Debug)]
pub(in crate::store) enum Meanwhile<T> {
    /// The outcome of the commit.
    Committed(Result<(), Lost>),
    /// Something else. The commit is under way still.
    Come(T),
}

impl Postgres {
    /// Waits for the commit that was sent, or for what `other` is after.
    pub(in crate::store) fn await_commit<T>(
        &mut self,
        mut other: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Meanwhile<T> {
        let Some(mut committing) = self.committing.take() else {
            return Meanwhile::Committed(Err(Lost::Certainly("nothing was to be committed".into())));
        };
        let limit = self.limit();
        let first = self.drive(limit, |cx| match committing.as_mut().poll(cx) {
            Poll::Ready(answer) => Poll::Ready(Either::Left(answer)),
            Poll::Pending => other(cx).map(Either::Right),
        });
        let answer = match first {
            Ok(Some(Either::Right(other))) => {
                self.committing = Some(committing);
                return Meanwhile::Come(other);
            }
            Ok(Some(Either::Left(answer))) => self.judge(Some(answer), limit),
            Ok(None) => self.judge(None, limit),
            Err(fault) => Err(fault),
        };
        Meanwhile::Committed(self.committed(answer))
    }

    /// Begins the next transaction behind the commit that was sent; questions that are sent from now on are its own. It is taken
    /// up by [`Postgres::begin`].
    ///
    /// # Errors
    /// When there is no connection any more.
    pub(in crate::store) fn begin_behind(&mut self, lane: Option<Lane>) -> Result<(), Error> {
        let (client, sql) = (self.client()?, self.beginning(lane));
        let mut start: Told = Box::pin(async move { client.simple_query(&sql).await });
        // As for what is told: the first poll hands the bytes to the wire. It answers at once only when that is gone.
        if let Poll::Ready(Err(error)) = start.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Err(Fault::from(error).into());
        }
        self.ahead.hold();
        self.behind = Some(start);
        Ok(())
    }

    /// Goes on with the transaction that has begun behind the commit before, if one has.
    pub(super) fn take_up(&mut self) -> bool {
        let Some(answer) = self.behind.take() else { return false };
        self.ahead.let_go();
        self.gathered.clear();
        self.transaction = self.transaction.next();
        self.later.push_back(Later { sender: Sender::Start, answer });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::Role;
    use super::*;
    use crate::model::id::{ConversationId, TenantId};
    use crate::model::time::Millis;
    use crate::store::footing::{Foresight, OfSend};
    use crate::store::trial::{Ground, Trial};
    use crate::store::{Conn, Store, Tx};

    /// A table whose two rows with one number are refused by the commit.
    const TABLE: &str = "CREATE TABLE once (n int UNIQUE DEFERRABLE INITIALLY DEFERRED)";

    fn lane() -> Option<Lane> {
        Some(Lane::of(&TenantId::parse("bank").unwrap()))
    }

    fn conn(ground: &Ground) -> Conn {
        Conn::open(&ground.backend, Role::Writer).unwrap()
    }

    /// With a table that [`TABLE`] makes, not committed yet.
    fn tell(story: impl FnOnce(&Ground, &mut Conn)) {
        let ground = Trial::Postgres.ground();
        let _tables: Store = ground.store();
        let mut conn = conn(&ground);
        does(&mut conn, TABLE);
        story(&ground, &mut conn);
    }

    fn outcome(conn: &mut Conn) -> Result<(), Lost> {
        match conn.await_commit(|_| Poll::<()>::Pending) {
            Meanwhile::Committed(outcome) => outcome,
            Meanwhile::Come(()) => panic!("nobody came"),
        }
    }

    fn does(conn: &mut Conn, sql: &str) {
        conn.begin(lane()).unwrap();
        conn.execute(sql).unwrap();
    }

    /// Whether a table has so many rows, as another connection sees it, which takes the lane for the time.
    fn has(ground: &Ground, rows: usize) -> bool {
        let mut other = conn(ground);
        does(&mut other, &format!("SELECT 1 / (count(*) = {rows})::int FROM once"));
        other.commit().is_ok()
    }

    #[test]
    fn what_has_begun_behind_a_commit_goes_on_when_that_is_on_disk() {
        tell(|ground, conn| {
            conn.send_commit().unwrap();
            conn.begin_behind(lane()).unwrap();
            assert!(matches!(conn.await_commit(|_| Poll::Ready(7)), Meanwhile::Come(7)));
            assert_eq!(outcome(conn), Ok(()));
            does(conn, "INSERT INTO once VALUES (1)");
            assert_eq!(conn.commit(), Ok(()));
            assert!(has(ground, 1));
        });
    }

    #[test]
    fn what_has_begun_behind_a_commit_that_is_refused_holds_up_nobody() {
        tell(|ground, conn| {
            conn.commit().unwrap();
            does(conn, "INSERT INTO once VALUES (1), (1)");
            conn.send_commit().unwrap();
            conn.begin_behind(lane()).unwrap();
            assert!(matches!(outcome(conn), Err(Lost::Certainly(why)) if why.contains("unique")));
            assert!(has(ground, 0), "the lane is free");
            does(conn, "INSERT INTO once VALUES (1)");
            assert_eq!(conn.commit(), Ok(()));
            assert!(has(ground, 1));
        });
    }

    #[test]
    fn a_question_behind_a_commit_that_fails_says_nothing_about_the_commit() {
        tell(|ground, conn| {
            let asks = |conn: &mut Conn| {
                let conv = ConversationId::generate(Millis(1));
                let of = OfSend { conv, agent: None, device: "tab".into(), cid: "c-1".into(), timers: ["a", "b"] };
                Foresight::Send(of).ask(&mut Tx::bind(conn, &TenantId::parse("bank").unwrap())).unwrap();
                conn.send_ahead().unwrap();
            };
            asks(conn);
            conn.commit().unwrap();
            does(conn, "INSERT INTO once VALUES (1); ALTER TABLE message RENAME TO gone");
            conn.send_commit().unwrap();
            conn.begin_behind(lane()).unwrap();
            asks(conn);
            assert_eq!(outcome(conn), Ok(()));
            conn.begin(lane()).unwrap();
            assert!(conn.execute("INSERT INTO once VALUES (2)").is_err(), "the question has failed");
            conn.rollback();
            assert!(has(ground, 1));
        });
    }
}
