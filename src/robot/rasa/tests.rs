//! Answers of the REST channel, written byte by byte after Rasa's documentation and its `CollectingOutputChannel`.

use std::time::Duration;

use super::super::stub::{Act, Stub, heard, http, texts, turn};
use super::super::turn::{Outcome, RobotEvent};
use super::*;

fn robot(stub: &Stub) -> Rasa {
    let setting = RasaSetting {
        url: stub.base.clone(),
        channel: "rest".into(),
        token: Some(Secret::new("t0ken".into())),
        timeout: Duration::from_secs(10),
    };
    Rasa::new(&setting, &stub.guard(), http()).unwrap()
}

async fn answers(body: &str) -> (Vec<RobotEvent>, Result<Finish, RobotError>) {
    let stub = Stub::start([Act::json(body)]).await;
    let (robot, turn) = (robot(&stub), turn("你好"));
    heard(async |out, stop| robot.turn(&turn, Line::open(&turn, out, &stop, robot.timeout)).await).await
}

#[tokio::test]
async fn texts_pictures_and_buttons() {
    let body = r#"[{"recipient_id":"c_1","text":"您好"},{"recipient_id":"c_1","image":"https://i.imgur.com/nGF1K8f.jpg"},
        {"recipient_id":"c_1","text":"您想问？","buttons":[{"payload":"/loan{\"k\":\"v\"}","title":"贷款"},{"title":"信用卡","payload":"/card"}]}]"#;
    let (events, finish) = answers(body).await;
    assert_eq!(finish.unwrap().outcome, Outcome::Answered);
    assert_eq!(texts(&events).0, ["您好", "[图片] https://i.imgur.com/nGF1K8f.jpg"]);
    let choice = |key: &str, label: &str| Choice { key: key.into(), label: label.into() };
    let options = vec![choice(r#"/loan{"k":"v"}"#, "贷款"), choice("/card", "信用卡")];
    assert_eq!(events.last(), Some(&RobotEvent::Clarify { prompt: "您想问？".into(), options }));
}

#[tokio::test]
async fn the_question_goes_to_the_channel_with_the_conversation_as_sender() {
    let stub = Stub::start([Act::json("[]")]).await;
    let (robot, turn) = (robot(&stub), turn("你好"));
    let (events, finish) =
        heard(async |out, stop| robot.turn(&turn, Line::open(&turn, out, &stop, robot.timeout)).await).await;
    assert_eq!((events.len(), finish.unwrap().outcome), (1, Outcome::Nothing), "only typing");
    let seen = stub.seen().remove(0);
    assert_eq!(seen.line, "POST /webhooks/rest/webhook HTTP/1.1");
    let body = seen.json();
    assert_eq!((&body["sender"], &body["message"]), (&json!(turn.conv), &json!("你好")));
    assert_eq!(body["metadata"]["epoch"], 3);
}

#[tokio::test]
async fn a_hand_over_in_every_form() {
    for (custom, reason) in [
        (r#"{"handoff":true}"#, "custom.handoff"),
        (r#"{"handoff":"要求人工"}"#, "要求人工"),
        (r#"{"handoff":{"reason":"投诉","queue":"vip","summary":"s","slots":{"amount":100,"name":"李"}}}"#, "投诉"),
    ] {
        let body = format!(r#"[{{"recipient_id":"c","text":"转接中"}},{{"recipient_id":"c","custom":{custom}}}]"#);
        let (events, finish) = answers(&body).await;
        assert_eq!(finish.unwrap().outcome, Outcome::HandedOver);
        let Some(RobotEvent::Handoff(wish)) = events.last() else { panic!("{events:?}") };
        assert_eq!(wish.reason, reason);
        if reason == "投诉" {
            assert_eq!(
                wish.slots.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>(),
                ["amount=100", "name=李"]
            );
        }
    }
    for custom in [r#"{"handoff":false}"#, r#"{"handoff":null}"#, "{}", "[]", "7", "null"] {
        let body = format!(r#"[{{"recipient_id":"c","custom":{custom}}}]"#);
        assert_eq!(answers(&body).await.1.unwrap().outcome, Outcome::Nothing, "{custom}");
    }
}

#[tokio::test]
async fn many_paragraphs_become_three_messages_without_loss() {
    let body: Vec<String> = (0..9).map(|n| format!(r#"{{"recipient_id":"c","text":"段{n}"}}"#)).collect();
    let (events, finish) = answers(&format!("[{}]", body.join(","))).await;
    let said = texts(&events).0;
    assert_eq!((said.len(), finish.unwrap().cut), (3, false));
    assert_eq!(said[2], "段2\n\n段3\n\n段4\n\n段5\n\n段6\n\n段7\n\n段8");
}

#[tokio::test]
async fn what_is_no_list_of_messages_is_not_understood() {
    for body in ["", "{}", "[7]", "<html>", r#"[{"text":7}]"#, "null"] {
        assert!(matches!(answers(body).await.1, Err(RobotError::Garbled(_))), "{body}");
    }
}

#[tokio::test]
async fn the_tracker_is_paused_and_resumed() {
    let tracker = r#"{"sender_id":"c","slots":{},"paused":true,"events":null}"#;
    let stub = Stub::start([
        Act::json(tracker),
        Act::json(tracker),
        Act::status("401 Unauthorized", "application/json", "{}"),
    ])
    .await;
    let (robot, conv) = (robot(&stub), turn("").conv);
    for now in [Control::Person, Control::Robot] {
        robot.control(conv, now, &Stop::new()).await.unwrap();
    }
    let refused = robot.control(conv, Control::Robot, &Stop::new()).await.unwrap_err();
    assert!(matches!(refused, RobotError::Refused { status: 401, .. }) && !format!("{refused:?}").contains("t0ken"));
    let line = format!("POST /conversations/{conv}/tracker/events?include_events=NONE&token=t0ken HTTP/1.1");
    let seen = stub.seen();
    assert_eq!(
        (&seen[0].line, seen[0].json(), seen[1].json()),
        (&line, json!({"event": "pause"}), json!({"event": "resume"}))
    );
}

#[tokio::test]
async fn settings_are_checked() {
    let stub = Stub::start([]).await;
    let good =
        RasaSetting { url: stub.base.clone(), channel: "rest".into(), token: None, timeout: Duration::from_secs(1) };
    assert!(Rasa::new(&good, &stub.guard(), http()).is_ok());
    let bad = RasaSetting { channel: "../x".into(), ..good };
    assert_eq!(Rasa::new(&bad, &stub.guard(), http()).unwrap_err().key, "channel");
}
