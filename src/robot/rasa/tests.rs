//! The forms of answers of the REST channel. What a server really says is replayed in `tests/it/interop/rasa.rs`.

use std::time::Duration;

use super::super::stub::{Act, Stub, heard, http, texts, turn};
use super::super::turn::{Outcome, RobotEvent};
use super::*;
use crate::model::secret::Secret;

fn setting(stub: &Stub) -> RasaSetting {
    RasaSetting {
        url: stub.base.clone(),
        channel: "rest".into(),
        token: Some(Secret::new("t0ken".into())),
        timeout: Duration::from_secs(10),
    }
}

fn robot(stub: &Stub) -> Rasa {
    Rasa::new(&setting(stub), &stub.guard(), http()).unwrap()
}

async fn ask(robot: &Rasa, turn: &Turn) -> (Vec<RobotEvent>, Result<Finish, RobotError>) {
    heard(async |out, stop| robot.turn(turn, Line::open(turn, out, &stop, robot.timeout)).await).await
}

async fn answers(body: &str) -> (Vec<RobotEvent>, Result<Finish, RobotError>) {
    let stub = Stub::start([Act::json(body)]).await;
    ask(&robot(&stub), &turn("你好")).await
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
    let stub = Stub::start([Act::json("[]"), Act::status("404 Not Found", "application/json", "{}")]).await;
    let turn = turn("你好");
    let (events, finish) = ask(&robot(&stub), &turn).await;
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

const HELLO: &str = r#"[{"recipient_id":"c","text":"您好"}]"#;

#[tokio::test]
async fn an_assistant_that_has_paused_itself_is_woken() {
    let tracker =
        |paused: bool| Act::json(&format!(r#"{{"sender_id":"c","slots":{{}},"paused":{paused},"events":null}}"#));
    let stub = Stub::start([Act::json("[]"), tracker(true), tracker(false), Act::json(HELLO)]).await;
    let turn = turn("你好");
    let (events, _) = ask(&robot(&stub), &turn).await;
    assert_eq!(texts(&events).0, ["您好"]);
    let seen = stub.seen();
    let place = format!("/conversations/{}/tracker", turn.conv);
    assert_eq!(seen[1].line, format!("GET {place}?include_events=NONE&token=t0ken HTTP/1.1"));
    assert_eq!(seen[2].line, format!("POST {place}/events?include_events=NONE&token=t0ken HTTP/1.1"));
    assert_eq!((seen[2].json(), seen[3].body == seen[0].body), (json!({"event": "resume"}), true));

    let stub = Stub::start([Act::json("[]"), tracker(false)]).await;
    assert_eq!(ask(&robot(&stub), &turn).await.1.unwrap().outcome, Outcome::Nothing, "it has nothing to say");
}

#[tokio::test]
async fn an_assistant_whose_tracker_is_not_shown_has_nothing_to_say_unless_it_has_no_model() {
    let refused = |line: &str, words: &str| {
        let body = format!(r#"{{"version":"3.6.21","status":"failure","message":"{words}","reason":"x","code":0}}"#);
        Act::status(line, "application/json", body)
    };
    for status in ["404 Not Found", "401 Unauthorized", "403 Forbidden"] {
        let stub = Stub::start([Act::json("[]"), refused(status, "t0ken")]).await;
        assert_eq!(ask(&robot(&stub), &turn("你好")).await.1.unwrap().outcome, Outcome::Nothing, "{status}");
    }
    let stub = Stub::start([Act::json("[]"), refused("409 Conflict", "No agent loaded.")]).await;
    let failed = ask(&robot(&stub), &turn("你好")).await.1.unwrap_err();
    assert_eq!((failed.to_string().as_str(), failed.retry()), ("the robot failed: No agent loaded.", true));
}

#[tokio::test]
async fn a_json_web_token_is_not_written_into_the_address() {
    let stub = Stub::start([Act::json("[]"), Act::json(r#"{"paused":true}"#), Act::json("{}"), Act::json("[]")]).await;
    let setting = RasaSetting { token: Some(Secret::new("eyJhbGci.eyJ1c2Vy.c2ln".into())), ..setting(&stub) };
    let _nothing = ask(&Rasa::new(&setting, &stub.guard(), http()).unwrap(), &turn("你好")).await;
    let seen = stub.seen();
    assert_eq!(seen.len(), 4);
    for seen in seen {
        assert!(!seen.line.contains("token="), "{}", seen.line);
        assert_eq!(seen.header("authorization"), Some("Bearer eyJhbGci.eyJ1c2Vy.c2ln"));
    }
}

#[tokio::test]
async fn orders_are_for_buttons_and_what_says_nothing_is_not_asked() {
    for (text, chosen, heard) in [
        (r#"/choose{"card": "credit"}"#, true, r#"/choose{"card": "credit"}"#),
        (r#"/choose{"card": "credit"}"#, false, r#"choose{"card": "credit"}"#),
        ("/ \u{1c}//restart", false, "restart"),
        ("2026/11/26", false, "2026/11/26"),
    ] {
        let stub = Stub::start([Act::json(HELLO)]).await;
        let _greeted = ask(&robot(&stub), &Turn { chosen, ..turn(text) }).await;
        assert_eq!(stub.seen()[0].json()["message"], heard);
    }
    let stub = Stub::start([]).await;
    assert_eq!(ask(&robot(&stub), &turn(" / ")).await.1.unwrap().outcome, Outcome::Nothing);
}

#[tokio::test]
async fn settings_are_checked() {
    let stub = Stub::start([]).await;
    let good = RasaSetting { token: None, ..setting(&stub) };
    assert!(Rasa::new(&good, &stub.guard(), http()).is_ok());
    let bad = RasaSetting { channel: "../x".into(), ..good };
    assert_eq!(Rasa::new(&bad, &stub.guard(), http()).unwrap_err().key, "channel");
}
