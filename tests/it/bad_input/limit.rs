//! Rows that need many requests: limits per address, floods of one customer.

use crate::outside::callback::{Account, Callback, text};
use crate::outside::database::Database;
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

#[tokio::test(flavor = "multi_thread")]
async fn xb22_an_enforced_list_keeps_other_addresses_out() {
    let enforce = |toml: String| toml.replace("replay_window_s = 0", "replay_window_s = 0\nenforce_sources = true");
    let app = TestApp::with().declared(enforce).start().await;
    let account = Account::demo();
    let send = async |source: &str, nonce: &str, id| {
        let callback = account.safe(text(&account, "o-b22", id, "a").as_bytes(), "1795392073", nonce);
        let mut connection = Connection::open_from(source, &app.address()).await;
        connection.write(&callback.request(&account)).await;
        let answer = connection.answer().await;
        (answer.status, answer.body.len())
    };
    // Until the list is here the signature alone decides.
    let mut id = 0;
    let refused = async || {
        id += 1;
        (send("127.0.0.9", &format!("n{id}"), id).await == (403, 0)).then_some(())
    };
    app.eventually("the list of the platform's addresses", refused).await;
    let listed = send("127.0.0.1", "listed", 1_000).await;
    assert_eq!(listed.0, 200, "the platform's own address is let in");
    let metrics = app.get("/metrics").send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains(r#"yizhan_wechat_rejects_total{reason="ip"}"#), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn xc29_a_flood_of_reports_is_answered_and_coalesced() {
    let app = TestApp::start().await;
    let account = Account::demo();
    let mut connection = Connection::open(&app.address()).await;
    for n in 0..200 {
        let payload = format!(
            "<xml><ToUserName>{}</ToUserName><FromUserName>o-c29</FromUserName><CreateTime>{}</CreateTime>\
             <MsgType>event</MsgType><Event>LOCATION</Event><Latitude>23.1</Latitude><Longitude>113.3</Longitude>\
             <Precision>{n}</Precision></xml>",
            account.gh_id,
            1_795_392_073 + n
        );
        let callback = account.safe(payload.as_bytes(), "1795392073", &format!("flood{n}"));
        connection.write(&callback.request(&account)).await;
        let answer = connection.answer().await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "success"), "report {n}");
    }
    let said = account.safe(text(&account, "o-c29", 1, "还在").as_bytes(), "1795392073", "said");
    connection.write(&said.request(&account)).await;
    assert_eq!(connection.answer().await.status, 200);
    let mut database = Database::open(app.dir());
    let stored = database.messages_of("o-c29");
    let reports = stored.iter().filter(|message| message.content()["type"] == "event").count();
    assert!((1..=60).contains(&reports), "coalesced: {reports}");
    assert!(stored.iter().any(|message| message.content()["body"]["text"] == "还在"), "messages are never dropped");
}
