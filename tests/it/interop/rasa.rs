//! A real Rasa server, as it was recorded.
//!
//! `YIZHAN_TEST_RASA=127.0.0.1:5005` records it anew; see `docs/examples/rasa/README.md`.

use std::time::Duration;

use serde_json::json;
use yizhan::model::id::{ConversationId, SessionId};
use yizhan::model::robot::{RasaSetting, RobotSetting};
use yizhan::model::secret::Secret;
use yizhan::robot::{Adapter, Choice, Outcome, RobotEvent, Turn};

use super::recorded::Recorded;
use super::robot::{answered, said, turn};

/// The key of the server that was recorded.
const TOKEN: &str = "t0ken";
/// The conversations of the story.
const CONVERSATIONS: [&str; 2] = ["c_01M8C2NWB00858NRETJ383Z2ZZ", "c_01M8C2P5K6AMHP1XF0D3HFP8P8"];
const SESSION: &str = "s_01M8C2NWBVPENR9RFTDA94W794";

fn robot(server: &Recorded, token: &str) -> Adapter {
    server.robot(&RobotSetting::Rasa(RasaSetting {
        url: server.url(""),
        channel: "rest".into(),
        token: Some(Secret::new(token.into())),
        timeout: Duration::from_secs(20),
    }))
}

/// What the server says at an address of its own; to its tracker what an action of the assistant's own would say.
async fn asks(server: &Recorded, path: &str, event: Option<&str>) {
    let address = server.url(path);
    let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
    let request = match event {
        Some(event) => client.post(address).body(json!({ "event": event }).to_string()),
        None => client.get(address).header("content-length", "0"),
    };
    let reply = request.header("content-type", "application/json").send().await.unwrap();
    assert_eq!(reply.status(), 200, "{path}");
    let version = reply.text().await.unwrap();
    assert!(event.is_some() || version.contains(r#""version":"3."#), "{version}");
}

/// Tells the robot something in the first or second conversation.
async fn tell(robot: &Adapter, place: usize, text: &str) -> (Vec<RobotEvent>, Outcome) {
    let (events, finish) = answered(robot, asked(place, text)).await;
    (events, finish.expect("an answer").outcome)
}

fn asked(place: usize, text: &str) -> Turn {
    let conv: ConversationId = CONVERSATIONS[place].parse().unwrap();
    let session: SessionId = SESSION.parse().unwrap();
    Turn { conv, session, context: Vec::new(), ..turn(text) }
}

#[tokio::test]
async fn a_real_assistant_answers_asks_remembers_and_hands_over() {
    let server = Recorded::starts("rasa", "YIZHAN_TEST_RASA").await;
    let robot = robot(&server, TOKEN);
    asks(&server, "/version", None).await;

    assert_eq!(said(&tell(&robot, 0, "你好").await.0), ["您好，我是示例银行的助手。"]);

    // Several messages and a picture.
    let (events, _) = tell(&robot, 0, "几点上班").await;
    let rest = "网点分布：\n\n[图片] https://bank.example/map.png\n\n节假日以网点公告为准。";
    assert_eq!(said(&events), ["工作日 9:00-17:00。", "周末 10:00-16:00。", rest]);

    // Buttons, and what comes back of them; a customer cannot give the button's order.
    let (events, _) = tell(&robot, 0, "有哪些卡").await;
    let Some(RobotEvent::Clarify { prompt, options }) = events.last() else { panic!("{events:?}") };
    assert_eq!(prompt, "您想了解哪种卡？");
    let choice = |key: &str, label: &str| Choice { key: key.into(), label: label.into() };
    let offered = [r#"/choose_card{"card": "credit"}"#, r#"/choose_card{"card": "debit"}"#];
    assert_eq!(options, &[choice(offered[0], "信用卡"), choice(offered[1], "借记卡")]);
    let _taken_for_words = tell(&robot, 0, offered[1]).await;
    assert_eq!(said(&tell(&robot, 0, "额度是多少").await.0), ["请先告诉我是哪种卡。"]);
    let (events, _) = answered(&robot, Turn { chosen: true, ..asked(0, offered[0]) }).await;
    assert_eq!(said(&events), ["好的，记住了。"]);

    // It remembers by the conversation, and keeps two of them apart.
    assert_eq!(said(&tell(&robot, 0, "额度是多少").await.0), ["信用卡额度最高 50000 元。"]);
    assert_eq!(said(&tell(&robot, 1, "额度是多少").await.0), ["请先告诉我是哪种卡。"]);

    // A form, a hand-over with what it found out, and words before it.
    assert_eq!(said(&tell(&robot, 0, "我要转账").await.0), ["转账多少元？"]);
    assert_eq!(said(&tell(&robot, 0, "1,000.50").await.0), ["收款人是谁？"]);
    let (events, outcome) = tell(&robot, 0, "Zhang San").await;
    assert_eq!(outcome, Outcome::HandedOver);
    assert_eq!(said(&events), ["向 Zhang San 转账 1,000.50 元需要人工核实，正在为您转接。"]);
    let Some(RobotEvent::Handoff(wish)) = events.last() else { panic!("{events:?}") };
    let queue = wish.queue.as_ref().map(ToString::to_string);
    assert_eq!(
        (wish.reason.as_str(), wish.summary.as_str(), queue.as_deref()),
        ("转账核实", "客户要转账", Some("service"))
    );
    let slots: Vec<(&str, &str)> = wish.slots.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(slots, [("amount", "1,000.50"), ("payee", "Zhang San")]);
    let (events, outcome) = tell(&robot, 0, "让你们经理来").await;
    assert_eq!(outcome, Outcome::HandedOver);
    assert!(matches!(events.last(), Some(RobotEvent::Handoff(wish)) if wish.reason == "custom.handoff"), "{events:?}");

    // It says nothing, and it understands nothing.
    assert_eq!(tell(&robot, 0, "嗯嗯").await.1, Outcome::Nothing);
    assert_eq!(said(&tell(&robot, 0, "火星上有水吗").await.0), ["抱歉，我没有听懂。"]);

    // It has paused itself for a person. With a wrong key it stays silent, since the channel asks for none and the tracker for
    // the right one; otherwise it is woken, and asked again.
    let tracker = format!("/conversations/{}/tracker/events?include_events=NONE&token={TOKEN}", CONVERSATIONS[0]);
    asks(&server, &tracker, Some("pause")).await;
    assert_eq!(tell(&self::robot(&server, "wr0ng"), 0, "你好").await.1, Outcome::Nothing);
    assert_eq!(said(&tell(&robot, 0, "你好").await.0), ["您好，我是示例银行的助手。"]);
}
