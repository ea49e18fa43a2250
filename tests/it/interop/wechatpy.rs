//! wechatpy plays the platform: its callbacks are accepted, our replies are opened by it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::python;
use crate::outside::callback::Account;
use crate::outside::database::{Database, Message};
use crate::support::{Agent, TestApp};

const PLAIN: &str = r#"
[[account]]
id = "plain"
kind = "wechat"
name = "明文"
appid = "wx0000000000000001"
gh_id = "gh_000000000001"
secret = "0123456789abcdef0123456789abcdef"
token = "yizhandemotoken"
mode = "plain"
format = "xml"
token_kind = "stable"
replay_window_s = 0
"#;

async fn deliveries(app: &TestApp, account: &Account, mode: &str, openid: &str) -> BTreeMap<String, Value> {
    let argument = json!({
        "url": format!("{}/wechat/{}", app.base(), account.path), "mode": mode, "openid": openid,
        "token": account.token, "aes_key": account.key, "appid": account.appid, "gh_id": account.gh_id,
    });
    let results = python("wechatpy_platform.py", &[&argument.to_string()]).await;
    results.into_iter().map(|result| (result["case"].as_str().unwrap().to_owned(), result)).collect()
}

/// What both modes have in common.
fn check(results: &BTreeMap<String, Value>, account: &Account, openid: &str, database: &mut Database) {
    assert_eq!(results["verify"]["body"], "4375120948345356249");
    for (case, result) in results.iter().filter(|(case, _)| *case != "forged") {
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
    assert!(stored.iter().any(|content| content["body"]["name"] == "wechat.menu_clicked"), "{stored:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn safe_mode() {
    let app = TestApp::start().await;
    let _somebody_is_there = Agent::ready(&app, "li").await;
    let account = Account::demo();
    let results = deliveries(&app, &account, "safe", "o-wechatpy-safe").await;
    check(&results, &account, "o-wechatpy-safe", &mut Database::open(app.dir()));
    assert_eq!(results["forged"], json!({ "case": "forged", "status": 403, "body": "" }));
    let follow = &results["follow"];
    assert_eq!(follow["nonce_echoed"], true);
    assert_eq!(follow["refused_by_others"], json!([true, true]), "the reply is for this account only");
}

#[tokio::test(flavor = "multi_thread")]
async fn plaintext_mode() {
    let app = TestApp::with().declared(|text| text + PLAIN).start().await;
    let _somebody_is_there = Agent::ready(&app, "li").await;
    let account = Account {
        path: "demo.plain".into(),
        appid: "wx0000000000000001".into(),
        gh_id: "gh_000000000001".into(),
        ..Account::demo()
    };
    let results = deliveries(&app, &account, "plain", "o-wechatpy-plain").await;
    check(&results, &account, "o-wechatpy-plain", &mut Database::open(app.dir()));
}
