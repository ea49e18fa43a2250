//! 38: two enterprises on one gateway, alike in everything but their names: nothing crosses.

use serde_json::{Value, json};

use crate::outside::callback::{Account, text};
use crate::outside::http::exchange;
use crate::support::{Agent, Login, Socket, TestApp};

const PNG: &[u8] = include_bytes!("../../fixture/pixel.png");
const UNKNOWN_CONV: &str = "c_01ARZ3NDEKTSV4RRFFQ69G5FAV";

/// The other enterprise: the same ids of agents, queues and accounts, other names.
fn other_bank() -> String {
    include_str!("../../fixture/demo.toml")
        .replace("id = \"demo\"", "id = \"other\"")
        .replace("驿站示例银行", "隔壁银行")
        .replace("小李", "隔壁小李")
        .replace("wx0123456789abcdef", "wx00000000000000aa")
        .replace("gh_0123456789ab", "gh_0000000000aa")
        .replace("yizhandemotoken", "othertoken")
}

fn other_account() -> Account {
    Account {
        path: "other.oa".into(),
        appid: "wx00000000000000aa".into(),
        gh_id: "gh_0000000000aa".into(),
        token: "othertoken".into(),
        ..Account::demo()
    }
}

/// A folder that declares the other enterprise, and the settings that name it.
pub fn next_door() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("other.toml"), other_bank()).unwrap();
    let settings = format!("[tenants]\ndir = {:?}\n", folder.path());
    (folder, settings)
}

/// A gateway with both.
async fn both() -> (TestApp, tempfile::TempDir) {
    let (folder, settings) = next_door();
    (TestApp::with().settings(&settings).start().await, folder)
}

async fn ready_at(app: &TestApp, tenant: &str) -> Agent {
    let login = Login::of(app, tenant, "li", app.password("li")).await;
    let mut agent = Agent::at(app, login, "desk").await;
    agent.is("ready").await;
    agent
}

async fn says(app: &TestApp, account: &Account, openid: &str, content: &str) {
    let payload = text(account, openid, 6_349_323_426_230_210_995, content);
    let request = account.safe(payload.as_bytes(), "1795392073", "n1").request(account);
    assert_eq!(exchange(&app.address(), &request).await.status, 200);
}

/// The same openid, the same message id, the same second: two customers of two enterprises.
#[tokio::test(flavor = "multi_thread")]
async fn one_openid_at_two_enterprises_is_two_customers() {
    let (app, _folder) = both().await;
    let mut ours = ready_at(&app, "demo").await;
    let mut theirs = ready_at(&app, "other").await;
    assert_eq!((&ours.ready["me"]["id"], &theirs.ready["me"]["id"]), (&json!("li"), &json!("li")));
    says(&app, &Account::demo(), "o-same", "给示例银行").await;
    says(&app, &other_account(), "o-same", "给隔壁银行").await;
    let our_conv = ours.takes_offer().await;
    let their_conv = theirs.takes_offer().await;
    assert_ne!(our_conv["conv"], their_conv["conv"]);
    assert_ne!(our_conv["contact"]["id"], their_conv["contact"]["id"]);
    let our_texts = ours.texts(&our_conv["conv"]).await.concat();
    let their_texts = theirs.texts(&their_conv["conv"]).await.concat();
    assert!(our_texts.contains("给示例银行") && !our_texts.contains("隔壁"), "{our_texts}");
    assert!(their_texts.contains("给隔壁银行") && their_texts.contains("隔壁小李") && !their_texts.contains("示例"));
    // What one account signs is worth nothing at the other.
    let request = other_account().safe(text(&Account::demo(), "o-x", 1, "x").as_bytes(), "1795392073", "n2");
    assert_eq!(exchange(&app.address(), &request.request(&Account::demo())).await.status, 403);
    for op in ["presence", "queue", "offer", "msg"] {
        assert!(ours.socket.seen(op).iter().all(|frame| !frame.to_string().contains("隔壁")), "{op}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_ids_are_answered_like_unknown_ones() {
    let (app, _folder) = both().await;
    no_id_opens_the_other_side(&app, &app).await;
}

/// Every op with ids of the other enterprise is answered as if they had never existed.
pub async fn no_id_opens_the_other_side(here: &TestApp, there: &TestApp) {
    let mut ours = ready_at(here, "demo").await;
    let mut theirs = ready_at(there, "other").await;
    says(here, &other_account(), "o-theirs", "机密").await;
    let offer = theirs.expects_offer().await;
    let (stolen, fresh) = (ids(&offer, None), ids(&offer, Some(())));
    for phase in ["offered", "active"] {
        let pairs = requests(&stolen).into_iter().zip(requests(&fresh));
        for ((op, with_theirs), (_, with_unknown)) in pairs {
            let foreign = ours.socket.request(op, with_theirs).await;
            let unknown = ours.socket.request(op, with_unknown).await;
            assert_eq!(foreign, unknown, "{op} while {phase}");
            let refused = foreign.as_ref().is_err_and(|e| e["code"] == "not_found" || e["code"] == "offer_gone");
            assert!(refused || foreign == Ok(json!({ "convs": [] })), "{op} while {phase}: {foreign:?}");
        }
        if phase == "offered" {
            theirs.accepts(&offer).await;
        }
    }
    let texts = theirs.texts(&offer["conv"]).await;
    assert!(!texts.concat().contains("偷"), "nothing was added: {texts:?}");
    theirs.says(&offer["conv"], "还是我们的").await;
}

/// The ids of an offer, or ids that nobody ever gave out.
fn ids(offer: &Value, unknown: Option<()>) -> Value {
    let pick = |key: &str, never: &str| if unknown.is_some() { json!(never) } else { offer[key].clone() };
    json!({
        "conv": pick("conv", UNKNOWN_CONV),
        "session": pick("session", "s_01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        "assignment": pick("assignment", "g_01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        "token": pick("token", "00000000000000000000000000000000"),
    })
}

fn requests(ids: &Value) -> Vec<(&'static str, Value)> {
    let (conv, session, assignment, token) = (&ids["conv"], &ids["session"], &ids["assignment"], &ids["token"]);
    vec![
        ("history", json!({ "conv": conv, "limit": 10 })),
        ("sync", json!({ "convs": [{ "conv": conv, "epoch": "x", "seq": 0 }] })),
        ("send", json!({ "conv": conv, "cid": "t1", "type": "text", "body": { "text": "偷" } })),
        ("send", json!({ "conv": conv, "cid": "t2", "type": "note", "body": { "text": "偷" } })),
        ("offer.accept", json!({ "assignment": assignment, "token": token })),
        ("offer.reject", json!({ "assignment": assignment, "token": token })),
        ("wrapup.done", json!({ "assignment": assignment, "note": "偷" })),
        ("end", json!({ "session": session })),
        ("tag", json!({ "session": session, "tags": ["偷"] })),
        ("transfer", json!({ "session": session, "to": { "agent": "wang" } })),
        ("transfer.cancel", json!({ "session": session })),
    ]
}

/// Files, visitors and sign-ins stay on their side.
#[tokio::test(flavor = "multi_thread")]
async fn files_visitors_and_sign_ins_stay_on_their_side() {
    let (app, _folder) = both().await;
    let mut ours = ready_at(&app, "demo").await;
    let mut theirs = ready_at(&app, "other").await;
    says(&app, &Account::demo(), "o-ours", "你好").await;
    let conv = ours.takes_offer().await["conv"].clone();
    let file = theirs.uploads(&app, "机密.png", "image/png", PNG).await;
    let foreign = ours.sends(&conv, "image", json!({ "media": file })).await.unwrap_err();
    let never = json!({ "id": "m_01ARZ3NDEKTSV4RRFFQ69G5FAV", "mime": "image/png" });
    let unknown = ours.sends(&conv, "image", json!({ "media": never })).await.unwrap_err();
    assert_eq!(foreign, unknown);

    let ask = async |account: &str, visitor: &Value| {
        let body = json!({ "account": account, "visitor": visitor });
        let response = app.post("/api/v1/visitor/ticket", &body).send().await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    let (status, at_home) = ask("demo.site", &Value::Null).await;
    assert_eq!(status, 200);
    let (status, abroad) = ask("other.site", &at_home["visitor"]).await;
    assert!(
        status != 200 || abroad["visitor"] != at_home["visitor"],
        "a token of one site is none at the other: {abroad}"
    );

    let me = app.get("/api/v1/me").header("Cookie", &ours.login.cookie).send().await.unwrap();
    assert_eq!(me.json::<Value>().await.unwrap()["agent"]["tenant"], "demo");
    let wrong = json!({ "tenant": "nobody", "login": "li", "password": app.password("li") });
    assert_eq!(app.post("/api/v1/login", &wrong).send().await.unwrap().status(), 401);
    let mut thief = Socket::open(&app.address(), "/ws/agent", &app.base()).await;
    let d = json!({ "resume_token": theirs.ready["resume_token"], "device": "other-desk", "convs": [] });
    thief.ask("resume", d).await;
    assert_eq!(thief.expect_close().await, 4002, "a token is good for its own device only");
}
