//! Whether a server may be trusted with what customers say: looked at on every new connection, since the server behind
//! an address changes.

use tokio_postgres::SimpleQueryMessage;

/// Asked of every server. `SHOW` would need one question each.
pub(super) const QUESTION: &str = "SELECT current_setting('server_version_num'), current_setting('server_encoding'), \
     current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit'), \
     current_setting('transaction_read_only')";

/// The oldest version that is taken: older ones get no corrections any more.
const OLDEST: u32 = 130_000;

/// What keeps a server from being used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::store) enum Unfit {
    /// The answer was not understood.
    #[error("the server does not say how it is set up")]
    Silent,
    /// Before version 13.
    #[error("PostgreSQL {0} is too old: version 13 or newer is needed")]
    Old(u32),
    /// Not UTF-8.
    #[error("the database's encoding is {0}: make the database anew with ENCODING 'UTF8' TEMPLATE template0")]
    Encoding(String),
    /// A standby, or a database that was set to read only.
    #[error("the server takes no writes (it is a standby, or default_transaction_read_only is on): name the primary")]
    ReadOnly,
    /// What was confirmed may be lost.
    #[error(
        "{0} is off: a crash of the server would lose messages that were confirmed. Set {0} = on in postgresql.conf \
         (or ALTER SYSTEM SET {0} = 'on'; SELECT pg_reload_conf();), also for the role and the database. \
         store.allow_unsafe = true starts all the same, for tests only"
    )]
    Unsafe(&'static str),
}

/// How a server is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct Standing {
    version: u32,
    encoding: String,
    fsync: bool,
    full_page_writes: bool,
    synchronous_commit: bool,
    read_only: bool,
}

impl Standing {
    pub(super) fn read(answer: &[SimpleQueryMessage]) -> Result<Self, Unfit> {
        let row = answer.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        let row = row.ok_or(Unfit::Silent)?;
        let word = |column: usize| row.try_get(column).ok().flatten().ok_or(Unfit::Silent);
        // `synchronous_commit` also takes local, remote_write and remote_apply: all of them write the log first.
        let kept = |column: usize| word(column).map(|word| word != "off");
        Ok(Self {
            version: word(0)?.parse().map_err(|_form| Unfit::Silent)?,
            encoding: word(1)?.to_owned(),
            fsync: kept(2)?,
            full_page_writes: kept(3)?,
            synchronous_commit: kept(4)?,
            read_only: word(5)? != "off",
        })
    }

    /// What is wrong with it, worst first.
    pub(in crate::store) fn problems(&self) -> Vec<Unfit> {
        let mut found = Vec::new();
        if self.version < OLDEST {
            found.push(Unfit::Old(self.version / 10_000));
        }
        if self.encoding != "UTF8" {
            found.push(Unfit::Encoding(self.encoding.clone()));
        }
        if self.read_only {
            found.push(Unfit::ReadOnly);
        }
        let kept = [
            ("fsync", self.fsync),
            ("synchronous_commit", self.synchronous_commit),
            ("full_page_writes", self.full_page_writes),
        ];
        found.extend(kept.iter().filter(|(_, on)| !on).map(|(name, _)| Unfit::Unsafe(name)));
        found
    }

    /// The first problem that nobody has taken upon themselves.
    pub(in crate::store) fn verdict(&self, allow_unsafe: bool) -> Result<(), Unfit> {
        let bearable = |problem: &Unfit| allow_unsafe && matches!(problem, Unfit::Unsafe(_));
        self.problems().into_iter().find(|problem| !bearable(problem)).map_or(Ok(()), Err)
    }

    /// The version, as people write it.
    pub(in crate::store) fn version(&self) -> String {
        format!("{}.{}", self.version / 10_000, self.version % 10_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Standing {
        Standing {
            version: 150_013,
            encoding: "UTF8".into(),
            fsync: true,
            full_page_writes: true,
            synchronous_commit: true,
            read_only: false,
        }
    }

    #[test]
    fn a_server_that_may_lose_what_it_confirmed_is_refused_unless_allowed() {
        assert_eq!(good().verdict(false), Ok(()));
        let hasty = Standing { fsync: false, ..good() };
        assert_eq!(hasty.verdict(false), Err(Unfit::Unsafe("fsync")));
        assert_eq!(hasty.verdict(true), Ok(()));
        assert!(Unfit::Unsafe("fsync").to_string().contains("Set fsync = on"));
    }

    #[test]
    fn allowing_what_is_unsafe_does_not_allow_what_cannot_work() {
        for broken in [
            Standing { encoding: "SQL_ASCII".into(), ..good() },
            Standing { read_only: true, ..good() },
            Standing { version: 120_022, ..good() },
        ] {
            assert!(broken.verdict(true).is_err(), "{broken:?}");
        }
    }
}
