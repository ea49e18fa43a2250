//! Rows that need many requests: limits per address, floods of one customer.

use crate::outside::callback::{Account, text};
use crate::outside::http::{Connection, exchange};
use crate::support::TestApp;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn xb21_many_bad_signatures_silence_their_address_for_the_minute() {
    let app = TestApp::start().await;
    let account = Account::demo();
    let good = |nonce: &str, id| account.safe(text(&account, "o-b21", id, "a").as_bytes(), "1795392073", nonce);
    let mut bad = good("n", 1);
    bad.query.value("msg_signature").replace_range(..4, "0000");
    let mut connection = Connection::open_from("127.0.0.3", &app.address()).await;
    for n in 0..200 {
        connection.write(&bad.request(&account)).await;
        let answer = connection.answer().await;
        assert_eq!((answer.status, answer.body.len()), (403, 0), "request {n}");
    }
    connection.write(&bad.request(&account)).await;
    let answer = connection.answer().await;
    assert_eq!((answer.status, answer.body.len()), (429, 0));
    connection.write(&good("again", 2).request(&account)).await;
    assert_eq!(connection.answer().await.status, 429, "nothing of this address is listened to");

    let answer = exchange(&app.address(), &good("other", 3).request(&account)).await;
    assert_eq!(answer.status, 200, "other addresses are");
    app.let_pass(Duration::from_secs(61));
    connection.write(&good("later", 4).request(&account)).await;
    assert_eq!(connection.answer().await.status, 200, "after a minute all is well");
}
