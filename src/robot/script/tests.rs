//! Rules that answer, and rules that are none.

use super::super::stub::{heard, texts, turn};
use super::super::turn::{Outcome, RobotEvent};
use super::*;

const RULES: &str = r#"
[[rule]]
when = "^(你好|hi)"
say = ["您好", "请问有什么可以帮您？"]

[[rule]]
when = "人工"
say = ["为您转接"]
handoff = { reason = "要求人工", queue = "loan", slots = { amount = "100" } }

[[rule]]
when = "哪"
clarify = { prompt = "您想问？", options = ["贷款", "信用卡"] }

[[rule]]
when = "慢"
delay_ms = 60_000
say = ["……"]

[[rule]]
when = "再见"
end = "customer said goodbye"
"#;

async fn answers(text: &str) -> (Vec<RobotEvent>, Result<Finish, RobotError>) {
    let script = Script::new(&ScriptSetting { rules: RULES.into() }).unwrap();
    let turn = turn(text);
    heard(async |out, stop| script.turn(&turn, Line::open(&turn, out, &stop, super::super::MAX_TIMEOUT)).await).await
}

#[tokio::test]
async fn the_first_rule_that_matches_answers() {
    let outcome = async |text| answers(text).await.1.unwrap().outcome;
    assert_eq!(texts(&answers("你好，人工").await.0).0, ["您好", "请问有什么可以帮您？"]);
    assert_eq!(outcome("转人工").await, Outcome::HandedOver);
    assert_eq!(outcome("再见").await, Outcome::Ended);
    assert_eq!(outcome("天气").await, Outcome::Nothing);
    let asked = answers("哪个").await.0;
    assert!(matches!(asked.last(), Some(RobotEvent::Clarify { options, .. }) if options.len() == 2), "{asked:?}");
    let wished = answers("人工").await.0;
    assert!(matches!(wished.last(), Some(RobotEvent::Handoff(wish)) if wish.slots["amount"] == "100"), "{wished:?}");
}

#[tokio::test]
async fn a_slow_rule_meets_the_deadline() {
    let script = Script::new(&ScriptSetting { rules: RULES.into() }).unwrap();
    let mut turn = turn("慢");
    turn.deadline = tokio::time::Instant::now() + Duration::from_millis(50);
    let (events, finish) =
        heard(async |out, stop| script.turn(&turn, Line::open(&turn, out, &stop, super::super::MAX_TIMEOUT)).await)
            .await;
    assert!(matches!(finish, Err(RobotError::Late)), "{finish:?}");
    assert_eq!(events, [RobotEvent::Typing]);
}

#[test]
fn wrong_rules_are_named() {
    for (rules, problem) in [
        ("[[rule]]\nsay = ['x']\n[[rule]]\nwhen = '('", "number 2"),
        ("[[rule]]\nsya = ['x']", "unknown field"),
        ("[[rule]]\ndelay_ms = 60001", "delay_ms"),
        ("[[rule]]\nwhen = '(((((a{100}){100}){100}){100}){100})'", "number 1"),
        ("rule", ""),
    ] {
        let error = Script::new(&ScriptSetting { rules: rules.into() }).unwrap_err();
        assert!(error.problem.contains(problem), "{rules}: {error}");
    }
    assert!(Script::new(&ScriptSetting { rules: "[[rule]]\n".repeat(201) }).is_err());
    assert!(Script::new(&ScriptSetting { rules: "#".repeat(70_000) }).is_err());
}
