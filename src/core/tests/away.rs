//! Sockets that come and go.

use super::held::hold;
use super::*;
use crate::core::request::Mark;
use crate::model::presence::Status;
use crate::model::session::{Holder, State};
use crate::store::cursor;
use crate::store::lease::{self, Lease};

on_both! {
    arriving_makes_nobody_ready_by_accident_and_the_last_socket_counts
    a_newer_socket_of_the_same_device_replaces_the_older_one
    what_a_replaced_socket_acknowledges_counts_for_nothing
    a_short_absence_costs_nothing
    after_the_grace_the_session_goes_to_the_head_of_the_queue
    a_dead_node_is_noticed_by_its_leases
    a_socket_of_a_tenant_that_is_gone_keeps_no_dead_agent_online
    a_visitor_who_waits_at_a_node_that_dies_is_given_up_too
    an_offer_to_an_agent_who_is_given_up_goes_to_others
}

async fn arriving_makes_nobody_ready_by_accident_and_the_last_socket_counts(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.hire("li", 2, &["service"]).await;
    desk.core.attached(&li).await.unwrap();
    let arrived = desk.person(&li).await.presence;
    assert_eq!((arrived.status, arrived.online), (Status::Busy, true));
    desk.choose(&li, "ready").await;
    let tab = desk.client(li.party.clone(), "tab-2");
    desk.core.attached(&tab).await.unwrap();
    desk.core.detached(&li).await;
    assert!(desk.person(&li).await.presence.online, "one tab is still open");
    desk.core.detached(&tab).await;
    assert_eq!(desk.person(&li).await.presence.display(), "grace");
}

/// Scenario 30.
async fn a_newer_socket_of_the_same_device_replaces_the_older_one(on: Trial) {
    let desk = Desk::open(on);
    let old = desk.ready("li", 2, &["service"]).await;
    let (_hold, mut ear) = desk.listen(&old);
    let new = desk.client(old.party.clone(), "tab-1");
    desk.core.attached(&new).await.unwrap();
    let replaced = std::iter::from_fn(|| ear.hints.try_recv().ok())
        .find_map(|hint| if let Hint::Replaced(connection) = hint { Some(connection) } else { None });
    assert_eq!(replaced, Some(old.connection));
    desk.core.detached(&old).await;
    assert!(desk.person(&old).await.presence.online, "the zombie's farewell is not the device's");
}

/// Scenario 30.
async fn what_a_replaced_socket_acknowledges_counts_for_nothing(on: Trial) {
    let desk = Desk::open(on);
    let old = desk.ready("li", 2, &["service"]).await;
    desk.core.attached(&old).await.unwrap();
    let wang = desk.writer("wang").await;
    desk.accept(&old).await;
    let new = desk.client(old.party.clone(), "tab-1");
    desk.core.attached(&new).await.unwrap();
    for (client, counts) in [(&old, 0), (&new, 1)] {
        desk.core.mark(client, Mark { conv: wang.conv, seq: 1 }, true).await.unwrap();
        let (conv, li) = (wang.conv, client.participant());
        let read = desk.read(move |tx| Ok(cursor::of_participant(tx, conv, &li)?)).await;
        assert_eq!(read.seen, counts);
    }
}

/// Scenario 27.
async fn a_short_absence_costs_nothing(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 2, &["service"]).await;
    let wang = desk.writer("wang").await;
    desk.accept(&li).await;
    let said = desk.texts(wang.conv).await.len();
    desk.core.detached(&li).await;
    desk.pass(20).await;
    let back = desk.client(li.party.clone(), "tab-1");
    desk.core.attached(&back).await.unwrap();
    desk.pass(60).await;
    let session = desk.session(wang.conv).await;
    assert_eq!((session.state, session.holder), (State::Active, Holder::Agent(client_agent(&li))));
    assert_eq!(desk.person(&li).await.presence.status, Status::Ready);
    assert_eq!(desk.texts(wang.conv).await.len(), said, "the customer notices nothing");
}

/// Scenario 28.
async fn after_the_grace_the_session_goes_to_the_head_of_the_queue(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 1, &["service"]).await;
    let wang = desk.writer("wang").await;
    desk.accept(&li).await;
    let (since, epoch) = {
        let session = desk.session(wang.conv).await;
        (session.queued_at, session.control_epoch)
    };
    desk.turn(5);
    let later = desk.writer("later").await;
    assert_eq!(desk.place(&later).await, Some(1));
    desk.core.detached(&li).await;
    desk.pass(46).await;
    let lost = desk.session(wang.conv).await;
    assert_eq!((lost.state, lost.queued_at), (State::Queued, since));
    assert_eq!(lost.control_epoch, epoch + 1);
    assert_eq!((desk.place(&wang).await, desk.place(&later).await), (Some(1), Some(2)));
    assert!(desk.texts(wang.conv).await.last().unwrap().contains("优先排队"));
    let gone = desk.person(&li).await.presence;
    assert_eq!((gone.status, gone.load), (Status::Offline, 0));
    let zhao = desk.ready("zhao", 1, &["service"]).await;
    desk.route().await;
    assert_eq!(desk.accept(&zhao).await, wang.conv);
    assert_eq!(code(desk.answers(&li, wang.conv, "我回来了", Some(epoch)).await), Code::NotInControl);
}

async fn a_dead_node_is_noticed_by_its_leases(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 1, &["service"]).await;
    let wang = desk.writer("wang").await;
    desk.accept(&li).await;
    desk.core.give_sign().await.unwrap();
    desk.turn(35);
    desk.core.bury_leases().await.unwrap();
    assert!(desk.person(&li).await.presence.online);
    desk.turn(2);
    desk.core.bury_leases().await.unwrap();
    assert!(!desk.person(&li).await.presence.online);
    desk.pass(46).await;
    assert_eq!(desk.session(wang.conv).await.state, State::Queued);
}

async fn a_socket_of_a_tenant_that_is_gone_keeps_no_dead_agent_online(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 1, &["service"]).await;
    let gone = Lease {
        tenant: TenantId::parse("gone").unwrap(),
        participant: "agent:li".into(),
        device: "tab".into(),
        connection: ConnectionId::generate(desk.clock.now()),
    };
    let (node, now, scope) = (desk.core.node(), desk.clock.now(), desk.core.scope(&gone.tenant));
    scope.write(move |tx| Ok::<_, Error>(lease::take(tx, &gone, node, now)?)).await.unwrap();
    desk.core.give_sign().await.unwrap();
    desk.turn(37);
    desk.core.bury_leases().await.unwrap();
    assert!(!desk.person(&li).await.presence.online);
}

async fn a_visitor_who_waits_at_a_node_that_dies_is_given_up_too(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.hire("li", 1, &["service"]).await;
    desk.core.attached(&li).await.unwrap();
    let goes = desk.visitor("goes").await;
    desk.core.attached(&goes.client).await.unwrap();
    desk.says(&goes, "您好").await;
    desk.core.give_sign().await.unwrap();
    desk.turn(61);
    desk.core.bury_leases().await.unwrap();
    assert_eq!(desk.session(goes.conv).await.state, State::Queued);
    desk.pass(61).await;
    assert_eq!(desk.session(goes.conv).await.ended.unwrap().reason, "abandoned");
}

async fn an_offer_to_an_agent_who_is_given_up_goes_to_others(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 1, &["service"]).await;
    let wang = desk.writer("wang").await;
    desk.only_offer(&li).await;
    desk.choose(&li, "offline").await;
    assert_eq!(desk.place(&wang).await, Some(1));
    let zhao = desk.ready("zhao", 1, &["service"]).await;
    desk.route().await;
    assert_eq!(desk.accept(&zhao).await, wang.conv);
}

/// On PostgreSQL alone: there another program may hold a row.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_lease_keeps_its_node_from_no_sign_of_life() {
    let desk = Desk::open(Trial::Postgres);
    let li = desk.ready("li", 1, &["service"]).await;
    let (held, node, now) = (crate::core::open::lease_of(&li), desk.core.node(), desk.clock.now());
    let lock = move |tx: &mut Tx<'_>| {
        lease::take(tx, &held, node, now)?;
        assert_eq!(lease::of(tx, &held.participant)?.len(), 1, "it is done, not only said");
        Ok(())
    };
    let (let_go, holding) = hold(desk.ground.store().tenant(&desk.tenant), lock).await;
    desk.turn(35);
    desk.core.give_sign().await.unwrap();
    desk.turn(35);
    desk.core.bury_leases().await.unwrap();
    let_go.send(()).unwrap();
    holding.await.unwrap().unwrap();
    assert!(desk.person(&li).await.presence.online);
}
