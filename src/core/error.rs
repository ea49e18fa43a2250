//! Why the core did not do something: for whoever asked, and for whoever works through many. Knows no request.

use crate::model::code::Code;
use crate::model::id::{IdError, TenantId};
use crate::store;

/// Why the core did not do it, in the form that the asking party gets.
#[derive(Debug, thiserror::Error)]
#[error("{code:?}: {message}")]
pub struct Error {
    /// What a client can act on.
    pub code: Code,
    /// What a person can read; names no internals.
    pub message: String,
    /// When to try again, in milliseconds, if the code says so.
    pub after_ms: Option<u64>,
    /// What was behind it, for the log.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An answer with nothing behind it.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), after_ms: None, source: None }
    }

    /// A fault of ours, with what was behind it.
    pub(crate) fn internal(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        let message = "内部错误 / internal error".into();
        Self { code: Code::Internal, message, after_ms: None, source: Some(Box::new(source)) }
    }

    /// Something that this needs is away: the same request may succeed later.
    pub(crate) fn away(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        let message = "暂时无法处理,请稍后再试 / cannot be done now, try again later".into();
        Self { code: Code::DependencyUnavailable, message, after_ms: None, source: Some(Box::new(source)) }
    }

    /// Whether the same may succeed later, because nothing was wrong with it.
    pub(crate) fn may_pass(&self) -> bool {
        self.code == Code::DependencyUnavailable
    }

    /// Whether the store is away, which everybody needs: who works through many goes on later. After any other error, also
    /// when somebody else is in the way, the next may go well.
    pub(crate) fn is_away(&self) -> bool {
        self.of_store().is_some_and(|error| error.is_passing() && !matches!(error, store::Error::Busy(_)))
    }

    /// Whether it may have been done all the same: the answer to the commit was lost.
    pub(crate) fn is_unknown(&self) -> bool {
        matches!(self.of_store(), Some(store::Error::Unknown(_)))
    }

    fn of_store(&self) -> Option<&store::Error> {
        self.source.as_deref().and_then(|source| source.downcast_ref())
    }

    /// The outcome for one of many: what is its own is logged, so that the others get their turn.
    ///
    /// # Errors
    /// `outcome`'s own when the store is away.
    pub(crate) fn one_of_many(outcome: Result<(), Self>, of: &TenantId, what: &'static str) -> Result<(), Self> {
        match outcome {
            Err(error) if error.is_away() => Err(error),
            Err(error) => {
                tracing::error!(tenant = %of, error = ?error, "{what}");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// The answer for whatever does not exist, or not for this party.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "不存在 / not found")
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        if error.is_passing() { Self::away(error) } else { Self::internal(error) }
    }
}

impl From<IdError> for Error {
    fn from(error: IdError) -> Self {
        Self::internal(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_only_the_store_that_is_away_stops_all() {
        let tenant = TenantId::parse("bank").unwrap();
        let goes_on = |error: Error| Error::one_of_many(Err(error), &tenant, "one of many").is_ok();
        assert!(!goes_on(store::Error::Away("gone".into()).into()));
        assert!(!goes_on(store::Error::Unavailable.into()));
        assert!(goes_on(store::Error::Busy("locked".into()).into()), "somebody is in this one's way");
        assert!(goes_on(store::Error::Damaged { what: "share", value: "?".into() }.into()));
        assert!(goes_on(Error::not_found()));
        assert!(goes_on(Error::away(std::io::Error::other("its file"))), "that is not the store");
    }
}
