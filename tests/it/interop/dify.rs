//! Dify's own classes of its service API, as they were recorded: the checks of a request, the events of a stream, and the
//! errors are theirs; what an application answers was put in. See `docs/robots.md`.

use std::collections::BTreeMap;
use std::time::Duration;

use yizhan::model::id::{ConversationId, SessionId};
use yizhan::model::robot::{DifySetting, RobotSetting};
use yizhan::model::secret::Secret;
use yizhan::robot::{Adapter, Handoff, Outcome, RobotError, RobotEvent, Turn};

use super::recorded::Recorded;
use super::robot::{answered, said, turn};

const CONVERSATION: &str = "45701982-8118-4bc5-8e9b-64562b4555f2";

fn robot(server: &Recorded, key: &str) -> Adapter {
    server.robot(&RobotSetting::Dify(DifySetting {
        url: server.url("/v1"),
        key: Secret::new(key.into()),
        inputs: BTreeMap::from([("brand".into(), "驿站".into())]),
        handoff_variable: "handoff".into(),
        timeout: Duration::from_secs(20),
    }))
}

fn asked(text: &str, memory: Option<&str>) -> Turn {
    let conv: ConversationId = "c_01M8C2NWB00858NRETJ383Z2ZZ".parse().unwrap();
    let session: SessionId = "s_01M8C2NWBVPENR9RFTDA94W794".parse().unwrap();
    Turn { conv, session, context: Vec::new(), memory: memory.map(str::to_owned), ..turn(text) }
}

async fn hands_over(robot: &Adapter, text: &str) -> (Vec<RobotEvent>, Handoff) {
    let (mut events, finish) = answered(robot, asked(text, None)).await;
    assert_eq!(finish.unwrap().outcome, Outcome::HandedOver);
    let Some(RobotEvent::Handoff(wish)) = events.pop() else { panic!("{events:?}") };
    (events, wish)
}

#[tokio::test]
async fn the_events_and_refusals_of_dify_are_understood() {
    let server = Recorded::starts("dify", "YIZHAN_TEST_DIFY").await;
    let robot = robot(&server, "app-12345");

    // A flow whose model thinks aloud; the conversation is remembered.
    let (events, finish) = answered(&robot, asked("怎么还款？", None)).await;
    let finish = finish.unwrap();
    assert_eq!((finish.outcome, finish.tokens), (Outcome::Answered, Some(1168)));
    assert_eq!(said(&events), ["您可以在手机银行还款。"]);
    assert!(events.contains(&RobotEvent::Memory(CONVERSATION.into())), "{events:?}");
    let (events, _) = answered(&robot, asked("你好", Some(CONVERSATION))).await;
    assert_eq!(said(&events), ["没有听懂：你好"]);

    // A conversation that was deleted, and one that has ended, are begun anew.
    for over in ["00000000-0000-0000-0000-000000000404", "00000000-0000-0000-0000-000000000400"] {
        let (events, _) = answered(&robot, asked("你好", Some(over))).await;
        assert_eq!(said(&events), ["没有听懂：你好"]);
        assert!(events.contains(&RobotEvent::Memory(CONVERSATION.into())), "{events:?}");
    }

    // A node's variable and an agent's tool ask for a person; moderation takes back what was shown.
    let (events, wish) = hands_over(&robot, "我要投诉他们").await;
    assert_eq!(said(&events), ["正在为您转接。"]);
    assert_eq!(
        (wish.reason.as_str(), wish.summary.as_str(), wish.slots["amount"].as_str()),
        ("投诉", "客户要投诉", "100")
    );
    let (events, wish) = hands_over(&robot, "卡被盗刷了").await;
    assert_eq!((said(&events), wish.reason.as_str()), (vec!["我来帮您转接。"], "盗刷"));
    assert_eq!(said(&answered(&robot, asked("说句坏话", None)).await.0), ["请换个说法。"]);

    // Faults within the stream, and before it.
    for (text, words) in [
        (
            "额度用完了",
            "the robot refused (HTTP status 400): provider_quota_exceeded: Your quota for Dify Hosted Model",
        ),
        ("失败", "the robot refused (HTTP status 400): invalid_param: Run failed: node code failed"),
        ("出错", "the robot failed: internal_server_error: Internal Server Error, please contact support."),
        ("太多", "the robot is busy"),
        ("没有模型", "the robot refused (HTTP status 400): Provider Token Not Init"),
    ] {
        let error = answered(&robot, asked(text, None)).await.1.unwrap_err();
        assert!(error.to_string().starts_with(words), "{text}: {error}");
    }
    for (key, status) in [("app-wrong", 401), ("app-disabled", 403)] {
        let error = answered(&self::robot(&server, key), asked("你好", None)).await.1.unwrap_err();
        assert!(matches!(error, RobotError::Refused { status: given, .. } if given == status), "{error}");
    }
}
