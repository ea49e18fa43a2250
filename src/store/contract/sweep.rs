//! Sweeps over all tenants beside writers of theirs: nobody is in anybody's way for long.

use std::ops::Range;

use super::{NOW, scope};
use crate::model::id::{ConnectionId, NodeId, TenantId};
use crate::model::time::Millis;
use crate::store::lease::{self, Lease, Renewed, Rows};
use crate::store::trial::{Trial, on_both};
use crate::store::{Error, inbox, order};

/// Whenever they end.
const ALL: Range<Millis> = Millis(0)..Millis(i64::MAX);

on_both! {
    sweeps_and_jobs_on_the_same_rows_all_succeed
    leases_are_renewed_a_portion_at_a_time_each_of_them_once
    what_is_old_goes_a_part_at_a_time
}

async fn sweeps_and_jobs_on_the_same_rows_all_succeed(on: Trial) {
    let ground = on.ground();
    let stores = [ground.store(), ground.store()];
    let tenants = ["a", "b", "c", "d"].map(|name| TenantId::parse(name).unwrap());
    let nodes = [NodeId::generate(NOW), NodeId::generate(NOW)];
    let leases = |tenant: &TenantId| {
        let tenant = tenant.clone();
        (0..10).map(move |n| Lease {
            tenant: tenant.clone(),
            participant: format!("agent:{n}"),
            device: "tab".into(),
            connection: ConnectionId::generate(NOW),
        })
    };
    let mut work = tokio::task::JoinSet::new();
    for (tenant, n) in tenants.iter().zip(0_usize..) {
        let (scope, node) = (stores[n % 2].tenant(tenant), nodes[n % 2]);
        let mine: Vec<Lease> = leases(tenant).collect();
        work.spawn(async move {
            for turn in 0..20 {
                let mut mine = mine.clone();
                // Each job takes several rows, every second one in the other direction.
                if turn % 2 == 1 {
                    mine.reverse();
                }
                scope
                    .write(move |tx| {
                        mine.iter().try_for_each(|lease| lease::take(tx, lease, node, Millis(NOW.0 + turn)).map(drop))
                    })
                    .await
                    .unwrap();
            }
        });
    }
    for (store, node) in stores.iter().cloned().zip(nodes) {
        work.spawn(async move {
            for turn in 0..40 {
                let rows = if turn % 2 == 0 { Rows::All } else { Rows::Free };
                store
                    .sweep(move |conn| lease::renew(conn, node, ALL, Millis(NOW.0 + turn), (1_000, rows)))
                    .await
                    .unwrap();
            }
        });
    }
    while let Some(done) = work.join_next().await {
        done.unwrap();
    }
    let renewed =
        stores[0].sweep(move |conn| lease::renew(conn, nodes[0], ALL, NOW, (1_000, Rows::All))).await.unwrap();
    assert_eq!(renewed, Renewed { count: 20, rest: None });
}

async fn leases_are_renewed_a_portion_at_a_time_each_of_them_once(on: Trial) {
    let ground = on.ground();
    let store = ground.store();
    let (node, other) = (NodeId::generate(NOW), NodeId::generate(NOW));
    let soon = Millis(NOW.0 + 1_000);
    scope(&store)
        .write(move |tx| {
            for n in 0..70 {
                // Five end together, and the last ten not soon.
                let until = Millis(NOW.0 + if n < 60 { n / 5 } else { 1_000 });
                let (participant, connection) = (format!("agent:{n}"), ConnectionId::generate(Millis(NOW.0 + n)));
                let lease = Lease { tenant: tx.tenant().clone(), participant, device: "tab".into(), connection };
                lease::take(tx, &lease, if n % 10 == 0 { other } else { node }, until)?;
            }
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    let (mut counts, mut next) = (Vec::new(), Some(NOW));
    while let Some(from) = next {
        // What is renewed ends within the span still, as the lease of a call does.
        let until = Millis(NOW.0 + 500);
        let renewed =
            store.sweep(move |conn| lease::renew(conn, node, from..soon, until, (20, Rows::All))).await.unwrap();
        counts.push(renewed.count);
        next = renewed.rest;
    }
    assert_eq!(counts, [22, 23, 54, 0], "what ends together goes together, and comes once more at its new end");
}

async fn what_is_old_goes_a_part_at_a_time(on: Trial) {
    let ground = on.ground();
    let store = ground.store();
    let account = super::account();
    scope(&store)
        .write(move |tx| {
            for n in 0..250 {
                let (key, at) = (format!("k-{n}"), Millis(NOW.0 + n));
                inbox::note(tx, &account, &key, at)?;
                inbox::quarantine(tx, &key, &account, "xml", "sealed", at)?;
                let outcome = order::Outcome { digest: "d".into(), reply: "{}".into() };
                order::note(tx, &key, &outcome, at)?;
            }
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    let before = Millis(NOW.0 + 240);
    let mut rounds = Vec::new();
    while rounds.last() != Some(&0) {
        rounds.push(store.sweep(move |conn| inbox::forget(conn, before, NOW, 100)).await.unwrap());
    }
    assert_eq!(rounds, [101, 101, 38, 0]);
    let quarantined = store.sweep(move |conn| inbox::forget(conn, NOW, before, 100)).await.unwrap();
    let ordered = store.sweep(move |conn| order::forget(conn, before, 100)).await.unwrap();
    assert_eq!((quarantined, ordered), (101, 101));
}
