//! Rows: whose they are, in which order they come, what they can hold.

use super::{NOW, account, append, customer, log, scope};
use crate::model::content::Content;
use crate::model::event::Occurrence;
use crate::model::id::{QueueId, RemoteId, SessionId, TenantId};
use crate::model::time::Millis;
use crate::store::queue::{self, Entry};
use crate::store::session::{self, Session};
use crate::store::trial::{Trial, on_both};
use crate::store::{Error, conversation, inbox, message, outbox, pass, timer};

on_both! {
    a_tenant_sees_and_changes_nothing_of_another
    events_leave_in_the_order_in_which_they_were_written
    identifiers_are_ordered_by_their_bytes
    one_session_of_a_conversation_is_open
    a_session_waits_in_one_place
    text_with_a_zero_byte_harms_nobody_else
    the_longest_address_is_a_key
}

async fn a_tenant_sees_and_changes_nothing_of_another(on: Trial) {
    let ground = on.ground();
    let store = ground.store();
    let (ours, theirs) = (scope(&store), store.tenant(&TenantId::parse("rival").unwrap()));
    let conv = customer(&ours, "o1").await.conv;
    ours.write(move |tx| append(tx, conv, "ours", Some(("tab", "c-1")))).await.unwrap();
    ours.write(|tx| timer::set(tx, "greeting", "s", NOW)).await.unwrap();
    ours.write(|tx| inbox::note(tx, &account(), "k", NOW)).await.unwrap();
    let origin = ours.read(move |tx| Ok::<_, Error>(conversation::find(tx, conv)?.unwrap().origin(tx))).await.unwrap();
    theirs
        .write(move |tx| {
            assert!(conversation::find(tx, conv)?.is_none());
            assert!(conversation::advance(tx, conv, NOW)?.is_none());
            assert!(conversation::identity(tx, &account(), &RemoteId::parse("o1").unwrap())?.is_none());
            assert!(message::after(tx, &origin, conv, 0, 10)?.is_empty());
            assert!(message::by_cid(tx, &origin, "tab", "c-1")?.is_none());
            assert!(inbox::note(tx, &account(), "k", NOW)?, "the same key is another delivery here");
            timer::cancel(tx, &["greeting"], "s")
        })
        .await
        .unwrap();
    let left = store.survey(|conn| timer::due(conn, NOW, 10)).await.unwrap();
    assert_eq!(left.len(), 1, "nobody cancels another's timer");
    assert_eq!(log(&ours, conv).await.len(), 1);
}

/// Nothing about it can be compressed away: an index has to hold all of it.
async fn the_longest_address_is_a_key(on: Trial) {
    let ground = on.ground();
    let ours = scope(&ground.store());
    let part = |seed: u32| -> String {
        let mut n = seed;
        let mut next = || {
            n = n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            char::from_digit((n >> 24) % 36, 36).unwrap()
        };
        (0..1_023).map(|_| next()).collect()
    };
    let address = format!("{}@{}", part(1), part(2));
    let conv = customer(&ours, &address).await.conv;
    let jid = RemoteId::parse(&address).unwrap();
    let found = ours
        .write(move |tx| {
            crate::store::xmpp::set_address(tx, &account(), &jid, "service")?;
            assert_eq!(crate::store::xmpp::address(tx, &account(), &jid)?.as_deref(), Some("service"));
            conversation::identity(tx, &account(), &jid)
        })
        .await
        .unwrap();
    assert_eq!(found.map(|identity| identity.conv), Some(conv));
}

pub(super) fn event(id: &str) -> Occurrence {
    Occurrence {
        tenant: TenantId::parse("bank").unwrap(),
        id: id.into(),
        kind: "agent.login".into(),
        subject: "tenant/bank".into(),
        session: None,
        sequence: None,
        node: "n_01ARZ3NDEKTSV4RRFFQ69G5FAV".into(),
        at: NOW,
        data: "{}".into(),
    }
}

async fn events_leave_in_the_order_in_which_they_were_written(on: Trial) {
    let ground = on.ground();
    let store = ground.store();
    let node = scope(&store);
    let jobs = (0..40).map(|n| {
        let node = node.clone();
        async move {
            node.write(move |tx| {
                outbox::add(tx, &event(&format!("id-{:03}-a", 999 - n)))?;
                outbox::add(tx, &event(&format!("id-{:03}-b", 999 - n)))
            })
            .await
            .unwrap();
        }
    });
    futures_util::future::join_all(jobs).await;
    let pending = store.survey(|conn| outbox::pending(conn, 50)).await.unwrap();
    let ids: Vec<&str> = pending.iter().map(|row| row.event.id.as_str()).collect();
    assert_eq!(ids.len(), 50);
    assert_eq!(&ids[..4], ["id-999-a", "id-999-b", "id-998-a", "id-998-b"]);
    let number = |id: &str| id.split('-').nth(1).and_then(|number| number.parse::<u32>().ok());
    assert!(ids.windows(2).all(|pair| number(pair[0]) >= number(pair[1])), "{ids:?}");
    store.sweep(move |conn| outbox::taken(conn, &pending)).await.unwrap();
    let rest = store.survey(|conn| outbox::pending(conn, 500)).await.unwrap();
    assert_eq!(rest.len(), 30);
    assert_eq!(rest[0].event.id, "id-974-a");
}

async fn identifiers_are_ordered_by_their_bytes(on: Trial) {
    let ground = on.ground();
    let store = ground.store();
    let node = scope(&store);
    // Names that a language would order otherwise than bytes do.
    let names = ["B", "Z", "_x", "a", "a-b", "ab", "é"];
    node.write(move |tx| names.iter().rev().try_for_each(|name| timer::set(tx, "k", name, NOW))).await.unwrap();
    node.write(move |tx| {
        names.iter().rev().try_for_each(|name| {
            let new = pass::New {
                hash: name,
                kind: pass::Kind::Resume,
                party: "{}",
                device: None,
                login_hash: None,
                expires_at: NOW,
            };
            pass::add(tx, &new)
        })
    })
    .await
    .unwrap();
    let queues = ["A1", "B-2", "B_1", "a0", "b"].map(|name| QueueId::parse(name).unwrap());
    for queue in queues.iter().rev().cloned() {
        node.write(move |tx| {
            let conv = crate::model::id::ConversationId::generate(NOW);
            let session = SessionId::generate(NOW);
            let entry = Entry { session, conv, queue, offered: false, priority: 0, enqueued_at: NOW };
            queue::insert(tx, &entry)
        })
        .await
        .unwrap();
    }
    assert_eq!(node.read(queue::busy).await.unwrap(), queues);
}

async fn one_session_of_a_conversation_is_open(on: Trial) {
    let ground = on.ground();
    let node = scope(&ground.store());
    let conv = customer(&node, "o1").await.conv;
    let start = move |tx: &mut crate::store::Tx<'_>| {
        session::insert(tx, &Session::started(SessionId::generate(NOW), conv, NOW))
    };
    node.write(start).await.unwrap();
    assert!(node.write(start).await.unwrap_err().is_duplicate());
    let read = node.read(move |tx| session::open_of(tx, conv)).await.unwrap().unwrap();
    let (mut first, mut second) = (read.clone(), read);
    assert!(node.write(move |tx| session::save(tx, &mut first)).await.unwrap());
    assert!(!node.write(move |tx| session::save(tx, &mut second)).await.unwrap(), "somebody was faster");
}

async fn a_session_waits_in_one_place(on: Trial) {
    let ground = on.ground();
    let node = scope(&ground.store());
    let (session, conv) = (SessionId::generate(NOW), crate::model::id::ConversationId::generate(NOW));
    let place = move |queue: &str| Entry {
        session,
        conv,
        queue: QueueId::parse(queue).unwrap(),
        offered: false,
        priority: 0,
        enqueued_at: Millis(NOW.0),
    };
    node.write(move |tx| queue::insert(tx, &place("service"))).await.unwrap();
    assert!(node.write(move |tx| queue::insert(tx, &place("loan"))).await.unwrap_err().is_duplicate());
}

/// The channels clean what customers send; the store must not fall over what slips through.
async fn text_with_a_zero_byte_harms_nobody_else(on: Trial) {
    let ground = on.ground();
    let store = ground.store();
    let node = scope(&store);
    let conv = customer(&node, "o1").await.conv;
    // As JSON the zero is an escape: that is how contents are stored.
    node.write(move |tx| append(tx, conv, "a\0b", None)).await.unwrap();
    assert_eq!(log(&node, conv).await[0].content, Content::text("a\0b"));
    let raw = (0..10).map(|n| {
        let node = node.clone();
        async move {
            let id = if n == 5 { "zero-\0".to_owned() } else { format!("id-{n}") };
            (n, node.write(move |tx| outbox::add(tx, &event(&id))).await)
        }
    });
    for (n, outcome) in futures_util::future::join_all(raw).await {
        assert!(outcome.is_ok() || (n == 5 && on == Trial::Postgres), "{n}: {outcome:?}");
    }
}
