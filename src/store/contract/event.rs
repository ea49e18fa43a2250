//! Events of messages: written without the message, which is read when they leave.

use std::sync::Arc;

use diesel::prelude::*;

use super::{NOW, append, customer, log, scope};
use crate::model::content::{Content, Media};
use crate::model::envelope::{Envelope, Role, Sender, Visibility};
use crate::model::event::Occurrence;
use crate::model::id::{ConversationId, MediaId, MessageId, NodeId, TenantId};
use crate::store::conn::on;
use crate::store::schema::message::dsl;
use crate::store::trial::{Trial, on_both};
use crate::store::{Error, Scope, Store, conversation, message, outbox};

on_both! {
    an_event_carries_its_message_as_it_stands_in_the_log
    an_event_outlives_its_message
    what_nobody_wants_goes_oldest_first
}

/// Accepts a message as the core does.
async fn accept(scope: &Scope, conv: ConversationId, content: Content, of: Option<MessageId>) -> Arc<Envelope> {
    let accept = move |tx: &mut crate::store::Tx<'_>| {
        let found = conversation::advance(tx, conv, NOW)?.unwrap();
        let mut channel = found.origin(tx).channel;
        (channel.ext_id, channel.raw_type) = (Some("24345".into()), Some("text".into()));
        let envelope = Envelope {
            v: 1,
            id: MessageId::generate(NOW),
            tenant: tx.tenant().clone(),
            conv,
            session: None,
            seq: found.last_seq,
            cid: None,
            ts: NOW,
            from: Sender { role: Role::Agent, id: "li".into(), name: Some("小李".into()) },
            visibility: if of.is_some() { Visibility::Agents } else { Visibility::All },
            fallback: content.fallback(),
            content: content.clone(),
            reply_to: of,
            replaces: of,
            channel,
            control_epoch: 3,
        };
        message::insert(tx, &envelope, None)?;
        outbox::add_message(tx, &envelope, NodeId::generate(NOW))?;
        Ok::<_, Error>(envelope)
    };
    Arc::new(scope.write(accept).await.unwrap())
}

async fn waiting(store: &Store) -> Vec<Occurrence> {
    let pending = store.survey(|conn| outbox::pending(conn, 500)).await.unwrap();
    pending.into_iter().map(|row| row.event).collect()
}

fn picture(size: Option<u64>) -> Content {
    let id = MediaId::generate(NOW);
    Content::Image { media: Media { id, mime: "image/png".into(), name: None, size, duration_ms: None, url: None } }
}

async fn an_event_carries_its_message_as_it_stands_in_the_log(on: Trial) {
    let ground = on.ground();
    let store = ground.store();
    // The same names with two tenants, and two conversations of one.
    let (ours, theirs) = (scope(&store), store.tenant(&TenantId::parse("rival").unwrap()));
    let (one, two) = (customer(&ours, "o1").await.conv, customer(&ours, "o2").await.conv);
    let other = customer(&theirs, "o1").await.conv;
    let text = accept(&ours, one, Content::text("𠮷 \"quoted\"\n"), None).await;
    accept(&theirs, other, Content::text("theirs"), None).await;
    accept(&ours, two, picture(Some(7)), None).await;
    accept(&ours, one, Content::text("edited"), Some(text.id)).await;
    accept(&ours, one, Content::Recall { target: text.id }, Some(text.id)).await;
    let blob = accept(&ours, two, picture(None), None).await;
    // Only the blob of a message becomes known later.
    let known = Envelope { content: picture(Some(1_234)), ..(*blob).clone() };
    ours.write(move |tx| message::fill_in(tx, &known)).await.unwrap();

    let events = waiting(&store).await;
    assert_eq!(events.len(), 6);
    let mut logs = Vec::new();
    for (node, conv) in [(&ours, one), (&ours, two), (&theirs, other)] {
        logs.extend(log(node, conv).await);
    }
    for event in &events {
        let stored = logs.iter().find(|envelope| envelope.id.to_string() == event.id).unwrap();
        assert_eq!(*event.data, *serde_json::to_string(stored).unwrap());
        assert_eq!((&event.tenant, event.sequence, event.at), (&stored.tenant, Some(stored.seq), stored.ts));
        assert_eq!(event.kind, "message.accepted");
    }
    assert_eq!(*events[0].data, *serde_json::to_string(&*text).unwrap(), "as it was accepted");
    assert!(events[5].data.contains("1234"), "{}", events[5].data);
}

async fn an_event_outlives_its_message(on: Trial) {
    let ground = on.ground();
    let store = ground.store();
    let node = scope(&store);
    let conv = customer(&node, "o1").await.conv;
    for text in ["gone", "damaged", "whole"] {
        accept(&node, conv, Content::text(text), None).await;
    }
    let spoil = |conn: &mut crate::store::Conn| {
        on!(conn, c => diesel::delete(dsl::message.filter(dsl::seq.eq(1))).execute(c))?;
        on!(conn, c => diesel::update(dsl::message.filter(dsl::seq.eq(2))).set(dsl::content.eq("{")).execute(c))?;
        Ok::<_, Error>(())
    };
    store.sweep(spoil).await.unwrap();
    let events = waiting(&store).await;
    assert_eq!(events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [Some(1), Some(2), Some(3)]);
    assert_eq!([&*events[0].data, &*events[1].data], ["null", "null"]);
    assert!(events[2].data.contains("whole"), "one that is damaged spoils no other");
}

async fn what_nobody_wants_goes_oldest_first(on: Trial) {
    let ground = on.ground();
    let store = ground.store();
    let node = scope(&store);
    let conv = customer(&node, "o1").await.conv;
    for n in 0..5 {
        accept(&node, conv, Content::text(n.to_string()), None).await;
    }
    assert!(store.survey(outbox::waits).await.unwrap());
    assert_eq!(store.sweep(|conn| outbox::discard(conn, 3)).await.unwrap(), 3);
    let left: Vec<_> = waiting(&store).await.into_iter().map(|event| event.sequence).collect();
    assert_eq!(left, [Some(4), Some(5)]);
    assert_eq!(store.sweep(|conn| outbox::discard(conn, 3)).await.unwrap(), 2);
    node.write(move |tx| append(tx, conv, "no event", None)).await.unwrap();
    assert!(!store.survey(outbox::waits).await.unwrap());
    assert_eq!(store.sweep(|conn| outbox::discard(conn, 3)).await.unwrap(), 0);
}
