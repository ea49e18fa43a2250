//! The frame around everything that an administrator changes: one transaction with its line in the audit trail, the
//! version that tells other nodes, and the note that makes a repeated request harmless. Knows no resource.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::problem::Error;
use crate::clock::Clock;
use crate::core::order::kind::Actor;
use crate::model::code::Code;
use crate::model::id::{MessageId, TenantId};
use crate::model::time::Millis;
use crate::store::audit::Entry;
use crate::store::order::{self, Outcome};
use crate::store::{Scope, Store, Tx, audit, faq};
use crate::tenant::{Registry, Tenant};

/// In whose name something is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// The enterprise that it is about.
    pub tenant: TenantId,
    /// Who; in the audit trail `agent:<id>`, `key:<id>`, `cli`.
    pub actor: Actor,
}

/// What makes a repeated request harmless: its key, and what tells it from another one under the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    id: String,
    digest: String,
}

impl Once {
    /// The request of this author under this key. `parts` are everything that it consists of.
    #[must_use]
    pub fn new(author: &Author, key: &str, parts: &[&[u8]]) -> Self {
        // A form of its own, so that no order of another module has the same id.
        let id = format!("http:{}", digest(&[author.actor.to_string().as_bytes(), key.as_bytes()]));
        Self { id, digest: digest(parts) }
    }

    /// Its id and its digest, for those who note by themselves.
    #[must_use]
    pub fn parts(self) -> (String, String) {
        (self.id, self.digest)
    }
}

/// A digest of several parts; none of them can run into the next.
fn digest(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    URL_SAFE_NO_PAD.encode(hash.finalize())
}

/// The mark of a state of something: equal states have equal marks.
#[must_use]
pub fn mark(shown: &Value) -> String {
    let digest = digest(&[shown.to_string().as_bytes()]);
    digest.chars().take(22).collect()
}

/// Whether somebody who has read `expected` may change what is shown now.
///
/// # Errors
/// [`Error::Changed`] when it is another state.
pub(super) fn unchanged(expected: Option<&[String]>, shown: &impl Serialize) -> Result<(), Error> {
    let Some(expected) = expected else { return Ok(()) };
    let now = mark(&serde_json::to_value(shown)?);
    if expected.contains(&now) { Ok(()) } else { Err(Error::Changed) }
}

/// What a change came to.
pub(super) struct Change {
    /// What is put on record.
    pub(super) action: &'static str,
    /// What it was about.
    pub(super) subject: String,
    /// What the author is told.
    pub(super) shown: Value,
}

impl Change {
    pub(super) fn new(action: &'static str, subject: String, shown: &impl Serialize) -> Result<Self, Error> {
        Ok(Self { action, subject, shown: serde_json::to_value(shown)? })
    }
}

/// Where administrators' use cases are done. Clones share it.
#[derive(Debug, Clone)]
pub struct Office {
    store: Store,
    tenants: Registry,
    clock: Clock,
}

impl Office {
    /// The office of these tenants.
    #[must_use]
    pub fn new(store: Store, tenants: Registry, clock: Clock) -> Self {
        Self { store, tenants, clock }
    }

    pub(super) fn now(&self) -> Millis {
        self.clock.now()
    }

    pub(super) fn scope(&self, author: &Author) -> Scope {
        self.store.tenant(&author.tenant)
    }

    /// The author's enterprise, as declared.
    pub(super) fn tenant(&self, author: &Author) -> Result<Arc<Tenant>, Error> {
        self.tenants.tenant(&author.tenant).ok_or(Error::Absent)
    }

    /// Reads in one transaction.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        author: &Author,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.scope(author).read(work).await
    }

    /// Changes something in one transaction, with its line in the audit trail; all nodes take it up within a second.
    /// The same request once more has no other effect and gets the same answer, for a day. A refusal is not remembered.
    pub(super) async fn change(
        &self,
        author: &Author,
        once: Option<Once>,
        work: impl FnOnce(&mut Tx<'_>, Millis) -> Result<Change, Error> + Send + 'static,
    ) -> Result<Value, Error> {
        let (now, actor) = (self.now(), author.actor.to_string());
        let job = move |tx: &mut Tx<'_>| {
            if let Some(known) = once.as_ref().map(|once| repeated(tx, once)).transpose()?.flatten() {
                return Ok(known);
            }
            let change = work(tx, now)?;
            faq::changed(tx)?;
            record(tx, now, (actor, change.action), Some(change.subject), "ok")?;
            if let Some(once) = once {
                let outcome = Outcome { digest: once.digest, reply: change.shown.to_string() };
                if !order::note(tx, &once.id, &outcome, now)? {
                    return Err(Error::Conflict("请稍后再试 / try again".into()));
                }
            }
            Ok(change.shown)
        };
        self.scope(author).write(job).await
    }

    /// Puts a request on record that was refused because of who asked.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn refused(&self, author: &Author, action: &'static str) -> Result<(), Error> {
        let (now, actor) = (self.now(), author.actor.to_string());
        let refusal = move |tx: &mut Tx<'_>| record(tx, now, (actor, action), None, Code::Forbidden.as_str());
        self.scope(author).write(refusal).await
    }
}

/// The answer that a request got before, if it is the same request.
fn repeated(tx: &mut Tx<'_>, once: &Once) -> Result<Option<Value>, Error> {
    match order::find(tx, &once.id)? {
        None => Ok(None),
        Some(known) if known.digest == once.digest => Ok(Some(serde_json::from_str(&known.reply)?)),
        Some(_) => {
            let text = "同一 Idempotency-Key 已用于另一个请求 / this Idempotency-Key was used for another request";
            Err(Error::Conflict(text.into()))
        }
    }
}

fn record(
    tx: &mut Tx<'_>,
    at: Millis,
    (actor, action): (String, &str),
    subject: Option<String>,
    outcome: &str,
) -> Result<(), Error> {
    let entry = Entry { at, actor, action: action.to_owned(), subject, outcome: outcome.to_owned() };
    Ok(audit::add(tx, &MessageId::generate(at).to_string(), &entry)?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_is_told_from_another_by_every_part() {
        let author = Author { tenant: TenantId::parse("demo").unwrap(), actor: Actor::Key("crm".into()) };
        let once = |key: &str, parts: &[&[u8]]| Once::new(&author, key, parts);
        assert_eq!(once("k", &[b"a", b"b"]), once("k", &[b"a", b"b"]));
        assert_ne!(once("k", &[b"a", b"b"]).digest, once("k", &[b"ab", b""]).digest);
        assert_ne!(once("k", &[]).id, once("l", &[]).id);
        let other = Author { actor: Actor::Key("erp".into()), ..author.clone() };
        assert_ne!(once("k", &[]).id, Once::new(&other, "k", &[]).id);
    }

    #[test]
    fn who_has_read_another_state_may_not_change_it() {
        let read = mark(&json!({ "a": 1, "b": "x" }));
        assert!(unchanged(Some(std::slice::from_ref(&read)), &json!({ "a": 1, "b": "x" })).is_ok());
        assert!(unchanged(None, &json!({})).is_ok());
        assert!(matches!(unchanged(Some(&[read]), &json!({ "a": 2, "b": "x" })), Err(Error::Changed)));
    }
}
