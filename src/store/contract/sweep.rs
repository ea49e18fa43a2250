//! Sweeps over all tenants beside writers of theirs: nobody is in anybody's way for long.

use super::claim::waits;
use super::{NOW, scope};
use crate::model::id::{ConnectionId, ConversationId, NodeId, TenantId};
use crate::model::time::Millis;
use crate::store::lease::{self, Lease};
use crate::store::trial::{Trial, on_both};
use crate::store::{Error, Tx, delivery, inbox, node, order};

on_both! {
    sweeps_and_jobs_on_the_same_rows_all_succeed
    what_is_old_goes_a_part_at_a_time
    parts_of_many_logs_are_asked_for_together
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
                    .write(move |tx| mine.iter().try_for_each(|lease| lease::take(tx, lease, node, NOW).map(drop)))
                    .await
                    .unwrap();
            }
        });
    }
    for (store, node) in stores.iter().cloned().zip(nodes) {
        work.spawn(async move {
            for turn in 0..40 {
                store.sweep(move |conn| node::sign(conn, node, Millis(NOW.0 + turn))).await.unwrap();
            }
        });
    }
    while let Some(done) = work.join_next().await {
        done.unwrap();
    }
    for node in nodes {
        assert_eq!(stores[0].survey(move |conn| lease::at(conn, node, 1_000)).await.unwrap().len(), 20);
    }
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

async fn parts_of_many_logs_are_asked_for_together(on: Trial) {
    let ground = on.ground();
    let store = ground.store();
    let convs: Vec<_> = (0..70).map(|n| ConversationId::generate(Millis(NOW.0 + n))).collect();
    let sent = convs.clone();
    let send = move |tx: &mut Tx<'_>| {
        for conv in &sent {
            for seq in 1..=4 {
                delivery::insert(tx, &waits(*conv, seq, NOW))?;
            }
        }
        Ok::<_, Error>(())
    };
    let other = TenantId::parse("shop").unwrap();
    scope(&store).write(send.clone()).await.unwrap();
    store.tenant(&other).write(send).await.unwrap();
    let asked: Vec<_> = convs.iter().map(|conv| (*conv, 2, 3)).collect();
    let read = async |parts: &[(ConversationId, i64, i64)]| {
        let parts = parts.to_vec();
        let found = scope(&store).read(move |tx| delivery::of_parts(tx, &parts)).await.unwrap();
        found.into_iter().map(|item| (item.conv, item.seq)).collect::<Vec<_>>()
    };
    let expected =
        |convs: &[ConversationId]| convs.iter().flat_map(|conv| [(*conv, 2), (*conv, 3)]).collect::<Vec<_>>();
    for count in [0, 1, 3, 64, 65, 70] {
        assert_eq!(read(&asked[..count]).await, expected(&convs[..count]), "{count} parts");
    }
}
