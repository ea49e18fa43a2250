//! What the store promises, tried on each back end. Two stores on the same tables are two nodes.

mod ahead;
mod beside;
mod claim;
mod event;
mod gather;
mod lease;
mod log;
mod machine;
mod row;
mod socket;
mod sweep;

use std::sync::Arc;

use super::conversation::{self, Identity};
use super::{Error, Scope, Store, Tx, message};
use crate::model::content::Content;
use crate::model::envelope::{ChannelKind, ChannelRef, Envelope, Role, Sender, Visibility};
use crate::model::id::{AccountId, ClientId, ConversationId, MessageId, RemoteId, TenantId};
use crate::model::time::Millis;

const NOW: Millis = Millis(1_795_392_000_000);

fn account() -> AccountId {
    AccountId::parse("oa").unwrap()
}

fn scope(store: &Store) -> Scope {
    store.tenant(&TenantId::parse("bank").unwrap())
}

/// A customer with a conversation.
async fn customer(scope: &Scope, name: &str) -> Identity {
    let external = RemoteId::parse(name).unwrap();
    scope
        .write(move |tx| conversation::create(tx, ChannelKind::Wechat, &account(), &external, None, NOW))
        .await
        .unwrap()
}

/// Puts a text into the log under the next `seq`.
fn append(tx: &mut Tx<'_>, conv: ConversationId, text: &str, sent: Option<(&str, &str)>) -> Result<i64, Error> {
    let found = conversation::advance(tx, conv, NOW)?.expect("a conversation");
    let envelope = Arc::new(Envelope {
        v: 1,
        id: MessageId::generate(NOW),
        tenant: tx.tenant().clone(),
        conv,
        session: None,
        seq: found.last_seq,
        cid: sent.map(|(_, cid)| ClientId::parse(cid).unwrap()),
        ts: NOW,
        from: Sender { role: Role::Contact, id: found.contact.to_string(), name: None },
        visibility: Visibility::All,
        fallback: text.to_owned(),
        content: Content::Text { text: text.to_owned() },
        reply_to: None,
        replaces: None,
        channel: ChannelRef { kind: ChannelKind::Wechat, account: account(), ext_id: None, raw_type: None },
        control_epoch: 0,
    });
    message::insert(tx, &envelope, sent.map(|(device, _)| device))?;
    Ok(envelope.seq)
}

/// The log of a conversation.
async fn log(scope: &Scope, conv: ConversationId) -> Vec<Envelope> {
    scope
        .read(move |tx| {
            let origin = conversation::find(tx, conv)?.expect("a conversation").origin(tx);
            message::after(tx, &origin, conv, 0, 10_000)
        })
        .await
        .unwrap()
}
