use proptest::prelude::*;

use super::*;
use crate::model::content::Content;

const CONV: &str = "c_01ARZ3NDEKTSV4RRFFQ69G5FAV";

fn send(cid: &str, rest: &str) -> String {
    format!(r#"{{"id":7,"op":"send","d":{{"conv":"{CONV}","cid":"{cid}",{rest}}}}}"#)
}

fn text(text: &str) -> String {
    send("w-1", &format!(r#""type":"text","body":{{"text":{}}}"#, serde_json::to_string(text).unwrap()))
}

fn refused(frame: &str) -> Option<Code> {
    match parse(frame).expect("a frame").remove(0) {
        Ok(_) => None,
        Err(refusal) => Some(refusal.code),
    }
}

fn nested(levels: usize) -> String {
    format!(r#"{{"id":7,"op":"ping","d":{}{}}}"#, "[".repeat(levels), "]".repeat(levels))
}

#[test]
fn what_is_no_frame_ends_the_connection() {
    let many = format!("[{}]", vec!["{}"; 10_000].join(","));
    for bad in ["", "hello", "7", "null", "\"{}\"", "{", "{\"op\":}", "{} {}", "\u{feff}{}", &many] {
        assert_eq!(parse(bad).map(|_| ()), Err(NotAFrame), "{}", bad.chars().take(40).collect::<String>());
    }
}

#[test]
fn unsound_and_unknown_frames_have_their_own_answers() {
    let cases = [
        (nested(129), Code::BadRequest),
        (nested(20_000), Code::BadRequest),
        (r#"{"op":"send","op":"auth"}"#.into(), Code::BadRequest),
        (r#"{"op":"send","d":{"a":{"b":1,"b":2}}}"#.into(), Code::BadRequest),
        (r#"{"id":1,"op":"open","d":{"a":1e400}}"#.into(), Code::BadRequest),
        (r#"{"id":1}"#.into(), Code::BadRequest),
        (r#"{"id":1,"op":7}"#.into(), Code::BadRequest),
        (r#"{"id":1,"op":"fly"}"#.into(), Code::UnsupportedOp),
        (r#"{"id":1,"op":"__proto__"}"#.into(), Code::UnsupportedOp),
        (format!("[{}]", vec!["{}"; 33].join(",")), Code::TooLarge),
        (send("w-1", r#""type":"html","body":{"html":"<b>"}"#), Code::UnsupportedType),
        (send("w-1", r#""type":"event","body":{"name":"x"}"#), Code::UnsupportedType),
        (send("w-1", r#""type":"text","body":{"txt":"a"}"#), Code::BadRequest),
        (send("w-1", r#""type":"text","body":{"text":"\ud800"}"#), Code::BadRequest),
        (send("w-1", r#""type":"location","body":{"lat":91,"lon":0}"#), Code::BadRequest),
        (text(&"a".repeat(4_001)), Code::TooLarge),
        (text(&"😀".repeat(4_001)), Code::TooLarge),
        (text(" \n"), Code::BadRequest),
        (format!(r#"{{"op":"history","d":{{"conv":"{CONV}","limit":1000000000}}}}"#), Code::BadRequest),
        (format!(r#"{{"op":"history","d":{{"conv":"{CONV}","limit":-1}}}}"#), Code::BadRequest),
        (format!(r#"{{"op":"history","d":{{"conv":"{CONV}","limit":9,"before":3,"after":5}}}}"#), Code::BadRequest),
        (format!(r#"{{"op":"ack","d":{{"conv":"{CONV}","seq":18446744073709551616}}}}"#), Code::BadRequest),
    ];
    for (frame, code) in cases {
        assert_eq!(refused(&frame), Some(code), "{}", frame.chars().take(80).collect::<String>());
    }
    for cid in ["", &"x".repeat(300), "😀", "a b", "__proto__\\u0000"] {
        assert_eq!(refused(&send(cid, r#""type":"text","body":{"text":"a"}"#)), Some(Code::BadRequest), "{cid}");
    }
}

#[test]
fn what_is_allowed_arrives_clean() {
    let one = |frame: &str| parse(frame).unwrap().remove(0).unwrap();
    assert_eq!(one(r#" {"op":"ping","more":1}"#), Frame::Ping);
    assert!(matches!(one(r#"{"op":"cancel_queue"}"#), Frame::Request(None, Request::CancelQueue {})));
    assert!(refused(&text(&"😀".repeat(4_000))).is_none(), "the limit counts characters");
    let Frame::Request(Some(7), Request::Send(sent)) = one(&text("a\0b")) else { panic!("not a send") };
    assert_eq!(sent.content, Content::text("ab"));
    let name = format!("../../etc/passwd{}", "x".repeat(5_000));
    let upload = format!(r#"{{"id":2,"op":"upload","d":{{"name":"{name}","size":9,"mime":"a/b"}}}}"#);
    let Frame::Request(_, Request::Upload { name, .. }) = one(&upload) else { panic!("not an upload") };
    assert_eq!(name.chars().count(), 120);
}

#[test]
fn a_refusal_names_the_request_when_it_can() {
    let id = |frame: &str| parse(frame).unwrap().remove(0).unwrap_err().id;
    assert_eq!(id(r#"{"id":9,"op":"send","d":{"a":1,"a":2}}"#), Some(9));
    assert_eq!(id(r#"{"id":{},"op":"fly"}"#), None);
    assert!(parse(r#"{"op":"ack","d":{}}"#).unwrap().remove(0).unwrap_err().mark);
}

#[test]
fn answers_are_json() {
    let reply = err(None, Code::RateLimited, "慢 \"一点\"", Some(800));
    let value: serde_json::Value = serde_json::from_str(&reply).unwrap();
    assert_eq!(value["id"], serde_json::Value::Null);
    assert_eq!((&value["err"]["retry"], &value["err"]["after_ms"]), (&true.into(), &800.into()));
    assert_eq!(ok(3, r#"{"a":1}"#), r#"{"id":3,"ok":{"a":1}}"#);
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}") {
        drop(parse(&text));
    }

    #[test]
    fn no_json_makes_it_panic(op in prop::sample::select(&OPS[..]), d in any_json()) {
        let frame = serde_json::json!({"id": 1, "op": op, "d": d}).to_string();
        let batch = parse(&frame).expect("sound JSON is a frame");
        prop_assert_eq!(batch.len(), 1);
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        ".{0,20}".prop_map(Into::into),
        Just(CONV.into()),
    ];
    let key = prop_oneof![Just("conv".to_owned()), Just("seq".to_owned()), Just("type".to_owned()), "[a-z_]{1,8}"];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            prop::collection::hash_map(key.clone(), inner, 0..5)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}
