//! How long a socket is taken for open: as long as its node gives signs of life.

use diesel::prelude::*;

use super::{NOW, scope};
use crate::model::id::{ConnectionId, NodeId, TenantId};
use crate::model::time::Millis;
use crate::store::conn::on;
use crate::store::lease::{self, Lease, Sign};
use crate::store::schema::lease as row;
use crate::store::trial::{Trial, on_both};
use crate::store::{Conn, Error, Tx, node};

on_both! {
    a_node_is_known_as_long_as_it_has_sockets
    a_lease_of_an_unknown_node_ends_by_itself
}

fn lease_of(participant: &str) -> Lease {
    Lease {
        tenant: TenantId::parse("bank").unwrap(),
        participant: participant.into(),
        device: "tab".into(),
        connection: ConnectionId::generate(NOW),
    }
}

async fn a_node_is_known_as_long_as_it_has_sockets(on: Trial) {
    let ground = on.ground();
    let store = ground.store();
    let (idle, busy) = (NodeId::generate(NOW), NodeId::generate(NOW));
    let sign = async |of: NodeId, at: i64| {
        store.sweep(move |conn| node::sign(conn, of, Millis(NOW.0 + at))).await.unwrap();
        let mut known = store.survey(node::all).await.unwrap();
        known.sort_by_key(|(_, seen)| *seen);
        known.into_iter().map(|(of, seen)| (of, seen.0 - NOW.0)).collect::<Vec<_>>()
    };
    let forget =
        async |of: NodeId, at: i64| store.sweep(move |conn| node::forget(conn, of, Millis(NOW.0 + at))).await.unwrap();
    assert_eq!(sign(idle, 1).await, [(idle, 1)]);
    assert_eq!(sign(busy, 2).await, [(idle, 1), (busy, 2)]);
    assert_eq!(sign(busy, 3).await, [(idle, 1), (busy, 3)]);
    let held = lease_of("agent:li");
    let taken = held.clone();
    scope(&store).write(move |tx| lease::take(tx, &taken, busy, NOW)).await.unwrap();

    assert!(!forget(busy, 3).await, "it has a socket");
    let bury = move |tx: &mut Tx<'_>| lease::bury(tx, &held, Sign::Node(busy, Millis(NOW.0 + 3)));
    assert!(scope(&store).write(bury).await.unwrap());
    assert!(!forget(busy, 2).await, "it gave a sign since");
    assert!(forget(busy, 3).await);
    assert_eq!(store.survey(node::all).await.unwrap(), [(idle, Millis(NOW.0 + 1))]);
    assert_eq!(sign(busy, 4).await, [(idle, 1), (busy, 4)], "it only slept");
}

/// As a release leaves them that renews each lease and tells nothing of its nodes.
async fn a_lease_of_an_unknown_node_ends_by_itself(on: Trial) {
    let ground = on.ground();
    let store = ground.store();
    let (old, new) = (NodeId::generate(NOW), NodeId::generate(NOW));
    let (li, wang) = (lease_of("agent:li"), lease_of("agent:wang"));
    let taken = [(li.clone(), old), (wang.clone(), new)];
    let take =
        move |tx: &mut Tx<'_>| taken.iter().try_for_each(|(one, node)| lease::take(tx, one, *node, NOW).map(drop));
    scope(&store).write(take).await.unwrap();
    let ends = async |at: i64| {
        let change = move |conn: &mut Conn| {
            let ends = diesel::update(row::table).set(row::until.eq(NOW.0 + at));
            Ok::<_, Error>(on!(conn, c => ends.execute(c))?)
        };
        store.sweep(change).await.unwrap();
    };
    ends(10).await;
    let found =
        async |by: i64| store.survey(move |conn| lease::of_others(conn, &[new], Millis(NOW.0 + by), 9)).await.unwrap();
    assert_eq!(found(9).await, []);
    assert_eq!(found(10).await, [(li.clone(), Millis(NOW.0 + 10))], "the other's node is known");
    ends(20).await;
    let bury = async |until: i64| {
        let gone = li.clone();
        scope(&store).write(move |tx| lease::bury(tx, &gone, Sign::Own(Millis(NOW.0 + until)))).await.unwrap()
    };
    assert!(!bury(10).await, "it was renewed meanwhile");
    assert!(bury(20).await);
}
