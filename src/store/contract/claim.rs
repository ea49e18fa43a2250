//! What only one may have: a delivery of a channel, a timer, an attempt, a lease, a ticket, a blob to be fetched.

use std::time::Duration;

use super::{Millis, NOW, account, customer, scope};
use crate::model::content::Content;
use crate::model::delivery::DeliveryState;
use crate::model::id::{ConnectionId, ConversationId, MediaId, NodeId, TenantId};
use crate::model::inbound::Answer;
use crate::store::delivery::{self, Delivery};
use crate::store::fetch::{self, Order};
use crate::store::lease::{self, Lease, Sign};
use crate::store::trial::{Trial, on_both};
use crate::store::{Error, Scope, Store, Tx, inbox, node, pass, timer};

on_both! {
    a_delivery_that_two_nodes_get_at_once_is_worked_once
    a_timer_fires_on_one_node
    a_message_is_called_out_by_one_node
    what_comes_behind_a_message_that_has_its_time_later_waits_with_it
    the_newest_connection_of_a_device_has_its_lease
    what_a_dead_node_was_doing_is_due_and_what_others_do_is_not
    a_ticket_lets_in_once
    a_blob_is_fetched_by_one_node
    a_blob_whose_row_is_damaged_is_given_up_and_another_is_not
}

/// Does `work` on both nodes at the same time, so often.
async fn race<T: Send + 'static, F>(nodes: &[Scope; 2], work: F) -> [T; 2]
where
    F: Fn(Scope) -> std::pin::Pin<Box<dyn Future<Output = T> + Send>>,
{
    let [here, there] = nodes.clone().map(|node| tokio::spawn(work(node)));
    [here.await.unwrap(), there.await.unwrap()]
}

/// Works a delivery if it is new; says whether it was, and what it was answered.
fn work_once(tx: &mut Tx<'_>, key: &str) -> Result<(bool, Option<Answer>), Error> {
    if !inbox::note(tx, &account(), key, NOW)? {
        return Ok((false, inbox::answer(tx, &account(), key)?));
    }
    let mine = Answer::Passive(Box::new(Content::text(format!("to {key}"))));
    inbox::answered(tx, &account(), key, &mine)?;
    Ok((true, Some(mine)))
}

/// Takes a message that waits for its channel.
fn take(tx: &mut Tx<'_>, conv: ConversationId, seq: i64, by: NodeId) -> Result<bool, Error> {
    let first = delivery::between(tx, conv, seq, seq)?.remove(0);
    if first.state != DeliveryState::Pending {
        return Ok(false);
    }
    let until = NOW.plus(Duration::from_secs(90));
    delivery::send(tx, &Delivery { state: DeliveryState::Sending, attempts: 1, next_at: until, ..first }, by)?;
    Ok(true)
}

async fn a_delivery_that_two_nodes_get_at_once_is_worked_once(on: Trial) {
    let ground = on.ground();
    let nodes = [ground.store(), ground.store()].map(|store| scope(&store));
    for turn in 0..20 {
        let key = format!("1795392073.{turn}");
        let outcomes = race(&nodes, |node| {
            let key = key.clone();
            Box::pin(async move { node.write(move |tx| work_once(tx, &key)).await.unwrap() })
        })
        .await;
        assert_eq!(outcomes.iter().filter(|(worked, _)| *worked).count(), 1);
        assert_eq!(outcomes[0].1, outcomes[1].1, "both get the same answer");
    }
}

async fn a_timer_fires_on_one_node(on: Trial) {
    let ground = on.ground();
    let stores = [ground.store(), ground.store()];
    let nodes = stores.each_ref().map(scope);
    nodes[0].write(|tx| (0..20).try_for_each(|n| timer::set(tx, "greeting", &format!("s-{n}"), NOW))).await.unwrap();
    let due = stores[1].survey(|conn| timer::due(conn, NOW, 100)).await.unwrap();
    assert_eq!(due.len(), 20);
    for due in due {
        let fired = race(&nodes, |node| {
            let due = due.clone();
            Box::pin(async move { node.write(move |tx| timer::claim(tx, &due, NOW)).await.unwrap() })
        })
        .await;
        assert_eq!(fired.iter().filter(|fired| **fired).count(), 1, "{due:?}");
    }
    assert_eq!(stores[0].survey(timer::next).await.unwrap(), None);
}

pub(super) fn waits(conv: ConversationId, seq: i64, next_at: Millis) -> Delivery {
    let (state, account) = (DeliveryState::Pending, account());
    Delivery { conv, seq, account, state, part: 0, attempts: 0, next_at, code: None, detail: None }
}

/// The conversations of which something is due at `NOW`, in order.
async fn due(store: &Store, without: &[TenantId]) -> Vec<ConversationId> {
    let without = without.to_vec();
    let found = store.survey(move |conn| delivery::due(conn, NOW, 100, (&without, &[]))).await.unwrap();
    found.into_iter().map(|(_, conv)| conv).collect()
}

async fn what_comes_behind_a_message_that_has_its_time_later_waits_with_it(on: Trial) {
    let ground = on.ground();
    let store = ground.store();
    let (ours, theirs) = (scope(&store), store.tenant(&TenantId::parse("rival").unwrap()));
    let (first, second) = (customer(&ours, "o1").await.conv, customer(&ours, "o2").await.conv);
    let third = customer(&theirs, "o1").await.conv;
    let before = |seconds: u64| NOW.minus(Duration::from_secs(seconds));
    let later = NOW.plus(Duration::from_secs(600));
    for (scope, item) in [
        (&ours, waits(first, 1, later)),
        (&ours, waits(first, 2, before(9))),
        (&ours, waits(second, 1, before(2))),
        (&ours, waits(second, 2, before(1))),
        (&ours, waits(second, 3, later)),
        (&theirs, waits(third, 1, before(3))),
    ] {
        scope.write(move |tx| delivery::insert(tx, &item)).await.unwrap();
    }
    assert_eq!(due(&store, &[]).await, [third, second], "each once, the longest waiting first");
    assert_eq!(due(&store, &[theirs.tenant().clone()]).await, [second]);
    ours.write(move |tx| delivery::save(tx, &waits(first, 1, NOW))).await.unwrap();
    assert_eq!(due(&store, &[]).await, [first, third, second]);
    let held = Delivery { state: DeliveryState::Held, ..waits(first, 1, Millis(i64::MAX)) };
    ours.write(move |tx| delivery::save(tx, &held)).await.unwrap();
    assert_eq!(due(&store, &[]).await, [first, third, second], "it has to be held, too");
}

async fn a_message_is_called_out_by_one_node(on: Trial) {
    let ground = on.ground();
    let nodes = [ground.store(), ground.store()].map(|store| scope(&store));
    let conv = customer(&nodes[0], "o1").await.conv;
    let by = NodeId::generate(NOW);
    for seq in 1..=20 {
        let item = waits(conv, seq, NOW);
        nodes[0].write(move |tx| delivery::insert(tx, &item)).await.unwrap();
        let mine =
            race(&nodes, |node| Box::pin(async move { node.write(move |tx| take(tx, conv, seq, by)).await.unwrap() }))
                .await;
        assert_eq!(mine.iter().filter(|mine| **mine).count(), 1, "message {seq}");
    }
}

async fn the_newest_connection_of_a_device_has_its_lease(on: Trial) {
    let ground = on.ground();
    let stores = [ground.store(), ground.store()];
    let nodes = stores.each_ref().map(scope);
    let lease_of = |connection| Lease {
        tenant: TenantId::parse("bank").unwrap(),
        participant: "agent:li".into(),
        device: "tab".into(),
        connection,
    };
    let ids = [NodeId::generate(NOW), NodeId::generate(NOW)];
    let (old, new) = (lease_of(ConnectionId::generate(NOW)), lease_of(ConnectionId::generate(NOW)));
    let (taken, node) = (old.clone(), ids[0]);
    assert_eq!(nodes[0].write(move |tx| lease::take(tx, &taken, node, NOW)).await.unwrap(), None);
    let (taken, node) = (new.clone(), ids[1]);
    assert_eq!(nodes[1].write(move |tx| lease::take(tx, &taken, node, NOW)).await.unwrap(), Some(old.connection));
    let given_up = old.clone();
    assert!(!nodes[0].write(move |tx| lease::release(tx, &given_up)).await.unwrap(), "it has it no more");

    let [first, second] = ids;
    assert_eq!(stores[1].survey(move |conn| lease::at(conn, first, 10)).await.unwrap(), []);
    let theirs = stores[1].survey(move |conn| lease::at(conn, second, 10)).await.unwrap();
    assert_eq!(theirs, std::slice::from_ref(&new));
    let bury = async |gone: &Lease, of: NodeId, at: i64| {
        let gone = gone.clone();
        nodes[0].write(move |tx| lease::bury(tx, &gone, Sign::Node(of, Millis(NOW.0 + at)))).await.unwrap()
    };
    for (store, node) in stores.iter().zip(ids) {
        store.sweep(move |conn| node::sign(conn, node, NOW)).await.unwrap();
    }
    assert!(!bury(&old, first, 0).await, "its device has another");
    stores[1].sweep(move |conn| node::sign(conn, second, Millis(NOW.0 + 1))).await.unwrap();
    assert!(!bury(&new, second, 0).await, "there has been a sign meanwhile");
    assert!(nodes[0].read(|tx| lease::any(tx, "agent:li")).await.unwrap());
    assert!(bury(&new, second, 1).await);
    assert!(!nodes[0].read(|tx| lease::any(tx, "agent:li")).await.unwrap());
}

async fn a_ticket_lets_in_once(on: Trial) {
    let ground = on.ground();
    let nodes = [ground.store(), ground.store()].map(|store| scope(&store));
    for turn in 0..20 {
        let hash = format!("hash-{turn}");
        let ticket = hash.clone();
        nodes[0]
            .write(move |tx| {
                let expires_at = Millis(NOW.0 + 1);
                let kind = pass::Kind::Ticket;
                let new = pass::New { hash: &ticket, kind, party: "{}", device: None, login_hash: None, expires_at };
                pass::add(tx, &new)
            })
            .await
            .unwrap();
        let let_in = race(&nodes, |node| {
            let hash = hash.clone();
            Box::pin(async move { node.write(move |tx| pass::take(tx, &hash, NOW)).await.unwrap().is_some() })
        })
        .await;
        assert_eq!(let_in.iter().filter(|let_in| **let_in).count(), 1);
    }
}

async fn a_blob_is_fetched_by_one_node(on: Trial) {
    let ground = on.ground();
    let stores = [ground.store(), ground.store()];
    let nodes = stores.each_ref().map(scope);
    let conv = customer(&nodes[0], "o1").await.conv;
    nodes[0]
        .write(move |tx| {
            (1..=20).try_for_each(|seq| {
                let (media, account) = (MediaId::generate(NOW), account());
                let order = Order { media, mime: "image/jpeg", conv, seq, account: &account, remote: "m" };
                fetch::order(tx, &order, NOW)
            })
        })
        .await
        .unwrap();
    let due = stores[1].survey(|conn| fetch::due(conn, NOW, 100, &[])).await.unwrap();
    assert_eq!(due.len(), 20);
    let (until, by) = (Millis(NOW.0 + 60_000), NodeId::generate(NOW));
    let claimed = race(&nodes, |node| {
        let ids: Vec<String> = due.iter().map(|(_, media)| media.clone()).collect();
        let claim = move |tx: &mut Tx<'_>| {
            ids.iter().map(|id| fetch::claim(tx, id, by, (NOW, until))).collect::<Result<Vec<_>, Error>>()
        };
        Box::pin(async move { node.write(claim).await.unwrap() })
    })
    .await;
    let claimed: Vec<fetch::Fetch> = claimed.into_iter().flatten().flatten().collect();
    assert_eq!(claimed.len(), 20, "each blob belongs to one node");
    assert!(claimed.iter().all(|fetch| fetch.attempts == 1));
}

async fn a_blob_whose_row_is_damaged_is_given_up_and_another_is_not(on: Trial) {
    let ground = on.ground();
    let store = ground.store();
    let node = scope(&store);
    let conv = customer(&node, "o1").await.conv;
    node.write(move |tx| {
        for seq in 1..=3 {
            let (media, account) = (MediaId::generate(NOW), account());
            let order = Order { media, mime: "image/jpeg", conv, seq, account: &account, remote: "m" };
            fetch::order(tx, &order, NOW)?;
        }
        let (conn, _) = tx.parts();
        conn.execute("UPDATE media SET account = NULL WHERE seq = 1")?;
        conn.execute("UPDATE media SET media = 'no id' WHERE seq = 2")
    })
    .await
    .unwrap();
    let due = store.survey(|conn| fetch::due(conn, NOW, 100, &[])).await.unwrap();
    assert_eq!(due.len(), 3);
    let (until, by) = (Millis(NOW.0 + 60_000), NodeId::generate(NOW));
    let mut claimed = Vec::new();
    for (_, media) in due {
        claimed.extend(node.write(move |tx| fetch::claim(tx, &media, by, (NOW, until))).await.unwrap());
    }
    assert_eq!(claimed.iter().map(|fetch| fetch.seq).collect::<Vec<i64>>(), [3_i64]);
    let left = store.survey(move |conn| fetch::due(conn, until, 100, &[])).await.unwrap();
    assert_eq!(left, [(node.tenant().clone(), claimed[0].media.to_string())], "no try is wasted on the others");
    let tenant = node.tenant().clone();
    let others = store.survey(move |conn| fetch::due(conn, until, 100, &[tenant])).await.unwrap();
    assert!(others.is_empty(), "of other tenants there is nothing");
}

async fn what_a_dead_node_was_doing_is_due_and_what_others_do_is_not(on: Trial) {
    let ground = on.ground();
    let store = ground.store();
    let ours = scope(&store);
    let (dead, well) = (NodeId::generate(NOW), NodeId::generate(NOW));
    let (first, second) = (customer(&ours, "o1").await.conv, customer(&ours, "o2").await.conv);
    let later = NOW.plus(Duration::from_secs(60));
    ours.write(move |tx| {
        for (conv, by) in [(first, dead), (second, well)] {
            delivery::insert(tx, &waits(conv, 1, NOW))?;
            assert!(take(tx, conv, 1, by)?);
            for (seq, remote) in [(2, "under way"), (3, "again later")] {
                let (media, account) = (MediaId::generate(NOW), account());
                let order = Order { media, mime: "image/jpeg", conv, seq, account: &account, remote };
                fetch::order(tx, &order, NOW)?;
                assert!(fetch::claim(tx, &media.to_string(), by, (NOW, later))?.is_some());
                if seq == 3 {
                    fetch::again(tx, media, later)?;
                }
            }
        }
        let settled = Delivery { state: DeliveryState::Uncertain, ..waits(first, 2, Millis(i64::MAX)) };
        delivery::insert(tx, &settled)?;
        delivery::insert(tx, &waits(first, 3, later))
    })
    .await
    .unwrap();
    let blobs = async || store.survey(|conn| fetch::due(conn, NOW, 100, &[])).await.unwrap().len();
    assert_eq!((due(&store, &[]).await, blobs().await), (vec![], 0));
    let orphan = async |of| {
        let found =
            store.sweep(move |conn| Ok::<_, Error>((delivery::orphan(conn, of, NOW)?, fetch::orphan(conn, of, NOW)?)));
        found.await.unwrap()
    };
    assert_eq!(orphan(Some(dead)).await, (1, 1));
    assert_eq!((due(&store, &[]).await, blobs().await), (vec![first], 1));
    assert_eq!(orphan(Some(dead)).await, (0, 0), "said once");
    assert_eq!(orphan(None).await, (1, 1), "of whoever is left");
    assert_eq!(blobs().await, 2);
}
