//! Servers that go, freeze, fill up, and come back. What was confirmed is there, what was refused is not, and nobody
//! waits long.

use std::time::{Duration, Instant};

use super::{ANSWER, BACK, Diaries, NOW, Other, append, bank, conversation, moment, open, texts, until_back};
use crate::support::relay::Relay;
use crate::support::service::{Kind, Service};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_comes_back_with_everything_that_was_confirmed() {
    let mut service = Service::start(Kind::Postgres, &[]);
    let store = open(&service.url()).await.unwrap();
    let (scope, probe) = (bank(&store), conversation(&bank(&store), "probe").await);
    let diaries = Diaries::start(&scope, 4).await;
    diaries.go_on().await;
    service.kill();
    // A server that is back sooner has refused nobody.
    diaries.are_refused().await;
    let service = tokio::task::spawn_blocking(move || {
        service.resume();
        service
    })
    .await
    .unwrap();
    let back = until_back(&scope, probe).await;
    assert!(back < BACK, "back after {back:?}");
    diaries.go_on().await;
    let (stored, refused) = diaries.compare().await;
    assert!(stored > 0 && refused > 0, "{stored} stored, {refused} refused");
    drop(service);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_terminated_are_made_anew_and_no_read_notices() {
    let service = Service::start(Kind::Postgres, &[]);
    let store = open(&service.url()).await.unwrap();
    let scope = bank(&store);
    let probe = conversation(&scope, "probe").await;
    append(&scope, probe, "one".into()).await.unwrap();
    let diaries = Diaries::start(&scope, 4).await;
    let other = Other::connect(&service.url()).await.unwrap();
    for _ in 0..10 {
        other.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'yizhan'").await;
        assert_eq!(texts(&scope, probe).await.unwrap(), ["one"]);
        diaries.go_on().await;
    }
    let back = until_back(&scope, probe).await;
    assert!(back < BACK, "back after {back:?}");
    let (stored, _) = diaries.compare().await;
    assert!(stored > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_server_is_given_up_in_time_and_taken_again_when_it_goes_on() {
    let service = Service::start(Kind::Postgres, &[]);
    let store = open(&service.url()).await.unwrap();
    let scope = bank(&store);
    let probe = conversation(&scope, "probe").await;
    let diaries = Diaries::start(&scope, 4).await;
    diaries.go_on().await;
    service.freeze();
    let frozen = Instant::now();
    while frozen.elapsed() < Duration::from_secs(8) {
        let began = Instant::now();
        let read = texts(&scope, probe).await;
        assert!(began.elapsed() < ANSWER, "a read waited for {:?}", began.elapsed());
        assert!(read.is_err_and(|error| error.is_passing()));
        moment().await;
    }
    service.thaw();
    let back = until_back(&scope, probe).await;
    assert!(back < BACK, "back after {back:?}");
    let (stored, refused) = diaries.compare().await;
    assert!(stored > 0 && refused > 0, "{stored} stored, {refused} refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_free_connection_is_told_of_at_once() {
    let service =
        Service::start(Kind::Postgres, &["-c", "max_connections=20", "-c", "superuser_reserved_connections=0"]);
    let store = open(&service.url()).await.unwrap();
    let scope = bank(&store);
    let mut taken = Vec::new();
    while let Ok(other) = Other::connect(&service.url()).await {
        taken.push(other);
    }
    // The lane of this tenant has no connection yet and gets none.
    for _ in 0..5 {
        let began = Instant::now();
        let refused = scope.write(|tx| yizhan::store::timer::set(tx, "k", "s", NOW)).await.unwrap_err();
        assert!(refused.is_passing(), "{refused:?}");
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    }
    taken.clear();
    let began = Instant::now();
    while scope.write(|tx| yizhan::store::timer::set(tx, "k", "s", NOW)).await.is_err() {
        assert!(began.elapsed() < BACK, "it does not come back");
        moment().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_conversation_holds_up_no_other() {
    let service = Service::start(Kind::Postgres, &[]);
    let store = open(&service.url()).await.unwrap();
    let scope = bank(&store);
    let (locked, free) = (conversation(&scope, "locked").await, conversation(&scope, "free").await);
    let other = Other::connect(&service.url()).await.unwrap();
    other.run(&format!("BEGIN; SELECT 1 FROM conversation WHERE conv = '{locked}' FOR UPDATE")).await;
    let began = Instant::now();
    let mut waits = Vec::new();
    while began.elapsed() < Duration::from_secs(4) {
        let stuck = tokio::spawn({
            let scope = scope.clone();
            async move { append(&scope, locked, "stuck".into()).await }
        });
        let asked = Instant::now();
        append(&scope, free, "free".into()).await.unwrap();
        waits.push(asked.elapsed());
        assert!(stuck.await.unwrap().is_err_and(|error| error.is_passing()));
    }
    assert!(waits.iter().all(|wait| *wait < Duration::from_secs(1)), "{waits:?}");
    let later = &waits[3..];
    assert!(later.iter().all(|wait| *wait < Duration::from_millis(400)), "the lane learns: {waits:?}");
    other.run("ROLLBACK").await;
    assert!(until_back(&scope, locked).await < BACK);
    assert_eq!(texts(&scope, locked).await.unwrap(), ["back"], "nothing of what was refused is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_that_a_stuck_node_holds_is_free_again_after_its_time() {
    let service = Service::start(Kind::Postgres, &[]);
    let store = open(&service.url()).await.unwrap();
    let scope = bank(&store);
    let conv = conversation(&scope, "o1").await;
    // As a node does that is stopped between two statements; every lane, so that it is the right one.
    let other = Other::connect(&service.url()).await.unwrap();
    let locks = (0..8).map(|lane| format!("SELECT pg_advisory_xact_lock(2036955752, {lane});"));
    other.run(&format!("SET idle_in_transaction_session_timeout = 1500; BEGIN; {}", locks.collect::<String>())).await;
    let began = Instant::now();
    append(&scope, conv, "patient".into()).await.unwrap();
    assert!(began.elapsed() > Duration::from_secs(1), "the lane was held");
    assert!(began.elapsed() < ANSWER);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_follows_an_address_that_moves_to_another_server() {
    let mut first = Service::start(Kind::Postgres, &[]);
    let second = Service::start(Kind::Postgres, &[]);
    let relay = Relay::to(first.port()).await;
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", relay.port());
    drop(open(&second.url()).await.unwrap());
    let store = open(&url).await.unwrap();
    let scope = bank(&store);
    conversation(&scope, "o1").await;
    first.kill();
    relay.point_at(second.port());
    let began = Instant::now();
    while scope.write(|tx| yizhan::store::timer::set(tx, "k", "s", NOW)).await.is_err() {
        assert!(began.elapsed() < BACK, "it does not arrive");
        moment().await;
    }
    let other = Other::connect(&second.url()).await.unwrap();
    let there = other.client.query("SELECT 1 FROM timer", &[]).await.unwrap();
    assert_eq!(there.len(), 1);
}
