//! The services that run beside: timers by themselves, routing by bell and by sweep.

use futures_util::FutureExt as _;
use serde_json::json;

use super::held::{busy, hold};
use super::*;
use crate::model::session::State;
use crate::runtime::Stop;

/// Waits until the condition holds, for five seconds at most.
async fn until<F: Future<Output = bool>>(mut holds: impl FnMut() -> F) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
    while !holds().await {
        assert!(tokio::time::Instant::now() < deadline, "it did not happen");
        tokio::task::yield_now().await;
    }
}

on_both! {
    a_bell_brings_the_offer_and_a_place_is_told_when_it_changes
    timers_fire_by_themselves_and_survive_a_restart_of_the_core
    two_nodes_fire_a_timer_once
    a_timer_of_a_newer_version_is_left_to_it
    who_stops_waiting_for_a_change_keeps_nobody_else_waiting
}

async fn a_bell_brings_the_offer_and_a_place_is_told_when_it_changes(on: Trial) {
    let desk = Desk::open(on);
    let stop = Stop::new();
    let core = desk.core.clone();
    let router = tokio::spawn({
        let stop = stop.clone();
        async move { core.run_router(stop).await }
    });
    let li = desk.ready("li", 1, &["service"]).await;
    let (_desk_ear, mut colleague) = desk.core.hub().attach(
        ConnectionId::generate(desk.clock.now()),
        vec![Recipient::Agents(desk.tenant.clone())],
        256,
    );
    let first = desk.visitor("first").await;
    desk.says(&first, "您好").await;
    until(|| async { desk.offers(&li).await.len() == 1 }).await;
    desk.accept(&li).await;
    let (second, third) = (desk.visitor("second").await, desk.visitor("third").await);
    let (_third_ear, mut ear) = desk.listen(&third.client);
    desk.says(&second, "您好").await;
    desk.turn(1);
    desk.says(&third, "您好").await;
    let seen = std::cell::RefCell::new(Vec::new());
    let queue_told = std::cell::RefCell::new(Vec::new());
    until(|| {
        queue_told.borrow_mut().extend(frames(&mut colleague));
        let told = queue_told.borrow().iter().any(|f| f["op"] == "queue" && f["d"]["waiting"] == 2);
        async move { told }
    })
    .await;
    desk.core.end(&first.client, None, None).await.unwrap();
    until(|| async { desk.offers(&li).await.len() == 1 }).await;
    assert_eq!(desk.accept(&li).await, second.conv);
    until(|| {
        seen.borrow_mut().extend(frames(&mut ear));
        let moved = seen.borrow().iter().any(|f| f["op"] == "session" && f["d"]["queue"]["pos"] == 1);
        async move { moved }
    })
    .await;
    stop.cancel();
    router.await.unwrap();
}

async fn timers_fire_by_themselves_and_survive_a_restart_of_the_core(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 1, &["service"]).await;
    let wang = desk.writer("wang").await;
    desk.only_offer(&li).await;
    // Nothing is kept in the process that set them: a core made anew on the same tables fires them.
    let (stop, other) = (Stop::new(), desk.another_node());
    let timers = tokio::spawn({
        let stop = stop.clone();
        async move { other.run_timers(stop).await }
    });
    desk.turn(21);
    until(|| async { desk.person(&li).await.misses == 1 }).await;
    assert_eq!(desk.session(wang.conv).await.state, State::Queued);
    stop.cancel();
    timers.await.unwrap();
}

async fn two_nodes_fire_a_timer_once(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 1, &["service"]).await;
    desk.writer("wang").await;
    desk.only_offer(&li).await;
    desk.turn(21);
    let other = desk.another_node();
    let (one, two) = tokio::join!(desk.core.fire_due(), other.fire_due());
    one.and(two).unwrap();
    assert_eq!(desk.person(&li).await.misses, 1);
    let expired = desk.events().await.into_iter().filter(|kind| kind == "assignment.expired").count();
    assert_eq!(expired, 1);
}

async fn a_timer_of_a_newer_version_is_left_to_it(on: Trial) {
    let desk = Desk::open(on);
    let scope = desk.core.scope(&desk.tenant);
    scope.write(|tx| timer::set(tx, "of tomorrow", "somebody", Millis(1))).await.unwrap();
    desk.core.fire_due().await.unwrap();
    let next = desk.core.store().survey(timer::next).await.unwrap();
    assert!(next.is_some_and(|due| due > desk.clock.now()), "it is there, and harms nobody meanwhile: {next:?}");
}

/// A callback or a socket may end while its change waits for the disk.
async fn who_stops_waiting_for_a_change_keeps_nobody_else_waiting(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 1, &["service"]).await;
    let wang = desk.writer("wang").await;
    desk.accept(&li).await;
    let (_here, mut ear) = desk.listen(&li);
    let words = json!({ "conv": wang.conv, "cid": "c-1", "type": "text", "body": { "text": "还在吗" } });
    let asked = desk.core.send(&wang.client, serde_json::from_value(words).unwrap());
    assert!(asked.now_or_never().is_none(), "nothing is on disk yet");
    until(|| {
        let mut heard = std::iter::from_fn(|| ear.hints.try_recv().ok());
        let news = heard.any(|hint| matches!(hint, Hint::Message(message) if message.fallback == "还在吗"));
        async move { news }
    })
    .await;
}

/// On PostgreSQL alone: there tenants have writers of their own, and another node may hold one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn timers_of_a_tenant_whose_writer_is_held_hold_up_no_other_tenants() {
    let desk = Desk::open(Trial::Postgres);
    let bank = (*desk.core.tenants().tenant(&desk.tenant).unwrap()).clone();
    let shop = crate::tenant::Tenant { id: TenantId::parse("shop").unwrap(), ..bank.clone() };
    let tenants = [bank.id.clone(), shop.id.clone()];
    let registry = Registry::new([bank, shop]);
    let core = Core::new(parts(desk.ground.store(), desk.clock.clone(), registry, desk.ground.folder()));
    for (due, tenant) in (1..).zip(&tenants) {
        let set = move |tx: &mut Tx<'_>| Ok::<_, Error>(timer::set(tx, "cooldown", "somebody", Millis(due))?);
        core.scope(tenant).write(set).await.unwrap();
    }
    let (let_go, holding) = hold(desk.ground.store().tenant(&tenants[0]), busy).await;
    let firing = tokio::spawn({
        let core = core.clone();
        async move { core.fire_due().await }
    });
    let left = async || {
        let due = |conn: &mut crate::store::Conn| timer::due(conn, Millis(2), 9).map_err(Error::from);
        core.store().survey(due).await.unwrap().into_iter().map(|due| due.tenant).collect::<Vec<_>>()
    };
    until(|| async { left().await == tenants[..1] }).await;
    let_go.send(()).unwrap();
    holding.await.unwrap().unwrap();
    firing.await.unwrap().unwrap();
    assert!(left().await.is_empty(), "what waited for its writer was fired, or has its next try before it");
}
