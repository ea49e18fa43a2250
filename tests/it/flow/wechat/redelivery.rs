//! Deliveries that come more than once, at once, late, or with numbers that are not unique (48, F12, F38).

use diesel::prelude::*;
use yizhan::channel::wechat::crypto::Key;

use crate::outside::callback::{Account, text};
use crate::outside::database::Database;
use crate::outside::http::{Answer, exchange};
use crate::support::{Agent, TestApp};

/// Keeps everybody else from writing to the database for as long as it lives.
struct Blockade(SqliteConnection);

impl Blockade {
    fn of(app: &TestApp) -> Self {
        let path = app.dir().join("yizhan.db");
        let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        diesel::sql_query("PRAGMA busy_timeout = 5000").execute(&mut connection).unwrap();
        diesel::sql_query("BEGIN IMMEDIATE").execute(&mut connection).unwrap();
        Self(connection)
    }

    fn end(mut self) {
        diesel::sql_query("ROLLBACK").execute(&mut self.0).unwrap();
    }
}

/// One delivery of a payload, signed anew as the platform may.
pub async fn deliver(app: &TestApp, account: &Account, payload: &str, nonce: &str) -> Answer {
    exchange(&app.address(), &account.safe(payload.as_bytes(), "1795392073", nonce).request(account)).await
}

/// What a reply says to the customer.
pub fn said(account: &Account, answer: &Answer) -> String {
    assert_eq!(answer.status, 200);
    let body = answer.text();
    let encrypted = between(&body, "<Encrypt><![CDATA[", "]]></Encrypt>");
    let clear = Key::parse(&account.key).unwrap().decrypt(encrypted, &account.appid).unwrap();
    between(&String::from_utf8(clear).unwrap(), "<Content><![CDATA[", "]]></Content>").to_owned()
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let rest = text.split_once(start).unwrap_or_else(|| panic!("no {start} in {text}")).1;
    rest.split_once(end).unwrap().0
}

/// 48: the platform delivers again while the first delivery is still being worked on.
#[tokio::test(flavor = "multi_thread")]
async fn deliveries_join_the_first_while_it_is_still_running() {
    let app = TestApp::with().settings("[wechat]\ndeadline_ms = 700\n").start().await;
    let account = Account::demo();
    let payload = text(&account, "o48-joins", 6_349_323_426_230_210_995, "只此一次");
    let blockade = Blockade::of(&app);
    let first = deliver(&app, &account, &payload, "n1").await;
    assert_eq!((first.status, first.body.len()), (503, 0), "not accepted yet, so nothing is promised");
    let (second, third) = tokio::join!(deliver(&app, &account, &payload, "n2"), async {
        let third = deliver(&app, &account, &payload, "n3");
        blockade.end();
        third.await
    });
    assert_eq!(said(&account, &second), said(&account, &third), "both hear the first one's outcome");
    let late = deliver(&app, &account, &payload, "n4").await;
    assert_eq!(said(&account, &late), said(&account, &second));
    let mut database = Database::open(app.dir());
    assert_eq!(database.messages_of("o48-joins").len(), 1);
    assert_eq!((database.rows()["inbox"], database.rows()["session"]), (1, 1));
    let system = database.messages().into_iter().filter(|m| m.role == "system").count();
    assert_eq!(system, 2, "one greeting and one notice, whatever was repeated");
}

/// F12 and F38: four at once, and again after a minute.
#[tokio::test(flavor = "multi_thread")]
async fn four_deliveries_at_once_and_one_a_minute_late_are_one_message() {
    let app = TestApp::start().await;
    let account = Account::demo();
    let payload = text(&account, "o38-four", 7_000_000_000_000_000_001, "四次");
    let all = tokio::join!(
        deliver(&app, &account, &payload, "a"),
        deliver(&app, &account, &payload, "b"),
        deliver(&app, &account, &payload, "c"),
        deliver(&app, &account, &payload, "d"),
    );
    let replies = [all.0, all.1, all.2, all.3].map(|answer| said(&account, &answer));
    assert!(replies.iter().all(|reply| *reply == replies[0]), "{replies:?}");
    app.let_pass(std::time::Duration::from_secs(60));
    assert_eq!(said(&account, &deliver(&app, &account, &payload, "e").await), replies[0]);
    assert_eq!(Database::open(app.dir()).messages_of("o38-four").len(), 1);
}

/// F38: numbers that are not as unique as they say.
#[tokio::test(flavor = "multi_thread")]
async fn one_number_of_two_customers_is_two_messages_and_two_taps_in_a_second_are_two_events() {
    let app = TestApp::start().await;
    let mut li = Agent::ready(&app, "li").await;
    let account = Account::demo();
    for openid in ["o38-a", "o38-b"] {
        let payload = text(&account, openid, 8_000_000_000_000_000_001, openid);
        assert_eq!(deliver(&app, &account, &payload, openid).await.status, 200);
        assert_eq!(deliver(&app, &account, &payload, "again").await.status, 200);
    }
    let tap = |key: &str| {
        format!(
            "<xml><ToUserName><![CDATA[{}]]></ToUserName><FromUserName><![CDATA[o38-a]]></FromUserName>\
             <CreateTime>1795392074</CreateTime><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[CLICK]]></Event>\
             <EventKey><![CDATA[{key}]]></EventKey></xml>",
            account.gh_id
        )
    };
    for key in ["A", "B", "A"] {
        assert_eq!(deliver(&app, &account, &tap(key), key).await.status, 200);
    }
    let mut convs = Vec::new();
    for _ in 0..2 {
        convs.push(li.takes_offer().await["conv"].clone());
    }
    let mut all = Vec::new();
    for conv in &convs {
        all.extend(li.history(conv).await);
    }
    let mut texts: Vec<&str> =
        all.iter().filter(|m| m["from"]["role"] == "contact").filter_map(|m| m["body"]["text"].as_str()).collect();
    texts.sort_unstable();
    assert_eq!(texts, ["o38-a", "o38-b"]);
    let taps: Vec<&str> = all.iter().filter_map(|m| m["body"]["data"]["data"]["key"].as_str()).collect();
    assert_eq!(taps, ["A", "B"]);
}
