//! A commit whose answer is lost: the store finds out what became of it, or says that it does not know.

use std::time::Duration;

use yizhan::store::Error;

use super::{append, bank, conversation, open, texts, until_back};
use crate::support::relay::Relay;
use crate::support::service::{Kind, Service};

#[tokio::test(flavor = "multi_thread")]
async fn what_became_of_a_commit_is_asked_on_a_new_connection() {
    let service = Service::start(Kind::Postgres, &[]);
    let relay = Relay::to(service.port()).await;
    let store = open(&format!("postgres://postgres@127.0.0.1:{}/postgres", relay.port())).await.unwrap();
    let scope = bank(&store);
    let conv = conversation(&scope, "o1").await;
    relay.swallow_next_commit();
    append(&scope, conv, "kept".into()).await.expect("the server had committed it");
    assert!(relay.has_swallowed());
    assert_eq!(texts(&scope, conv).await.unwrap(), ["kept"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_outcome_cannot_be_found_out_is_unknown_not_failed() {
    let service = Service::start(Kind::Postgres, &[]);
    let relay = Relay::to(service.port()).await;
    let store = open(&format!("postgres://postgres@127.0.0.1:{}/postgres", relay.port())).await.unwrap();
    let scope = bank(&store);
    let conv = conversation(&scope, "o1").await;
    relay.swallow_next_commit();
    relay.close(true);
    let outcome = append(&scope, conv, "perhaps".into()).await;
    assert!(matches!(outcome, Err(Error::Unknown(_))), "{outcome:?}");
    // Before a commit was sent, nothing can be stored.
    let outcome = append(&scope, conv, "never".into()).await;
    assert!(matches!(&outcome, Err(error) if error.is_passing() && !matches!(error, Error::Unknown(_))), "{outcome:?}");
    relay.close(false);
    assert!(until_back(&scope, conv).await < Duration::from_secs(2));
    assert_eq!(texts(&scope, conv).await.unwrap(), ["perhaps", "back"]);
}
