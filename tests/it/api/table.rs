//! The question base as a table, in and out, and trying what is in it.

use serde_json::{Value, json};
use yizhan::admin::faq::DEMO;

use super::{Client, app};

const TABLE: &str = "id,kind,question,similar,answer,leads,category,enabled\n\
    lost,faq,银行卡丢失如何挂失？,卡丢了|卡不见了,请致电,,卡,true\n\
    ,chitchat,你好,您好,您好！,,闲聊,\n\
    person,faq,转人工,,,handoff:vip,服务,是\n";

fn counts(report: &Value) -> [u64; 5] {
    ["rows", "added", "changed", "unchanged", "wrong"].map(|key| report[key].as_u64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_taken_in_once_however_often_it_is_sent() {
    let app = app().await;
    let client = Client::new(&app);
    let dry = client.table("?dry_run=true", TABLE).await.is(200).json;
    assert_eq!((counts(&dry), &dry["dry_run"]), ([3, 3, 0, 0, 0], &json!(true)));
    assert_eq!(client.get("/api/v1/faq").await.json["items"], json!([]));
    assert_eq!(counts(&client.table("", TABLE).await.is(200).json), [3, 3, 0, 0, 0]);
    assert_eq!(counts(&client.table("", TABLE).await.is(200).json), [3, 0, 0, 3, 0]);
    let changed = TABLE.replace("请致电", "请立即致电");
    assert_eq!(counts(&client.table("", &changed).await.is(200).json), [3, 0, 1, 2, 0]);
    assert_eq!(client.get("/api/v1/faq/lost").await.json["answer"], "请立即致电");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_wrong_row_keeps_all_out_unless_the_right_ones_are_asked_for() {
    let app = app().await;
    let client = Client::new(&app);
    let wrong = format!(
        "{TABLE}a b,faq,坏标识,,答,,,\n,talk,坏类别,,答,,,\n,faq,坏去向,,,flow:nowhere,,\n,faq,,,没有问题,,,\nlost,faq,重复,,答,,,\n\
         ,faq,\"多\n行\",,答,,,maybe\n"
    );
    let refused = client.table("", &wrong).await.is(422);
    let expected = [(5, "id"), (6, "kind"), (7, "leads"), (8, "question"), (9, "id"), (10, "enabled")];
    assert_eq!(refused.errors(), expected.map(|(line, field)| (line, field.to_owned())));
    assert_eq!(client.get("/api/v1/faq").await.json["items"], json!([]), "nothing is taken in");
    let dry = client.table("?dry_run=true", &wrong).await.is(200).json;
    assert_eq!(counts(&dry), [9, 3, 0, 0, 6]);
    assert_eq!(counts(&client.table("?partial=true", &wrong).await.is(200).json), [9, 3, 0, 0, 6]);
    assert_eq!(client.get("/api/v1/faq").await.json["items"].as_array().unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_table_is_refused() {
    let app = app().await;
    let client = Client::new(&app);
    let send = async |kind: &str, bytes: Vec<u8>| client.ask("POST", "/api/v1/faq/import", Some((kind, bytes))).await;
    send("application/json", b"{}".to_vec()).await.is(415);
    send("text/csv", b"question\n\xb9\xd2\xca\xa7\n".to_vec()).await.is(422);
    send("text/csv", b"id,answer\n".to_vec()).await.is(422);
    send("text/csv", b"question,price\n".to_vec()).await.is(422);
    let rows = format!("question,answer\n{}", "问,答\n".repeat(5_001));
    send("text/csv", rows.into_bytes()).await.is(422);
    send("text/csv", vec![b'x'; 5 * 1024 * 1024 + 1]).await.is(413);
    let typo = client.table("?dryrun=true", TABLE).await.is(422);
    assert!(typo.text.contains("dryrun"), "{}", typo.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_out_comes_back_the_same_and_runs_nowhere() {
    let app = app().await;
    let client = Client::new(&app);
    let nasty = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1:A9)", "'=1", "＝1", "\"引\",号\n第二行"];
    for (index, text) in nasty.iter().enumerate() {
        let entry =
            json!({ "id": format!("n{index}"), "question": format!("问{index}"), "answer": text, "category": "-" });
        client.post("/api/v1/faq", &entry).await.is(201);
    }
    client.table("", TABLE).await.is(200);
    let out = client.get("/api/v1/faq/export").await.is(200);
    assert_eq!(out.header("content-type"), "text/csv; charset=utf-8");
    assert!(out.header("content-disposition").starts_with("attachment"));
    for cell in ["'=cmd|", "'+1", "'-1", "'@SUM", "''=1", "'＝1"] {
        assert!(out.text.contains(cell), "{cell}: {}", out.text);
    }
    for bare in [",=cmd", ",+1", ",-1", ",@SUM", ",\"=", ",-,"] {
        assert!(!out.text.contains(bare), "{bare}: {}", out.text);
    }
    let before = client.get("/api/v1/faq").await.json;
    assert_eq!(counts(&client.table("", &out.text).await.is(200).json), [10, 0, 0, 10, 0]);
    for index in 0..nasty.len() {
        client.delete(&format!("/api/v1/faq/n{index}")).await.is(204);
    }
    assert_eq!(counts(&client.table("", &out.text).await.is(200).json), [10, 7, 0, 3, 0]);
    let bare = |list: &Value| {
        let mut items = list["items"].as_array().unwrap().clone();
        items.iter_mut().for_each(|item| drop(item.as_object_mut().unwrap().remove("updated_at")));
        items
    };
    assert_eq!(bare(&client.get("/api/v1/faq").await.json), bare(&before));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_tried_on_what_is_there_now() {
    let app = app().await;
    let client = Client::new(&app);
    let report = client.table("?partial=true", DEMO).await.is(200).json;
    assert!(report["added"].as_u64().unwrap() > 110, "{report}");
    let tried = app
        .eventually("the question base", async || {
            let tried = client.post("/api/v1/faq/try", &json!({ "query": "银行卡丢失如何挂失" })).await.is(200).json;
            (tried["decision"] == "answer").then_some(tried)
        })
        .await;
    assert_eq!(tried["chosen"], json!(["card-lost"]));
    let hit = &tried["hits"][0];
    assert_eq!((&hit["id"], &hit["exact"], &hit["p"]), (&json!("card-lost"), &json!(true), &json!(1.0)));
    assert_eq!(hit["features"].as_object().unwrap().len(), 9);
    assert_eq!(tried["thresholds"]["direct"], 0.8);
    let miss = client.post("/api/v1/faq/try", &json!({ "query": "火星上有没有生命" })).await.is(200).json;
    assert_eq!((&miss["decision"], &miss["chosen"]), (&json!("miss"), &json!([])));
    let talk = client.post("/api/v1/faq/try", &json!({ "query": "你好" })).await.is(200).json;
    assert_eq!((&talk["decision"], &talk["chosen"]), (&json!("chitchat"), &json!(["talk-hello"])));
    client.post("/api/v1/faq/try", &json!({ "query": "长".repeat(501) })).await.is(422);
    // A search is not a template.
    client.post("/api/v1/faq/try", &json!({ "query": "{{7*7}} ${7*7} <%= 1 %>" })).await.is(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_words_of_the_trade_change_what_is_found() {
    let app = app().await;
    let client = Client::new(&app);
    let empty = client.get("/api/v1/faq/vocabulary").await.is(200);
    assert_eq!(empty.json, json!({ "words": [], "synonyms": [] }));
    client.post("/api/v1/faq", &json!({ "id": "sunflower", "question": "金葵花卡年费", "answer": "免" })).await.is(201);
    let words = json!({ "words": ["金葵花卡", " 金葵花卡 "], "synonyms": [["金葵花卡", "向阳卡"]] });
    let kept = client.put("/api/v1/faq/vocabulary", &words).await.is(200);
    assert_eq!(kept.json["words"], json!(["金葵花卡"]));
    let stale = Client::new(&app).with("If-Match", empty.header("etag"));
    stale.put("/api/v1/faq/vocabulary", &words).await.is(412);
    let wrong = json!({ "words": ["a|b"], "synonyms": [["一"]] });
    let named = client.put("/api/v1/faq/vocabulary", &wrong).await.is(422).errors();
    assert_eq!(named, [(0, "words[0]".to_owned()), (0, "synonyms[0]".to_owned())]);
    app.eventually("the synonym", async || {
        let tried = client.post("/api/v1/faq/try", &json!({ "query": "向阳卡年费" })).await.is(200).json;
        (tried["decision"] == "answer" && tried["chosen"] == json!(["sunflower"])).then_some(())
    })
    .await;
}
