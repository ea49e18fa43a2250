use super::*;
use crate::channel::wechat::api::stub::{Act, Stub};
use crate::channel::wechat::api::{Api, ApiSettings};
use crate::channel::wechat::fixture::credentials;
use crate::channel::wechat::outgoing::Outgoing;
use crate::clock::Clock;
use crate::model::account::{WechatFormat, WechatMode};
use crate::secret::Key;
use crate::store::trial::{Ground, Trial, on_both};

const NOW: Millis = Millis(1_795_392_000_000);

fn token(value: &str, life: u64) -> Token {
    let expires = NOW.plus(Duration::from_secs(life));
    Token { value: Arc::from(value), due: expires.minus(Duration::from_secs(600)), expires }
}

fn later(seconds: u64) -> Millis {
    NOW.plus(Duration::from_secs(seconds))
}

#[test]
fn one_asker_fetches_and_the_others_wait_for_it() {
    let mut book = Book::default();
    assert_eq!(book.claim(&Want::Any, NOW, "a"), Claim::Fetch);
    assert_eq!(book.claim(&Want::Any, NOW, "b"), Claim::Wait);
    book.settle(Outcome::Fetched(token("t1", 7200)), NOW);
    assert_eq!(book.claim(&Want::Any, NOW, "b"), Claim::Take(token("t1", 7200)));
}

#[test]
fn an_asker_that_dies_is_followed_by_another() {
    let mut book = Book::default();
    assert_eq!(book.claim(&Want::Any, NOW, "a"), Claim::Fetch);
    assert_eq!(book.claim(&Want::Any, later(14), "b"), Claim::Wait);
    assert_eq!(book.claim(&Want::Any, later(15), "b"), Claim::Fetch);
}

#[test]
fn while_one_renews_the_others_use_what_is_still_good() {
    let mut book = Book::default();
    book.settle(Outcome::Fetched(token("t1", 7200)), NOW);
    assert_eq!(book.claim(&Want::Any, later(6_700), "a"), Claim::Fetch);
    assert_eq!(book.claim(&Want::Any, later(6_700), "b"), Claim::Take(token("t1", 7200)));
}

#[test]
fn a_refused_token_is_replaced_once_in_thirty_seconds_whoever_asks() {
    let mut book = Book::default();
    book.settle(Outcome::Fetched(token("t1", 7200)), NOW);
    let other = |value: &str| Want::Other(Arc::from(value));
    assert_eq!(book.claim(&other("t1"), later(1), "a"), Claim::Fetch);
    book.settle(Outcome::Fetched(token("t2", 7200)), later(1));
    assert_eq!(book.claim(&other("t1"), later(2), "b"), Claim::Take(token("t2", 7200)), "it was replaced meanwhile");
    assert_eq!(book.claim(&other("t2"), later(30), "b"), Claim::Refuse);
    assert_eq!(book.claim(&other("t2"), later(31), "b"), Claim::Fetch);
}

#[test]
fn a_failure_is_nobodys_turn_for_a_while() {
    let mut book = Book::default();
    assert_eq!(book.claim(&Want::Any, NOW, "a"), Claim::Fetch);
    book.settle(Outcome::Failed(Duration::from_secs(1)), NOW);
    assert_eq!(book.claim(&Want::Any, NOW, "a"), Claim::Wait);
    assert_eq!(book.claim(&Want::Any, later(1), "b"), Claim::Fetch);
}

#[test]
fn a_day_has_twenty_forced_refreshes() {
    let mut book = Book::default();
    assert_eq!((0..25).filter(|n| book.may_force(later(*n))).count(), 20);
    assert!(book.may_force(later(86_400)));
}

on_both! {
    all_nodes_use_one_token_and_it_survives_a_restart
    a_refused_token_is_replaced_for_all_nodes
    a_token_lies_sealed_and_does_not_open_elsewhere
}

const FIRST: &str = r#"{"access_token":"T1","expires_in":7200}"#;
const SECOND: &str = r#"{"access_token":"T2","expires_in":7200}"#;

fn ok() -> Act {
    Act::json(r#"{"errcode":0,"errmsg":"ok"}"#)
}

/// One more node: a client on a store of its own.
fn node(ground: &Ground, stub: &Stub, key: u8) -> Api {
    let settings = ApiSettings::at(stub.base.parse().unwrap());
    let keys = Arc::new(Keyring::new(Key::new([key; 32]), Vec::new()));
    Api::sharing(&settings, Clock::system(), ground.store(), keys).unwrap()
}

async fn send(node: &Api) {
    let account = credentials(WechatMode::Safe, WechatFormat::Xml);
    node.send(&account, "o1", &Outgoing::Text("您好".into())).await.unwrap();
}

fn fetches(stub: &Stub) -> usize {
    stub.lines().iter().filter(|line| line.contains("stable_token")).count()
}

async fn all_nodes_use_one_token_and_it_survives_a_restart(on: Trial) {
    let ground = on.ground();
    let stub = Stub::start(std::iter::once(Act::json(FIRST)).chain((0..9).map(|_| ok()))).await;
    let nodes = [node(&ground, &stub, 7), node(&ground, &stub, 7)];
    futures_util::future::join_all((0..8).map(|n| send(&nodes[n % 2]))).await;
    drop(nodes);
    send(&node(&ground, &stub, 7)).await;
    assert_eq!(fetches(&stub), 1);
}

async fn a_refused_token_is_replaced_for_all_nodes(on: Trial) {
    let ground = on.ground();
    let refused = || Act::json(r#"{"errcode":40001,"errmsg":"no"}"#);
    let script = [Act::json(FIRST), ok(), ok(), refused(), Act::json(SECOND), ok(), refused(), ok()];
    let stub = Stub::start(script).await;
    let nodes = [node(&ground, &stub, 7), node(&ground, &stub, 7)];
    for node in [&nodes[0], &nodes[1], &nodes[0], &nodes[1]] {
        send(node).await;
    }
    assert_eq!(fetches(&stub), 2, "the second node takes what the first has fetched");
    assert!(stub.lines().last().unwrap().ends_with("access_token=T2"));
}

async fn a_token_lies_sealed_and_does_not_open_elsewhere(on: Trial) {
    let ground = on.ground();
    // So long that it stands in no sealed text by chance.
    let (token, first) = ("TOKEN1TOKEN1", r#"{"access_token":"TOKEN1TOKEN1","expires_in":7200}"#);
    let stub = Stub::start([Act::json(first), ok(), Act::json(SECOND), ok()]).await;
    send(&node(&ground, &stub, 7)).await;
    let account = credentials(WechatMode::Safe, WechatFormat::Xml);
    let (id, app) = (account.account.clone(), account.appid.clone());
    let scope = ground.store().tenant(&account.tenant);
    let kept = scope.read(move |tx| store::token::find(tx, &id, &app)).await.unwrap().unwrap();
    let sealed = kept.token.unwrap();
    assert!(sealed.starts_with("v1:") && !sealed.contains(token), "{sealed}");
    // A node with another master key asks the platform.
    send(&node(&ground, &stub, 8)).await;
    assert_eq!(fetches(&stub), 2);
}
