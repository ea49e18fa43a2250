//! The thread that everything hangs on: a WeChat message reaches an agent, and the answer reaches WeChat.

use std::time::Duration;

use serde_json::json;
use yizhan::simulator::{Kind, Raw, Via};

use crate::support::{Agent, PATIENCE, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn a_wechat_message_reaches_an_agent_and_the_answer_reaches_wechat() {
    let app = TestApp::start().await;
    let mut li = Agent::ready(&app, "li").await;
    let mut phone = app.phone("o1-thread");

    phone.follows().unwrap();
    let greeting = phone.expects(PATIENCE, |m| m.via == Via::Passive).await.unwrap();
    assert!(greeting.text.is_some(), "the greeting rides in the passive slot");

    phone.says("你好,我的信用卡账单不对").unwrap();
    let offer = li.expects_offer().await;
    assert_eq!(offer["contact"]["channel"], "wechat");
    let conv = li.accepts(&offer).await;
    let texts = li.texts(&conv["conv"]).await;
    assert!(texts.contains(&"你好,我的信用卡账单不对".to_owned()), "{texts:?}");

    let sent = li.says(&conv["conv"], "您好,我来帮您查一下 😊").await;
    phone.expects_text("您好,我来帮您查一下 😊", PATIENCE).await.unwrap();
    li.expects_receipt(&sent["id"], "delivered").await;

    phone.says("谢谢").unwrap();
    let message = li.expects_text("谢谢").await;
    assert_eq!(message["d"]["from"]["role"], "contact");
    assert_eq!(message["d"]["channel"]["kind"], "wechat");
}

#[tokio::test(flavor = "multi_thread")]
async fn seq_is_contiguous_for_the_agent_and_every_push_names_its_predecessor() {
    let app = TestApp::start().await;
    let mut li = Agent::ready(&app, "li").await;
    let phone = app.phone("o1-seq");
    phone.follows().unwrap();
    phone.says("1").unwrap();
    let conv = li.takes_offer().await;
    for n in 2..=12 {
        phone.says(&format!("in {n}")).unwrap();
        li.says(&conv["conv"], &format!("out {n}")).await;
    }
    let history = li.settles(&conv["conv"], 23).await;
    let seqs: Vec<i64> = history.iter().map(|m| m["seq"].as_i64().unwrap()).collect();
    assert_eq!(seqs, (1..=i64::try_from(seqs.len()).unwrap()).collect::<Vec<_>>());
    let mut last: Option<i64> = None;
    for push in li.socket.seen("msg") {
        let (prev, seq) = (push["prev"].as_i64().unwrap(), push["d"]["seq"].as_i64().unwrap());
        assert!(prev < seq);
        assert!(last.is_none_or(|last| prev == last), "nothing between two pushes");
        last = Some(seq);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_delivery_three_times_is_one_message_and_one_reply() {
    let app = TestApp::start().await;
    let mut li = Agent::ready(&app, "li").await;
    let phone = app.phone("o1-again");
    phone.follows().unwrap();
    let fields = json!({ "MsgType": "text", "Content": "只此一次", "MsgId": "6349323426230210995", "CreateTime": 1_795_392_073 });
    let mut answers = Vec::new();
    for _ in 0..3 {
        let raw: Raw = serde_json::from_value(json!({ "fields": fields })).unwrap();
        let push = phone.pushes(raw).unwrap();
        let answer = phone.settled(&push, PATIENCE).await.unwrap().answer.expect("an answer");
        answers.push((answer.kind, answer.reply.map(|reply| reply["Content"].clone())));
    }
    assert_eq!(answers[0], answers[1], "a repeated delivery gets the first outcome");
    assert_eq!(answers[0], answers[2]);

    let conv = li.takes_offer().await;
    let history = li.history(&conv["conv"]).await;
    let copies: Vec<_> = history.iter().filter(|m| m["body"]["text"] == "只此一次").collect();
    assert_eq!(copies.len(), 1);
    assert_eq!(copies[0]["channel"]["ext_id"], "6349323426230210995", "64-bit ids stay exact");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sixth_line_is_held_until_the_customer_writes_again() {
    let app = TestApp::start().await;
    let mut li = Agent::ready(&app, "li").await;
    let mut phone = app.phone("o1-window");
    phone.follows().unwrap();
    phone.says("在吗").unwrap();
    let conv = li.takes_offer().await;
    let mut sent = Vec::new();
    for n in 1..=12 {
        let said = li.says(&conv["conv"], &format!("第{n}句")).await;
        sent.push(said["id"].clone());
        let state = li.settled(&said["id"]).await;
        if state["state"] == "held" {
            assert_eq!(state["code"], "channel_quota");
            break;
        }
        let line = format!("第{n}句");
        phone.expects(PATIENCE, |m| m.text.as_deref().is_some_and(|t| t.contains(&line))).await.unwrap();
    }
    let held = sent.len();
    assert!(held <= 6, "at most five messages leave, then one is held: {held}");
    phone.says("还在吗").unwrap();
    let line = format!("第{held}句");
    phone.expects(PATIENCE, |m| m.text.as_deref().is_some_and(|t| t.contains(&line))).await.unwrap();
    li.expects_receipt(sent.last().unwrap(), "delivered").await;
}

/// 49: a person's lines leave the last message of the window to the question how the service was.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_message_of_a_window_is_kept_for_the_survey() {
    let app = TestApp::with().declared(|text| format!("{text}\n[survey]\n")).start().await;
    let mut li = Agent::ready(&app, "li").await;
    let mut phone = app.phone("o1-survey");
    phone.follows().unwrap();
    phone.says("在吗").unwrap();
    let conv = li.takes_offer().await;
    let mut lines = 0;
    loop {
        lines += 1;
        let said = li.says(&conv["conv"], &format!("第{lines}句")).await;
        let state = li.settled(&said["id"]).await;
        if state["state"] == "held" {
            assert_eq!(state["code"], "channel_quota");
            break;
        }
    }
    assert!(lines <= 5, "at most four lines leave, then one is held: {lines}");
    phone.says("还在").unwrap();
    let line = format!("第{lines}句");
    phone.expects(PATIENCE, |m| m.text.as_deref().is_some_and(|t| t.contains(&line))).await.unwrap();
    for n in 1..=3 {
        let said = li.says(&conv["conv"], &format!("又{n}句")).await;
        assert_eq!(li.settled(&said["id"]).await["state"], "delivered");
    }
    li.socket.request("end", json!({ "session": conv["session"]["session"] })).await.unwrap();
    let survey = phone.expects(PATIENCE, |m| m.text.as_deref().is_some_and(|t| t.contains("请对本次服务做出评价")));
    survey.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_travels_both_ways() {
    const PNG: &[u8] = include_bytes!("../../fixture/pixel.png");
    let app = TestApp::start().await;
    let mut li = Agent::ready(&app, "li").await;
    let mut phone = app.phone("o1-picture");
    phone.follows().unwrap();
    phone.says("看图").unwrap();
    let conv = li.takes_offer().await;

    phone.sends("image", PNG.to_vec()).unwrap();
    let message = li.expects_kind("image").await;
    let id = message["d"]["body"]["media"]["id"].clone();
    let media = li.socket.push("media", |frame| frame["d"]["id"] == id).await;
    assert_eq!(media["d"]["state"], "ready");
    assert_eq!(media["d"]["mime"], "image/png", "sniffed, not believed");
    let response = app.get(media["d"]["url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.bytes().await.unwrap(), PNG);

    let uploaded = li.uploads(&app, "回执.png", "image/png", PNG).await;
    li.sends(&conv["conv"], "image", json!({ "media": uploaded })).await.unwrap();
    let shown = phone.expects(PATIENCE, |m| m.kind == Kind::Image && m.via == Via::Custom).await.unwrap();
    assert!(shown.url.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_finished_is_finished_after_a_restart() {
    let app = TestApp::start().await;
    let mut li = Agent::ready(&app, "li").await;
    let mut phone = app.phone("o1-restart");
    phone.follows().unwrap();
    phone.says("在吗").unwrap();
    let conv = li.takes_offer().await;
    phone.expects(PATIENCE, |m| m.via == Via::Custom).await.unwrap();
    let faults = json!([{ "path": "/cgi-bin/message/custom/send", "errcode": -1, "times": 1000 }]);
    app.platform.add_faults(serde_json::from_value(faults).unwrap()).unwrap();
    let sent = li.says(&conv["conv"], "重启也不丢").await;
    let tried = async || {
        let calls = app.platform.ledger(None).calls;
        (calls.iter().filter(|call| call.request.ends_with("/message/custom/send")).count() > 1).then_some(())
    };
    app.eventually("an attempt", tried).await;
    let dir = app.stop().await;

    let app = TestApp::with().again(dir).start().await;
    let mut phone = app.phone("o1-restart");
    phone.follows().unwrap();
    phone.says("还没回复").unwrap();
    app.let_pass(Duration::from_secs(120));
    phone.expects_text("重启也不丢", PATIENCE).await.unwrap();
    let mut li = Agent::arrive(&app, "li").await;
    let page = li.socket.request("history", json!({ "conv": conv["conv"], "limit": 50 })).await.unwrap();
    let receipts = page["receipts"].as_array().unwrap();
    assert!(receipts.iter().any(|r| r["seq"] == sent["seq"] && r["state"] == "delivered"), "{receipts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_whose_answer_is_lost_is_uncertain_and_not_repeated() {
    let app = TestApp::start().await;
    let mut li = Agent::ready(&app, "li").await;
    let mut phone = app.phone("o1-uncertain");
    phone.follows().unwrap();
    phone.says("在吗").unwrap();
    let conv = li.takes_offer().await;
    phone.expects(PATIENCE, |m| m.via == Via::Custom).await.unwrap();
    let faults = json!([{ "path": "/cgi-bin/message/custom/send", "reset": "after_accept", "times": 1 }]);
    app.platform.add_faults(serde_json::from_value(faults).unwrap()).unwrap();
    let sent = li.says(&conv["conv"], "也许到了").await;
    li.expects_receipt(&sent["id"], "uncertain").await;
    phone.expects_text("也许到了", PATIENCE).await.unwrap();
    let next = li.says(&conv["conv"], "下一句").await;
    li.expects_receipt(&next["id"], "delivered").await;
    phone.expects_text("下一句", PATIENCE).await.unwrap();
    let copies = phone.messages().iter().filter(|m| m.text.as_deref() == Some("也许到了")).count();
    assert_eq!(copies, 1, "no machine repeats what may have arrived");
}
