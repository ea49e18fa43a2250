//! fakellm plays a model, the openai package says what it may be asked, standardwebhooks verifies and signs.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;
use yizhan::clock::Clock;
use yizhan::model::id::{ConversationId, SessionId, TenantId};
use yizhan::model::robot::{OpenAiSetting, RobotSetting, WebhookSetting};
use yizhan::model::secret::Secret;
use yizhan::model::time::Millis;
use yizhan::robot::webhook::{Refused, Signed, SigningKeys, verify};
use yizhan::robot::{
    Adapter, Caps, Finish, Guard, Http, Lookup, Outcome, Passage, Permit, RobotError, RobotEvent, Turn,
};
use yizhan::runtime::Stop;

use super::interpreter;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const CAPS: Caps = Caps { streaming: true, rich: true, max_options: 5 };

/// The running server.
struct Server {
    child: Child,
    said: Value,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Server {
    async fn start(argument: Value) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/robot_server.py");
        tokio::task::spawn_blocking(move || {
            let mut command = Command::new(interpreter());
            command.arg(script).arg(argument.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut child = command.spawn().expect("the script starts");
            let mut line = String::new();
            BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
            let said = serde_json::from_str(&line).unwrap_or_else(|_| panic!("it prints {line:?}"));
            Self { child, said }
        })
        .await
        .unwrap()
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.said["port"])
    }

    fn robot(&self, setting: &RobotSetting) -> Adapter {
        let permit = Permit::parse(&format!("127.0.0.1:{}", self.said["port"])).unwrap();
        let http = Http::new(&Lookup::System).unwrap();
        Adapter::new(setting, &Guard::new(vec![permit], &[]), &http, &Clock::system()).unwrap()
    }
}

pub fn turn(text: &str) -> Turn {
    let now = Clock::system().now();
    Turn {
        tenant: TenantId::parse("demo").unwrap(),
        conv: ConversationId::generate(now),
        session: SessionId::generate(now),
        epoch: 3,
        seq: 1,
        text: text.into(),
        chosen: false,
        locale: "zh-CN".into(),
        history: Vec::new(),
        context: vec![Passage { title: "如何还款".into(), text: "在手机银行还款。".into() }],
        memory: None,
        deadline: Instant::now() + Duration::from_secs(20),
        caps: CAPS,
    }
}

async fn ask(robot: &Adapter, text: &str) -> (Vec<RobotEvent>, Result<Finish, RobotError>) {
    answered(robot, turn(text)).await
}

pub async fn answered(robot: &Adapter, turn: Turn) -> (Vec<RobotEvent>, Result<Finish, RobotError>) {
    let (out, mut ears) = mpsc::channel(8);
    let mut events = Vec::new();
    let listening = async {
        while let Some(event) = ears.recv().await {
            events.push(event);
        }
    };
    let stop = Stop::new();
    let (finish, ()) = tokio::join!(robot.turn(turn, out, &stop), listening);
    (events, finish)
}

pub fn said(events: &[RobotEvent]) -> Vec<&str> {
    let answers = events.iter().filter_map(|event| match event {
        RobotEvent::Message(answer) => Some(answer.parts()),
        _ => None,
    });
    answers.flatten().map(String::as_str).collect()
}

#[tokio::test]
async fn a_model_of_other_people_answers_and_hands_over() {
    let rules = json!([
        {"name": "person", "when": {"messages_contain": "转人工啊", "tools_include": "transfer_to_human"}, "respond": {"tool_calls": [
            {"name": "transfer_to_human", "arguments": {"reason": "客户要求", "queue": "loan", "summary": "想提前还款 😀"}}]}},
        {"name": "passage", "when": {"messages_contain": "在手机银行还款。"}, "respond": {"content": "您 可以 在 手机银行 还款 。"}},
    ]);
    let server = Server::start(json!({"rules": rules, "secret": SECRET, "later": {}})).await;
    let robot = server.robot(&RobotSetting::OpenAi(OpenAiSetting {
        url: server.url("/v1"),
        model: "gpt-4o-mini".into(),
        key: Some(Secret::new("sk-x".into())),
        prompt: "你是客服。".into(),
        require_context: true,
        temperature: Some(0.1),
        max_tokens: Some(300),
        timeout: Duration::from_secs(20),
    }));
    let (events, finish) = ask(&robot, "怎么还款？").await;
    assert_eq!(finish.unwrap().outcome, Outcome::Answered);
    assert_eq!(said(&events), ["您 可以 在 手机银行 还款 。"]);
    let deltas = events.iter().filter(|event| matches!(event, RobotEvent::Delta(_))).count();
    assert_eq!(deltas, 6, "it grows word by word");

    let (events, finish) = ask(&robot, "转人工啊").await;
    assert_eq!(finish.unwrap().outcome, Outcome::HandedOver);
    let Some(RobotEvent::Handoff(wish)) = events.last() else { panic!("{events:?}") };
    assert_eq!((wish.reason.as_str(), wish.summary.as_str()), ("客户要求", "想提前还款 😀"));
}

#[tokio::test]
async fn the_library_of_standard_webhooks_takes_our_signature_and_we_take_its() {
    let session = SessionId::generate(Clock::system().now());
    let later = json!({"session": session, "epoch": 3, "messages": ["稍后的回答"]});
    let server = Server::start(json!({"rules": [], "secret": SECRET, "later": later})).await;
    let setting = |secret: &str, previous: Option<&str>| {
        RobotSetting::Webhook(WebhookSetting {
            url: server.url("/bot"),
            secret: Secret::new(secret.into()),
            secret_previous: previous.map(|previous| Secret::new(previous.into())),
            timeout: Duration::from_secs(20),
        })
    };
    let new = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for (secret, previous) in [(SECRET, None), (new, Some(SECRET))] {
        let (events, finish) = ask(&server.robot(&setting(secret, previous)), "你好").await;
        assert_eq!((said(&events), finish.unwrap().outcome), (vec!["echo: 你好"], Outcome::Answered));
    }
    let (_, refused) = ask(&server.robot(&setting(new, None)), "你好").await;
    assert!(matches!(refused, Err(RobotError::Refused { status: 401, .. })), "{refused:?}");

    let text = |name: &str| server.said[name].as_str().unwrap();
    let signed = Signed { id: text("id"), timestamp: text("timestamp"), signature: text("signature") };
    let keys = SigningKeys::new(&Secret::new(SECRET.into()), None).unwrap();
    let now = Clock::system().now();
    let answer = verify(&signed, text("body").as_bytes(), &keys, now).unwrap();
    assert_eq!((answer.session, answer.epoch), (session, 3));
    assert_eq!(said(&answer.into_events(CAPS)), ["稍后的回答"]);
    let late = Millis(now.0 + 600_000);
    assert_eq!(verify(&signed, text("body").as_bytes(), &keys, late), Err(Refused::Time));
}
