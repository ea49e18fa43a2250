//! What customers asked in vain becomes what they are answered.

use serde_json::json;

use super::{Client, app};
use crate::support::Visitor;

const FEE: &str = "金葵花卡一年要交多少钱";

#[tokio::test(flavor = "multi_thread")]
async fn a_question_without_an_answer_becomes_a_wording_of_one() {
    let app = app().await;
    let client = Client::new(&app);
    client.post("/api/v1/faq", &json!({ "id": "fee", "question": "年费标准", "answer": "首年免年费" })).await.is(201);
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says(FEE).await;
    let unknown = app
        .eventually("the question is noted", async || {
            let list = client.get("/api/v1/unknown-questions").await.is(200).json;
            list["items"].as_array().unwrap().first().cloned()
        })
        .await;
    assert_eq!((&unknown["times"], &unknown["state"]), (&json!(1), &json!("open")));

    let resolve = json!({ "queries": [unknown["query"], "没有人问过"], "state": "done", "entry": "fee" });
    let resolved = client.post("/api/v1/unknown-questions/resolve", &resolve).await.is(200).json;
    assert_eq!(resolved, json!({ "resolved": 1, "absent": ["没有人问过"], "added": 1 }));
    assert_eq!(client.get("/api/v1/unknown-questions").await.json["items"], json!([]));
    let done = client.get("/api/v1/unknown-questions?state=done").await.is(200).json;
    assert_eq!(done["items"][0]["query"], unknown["query"]);
    client.get("/api/v1/unknown-questions?state=lost").await.is(422);
    let nowhere = json!({ "queries": ["x"], "state": "done", "entry": "nowhere" });
    client.post("/api/v1/unknown-questions/resolve", &nowhere).await.is(404);
    client.post("/api/v1/unknown-questions/resolve", &json!({ "queries": [], "state": "done" })).await.is(422);

    app.eventually("the wording is taken up", async || {
        let tried = client.post("/api/v1/faq/try", &json!({ "query": FEE })).await.is(200).json;
        (tried["chosen"] == json!(["fee"])).then_some(())
    })
    .await;
    let said = visitor.says(FEE).await;
    visitor.expects_text("首年免年费").await;

    let session = visitor.socket.seen("session").last().unwrap()["d"]["session"].clone();
    let session = session.as_str().unwrap();
    let trace = client.get(&format!("/api/v1/sessions/{session}/robot")).await.is(200).json;
    let turns = trace["turns"].as_array().unwrap();
    assert_eq!((turns.len(), &turns[1]["seq"], &turns[1]["decision"]), (2, &said["seq"], &json!("answer")), "{trace}");
    assert_eq!(turns[1]["hits"][0]["faq"], "fee");
    client.get("/api/v1/sessions/s_01ARZ3NDEKTSV4RRFFQ69G5FAV/robot").await.is(404);
    client.get("/api/v1/sessions/1/robot").await.is(404);
}
