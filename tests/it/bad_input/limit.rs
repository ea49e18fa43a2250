//! Rows that need many requests: limits per address, floods of one customer.

use crate::outside::callback::{Account, Callback, text};
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
    let send = async |callback: Callback| {
        let mut connection = Connection::open_from("127.0.0.3", &app.address()).await;
        connection.write(&callback.request(&account)).await;
        let answer = connection.answer().await;
        (answer.status, answer.body.len())
    };
    for n in 0..200 {
        assert_eq!(send(bad.clone()).await, (403, 0), "request {n}");
    }
    assert_eq!(send(bad.clone()).await, (429, 0));
    assert_eq!(send(good("again", 2)).await.0, 429, "nothing of this address is listened to");

    let answer = exchange(&app.address(), &good("other", 3).request(&account)).await;
    assert_eq!(answer.status, 200, "other addresses are");
    app.let_pass(Duration::from_secs(61));
    assert_eq!(send(good("later", 4)).await.0, 200, "after a minute all is well");
}
