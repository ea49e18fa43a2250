//! Nodes that die, and sockets that have lost their lease.

use serde_json::{Value, json};

use super::swept::Elsewhere;
use super::*;
use crate::core::leases::{LEASE, Watched};
use crate::core::open::lease_of;
use crate::store::lease;

on_both! {
    a_visitor_who_waits_and_whose_node_died_has_a_while_to_come_back
    a_call_whose_node_died_is_over_within_half_a_minute
    a_node_whose_clock_is_ahead_ends_no_call_of_others
    one_lease_that_is_gone_is_missed_among_hundreds
}

async fn a_visitor_who_waits_and_whose_node_died_has_a_while_to_come_back(on: Trial) {
    let desk = Desk::open(on);
    desk.ready("li", 0, &["service"]).await;
    let (gone, back) = (desk.writer("gone").await, desk.writer("back").await);
    let dead = Elsewhere::of(&desk);
    dead.core.attached(&gone.client).await.unwrap();
    dead.core.attached(&back.client).await.unwrap();
    dead.core.give_sign().await.unwrap();
    drop(dead);
    desk.turn(LEASE.as_secs());
    desk.core.bury_leases().await.unwrap();
    desk.core.attached(&back.client).await.unwrap();
    desk.pass(120).await;
    assert_eq!((desk.place(&gone).await, desk.place(&back).await), (None, Some(1)));
}

async fn a_call_whose_node_died_is_over_within_half_a_minute(on: Trial) {
    let desk = Desk::open_with(on, "[call]\n");
    let (li, customer) = calls::in_talks(&desk).await;
    let there = Elsewhere::of(&desk);
    there.core.attached(&li).await.unwrap();
    there.core.give_sign().await.unwrap();
    let id = calls::connected(&desk, &li, &customer).await;
    let state = async || {
        let seen = calls::ask(&desk, &customer.client, "call.state", json!({ "call_id": id })).await.unwrap();
        (seen["state"].clone(), seen["end"]["reason"].clone())
    };
    // A node that stands still for a while is taken for dead, and puts that right.
    desk.turn(11);
    desk.core.give_sign().await.unwrap();
    desk.core.bury_leases().await.unwrap();
    assert_eq!(state().await, (json!("reconnecting"), Value::Null));
    there.core.give_sign().await.unwrap();
    there.core.attached(&li).await.unwrap();
    assert_eq!(state().await, (json!("connected"), Value::Null));
    // While it gives signs of life nobody is missed, talk or not.
    for _ in 0..20 {
        desk.turn(4);
        for core in [&desk.core, &there.core] {
            core.give_sign().await.unwrap();
            core.bury_leases().await.unwrap();
        }
    }
    assert_eq!(state().await, (json!("connected"), Value::Null));
    drop(there);
    desk.turn(11);
    desk.core.give_sign().await.unwrap();
    desk.core.bury_leases().await.unwrap();
    assert_eq!(state().await, (json!("reconnecting"), Value::Null));
    desk.pass(8).await;
    assert_eq!(state().await, (json!("reconnecting"), Value::Null), "there is time to come back");
    desk.pass(3).await;
    assert_eq!(state().await, (json!("ended"), json!("lost")));
    assert!(desk.read(|tx| Ok(crate::store::call::engaged(tx)?)).await.is_empty(), "the agent is free");
}

async fn a_node_whose_clock_is_ahead_ends_no_call_of_others(on: Trial) {
    let desk = Desk::open_with(on, "[call]\n");
    let (li, customer) = calls::in_talks(&desk).await;
    let id = calls::connected(&desk, &li, &customer).await;
    let state = async || {
        let seen = calls::ask(&desk, &customer.client, "call.state", json!({ "call_id": id })).await.unwrap();
        seen["state"].clone()
    };
    let clock = Clock::system();
    clock.turn(Duration::from_secs(15));
    let ahead = Elsewhere::by(&desk, clock.clone());
    let mut watched = Watched::default();
    for _ in 0..10 {
        for clock in [&desk.clock, &clock] {
            clock.turn(Duration::from_secs(2));
        }
        desk.core.give_sign().await.unwrap();
        ahead.core.bury_silent(&mut watched).await.unwrap();
    }
    assert_eq!(state().await, "connected", "their node gives signs, though by the other clock too late");
    for _ in 0..3 {
        ahead.core.bury_silent(&mut watched).await.unwrap();
    }
    assert_eq!(state().await, "reconnecting", "their node is silent");
}

async fn one_lease_that_is_gone_is_missed_among_hundreds(on: Trial) {
    let desk = Desk::open(on);
    let mut there = Elsewhere::of(&desk);
    let (node, now) = (there.core.node(), desk.clock.now());
    let clients: Vec<Client> = {
        let customer = desk.visitor("many").await.client;
        let other = |n: i64| ConnectionId::generate(Millis(now.0 + n / 7));
        let device = |n: i64| DeviceId::parse(&format!("tab-{n}")).unwrap();
        (0..600).map(|n| Client { connection: other(n), device: device(n), ..customer.clone() }).collect()
    };
    let Party::Contact { contact, .. } = clients[0].party else { panic!("not a customer") };
    let to = || vec![Recipient::Contact(desk.tenant.clone(), contact)];
    let mut sockets: Vec<_> = clients.iter().map(|one| there.core.hub().attach(one.connection, to(), 700)).collect();
    let held: Vec<_> = clients.iter().map(lease_of).collect();
    let gone = held[300].clone();
    let take = move |tx: &mut Tx<'_>| {
        // Several are taken in the same millisecond.
        let at = |n: usize| Millis(now.0 + i64::try_from(n / 7).unwrap());
        held.iter().enumerate().try_for_each(|(n, one)| lease::take(tx, one, node, at(n)).map(drop))
    };
    desk.core.scope(&desk.tenant).write(move |tx| take(tx).map_err(Error::from)).await.unwrap();
    desk.turn(5);
    let mut told = async || {
        there.whole_round().await;
        let told = sockets.iter_mut().flat_map(|(_, inlet)| std::iter::from_fn(|| inlet.hints.try_recv().ok()));
        told.filter(|hint| matches!(hint, Hint::SignedOut)).count()
    };
    assert_eq!(told().await, 0, "all have theirs");
    desk.core.scope(&desk.tenant).write(move |tx| Ok::<_, Error>(lease::release(tx, &gone)?)).await.unwrap();
    // All sockets of one customer are asked.
    assert_eq!(told().await, 600);
}
