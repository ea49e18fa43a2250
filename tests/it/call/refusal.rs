//! Bad input (xM12–xM14): what is wrong is refused, and the call goes on.

use serde_json::{Value, json};

use super::{audio, connected, hears, in_talks, stands, video};
use crate::support::{Agent, Socket, TestApp, Visitor};

async fn code(socket: &mut Socket, op: &str, d: Value) -> Value {
    socket.request(op, d).await.expect_err(op)["code"].clone()
}

/// xM12: sizes and sections of descriptions; what is inside is nobody's business.
#[tokio::test(flavor = "multi_thread")]
async fn descriptions_are_bounded_and_passed_on_unread() {
    let app = TestApp::start().await;
    let (mut li, mut visitor, _) = in_talks(&app, &app).await;
    let id = connected(&mut li, &mut visitor).await;
    let offer = |n: i64, sdp: String| json!({ "call_id": id, "leg": 1, "n": n, "type": "offer", "sdp": sdp });
    assert_eq!(code(&mut li.socket, "call.desc", offer(1, "m=video 9\r\n".repeat(17))).await, "too_large");
    assert_eq!(code(&mut li.socket, "call.desc", offer(0, "v=0".into())).await, "bad_request");
    let strange = "v=0\r\nm=audio\r\rm=\u{1F600}\r\na=candidate:1 1 udp 1 db.internal 1 typ host\r\n".to_owned();
    li.socket.request("call.desc", offer(1, strange.clone())).await.expect("an offer");
    assert_eq!(hears(&mut visitor.socket, "call.desc").await["sdp"], strange);
    let large = format!("v=0\r\n{}", "a=x\r\n".repeat(7_000));
    li.socket.request("call.desc", offer(2, large.clone())).await.expect("more than any other request may have");
    assert_eq!(hears(&mut visitor.socket, "call.desc").await["sdp"], large);
}

/// xM12: 64 KiB is the limit, to the byte, where frames may be longer; where they may not, theirs comes first.
#[tokio::test(flavor = "multi_thread")]
async fn a_description_has_64_kib_and_no_byte_more() {
    const MOST: usize = 65_536;
    let app = TestApp::with().settings("[socket]\nmax_frame_bytes = 262144\n").start().await;
    let (mut li, mut visitor, _) = in_talks(&app, &app).await;
    let id = connected(&mut li, &mut visitor).await;
    let offer = |n: i64, sdp: String| json!({ "call_id": id, "leg": 1, "n": n, "type": "offer", "sdp": sdp });
    for length in [MOST + 1, 200_000] {
        assert_eq!(code(&mut li.socket, "call.desc", offer(1, "x".repeat(length))).await, "too_large");
    }
    assert_eq!(code(&mut li.socket, "call.desc", offer(1, "m=video 9\r\n".repeat(500))).await, "too_large");
    let largest = format!("{}{}", "m=video 9\r\n".repeat(16), "x".repeat(MOST - 16 * 11));
    li.socket.request("call.desc", offer(1, largest.clone())).await.expect("an offer");
    assert_eq!(hears(&mut visitor.socket, "call.desc").await["sdp"], largest);

    let usual = TestApp::start().await;
    let (mut li, mut visitor, _) = in_talks(&usual, &usual).await;
    let id = connected(&mut li, &mut visitor).await;
    let frame = |sdp: &str| {
        let d = json!({ "call_id": id, "leg": 1, "n": 1, "type": "offer", "sdp": sdp });
        json!({ "id": 900, "op": "call.desc", "d": d }).to_string()
    };
    let fits = MOST - frame("").len();
    li.socket.raw(&frame(&"x".repeat(fits))).await;
    li.socket.reply(900).await.expect("a whole frame");
    assert_eq!(hears(&mut visitor.socket, "call.desc").await["sdp"].as_str().map(str::len), Some(fits));
    li.socket.raw(&frame(&"x".repeat(fits + 1))).await;
    assert_eq!(li.socket.expect_close().await, 1009);
}

/// xM13: too many candidates, and candidates for a call of others.
#[tokio::test(flavor = "multi_thread")]
async fn candidates_are_counted() {
    let app = TestApp::start().await;
    let (mut li, mut visitor, _) = in_talks(&app, &app).await;
    let id = connected(&mut li, &mut visitor).await;
    let ten: Vec<Value> = (0..10).map(|n| json!({ "candidate": format!("candidate:{n}") })).collect();
    let way = |n: i64, some: &[Value]| json!({ "call_id": id, "leg": 1, "n": n, "candidates": some });
    for n in 1..=10 {
        li.socket.request("call.ice", way(n, &ten)).await.expect("a hundred");
    }
    assert_eq!(code(&mut li.socket, "call.ice", way(11, &ten)).await, "rate_limited");
    let offer = json!({ "call_id": id, "leg": 1, "n": 11, "type": "offer", "sdp": "v=0" });
    li.socket.request("call.desc", offer).await.expect("a new description");
    li.socket.request("call.ice", way(12, &ten)).await.expect("counts anew");
    let eleven: Vec<Value> = ten.iter().cloned().chain([Value::Null]).collect();
    assert_eq!(code(&mut li.socket, "call.ice", way(13, &eleven)).await, "too_large");
    assert_eq!(code(&mut li.socket, "call.ice", way(13, &[json!("text")])).await, "bad_request");
    let mut stranger = Visitor::arrives(&app, "stranger").await;
    assert_eq!(code(&mut stranger.socket, "call.ice", way(1, &ten)).await, "not_found");
    let no_call = json!({ "call_id": "x_01ARZ3NDEKTSV4RRFFQ69G5FAV", "leg": 1, "n": 1, "candidates": ten });
    assert_eq!(code(&mut li.socket, "call.ice", no_call).await, "not_found");
}

/// xM14: everything at the wrong time or from the wrong side; the call stands after it.
#[tokio::test(flavor = "multi_thread")]
async fn what_comes_at_the_wrong_time_is_refused_and_harms_nothing() {
    let app = TestApp::start().await;
    let (mut li, mut visitor, session) = in_talks(&app, &app).await;
    let invited = visitor.socket.request("call.invite", json!({ "media": video() })).await.expect("call.invite");
    let id = invited["call"]["call_id"].clone();
    let of = json!({ "call_id": id });
    let way = json!({ "call_id": id, "leg": 1 });
    let offer = json!({ "call_id": id, "leg": 1, "n": 1, "type": "offer", "sdp": "v=0" });
    let accept = json!({ "call_id": id, "media": audio() });
    assert_eq!(code(&mut visitor.socket, "call.desc", offer.clone()).await, "bad_request", "before it is accepted");
    assert_eq!(code(&mut visitor.socket, "call.accept", accept.clone()).await, "bad_request", "by the caller");
    assert_eq!(code(&mut visitor.socket, "call.connected", way.clone()).await, "bad_request");
    assert_eq!(code(&mut li.socket, "call.hold", of.clone()).await, "call_gone", "takes no part yet");
    li.socket.request("call.accept", accept.clone()).await.expect("call.accept");
    hears(&mut visitor.socket, "call.start").await;
    let answer = json!({ "call_id": id, "leg": 1, "n": 1, "type": "answer", "sdp": "v=0" });
    assert_eq!(code(&mut visitor.socket, "call.desc", answer).await, "bad_request", "nothing was offered");
    assert_eq!(code(&mut li.socket, "call.cancel", of.clone()).await, "bad_request", "too late");
    assert_eq!(code(&mut li.socket, "call.upgrade.ok", of.clone()).await, "bad_request", "nobody asked");
    assert_eq!(code(&mut visitor.socket, "call.record", json!({ "call_id": id, "on": true })).await, "forbidden");
    assert_eq!(code(&mut li.socket, "call.consent", json!({ "call_id": id, "ok": true })).await, "forbidden");
    assert_eq!(code(&mut li.socket, "call.invite", json!({ "session": session, "media": audio() })).await, "call_busy");
    assert_eq!(code(&mut li.socket, "call.nonsense", json!({})).await, "unsupported_op");
    assert_eq!(code(&mut li.socket, "call.desc", json!({ "call_id": 7 })).await, "bad_request");
    for socket in [&mut li.socket, &mut visitor.socket] {
        socket.request("call.connected", way.clone()).await.expect("call.connected");
    }
    stands(&mut visitor.socket, "connected").await;
    // Nobody else says anything in it: another customer, or an agent who does not serve the session.
    let mut stranger = Visitor::arrives(&app, "stranger").await;
    let mut wang = Agent::ready(&app, "wang").await;
    for socket in [&mut stranger.socket, &mut wang.socket] {
        for op in ["call.desc", "call.accept", "call.connected", "call.hangup", "call.state"] {
            let d = match op {
                "call.desc" => offer.clone(),
                "call.accept" => accept.clone(),
                _ => way.clone(),
            };
            assert_eq!(code(socket, op, d).await, "not_found", "{op}");
        }
    }
    assert!(!li.socket.has("call.desc"), "nothing of it went on");
    li.socket.request("call.hangup", of.clone()).await.expect("call.hangup");
    stands(&mut visitor.socket, "ended").await;
    for socket in [&mut li.socket, &mut visitor.socket] {
        assert_eq!(code(socket, "call.hangup", of.clone()).await, "call_gone", "once is enough");
    }
}

/// Without `[call]` nobody can do anything about calls.
#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_without_calls_has_none() {
    let app = TestApp::with().declared(|text| text.replace("[call]", "[call]\nenabled = false")).start().await;
    let (mut li, mut visitor, session) = in_talks(&app, &app).await;
    assert!(li.ready["state"]["calls"].is_null());
    assert_eq!(code(&mut visitor.socket, "call.invite", json!({ "media": audio() })).await, "forbidden");
    assert_eq!(code(&mut li.socket, "call.link", json!({ "session": session, "media": audio() })).await, "forbidden");
    assert_eq!(code(&mut li.socket, "call.test", json!({})).await, "forbidden");
}
