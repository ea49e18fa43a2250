//! wechatpy plays the platform: its callbacks are accepted, our replies are opened by it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::python;
use crate::outside::callback::Account;
use crate::outside::database::{Database, Message};
use crate::support::{Agent, TestApp};

/// What is turned away, where there is encryption.
const REFUSED: [&str; 3] = ["forged", "foreign", "downgrade"];

/// The fixture's tenant with one account more.
fn declared(text: String, mode: &str) -> String {
    let key = if mode == "plain" { String::new() } else { format!("aes_key = \"{}\"\n", Account::demo().key) };
    format!(
        "{text}\n[[account]]\nid = \"{mode}\"\nkind = \"wechat\"\nname = \"{mode}\"\nappid = \"wx0000000000000001\"\n\
         gh_id = \"gh_000000000001\"\nsecret = \"0123456789abcdef0123456789abcdef\"\ntoken = \"yizhandemotoken\"\n{key}\
         mode = \"{mode}\"\nformat = \"xml\"\ntoken_kind = \"stable\"\nreplay_window_s = 0\n"
    )
}

/// That account.
fn account(mode: &str) -> Account {
    Account {
        path: format!("demo.{mode}"),
        appid: "wx0000000000000001".into(),
        gh_id: "gh_000000000001".into(),
        ..Account::demo()
    }
}

async fn deliveries(app: &TestApp, account: &Account, mode: &str, openid: &str) -> BTreeMap<String, Value> {
    let argument = json!({
        "url": format!("{}/wechat/{}", app.base(), account.path), "mode": mode, "openid": openid,
        "token": account.token, "aes_key": account.key, "appid": account.appid, "gh_id": account.gh_id,
    });
    let results = python("wechatpy_platform.py", &[&argument.to_string()]).await;
    results.into_iter().map(|result| (result["case"].as_str().unwrap().to_owned(), result)).collect()
}

/// What every mode has in common.
fn check(results: &BTreeMap<String, Value>, account: &Account, openid: &str, database: &mut Database) {
    assert_eq!(results["verify"]["body"], "4375120948345356249");
    for (case, result) in results.iter().filter(|(case, _)| !REFUSED.contains(&case.as_str())) {
        assert_eq!(result["status"], 200, "{case}: {result}");
    }
    let greeting = &results["follow"]["reply"];
    assert_eq!(greeting["MsgType"], "text", "a greeting in the passive slot: {}", results["follow"]);
    assert!(greeting["Content"].as_str().unwrap().contains("驿站示例银行"), "{greeting}");
    assert_eq!(greeting["ToUserName"], openid);
    assert_eq!(greeting["FromUserName"], account.gh_id.as_str());
    assert_eq!(results["text"]["reply"], results["again"]["reply"], "a repeated delivery gets the first answer");

    let stored: Vec<Value> = database.messages_of(openid).iter().map(Message::content).collect();
    let texts: Vec<&str> = stored.iter().filter_map(|content| content["body"]["text"].as_str()).collect();
    assert_eq!(texts[0], "你好，驿站 😊 <&>]]");
    let padded: Vec<String> = (1..=32).map(|n| "p".repeat(n)).collect();
    assert_eq!(texts[1..], padded, "once each, in order");
    let place = stored.iter().find(|content| content["type"] == "location").expect("the location");
    assert_eq!((place["body"]["lat"].as_f64(), place["body"]["lon"].as_f64()), (Some(23.134_521), Some(113.358_803)));
    let types = ["image", "voice", "video", "link", "unsupported"];
    for kind in types {
        assert_eq!(stored.iter().filter(|content| content["type"] == kind).count(), 1, "{kind}: {stored:?}");
    }
    let names: Vec<&str> = stored.iter().filter_map(|content| content["body"]["name"].as_str()).collect();
    assert_eq!(names, ["wechat.followed", "wechat.menu_clicked", "wechat.reported", "wechat.unfollowed"]);
}

/// What the encrypted modes have in common.
fn check_sealed(results: &BTreeMap<String, Value>) {
    for case in REFUSED {
        assert_eq!(results[case], json!({ "case": case, "status": 403, "body": "" }));
    }
    let follow = &results["follow"];
    assert_eq!(follow["nonce_echoed"], true);
    assert_eq!(follow["refused_by_others"], json!([true, true]), "the reply is for this account only");
}

#[tokio::test(flavor = "multi_thread")]
async fn safe_mode() {
    let app = TestApp::start().await;
    let _somebody_is_there = Agent::ready(&app, "li").await;
    let account = Account::demo();
    let results = deliveries(&app, &account, "safe", "o-wechatpy-safe").await;
    check(&results, &account, "o-wechatpy-safe", &mut Database::open(app.dir()));
    check_sealed(&results);
}

#[tokio::test(flavor = "multi_thread")]
async fn compatible_mode() {
    let app = TestApp::with().declared(|text| declared(text, "compatible")).start().await;
    let _somebody_is_there = Agent::ready(&app, "li").await;
    let account = account("compatible");
    let results = deliveries(&app, &account, "compatible", "o-wechatpy-compatible").await;
    check(&results, &account, "o-wechatpy-compatible", &mut Database::open(app.dir()));
    check_sealed(&results);
}

#[tokio::test(flavor = "multi_thread")]
async fn plaintext_mode() {
    let app = TestApp::with().declared(|text| declared(text, "plain")).start().await;
    let _somebody_is_there = Agent::ready(&app, "li").await;
    let account = account("plain");
    let results = deliveries(&app, &account, "plain", "o-wechatpy-plain").await;
    check(&results, &account, "o-wechatpy-plain", &mut Database::open(app.dir()));
}
