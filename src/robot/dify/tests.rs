//! Streams written byte by byte after Dify's own page about its API.

use std::time::Duration;

use super::super::stub::{Act, Stub, heard, http, stream_head, texts, turn};
use super::super::turn::{Outcome, RobotEvent};
use super::*;
use crate::model::secret::Secret;

const IDS: &str = r#""task_id": "900bbd43-dc0b-4383-a372-aa6e6c414227", "message_id": "663c5084", "conversation_id": "45701982-8118-4bc5-8e9b-64562b4555f2""#;

/// An event as the page shows it.
fn event(name: &str, rest: &str) -> String {
    format!("data: {{\"event\": \"{name}\", {IDS}{rest}, \"created_at\": 1679586595}}\n\n")
}

fn end() -> String {
    event(
        "message_end",
        r#", "id": "5e52ce04", "metadata": {"usage": {"prompt_tokens": 1033, "total_tokens": 1168, "latency": 1.38}, "retriever_resources": []}"#,
    )
}

fn robot(stub: &Stub) -> Dify {
    let setting = DifySetting {
        url: format!("{}/v1", stub.base),
        key: Secret::new("app-12345".into()),
        inputs: BTreeMap::from([("brand".into(), "驿站".into())]),
        handoff_variable: "handoff".into(),
        timeout: Duration::from_secs(10),
    };
    Dify::new(&setting, &stub.guard(), http()).unwrap()
}

async fn answers(stream: &str) -> (Vec<RobotEvent>, Result<Finish, RobotError>) {
    let stub = Stub::start([Act::stream(stream, 13)]).await;
    let (robot, turn) = (robot(&stub), turn("你好"));
    heard(async |out, stop| robot.turn(&turn, Line::open(&turn, out, &stop, robot.timeout)).await).await
}

#[tokio::test]
async fn a_text_grows_and_the_conversation_is_remembered() {
    let message = |text: &str| event("message", &format!(r#", "answer": "{text}""#));
    let stream = format!(
        "{}event: ping\n\n{}{}{}",
        message("我很"),
        message("高兴"),
        event("tts_message", r#", "audio": "qqqq""#),
        end()
    );
    let (events, finish) = answers(&stream).await;
    assert_eq!(finish.unwrap(), Finish { outcome: Outcome::Answered, cut: false, tokens: Some(1168) });
    assert_eq!(texts(&events), (vec!["我很高兴".into()], "我很高兴".into()));
    assert!(events.contains(&RobotEvent::Memory("45701982-8118-4bc5-8e9b-64562b4555f2".into())));
}

#[tokio::test]
async fn what_is_asked() {
    let stub = Stub::start([Act::stream(&end(), 100)]).await;
    let (robot, mut turn) = (robot(&stub), turn("你好"));
    turn.memory = Some("45701982-8118-4bc5-8e9b-64562b4555f2".into());
    let (_, finish) =
        heard(async |out, stop| robot.turn(&turn, Line::open(&turn, out, &stop, robot.timeout)).await).await;
    assert_eq!(finish.unwrap().outcome, Outcome::Nothing);
    let seen = stub.seen().remove(0);
    assert_eq!(seen.line, "POST /v1/chat-messages HTTP/1.1");
    assert_eq!(seen.header("authorization"), Some("Bearer app-12345"));
    let expected = json!({
        "inputs": {"brand": "驿站"}, "query": "你好", "response_mode": "streaming", "conversation_id": "45701982-8118-4bc5-8e9b-64562b4555f2",
        "user": turn.conv, "auto_generate_name": false,
    });
    assert_eq!(seen.json(), expected);
}

#[tokio::test]
async fn moderation_replaces_what_was_shown() {
    let stream = [
        event("agent_message", r#", "answer": "不该说的""#),
        event("message_replace", r#", "answer": "请换个说法。""#),
        end(),
    ];
    let (events, _) = answers(&stream.concat()).await;
    assert_eq!(texts(&events), (vec!["请换个说法。".into()], "不该说的".into()));
}

#[tokio::test]
async fn a_variable_or_a_tool_asks_for_a_person() {
    let finished = |outputs: &str| {
        event(
            "node_finished",
            &format!(
                r#", "workflow_run_id": "w", "data": {{"id": "n", "node_type": "code", "outputs": {outputs}, "status": "succeeded"}}"#
            ),
        )
    };
    let object = r#"{"handoff": {"reason": "投诉", "queue": "vip", "summary": "s"}}"#;
    for (stream, reason) in [
        (finished(r#"{"handoff": true}"#), "dify"),
        (finished(r#"{"handoff": 1}"#), "dify"),
        (finished(r#"{"handoff": "要求人工"}"#), "要求人工"),
        (finished(object), "投诉"),
        (
            event(
                "agent_thought",
                r#", "id": "a", "position": 1, "thought": "", "observation": "", "tool": "search;transfer_to_human", "tool_input": "{\"search\": {}, \"transfer_to_human\": {\"reason\": \"盗刷\"}}""#,
            ),
            "盗刷",
        ),
        (
            event("agent_thought", r#", "id": "a", "position": 1, "tool": "transfer_to_human", "tool_input": "x""#),
            "transfer_to_human",
        ),
    ] {
        let (events, finish) = answers(&(stream + &end())).await;
        assert_eq!(finish.unwrap().outcome, Outcome::HandedOver, "{reason}");
        assert!(matches!(events.last(), Some(RobotEvent::Handoff(wish)) if wish.reason == reason), "{events:?}");
    }
    for outputs in [
        r#"{"handoff": false}"#,
        r#"{"handoff": 0}"#,
        r#"{"handoff": ""}"#,
        r#"{"handoff": "false"}"#,
        r#"{"other": true}"#,
        "null",
    ] {
        assert_eq!(answers(&(finished(outputs) + &end())).await.1.unwrap().outcome, Outcome::Nothing, "{outputs}");
    }
}

#[tokio::test]
async fn errors_in_the_stream_and_before_it() {
    let error = |status: u16| {
        event("error", &format!(r#", "status": {status}, "code": "provider_quota_exceeded", "message": "no quota""#))
    };
    let refused = answers(&error(400)).await.1.unwrap_err();
    assert_eq!(refused.to_string(), "the robot refused (HTTP status 400): provider_quota_exceeded: no quota");
    assert!(answers(&error(500)).await.1.unwrap_err().retry());
    assert!(matches!(answers(&error(429)).await.1, Err(RobotError::Busy { .. })));
    assert!(matches!(answers(&event("message", r#", "answer": "半""#)).await.1, Err(RobotError::Broken(None))));
    assert!(matches!(answers("data: <html>\n\n").await.1, Err(RobotError::Garbled(_))));
}

#[tokio::test]
async fn a_conversation_that_is_over_there_is_begun_anew() {
    let refused = |line: &str, body: &str| Act::status(line, "application/json", body);
    for over in [
        refused("404 NOT FOUND", r#"{"code":"not_found","message":"Conversation Not Exists.","status":404}"#),
        refused(
            "400 BAD REQUEST",
            r#"{"code":"conversation_completed","message":"The conversation has ended. Please start a new conversation.","status":400}"#,
        ),
    ] {
        let stub = Stub::start([over, Act::stream(&(event("message", r#", "answer": "您好""#) + &end()), 100)]).await;
        let (robot, mut turn) = (robot(&stub), turn("你好"));
        turn.memory = Some("45701982-8118-4bc5-8e9b-64562b4555f2".into());
        let (events, _) =
            heard(async |out, stop| robot.turn(&turn, Line::open(&turn, out, &stop, robot.timeout)).await).await;
        assert_eq!(texts(&events).0, ["您好"]);
        assert_eq!(stub.seen()[1].json()["conversation_id"], "");
    }
}

#[tokio::test]
async fn another_robots_memory_is_not_taken_for_a_conversation() {
    let stub = Stub::start([Act::stream(&end(), 100)]).await;
    let (robot, mut turn) = (robot(&stub), turn("你好"));
    turn.memory = Some("step-2".into());
    let _nothing = heard(async |out, stop| robot.turn(&turn, Line::open(&turn, out, &stop, robot.timeout)).await).await;
    assert_eq!(stub.seen()[0].json()["conversation_id"], "");
}

#[tokio::test]
async fn what_a_model_thinks_aloud_is_not_said() {
    let message = |text: &str| event("message", &format!(r#", "answer": "{text}""#));
    let stream = ["<think>客户想", "还款。</th", "ink>\\n\\n在手机", "银行还款。"].map(message).concat() + &end();
    let (events, _) = answers(&stream).await;
    assert_eq!(texts(&events), (vec!["在手机银行还款。".into()], "\n\n在手机银行还款。".into()));
    let replaced =
        event("message_replace", r#", "answer": "<think>x</think>请换个说法。", "reason": "output_moderation""#);
    assert_eq!(texts(&answers(&(message("<think>不") + &replaced + &end())).await.0).0, ["请换个说法。"]);
    assert_eq!(texts(&answers(&(message("<th") + &end())).await.0).0, ["<th"], "what only looks like it is said");
}

#[tokio::test]
async fn a_flow_that_waits_for_somebody_asks_for_a_person() {
    let paused = event(
        "workflow_paused",
        r#", "workflow_run_id": "w", "data": {"outputs": {}, "reasons": [], "status": "paused"}"#,
    );
    let (events, finish) = answers(&(event("message", r#", "answer": "请稍候""#) + &paused)).await;
    assert_eq!((texts(&events).0, finish.unwrap().outcome), (vec!["请稍候".into()], Outcome::HandedOver));
}

#[tokio::test]
async fn a_stop_and_a_deadline_stop_the_application() {
    for late in [false, true] {
        let begun = [stream_head(), event("message", r#", "answer": "我""#).as_bytes()].concat();
        let mut stub = Stub::start([Act::Hold(begun), Act::json(r#"{"result":"success"}"#)]).await;
        let (robot, mut turn) = (robot(&stub), turn("？"));
        if late {
            turn.deadline = Instant::now() + Duration::from_millis(400);
        }
        let stop = Stop::new();
        let (out, mut ears) = mpsc::channel(8);
        let watch = async {
            while !matches!(ears.recv().await, None | Some(RobotEvent::Delta(_))) {}
            if !late {
                stop.cancel();
            }
            while ears.recv().await.is_some() {}
        };
        let (finish, ()) = tokio::join!(robot.turn(&turn, Line::open(&turn, out, &stop, robot.timeout)), watch);
        let expected = if late { "Err(Late)" } else { "Err(Stopped)" };
        assert_eq!(format!("{finish:?}"), expected);
        stub.closed().await;
        let seen = stub.seen();
        assert_eq!(seen[1].line, "POST /v1/chat-messages/900bbd43-dc0b-4383-a372-aa6e6c414227/stop HTTP/1.1");
        assert_eq!(seen[1].json(), json!({"user": turn.conv}));
    }
}
