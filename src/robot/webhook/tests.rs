//! The signature with the vector of the specification, answers at once and later, and forged ones.

use std::time::Duration;

use super::super::stub::{Act, Stub, heard, http, texts, turn};
use super::super::turn::{Caps, Choice, Outcome, RobotEvent};
use super::*;
use crate::model::secret::Secret;
use crate::model::time::Millis;

/// The example of the specification.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx";
const CAPS: Caps = Caps { streaming: false, rich: false, max_options: 3 };

fn keys(secret: &str) -> SigningKeys {
    SigningKeys::new(&Secret::new(secret.into()), None).unwrap()
}

fn robot(stub: &Stub) -> Webhook {
    let setting = WebhookSetting {
        url: format!("{}/bot?tenant=acme", stub.base),
        secret: Secret::new(SECRET.into()),
        secret_previous: Some(Secret::new(OTHER.into())),
        timeout: Duration::from_secs(10),
    };
    Webhook::new(&setting, &stub.guard(), http(), Clock::system()).unwrap()
}

async fn answers(act: Act) -> (Vec<RobotEvent>, Result<Finish, RobotError>) {
    let stub = Stub::start([act]).await;
    let (robot, turn) = (robot(&stub), turn("你好"));
    heard(async |out, stop| robot.turn(&turn, Line::open(&turn, out, &stop, robot.timeout)).await).await
}

#[test]
fn the_signature_is_that_of_the_specification() {
    let body = br#"{"test": 2432232314}"#;
    let signature = keys(SECRET).sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
    assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[tokio::test]
async fn a_turn_is_posted_signed_with_both_keys() {
    let stub = Stub::start([Act::json("{}")]).await;
    let (robot, turn) = (robot(&stub), turn("你好"));
    let (_, finish) =
        heard(async |out, stop| robot.turn(&turn, Line::open(&turn, out, &stop, robot.timeout)).await).await;
    assert_eq!(finish.unwrap().outcome, Outcome::Nothing);
    let seen = stub.seen().remove(0);
    assert_eq!(seen.line, "POST /bot?tenant=acme HTTP/1.1");
    let header = |name| seen.header(name).unwrap();
    assert_eq!(header("webhook-id"), format!("turn_{}_7_3", turn.conv));
    let signed = Signed {
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp"),
        signature: header("webhook-signature"),
    };
    assert!(keys(SECRET).signed(&signed, &seen.body) && keys(OTHER).signed(&signed, &seen.body));
    let body = seen.json();
    assert_eq!((&body["type"], &body["data"]["epoch"]), (&json!("robot.turn"), &json!(3)));
    assert_eq!(body["data"]["text"], "你好");
}

#[tokio::test]
async fn answers_at_once() {
    let body = r#"{"messages":["一","二"],"clarify":{"prompt":"哪个？","options":[{"key":"a","label":"甲"},{"label":"乙"}]},
        "memory":"m1","handoff":{"reason":"r","queue":"vip"},"end":{"reason":"over"}}"#;
    let (events, finish) = answers(Act::json(body)).await;
    assert_eq!(finish.unwrap().outcome, Outcome::HandedOver);
    assert_eq!(texts(&events).0, ["一", "二"]);
    let options = vec![Choice { key: "a".into(), label: "甲".into() }, Choice { key: "乙".into(), label: "乙".into() }];
    assert!(events.contains(&RobotEvent::Clarify { prompt: "哪个？".into(), options }));
    assert!(events.contains(&RobotEvent::Memory("m1".into())));
    assert_eq!(events.last(), Some(&RobotEvent::End { reason: "over".into() }));
}

#[tokio::test]
async fn answers_later_and_none() {
    let (_, later) = answers(Act::status("202 Accepted", "text/plain", "")).await;
    assert_eq!(later.unwrap().outcome, Outcome::Later);
    let (_, none) = answers(Act::Pieces(vec![b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n".to_vec()])).await;
    assert_eq!(none.unwrap().outcome, Outcome::Nothing);
    for body in ["", "ok", r#"{"messages":"x"}"#, r#"{"messages":["x"],"epoch":2}"#] {
        let (events, wrong) = answers(Act::json(body)).await;
        assert!(matches!(wrong, Err(RobotError::Garbled(_))) && texts(&events).0.is_empty(), "{body}");
    }
    let (_, gone) = answers(Act::status("410 Gone", "text/plain", "")).await;
    assert!(matches!(gone, Err(RobotError::Refused { status: 410, .. })));
}

/// A call of the tenant's program, signed with `secret` at `seconds`.
fn call(body: &str, secret: &str, seconds: i64) -> Result<AsyncAnswer, Refused> {
    let signature = keys(secret).sign("msg_1", seconds, body.as_bytes());
    let timestamp = seconds.to_string();
    let signed = Signed { id: "msg_1", timestamp: &timestamp, signature: &signature };
    verify(&signed, body.as_bytes(), &keys(SECRET), Millis::from_seconds(1_000_000))
}

#[test]
fn a_later_answer_names_its_session_and_epoch() {
    let session = turn("").session;
    let body = format!(
        r#"{{"session":"{session}","epoch":3,"messages":["{}"],"handoff":{{"reason":"r"}}}}"#,
        "长".repeat(5_000)
    );
    let answer = call(&body, SECRET, 1_000_000).unwrap();
    assert_eq!((answer.id.as_str(), answer.session, answer.epoch), ("msg_1", session, 3));
    let events = answer.into_events(CAPS);
    assert_eq!(texts(&events).0[0].chars().count(), 2_000);
    assert!(matches!(events.last(), Some(RobotEvent::Handoff(_))));
}

#[test]
fn forged_old_and_shapeless_calls_are_refused() {
    let session = turn("").session;
    let body = format!(r#"{{"session":"{session}","epoch":3}}"#);
    assert!(call(&body, SECRET, 1_000_000 - 300).is_ok() && call(&body, SECRET, 1_000_000 + 300).is_ok());
    assert_eq!(call(&body, OTHER, 1_000_000), Err(Refused::Signature));
    for seconds in [1_000_000 - 301, 1_000_000 + 301, 0, i64::MAX, i64::MIN] {
        assert_eq!(call(&body, SECRET, seconds), Err(Refused::Time), "{seconds}");
    }
    for wrong in
        ["{}", "[]", "", r#"{"epoch":3}"#, &format!(r#"{{"session":"{session}"}}"#), r#"{"session":"x","epoch":3}"#]
    {
        assert_eq!(call(wrong, SECRET, 1_000_000), Err(Refused::Body), "{wrong}");
    }
    let good = keys(SECRET).sign("msg_1", 1_000_000, body.as_bytes());
    let now = Millis::from_seconds(1_000_000);
    let outcome = |id, timestamp, signature, body: &str| {
        verify(&Signed { id, timestamp, signature }, body.as_bytes(), &keys(SECRET), now).map(|answer| answer.epoch)
    };
    let among_others = format!("v1a,x {good} v2,y");
    assert_eq!(outcome("msg_1", "1000000", &among_others, &body), Ok(3));
    for (id, timestamp, signature, body) in [
        ("msg_2", "1000000", good.as_str(), body.as_str()),
        ("", "1000000", good.as_str(), body.as_str()),
        ("msg_1", "1000001", good.as_str(), body.as_str()),
        ("msg_1", "1000000", good.as_str(), "{}"),
        ("msg_1", "1000000", good.trim_start_matches("v1,"), body.as_str()),
        ("msg_1", "1000000", "v1,", body.as_str()),
        ("msg_1", "1000000", "", body.as_str()),
    ] {
        assert_eq!(outcome(id, timestamp, signature, body), Err(Refused::Signature), "{id} {timestamp} {signature}");
    }
}

#[test]
fn keys_have_a_form_and_are_not_printed() {
    for bad in [
        "",
        "whsec_",
        "whsec_short",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_!!!!",
        &format!("whsec_{}", "A".repeat(88)),
    ] {
        assert_eq!(SigningKeys::new(&Secret::new(bad.into()), None).unwrap_err().key, "secret", "{bad}");
    }
    assert_eq!(format!("{:?}", keys(SECRET)), "1 keys");
}
