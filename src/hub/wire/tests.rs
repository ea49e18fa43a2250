//! What is written reads back; what is damaged is refused without harm.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::hub::{Audience, Frame, Head, Mark};
use crate::model::content::Content;
use crate::model::envelope::{ChannelKind, ChannelRef, Envelope, Role, Sender, Visibility};
use crate::model::id::{AccountId, AgentId, ConnectionId, ContactId, ConversationId, MessageId, TenantId};
use crate::model::time::Millis;

fn tenant() -> TenantId {
    TenantId::parse("bank").unwrap()
}

fn everyone() -> Vec<Recipient> {
    vec![
        Recipient::Agent(tenant(), AgentId::parse("li").unwrap()),
        Recipient::Agents(tenant()),
        Recipient::Contact(tenant(), ContactId::generate(Millis(1))),
    ]
}

fn envelope() -> Envelope {
    let conv = ConversationId::generate(Millis(1));
    Envelope {
        v: 1,
        id: MessageId::generate(Millis(1)),
        tenant: tenant(),
        conv,
        session: None,
        seq: 7,
        cid: None,
        ts: Millis(5),
        from: Sender { role: Role::Contact, id: "p".into(), name: Some("张三".into()) },
        visibility: Visibility::All,
        fallback: "您好".into(),
        content: Content::text("您好"),
        reply_to: None,
        replaces: None,
        channel: ChannelRef {
            kind: ChannelKind::Web,
            account: AccountId::parse("site").unwrap(),
            ext_id: None,
            raw_type: None,
        },
        control_epoch: 3,
    }
}

fn hints() -> Vec<Hint> {
    let conv = ConversationId::generate(Millis(1));
    let marked = Frame {
        text: "{}".into(),
        mark: Some(Mark::of("a", 1)),
        place: Some((conv, 9)),
        audience: Audience::default(),
    };
    vec![
        Hint::Message(Arc::new(envelope())),
        Hint::Frame(Frame::plain(r#"{"op":"typing"}"#)),
        Hint::Frame(Arc::new(marked)),
        Hint::Head(Arc::new(Head { conv, seq: 5, base: -1 })),
        Hint::Replaced(ConnectionId::generate(Millis(2))),
        Hint::SignedOut,
    ]
}

fn entry() -> Vec<u8> {
    let (node, mut entry) = (NodeId::generate(Millis(3)), Entry::default());
    for hint in hints() {
        entry.hint(&everyone(), &Payload::of(&hint).unwrap());
    }
    entry.here(node, 1);
    entry.changed(node, 2, &everyone(), &[]);
    entry.gone(node);
    entry.ask(node);
    entry.all(node, 3, (true, false), &everyone());
    entry.into_bytes()
}

#[test]
fn everything_reads_back() {
    let items = read(&entry()).unwrap();
    assert_eq!(items.len(), 11);
    for (item, expected) in items.iter().zip(hints()) {
        let Item::Hint(to, hint) = item else { panic!("{item:?}") };
        assert_eq!(
            *to,
            everyone()
                .into_iter()
                .map(|r| match r {
                    // Generated ids differ from call to call: the kind is what counts.
                    Recipient::Contact(..) => to[2].clone(),
                    other => other,
                })
                .collect::<Vec<_>>()
        );
        match (hint, &expected) {
            (Hint::Message(one), Hint::Message(two)) => {
                assert_eq!((one.seq, &one.content, &one.from), (two.seq, &two.content, &two.from));
            }
            (Hint::Frame(one), Hint::Frame(two)) => {
                assert_eq!((&one.text, one.mark, one.place.is_some()), (&two.text, two.mark, two.place.is_some()));
            }
            (Hint::Head(one), Hint::Head(two)) => assert_eq!((one.seq, one.base), (two.seq, two.base)),
            (Hint::Replaced(_), Hint::Replaced(_)) | (Hint::SignedOut, Hint::SignedOut) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(&items[6], Item::Here(_, 1)));
    assert!(matches!(&items[7], Item::Changed { number: 2, came, left, .. } if came.len() == 3 && left.is_empty()));
    assert!(matches!(&items[8], Item::Gone(_)) && matches!(&items[9], Item::Ask(_)));
    assert!(
        matches!(&items[10], Item::All { number: 3, first: true, last: false, recipients, .. } if recipients.len() == 3)
    );
}

#[test]
fn what_a_newer_node_says_is_skipped_and_another_version_refused() {
    let mut bytes = entry();
    bytes.extend([200, 3, 0, 0, 0, 1, 2, 3]);
    assert_eq!(read(&bytes).unwrap().len(), 11);
    bytes[0] = 9;
    assert!(read(&bytes).is_err());
    assert!(read(&[]).is_err());
}

#[test]
fn a_message_for_another_tenant_is_refused() {
    let mut entry = Entry::default();
    let other = Recipient::Agents(TenantId::parse("other").unwrap());
    entry.hint(&[other], &Payload::of(&Hint::Message(Arc::new(envelope()))).unwrap());
    assert!(read(&entry.into_bytes()).is_err());
}

proptest! {
    #[test]
    fn damage_never_panics(place in 0_usize..4_000, with in any::<u8>(), cut in 0_usize..4_000) {
        let mut bytes = entry();
        let (place, cut) = (place % bytes.len(), cut % bytes.len());
        bytes[place] ^= with;
        drop(read(&bytes));
        drop(read(&bytes[..cut]));
    }
}
