//! Entries of the question base, one by one.

use serde_json::{Value, json};

use super::{Answer, Client, app};

fn entry(id: &str) -> Value {
    json!({ "id": id, "question": format!("问题{id}"), "answer": "答案", "similar": ["另一种说法"], "category": "类" })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_is_added_read_replaced_and_removed() {
    let app = app().await;
    let client = Client::new(&app);
    let added = client.post("/api/v1/faq", &entry("a")).await.is(201);
    assert_eq!(added.header("location"), "/api/v1/faq/a");
    client.post("/api/v1/faq", &entry("a")).await.is(409);
    let read = client.get("/api/v1/faq/a").await.is(200);
    assert_eq!((&read.json, read.header("etag")), (&added.json, added.header("etag")));
    assert_eq!((&read.json["kind"], &read.json["enabled"]), (&json!("faq"), &json!(true)));

    // What was read is sent back, changed.
    let mut changed = read.json.clone();
    changed["answer"] = json!("新答案");
    let put = client.put("/api/v1/faq/a", &changed).await.is(200);
    assert_eq!(put.json["answer"], "新答案");
    changed["id"] = json!("b");
    client.put("/api/v1/faq/a", &changed).await.is(409);
    client.delete("/api/v1/faq/a").await.is(204);
    client.get("/api/v1/faq/a").await.is(404);
    client.put("/api/v1/faq/a", &entry("a")).await.is(404);
    client.delete("/api/v1/faq/a").await.is(404);

    let made_up = client.post("/api/v1/faq", &json!({ "question": "问", "answer": "答" })).await.is(201);
    client.get(made_up.header("location")).await.is(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_read_an_older_state_changes_nothing() {
    let app = app().await;
    let tag = |answer: &Answer| answer.header("etag").to_owned();
    let old = tag(&Client::new(&app).post("/api/v1/faq", &entry("a")).await.is(201));
    let unread = Client::new(&app).with("If-None-Match", &old);
    unread.get("/api/v1/faq/a").await.is(304);
    let first = Client::new(&app).with("If-Match", &old);
    let mut change = entry("a");
    change["answer"] = json!("第一个人改的");
    let new = tag(&first.put("/api/v1/faq/a", &change).await.is(200));
    assert_ne!(new, old);
    unread.get("/api/v1/faq/a").await.is(200);
    change["answer"] = json!("第二个人改的");
    first.put("/api/v1/faq/a", &change).await.is(412);
    first.delete("/api/v1/faq/a").await.is(412);
    assert_eq!(Client::new(&app).get("/api/v1/faq/a").await.json["answer"], "第一个人改的");
    Client::new(&app).with("If-Match", &new).delete("/api/v1/faq/a").await.is(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_comes_twice_is_done_once() {
    let app = app().await;
    let client = Client::new(&app).with("Idempotency-Key", "k-1");
    let nameless = json!({ "question": "问", "answer": "答" });
    let first = client.post("/api/v1/faq", &nameless).await.is(201);
    let second = client.post("/api/v1/faq", &nameless).await.is(201);
    assert_eq!((first.json.clone(), first.header("etag")), (second.json.clone(), second.header("etag")));
    let list = Client::new(&app).get("/api/v1/faq").await.json;
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    client.post("/api/v1/faq", &json!({ "question": "另问", "answer": "答" })).await.is(409);
    // A refusal is not remembered: what was missing may be there by then.
    let client = client.with("Idempotency-Key", "k-2");
    let leads = json!({ "question": "留言", "leads": "flow:leave" });
    client.post("/api/v1/faq", &leads).await.is(422);
    let form = json!({ "text": "flow: leave\nversion: 1\nsteps:\n  - say: 好\n  - end: {}\n" });
    Client::new(&app).post("/api/v1/flows", &form).await.is(201);
    client.post("/api/v1/faq", &leads).await.is(201);
    // Somebody else's key is another key.
    Client::browser(&app, "root").await.with("Idempotency-Key", "k-1").post("/api/v1/faq", &nameless).await.is(201);
    client.with("Idempotency-Key", &"k".repeat(201)).post("/api/v1/faq", &nameless).await.is(422);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_at_once_under_one_key_are_one() {
    let app = app().await;
    let client = Client::new(&app).with("Idempotency-Key", "storm");
    let nameless = json!({ "question": "问", "answer": "答" });
    let answers = futures_util::future::join_all((0..10).map(|_| client.post("/api/v1/faq", &nameless))).await;
    let ids: std::collections::BTreeSet<String> =
        answers.into_iter().map(|answer| answer.is(201).json["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_joined_are_the_list() {
    let app = app().await;
    let client = Client::new(&app);
    for id in ["e", "a", "c", "b", "d", "g", "f"] {
        client.post("/api/v1/faq", &entry(id)).await.is(201);
    }
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("/api/v1/faq?limit=3{after}")).await.is(200).json;
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(seen, ["a", "b", "c", "d", "e", "f", "g"]);
    for query in ["limit=0", "limit=201", "limit=x", "limit=-1", "limit=1e3", "after=x", "after=%00", "sort=name;drop"]
    {
        let refused = client.get(&format!("/api/v1/faq?{query}")).await.is(422);
        let name = query.split('=').next().unwrap();
        assert!(refused.text.contains(name) || query.starts_with("limit"), "{query}: {}", refused.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_found_by_words_category_and_standing() {
    let app = app().await;
    let client = Client::new(&app);
    for n in 0..7 {
        client.post("/api/v1/faq", &entry(&format!("e{n}"))).await.is(201);
    }
    client.post("/api/v1/faq", &json!({ "id": "off", "question": "ATM 年费", "answer": "答", "enabled": false })).await;
    let late = json!({ "id": "late", "question": "去年的年费", "answer": "答", "valid_to": "2001-01-01T00:00:00Z" });
    client.post("/api/v1/faq", &late).await.is(201);
    let ids = async |query: &str| -> (Vec<String>, u64) {
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let page = client.get(&format!("/api/v1/faq?limit=3&{query}{after}")).await.is(200).json;
            seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return (seen, page["total"].as_u64().unwrap()),
            }
        }
    };
    assert_eq!(ids("q=年费").await, (vec!["late".into(), "off".into()], 2));
    assert_eq!(ids("q=ａｔｍ").await, (vec!["off".into()], 1));
    assert_eq!(ids("q=年费&state=disabled").await, (vec!["off".into()], 1));
    assert_eq!(ids("state=late").await, (vec!["late".into()], 1));
    assert_eq!(ids("category=").await, (vec!["late".into(), "off".into()], 2));
    assert_eq!(ids("category=类&state=answered").await.1, 7);
    assert_eq!(ids("").await.1, 9);

    // What was changed last is told first, on all pages together each entry once.
    app.let_pass(std::time::Duration::from_secs(1));
    client.put("/api/v1/faq/e3", &entry("e3")).await.is(200);
    let (seen, total) = ids("order=changed").await;
    assert_eq!((seen.first().map(String::as_str), seen.len(), total), (Some("e3"), 9, 9));
    assert_eq!(seen.iter().collect::<std::collections::BTreeSet<_>>().len(), 9);
    let by_name = client.get("/api/v1/faq?limit=3").await.json["next"].as_str().unwrap().to_owned();
    client.get(&format!("/api/v1/faq?order=changed&after={by_name}")).await.is(422);
    client.get("/api/v1/faq?state=gone").await.is(422);

    let choices = client.get("/api/v1/faq-choices").await.is(200).json;
    assert_eq!(choices["categories"], json!([{ "name": "", "entries": 2 }, { "name": "类", "entries": 7 }]));
    assert!(choices["queues"].as_array().unwrap().iter().any(|queue| queue["id"] == "service"), "{choices}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_named() {
    let app = app().await;
    let client = Client::new(&app);
    let refused =
        client.post("/api/v1/faq", &json!({ "question": "问", "answer": "答", "colour": "red" })).await.is(422);
    assert!(refused.text.contains("colour"), "{}", refused.text);
    let refused = client.post("/api/v1/faq", &json!({ "answer": "答" })).await.is(422);
    assert!(refused.text.contains("question"), "{}", refused.text);
    let wrong = json!({ "question": "a\u{0}b", "answer": "", "similar": ["x|y"], "leads": "handoff:nowhere" });
    let named: Vec<String> =
        client.post("/api/v1/faq", &wrong).await.is(422).errors().into_iter().map(|e| e.1).collect();
    assert_eq!(named, ["question", "similar", "leads"]);
    for id in ["%00", "..%2f..%2fetc", "a%20b", &"x".repeat(10_000), "-%27%20or%201=1"] {
        let answer = client.get(&format!("/api/v1/faq/{id}")).await;
        assert_eq!(answer.status, 404, "{}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_have_a_type_and_an_end() {
    let app = app().await;
    let client = Client::new(&app);
    let ask = async |kind: &str, body: Vec<u8>| client.ask("POST", "/api/v1/faq", Some((kind, body))).await.status;
    assert_eq!(ask("text/plain", b"{}".to_vec()).await, 415);
    assert_eq!(ask("application/json", b"{".to_vec()).await, 400);
    assert_eq!(ask("application/json", b"\xff\xfe".to_vec()).await, 400);
    assert_eq!(ask("application/json", b"{\"question\":1e400}".to_vec()).await, 422);
    assert_eq!(ask("application/json", "[".repeat(100_000).into_bytes()).await, 400);
    assert_eq!(ask("application/json; charset=utf-8", b"{}".to_vec()).await, 422);
    let large = json!({ "question": "问", "answer": "x".repeat(1024 * 1024) }).to_string();
    assert_eq!(ask("application/json", large.into_bytes()).await, 413);
}
