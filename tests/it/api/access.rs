//! Who may use the API, and what nobody learns of another enterprise.

use serde_json::{Value, json};
use yizhan::admin::openapi::operation::{OPERATIONS, Operation};

use super::client::{LOW, declared};
use super::{Client, KEY, app};
use crate::support::TestApp;

const SESSION: &str = "s_01ARZ3NDEKTSV4RRFFQ69G5FAV";
const THEIR_KEY: &str = "yz_other_0123456789abcdef0123456789abcdef";

fn address(operation: &Operation) -> String {
    let id = if operation.tag == "sessions" { SESSION } else { "nothing" };
    operation.path.replace("{id}", id)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_is_for_administrators_and_the_question_base_for_supervisors() {
    let app = app().await;
    let stranger = Client::nobody(&app);
    let liar = Client::with_key(&app, "yz_demo_ffffffffffffffffffffffffffffffff");
    let nowhere = Client::with_key(&app, "yz_nowhere_0123456789abcdef0123456789abcdef");
    let low = Client::with_key(&app, LOW);
    let agent = Client::browser(&app, "li").await;
    let supervisor = Client::browser(&app, "wang").await;
    for operation in OPERATIONS {
        let path = address(operation);
        for (who, client, status, code) in [
            ("stranger", &stranger, 401, "unauthenticated"),
            ("liar", &liar, 401, "unauthenticated"),
            ("nowhere", &nowhere, 401, "unauthenticated"),
            ("low key", &low, 403, "forbidden"),
            ("agent", &agent, 403, "forbidden"),
            ("supervisor", &supervisor, 403, "forbidden"),
        ] {
            let answer = client.ask(operation.method, &path, Some(("application/json", b"{}".to_vec()))).await;
            if who == "supervisor" && operation.is_for_supervisors() {
                assert!(![401, 403].contains(&answer.status), "{who} {} {path}: {}", operation.method, answer.text);
                continue;
            }
            assert_eq!(answer.status, status, "{who} {} {path}: {}", operation.method, answer.text);
            assert_eq!(answer.json["code"], code, "{who} {} {path}", operation.method);
        }
    }
    let refused = liar.get("/api/v1/faq").await.is(401);
    assert!(refused.header("www-authenticate").starts_with("Bearer"));
    assert_eq!(refused.bare(), nowhere.get("/api/v1/faq").await.bare(), "which tenants exist is not told");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_can_be_read_in_a_browser() {
    let app = app().await;
    let client = Client::nobody(&app);
    let page = client.get("/api/docs").await.is(200);
    assert!(page.header("content-type").starts_with("text/html"));
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'self'") && !policy.contains("script"), "{policy}");
    assert!(OPERATIONS.iter().all(|operation| page.text.contains(&format!("id=\"{}\"", operation.id))));
    let style = client.get("/api/docs.css").await.is(200);
    assert!(style.header("content-type").starts_with("text/css"));
    client.ask("post", "/api/docs", None).await.is(405);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_of_the_document_is_there() {
    let app = app().await;
    let client = Client::new(&app);
    let document = Client::nobody(&app).get("/api/openapi.json").await.is(200).json;
    assert_eq!(document["openapi"], "3.1.0");
    let committed: Value = serde_json::from_str(include_str!("../../../docs/openapi.json")).unwrap();
    assert_eq!(document, committed);
    for operation in OPERATIONS {
        let answer =
            client.ask(operation.method, &address(operation), Some(("application/json", b"{}".to_vec()))).await;
        assert!(![401, 403, 405, 500].contains(&answer.status), "{}: {}", operation.id, answer.text);
        // An address that nobody serves has no body of ours to refuse.
        assert!(answer.status != 404 || operation.path.contains("{id}"), "{}: {}", operation.id, answer.text);
    }
    client.ask("PATCH", "/api/v1/faq", None).await.is(405);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_proves_that_its_writes_are_its_own() {
    let app = app().await;
    let entry = json!({ "question": "如何开户？", "answer": "带身份证" });
    let browser = Client::browser(&app, "root").await;
    browser.post("/api/v1/faq", &entry).await.is(201);
    browser.get("/api/v1/faq").await.is(200);
    let foreign = browser.with("Origin", "https://evil.example");
    foreign.post("/api/v1/faq", &entry).await.is(403);
    let unproven = Client::browser(&app, "root").await.without("X-CSRF-Token");
    unproven.post("/api/v1/faq", &entry).await.is(403);
    unproven.get("/api/v1/faq").await.is(200);
    // A key is not ambient. It is also the only thing that counts when it is there.
    Client::new(&app).post("/api/v1/faq", &entry).await.is(201);
    Client::browser(&app, "root").await.with("Authorization", "Bearer x").get("/api/v1/faq").await.is(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_with_many_wrong_keys_is_not_listened_to() {
    let app = app().await;
    let liar = Client::with_key(&app, "yz_demo_ffffffffffffffffffffffffffffffff");
    let mut refused = 0;
    while liar.get("/api/v1/faq").await.status == 401 {
        refused += 1;
        assert!(refused <= 200);
    }
    let answer = Client::new(&app).get("/api/v1/faq").await.is(429);
    assert!(!answer.header("retry-after").is_empty());
    app.let_pass(std::time::Duration::from_secs(61));
    Client::new(&app).get("/api/v1/faq").await.is(200);
}

/// A gateway with two enterprises that have keys with the same secret.
async fn both() -> (TestApp, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let other = declared(include_str!("../../fixture/demo.toml"))
        .replace("id = \"demo\"", "id = \"other\"")
        .replace("yz_demo_", "yz_other_")
        .replace("wx0123456789abcdef", "wx00000000000000aa")
        .replace("gh_0123456789ab", "gh_0000000000aa");
    std::fs::write(folder.path().join("other.toml"), other).unwrap();
    let settings = format!("[tenants]\ndir = {:?}\n", folder.path());
    (TestApp::with().declared(|toml| declared(&toml)).settings(&settings).start().await, folder)
}

const FORM: &str = "flow: leave\nversion: 1\nsteps:\n  - say: 好\n  - end: {}\n";

#[tokio::test(flavor = "multi_thread")]
async fn another_enterprise_is_as_if_it_were_not_there() {
    let (app, _folder) = both().await;
    let (ours, theirs) = (Client::with_key(&app, KEY), Client::with_key(&app, THEIR_KEY));
    let entry = json!({ "id": "ours", "question": "如何开户？", "answer": "带身份证" });
    ours.post("/api/v1/faq", &entry).await.is(201);
    ours.post("/api/v1/flows", &json!({ "text": FORM })).await.is(201);
    for (method, path, body) in [
        ("GET", "/api/v1/faq/{}", None),
        ("PUT", "/api/v1/faq/{}", Some(json!({ "question": "偷改", "answer": "x" }))),
        ("DELETE", "/api/v1/faq/{}", None),
        ("GET", "/api/v1/flows/{}", None),
        ("PUT", "/api/v1/flows/{}/enabled", Some(json!({ "enabled": false }))),
    ] {
        let body = |id: &str| {
            let body = body.clone().map(|body| ("application/json", body.to_string().into_bytes()));
            (path.replace("{}", id), body)
        };
        let id = if path.contains("flows") { "leave" } else { "ours" };
        let ((foreign, one), (missing, two)) = (body(id), body("missing"));
        let foreign = theirs.ask(method, &foreign, one).await.is(404);
        assert_eq!(foreign.bare(), theirs.ask(method, &missing, two).await.is(404).bare(), "{method} {path}");
    }
    assert_eq!(theirs.get("/api/v1/faq").await.is(200).json["items"], json!([]));
    assert_eq!(theirs.get("/api/v1/flows").await.is(200).json["items"], json!([]));
    // What a body names has to be the tenant's own, too.
    let leads = json!({ "question": "留言", "leads": "flow:leave" });
    assert_eq!(theirs.post("/api/v1/faq", &leads).await.is(422).errors(), [(0, "leads".to_owned())]);
    // The same name is another entry, and the same key of a repeated request another request.
    let theirs = theirs.with("Idempotency-Key", "k1");
    theirs.post("/api/v1/faq", &entry).await.is(201);
    let mut hits = theirs.get("/api/v1/faq").await.json["items"].as_array().unwrap().clone();
    assert_eq!(hits.remove(0)["id"], "ours");
    ours.delete("/api/v1/faq/ours").await.is(204);
    theirs.get("/api/v1/faq/ours").await.is(200);
}
