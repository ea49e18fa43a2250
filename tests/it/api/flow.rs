//! Forms: checked with places, kept by version, switched on and off.

use serde_json::json;

use super::{Client, app};

fn form(version: u32, words: &str) -> serde_json::Value {
    json!({ "text": format!("flow: leave\nversion: {version}\nsteps:\n  - say: {words}\n  - end: {{}}\n") })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_checked_with_lines_and_columns() {
    let app = app().await;
    let client = Client::new(&app);
    let good = client.post("/api/v1/flows/validate", &form(1, "好")).await.is(200).json;
    assert_eq!((&good["valid"], &good["id"], &good["steps"]), (&json!(true), &json!("leave"), &json!(2)));
    let text = "flow: leave\nversion: 1\nsteps:\n  - say: 好\n  - dance: 1\n  - branch: {goto: nowhere}\n";
    let bad = client.post("/api/v1/flows/validate", &json!({ "text": text })).await.is(200).json;
    assert_eq!(bad["valid"], false);
    let lines: Vec<u64> =
        bad["problems"].as_array().unwrap().iter().filter_map(|problem| problem["line"].as_u64()).collect();
    assert!(lines.contains(&5) && lines.contains(&6), "{bad}");
    assert!(bad["problems"][0]["column"].as_u64().is_some_and(|column| column > 0), "{bad}");
    let refused = client.post("/api/v1/flows", &json!({ "text": text })).await.is(422);
    assert_eq!(refused.json["errors"], bad["problems"]);
    assert_eq!(client.get("/api/v1/flows").await.json["items"], json!([]), "nothing is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_only_grow_and_all_are_kept() {
    let app = app().await;
    let client = Client::new(&app);
    let first = client.post("/api/v1/flows", &form(1, "一")).await.is(201);
    assert_eq!(first.header("location"), "/api/v1/flows/leave");
    let again = client.post("/api/v1/flows", &form(1, "一")).await.is(200).json;
    assert_eq!(again["added"], false);
    let taken = client.post("/api/v1/flows", &form(1, "二")).await.is(409);
    assert!(taken.json["detail"].as_str().unwrap().contains("version: 2"), "{}", taken.text);
    client.post("/api/v1/flows", &form(3, "三")).await.is(201);
    client.post("/api/v1/flows", &form(2, "二")).await.is(409);
    let kept = client.get("/api/v1/flows/leave").await.is(200).json;
    let versions: Vec<i64> =
        kept["versions"].as_array().unwrap().iter().map(|v| v["version"].as_i64().unwrap()).collect();
    assert_eq!(versions, [3, 1]);
    assert!(kept["versions"][1]["text"].as_str().unwrap().contains("say: 一"));
    client.get("/api/v1/flows/other").await.is(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_switched_off_stays_off_when_it_is_changed() {
    let app = app().await;
    let client = Client::new(&app);
    client.put("/api/v1/flows/leave/enabled", &json!({ "enabled": false })).await.is(404);
    client.post("/api/v1/flows", &form(1, "一")).await.is(201);
    let off = client.put("/api/v1/flows/leave/enabled", &json!({ "enabled": false })).await.is(200).json;
    assert_eq!(off["enabled"], false);
    assert_eq!(client.post("/api/v1/flows", &form(2, "二")).await.is(201).json["enabled"], false);
    let list = client.get("/api/v1/flows").await.is(200).json;
    assert_eq!((&list["items"][0]["versions"], &list["items"][0]["enabled"]), (&json!([1, 2]), &json!(false)));
    client.put("/api/v1/flows/leave/enabled", &json!({ "enabled": true })).await.is(200);
    assert_eq!(client.get("/api/v1/flows/leave").await.json["enabled"], true);
    let refused = client.put("/api/v1/flows/leave/enabled", &json!({ "on": true })).await.is(422);
    assert!(refused.text.contains("on"), "{}", refused.text);
}
