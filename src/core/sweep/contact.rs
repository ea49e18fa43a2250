//! Customers on the web: messages they do not have, and how their sessions stand.

use std::collections::HashMap;

use super::{Core, Memory, News, RECENT};
use crate::core::Error;
use crate::core::effect::Push;
use crate::core::view::{Around, Viewer, session_view};
use crate::hub::Recipient;
use crate::model::id::{ContactId, ConversationId, SessionId, TenantId};
use crate::model::time::Millis;
use crate::store::sweep::{self, Head};
use crate::store::{Tx, session};

/// What the last look saw of one conversation of a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ContactSeen {
    conv: ConversationId,
    seq: i64,
    /// The open session, and its version.
    session: Option<(SessionId, i64)>,
}

type Known = HashMap<ContactId, Vec<ContactSeen>>;

/// Looks at the conversations of these customers. Whatever happens to a session leaves a message in the log: where
/// the log has not grown the session is not looked at.
fn look(tx: &mut Tx<'_>, contacts: &[ContactId], mut known: Known, now: Millis) -> Result<(Known, News), Error> {
    let mut news = News { statements: 1, ..News::default() };
    let seen = |known: &Known, head: &Head| {
        known.get(&head.contact).and_then(|all| all.iter().find(|seen| seen.conv == head.conv)).copied()
    };
    let mut grown = sweep::heads_of(tx, contacts)?;
    grown.retain(|head| seen(&known, head).is_none_or(|seen| seen.seq != head.seq));
    if grown.is_empty() {
        return Ok((known, news));
    }
    let convs: Vec<ConversationId> = grown.iter().map(|head| head.conv).collect();
    let open = sweep::open_sessions(tx, &convs)?;
    news.statements += 1;
    for head in grown {
        let to = Recipient::Contact(tx.tenant().clone(), head.contact);
        let before = seen(&known, &head);
        news.head(&to, head.conv, head.seq, before.map_or(head.seq, |seen| seen.seq));
        let session = match before {
            // Who has just come was told by the answer to its sign-in, unless it changed at that time.
            None if now.since(head.updated_at) > RECENT => open.get(&head.conv).copied(),
            before => compare(tx, &to, before.and_then(|seen| seen.session), open.get(&head.conv), &mut news)?,
        };
        let all = known.entry(head.contact).or_default();
        all.retain(|seen| seen.conv != head.conv);
        all.push(ContactSeen { conv: head.conv, seq: head.seq, session });
    }
    Ok((known, news))
}

/// Tells how the session stands if that has changed; returns what is to be remembered of it.
fn compare(
    tx: &mut Tx<'_>,
    to: &Recipient,
    was: Option<(SessionId, i64)>,
    open: Option<&(SessionId, i64)>,
    news: &mut News,
) -> Result<Option<(SessionId, i64)>, Error> {
    // Without an open one the last that was seen is over now.
    let changed = match (was, open) {
        (was, Some(now)) => (was != Some(*now)).then_some(now.0),
        (Some((ended, _)), None) => Some(ended),
        (None, None) => None,
    };
    if let (Some(id), Recipient::Contact(_, contact)) = (changed, to)
        && let Some(session) = session::find(tx, id)?
    {
        let around = Around::read(tx, &session)?;
        news.statements += 4;
        let view = session_view(&session, &around, Viewer::Contact(*contact));
        news.push(to, &Push::Session(Box::new(view)))?;
    }
    Ok(open.copied())
}

impl Core {
    /// Looks at these customers.
    pub(super) async fn sweep_contacts(
        &self,
        tenant: &TenantId,
        contacts: Vec<ContactId>,
        memory: &mut Memory,
    ) -> Result<(), Error> {
        let all = memory.contacts.entry(tenant.clone()).or_default();
        let known = contacts.iter().filter_map(|contact| Some((*contact, all.get(contact)?.clone())));
        let known: Known = known.collect();
        let now = self.clock().now();
        let (seen, news) = self.scope(tenant).read(move |tx| look(tx, &contacts, known, now)).await?;
        memory.contacts.entry(tenant.clone()).or_default().extend(seen);
        memory.found(news);
        Ok(())
    }
}
