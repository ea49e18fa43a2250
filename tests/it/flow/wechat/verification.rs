//! Who may deliver (56): signatures, modes, clocks, and keys that change while messages are on their way.

use std::time::Duration;

use yizhan::model::secret::Secret;
use yizhan::simulator::Via;

use crate::outside::callback::{Account, text};
use crate::outside::database::Database;
use crate::outside::http::exchange;
use crate::support::app::APPID;
use crate::support::{Agent, PATIENCE, TestApp};

const OLD_KEY: &str = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C";

/// 56: whoever cannot sign, or signs less than was agreed, gets 403 and not a word.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_signed_as_agreed_is_refused_without_a_word() {
    let app = TestApp::start().await;
    let account = Account::demo();
    let payload = text(&account, "o56-bad", 1, "谁");
    let mut forged = account.safe(payload.as_bytes(), "1795392073", "n1");
    forged.query.value("msg_signature").replace_range(..1, "x");
    let other = Account { token: "anothertoken".into(), ..account.clone() };
    let stranger = Account { key: OLD_KEY.into(), ..account.clone() };
    for (how, request) in [
        ("a forged signature", forged),
        ("another token", other.safe(payload.as_bytes(), "1795392073", "n2")),
        ("a key that is not ours", stranger.safe(payload.as_bytes(), "1795392073", "n3")),
        ("plain text to an account in safe mode", account.plain(payload.as_bytes(), "1795392073", "n4")),
    ] {
        let answer = exchange(&app.address(), &request.request(&account)).await;
        assert_eq!((answer.status, answer.body.len()), (403, 0), "{how}");
    }
    assert!(Database::open(app.dir()).rows().values().all(|rows| *rows == 0), "nothing is left behind");
}

/// 56: with a window, an old address is worthless even with a good signature.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_timestamp_is_refused_where_a_window_is_set() {
    let window = |toml: String| toml.replace("replay_window_s = 0", "replay_window_s = 300");
    let app = TestApp::with().declared(window).start().await;
    let account = Account::demo();
    let payload = text(&account, "o56-window", 1, "准时");
    let at = app.clock.now().seconds().to_string();
    let request = account.safe(payload.as_bytes(), &at, "n1").request(&account);
    assert_eq!(exchange(&app.address(), &request).await.status, 200);
    assert_eq!(exchange(&app.address(), &request).await.status, 200, "a repeated delivery inside the window");
    app.let_pass(Duration::from_secs(310));
    let answer = exchange(&app.address(), &request).await;
    assert_eq!((answer.status, answer.body.len()), (403, 0));
    let ahead = (app.clock.now().seconds() + 310).to_string();
    assert_eq!(
        exchange(&app.address(), &account.safe(payload.as_bytes(), &ahead, "n2").request(&account)).await.status,
        403
    );
    assert_eq!(Database::open(app.dir()).messages_of("o56-window").len(), 1);
}

/// 56: Token and key change while messages are under way; both are taken, each answered under its own key.
#[tokio::test(flavor = "multi_thread")]
async fn key_and_token_change_while_messages_are_under_way() {
    let both = |toml: String| {
        toml.replace(
            "token = \"yizhandemotoken\"",
            &format!("token = \"yizhandemotoken\"\ntoken_previous = \"oldtoken\"\naes_key_previous = \"{OLD_KEY}\""),
        )
    };
    let app = TestApp::with().declared(both).start().await;
    let account = Account::demo();
    let secret = |text: &str| Some(Secret::new(text.to_owned()));
    // The platform still has the old pair when the gateway is told the new one.
    app.platform.rotate(APPID, secret("oldtoken"), secret(OLD_KEY), 0).unwrap();
    let mut phone = app.phone("o56-rotates");
    phone.follows().unwrap();
    phone.expects(PATIENCE, |m| m.via == Via::Passive).await.unwrap();

    app.platform.rotate(APPID, secret(&account.token), secret(&account.key), 2).unwrap();
    let mut li = Agent::ready(&app, "li").await;
    let pushes: Vec<String> = ["一", "二", "三"].map(|text| phone.says(text).unwrap()).into();
    let mut old = Vec::new();
    for push in &pushes {
        let push = phone.settled(push, PATIENCE).await.unwrap();
        assert_eq!(push.attempts.len(), 1, "taken at the first delivery: {push:?}");
        assert_ne!(push.answer.as_ref().unwrap().kind, "failed");
        old.push(push.old_key);
    }
    assert_eq!(old, [true, true, false]);
    let first = phone.settled(&pushes[0], PATIENCE).await.unwrap().answer.unwrap();
    assert_eq!((first.kind, first.shown), ("reply", true), "the notice, readable under the key that asked");
    let conv = li.takes_offer().await["conv"].clone();
    let texts = li.texts(&conv).await;
    assert!(["一", "二", "三"].iter().all(|text| texts.iter().any(|known| known == text)), "{texts:?}");
    li.says(&conv, "收到").await;
    phone.expects_text("收到", PATIENCE).await.unwrap();
}
