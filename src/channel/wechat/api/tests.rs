//! What the platform may answer, however broken, and the life of access tokens, against a scripted platform.

use std::time::Duration;

use super::super::fixture::credentials;
use super::stub::{Act, Stub};
use super::*;
use crate::model::account::{WechatFormat, WechatMode, WechatTokenKind};
use crate::model::code::Code;
use crate::runtime::seen::Seen;

const TOKEN: &str = r#"{"access_token":"T1","expires_in":7200}"#;
const SEND_T1: &str = "POST /cgi-bin/message/custom/send?access_token=T1";

fn account() -> Credentials {
    credentials(WechatMode::Safe, WechatFormat::Xml)
}

fn hello() -> Outgoing {
    Outgoing::Text("你好😀\u{2028}\"<&".into())
}

fn client(stub: &Stub) -> (Api, Clock) {
    let clock = Clock::system();
    let total = Duration::from_millis(1500);
    let settings = ApiSettings { total, max_media: 300_000, ..ApiSettings::at(stub.base.parse().unwrap()) };
    (Api::new(&settings, clock.clone()).unwrap(), clock)
}

/// A platform that gives a token and then does this.
async fn platform(acts: impl IntoIterator<Item = Act>) -> (Stub, Api, Clock) {
    let stub = Stub::start(std::iter::once(Act::json(TOKEN)).chain(acts)).await;
    let (api, clock) = client(&stub);
    (stub, api, clock)
}

async fn send_to(act: Act) -> Result<(), SendError> {
    let (_stub, api, _) = platform([act]).await;
    api.send(&account(), "o1", &hello()).await
}

fn refused(errcode: i64) -> Act {
    Act::json(&format!(r#"{{"errcode":{errcode},"errmsg":"no rid: 1a-2b-3c"}}"#))
}

fn ok() -> Act {
    Act::json(r#"{"errcode":0,"errmsg":"ok"}"#)
}

#[tokio::test]
async fn a_message_goes_out_raw_and_is_accepted() {
    let (stub, api, _) = platform([ok(), Act::json(r#"{"errcode":"0"}"#)]).await;
    api.send(&account(), "o1", &hello()).await.unwrap();
    api.send(&account(), "o1", &hello()).await.unwrap();
    assert_eq!(stub.lines(), ["POST /cgi-bin/stable_token", SEND_T1, SEND_T1]);
    let seen = stub.seen();
    let asked: Value = serde_json::from_slice(&seen[0].body).unwrap();
    assert_eq!(asked["grant_type"], "client_credential");
    assert_eq!(asked["force_refresh"], false);
    let body = "{\"msgtype\":\"text\",\"text\":{\"content\":\"你好😀\u{2028}\\\"<&\"},\"touser\":\"o1\"}";
    assert_eq!(String::from_utf8_lossy(&seen[1].body), body);
    assert!(seen[1].head.contains("content-type: application/json"));
}

#[tokio::test]
async fn a_base_with_a_path_is_kept() {
    let stub = Stub::start([Act::json(TOKEN), ok()]).await;
    let base = format!("{}/simulator/", stub.base).parse().unwrap();
    let api = Api::new(&ApiSettings::at(base), Clock::system()).unwrap();
    api.send(&account(), "o1", &hello()).await.unwrap();
    assert_eq!(stub.lines()[0], "POST /simulator/cgi-bin/stable_token");
}

#[tokio::test]
async fn answers_that_nobody_understands_leave_the_outcome_open() {
    let big = format!("{{\"errcode\":0,\"x\":\"{}\"}}", "x".repeat(300_000));
    for act in [
        Act::json(""),
        Act::ok("text/html", "<html>busy</html>"),
        Act::json(r#"{"errcode":0"#),
        Act::json(r#"{"errmsg":"ok"}"#),
        Act::json(r#"{"errcode":0.5}"#),
        Act::json(r#"{"errcode":123456789012345678901234567890}"#),
        Act::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n{\"errcode\"".to_vec()),
        Act::Raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"err\r\n".to_vec()),
        Act::Raw(b"garbage\r\n\r\n".to_vec()),
        Act::status("502 Bad Gateway"),
        Act::Reset,
    ] {
        let shown = format!("{act:?}");
        let outcome = send_to(act).await;
        assert!(matches!(outcome, Err(SendError::Uncertain { .. })), "{shown}: {outcome:?}");
    }
    let chunked = Act::Raw(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\n{\"err\r\n9\r\ncode\": 0}\r\n0\r\n\r\n".to_vec(),
    );
    assert_eq!(send_to(chunked).await, Ok(()));
    let outcome = send_to(Act::json(&big)).await;
    assert!(matches!(outcome, Err(SendError::Uncertain { .. })), "{outcome:?}");
}

#[tokio::test]
async fn statuses_of_others_are_refusals_and_redirects_are_not_followed() {
    for line in [
        "301 Moved\r\nLocation: http://127.0.0.1:1/",
        "302 Found\r\nLocation: /x",
        "403 Forbidden",
        "404 Not Found",
        "412 Precondition Failed",
    ] {
        let (stub, api, _) = platform([Act::status(line), ok()]).await;
        let outcome = api.send(&account(), "o1", &hello()).await;
        assert!(matches!(outcome, Err(SendError::Refused { code: Code::Internal, errcode: None, .. })), "{line}");
        assert_eq!(stub.seen().len(), 2, "{line}");
    }
}

#[tokio::test]
async fn refusals_keep_code_and_request_id() {
    for (errcode, expected) in [(45015, "window"), (45047, "quota"), (45009, "stop"), (47001, "refused"), (-1, "retry")]
    {
        let outcome = send_to(refused(errcode)).await.unwrap_err();
        let kind = match &outcome {
            SendError::WindowClosed { .. } => "window",
            SendError::QuotaUsed { .. } => "quota",
            SendError::Stop { .. } => "stop",
            SendError::Refused { .. } => "refused",
            SendError::Retry { .. } => "retry",
            SendError::Uncertain { .. } => "uncertain",
        };
        assert_eq!(kind, expected, "{errcode}");
        assert!(outcome.to_string().contains("1a-2b-3c"), "{outcome}");
        assert!(!outcome.to_string().contains("T1"), "{outcome}");
    }
}

#[tokio::test]
async fn without_a_connection_nothing_was_sent() {
    let (stub, api, _) = platform([ok()]).await;
    api.send(&account(), "o1", &hello()).await.unwrap();
    drop(stub);
    let outcome = api.send(&account(), "o1", &hello()).await.unwrap_err();
    assert!(matches!(outcome, SendError::Retry { .. }), "{outcome:?}");
    assert!(!outcome.to_string().contains("access_token"), "{outcome}");
}

#[tokio::test]
async fn a_silent_platform_leaves_the_outcome_open() {
    let started = std::time::Instant::now();
    let outcome = send_to(Act::Silence).await;
    assert!(matches!(outcome, Err(SendError::Uncertain { .. })), "{outcome:?}");
    assert!(started.elapsed() < Duration::from_secs(4));
}

#[tokio::test]
async fn a_call_that_finds_no_free_slot_was_not_sent() {
    let stub = Stub::start([Act::json(TOKEN), Act::Silence]).await;
    let total = Duration::from_millis(300);
    let settings = ApiSettings { total, concurrency: 1, ..ApiSettings::at(stub.base.parse().unwrap()) };
    let api = Api::new(&settings, Clock::system()).unwrap();
    let (account, message) = (account(), hello());
    let both = tokio::join!(api.send(&account, "o1", &message), api.send(&account, "o2", &message));
    let (Err(first), Err(second)) = both else { panic!("{both:?}") };
    assert!(matches!(first, SendError::Uncertain { .. }), "{first:?}");
    assert!(matches!(second, SendError::Retry { .. }), "{second:?}");
}

#[tokio::test]
async fn a_refused_token_is_replaced_and_the_call_repeated_once() {
    for errcode in ["40001", "40014", "42001", "\"42001\""] {
        let refusal = Act::json(&format!(r#"{{"errcode":{errcode},"errmsg":"x"}}"#));
        let fresh = Act::json(r#"{"access_token":"T2","expires_in":7200}"#);
        let (stub, api, _) = platform([refusal, fresh, ok()]).await;
        api.send(&account(), "o1", &hello()).await.unwrap();
        assert_eq!(
            stub.lines()[2..],
            ["POST /cgi-bin/stable_token", "POST /cgi-bin/message/custom/send?access_token=T2"]
        );
    }
}

#[tokio::test]
async fn a_platform_that_refuses_every_token_is_not_hammered() {
    let fresh = |n: u8| Act::json(&format!(r#"{{"access_token":"T{n}","expires_in":7200}}"#));
    let bad = || refused(40001);
    let (stub, api, clock) = platform([bad(), fresh(2), bad(), bad(), bad(), bad(), fresh(3), ok()]).await;
    for _ in 0..3 {
        let outcome = api.send(&account(), "o1", &hello()).await;
        let expected = matches!(outcome, Err(SendError::Refused { code: Code::DependencyUnavailable, .. }));
        assert!(expected, "{outcome:?}");
    }
    assert_eq!(stub.lines().iter().filter(|line| line.contains("stable_token")).count(), 2);
    clock.turn(Duration::from_secs(31));
    api.send(&account(), "o1", &hello()).await.unwrap();
}

#[tokio::test]
async fn a_stable_token_that_is_refused_but_handed_out_again_is_forced_once() {
    let forced = Act::json(r#"{"access_token":"T2","expires_in":7200}"#);
    let (stub, api, _) = platform([refused(40001), Act::json(TOKEN), forced, ok()]).await;
    api.send(&account(), "o1", &hello()).await.unwrap();
    let force: Vec<_> =
        stub.seen().iter().map(|seen| String::from_utf8_lossy(&seen.body).contains("\"force_refresh\":true")).collect();
    assert_eq!(force, [false, false, false, true, false]);
}

#[tokio::test]
async fn forced_refreshes_stay_within_the_platforms_twenty_a_day() {
    let round = || [refused(40001), Act::json(TOKEN), Act::json(TOKEN), refused(40001)];
    let script = (0..20).flat_map(|_| round()).chain([refused(40001), Act::json(TOKEN)]);
    let (stub, api, clock) = platform(script).await;
    for _ in 0..21 {
        assert!(api.send(&account(), "o1", &hello()).await.is_err());
        clock.turn(Duration::from_secs(31));
    }
    let forced = |seen: &Seen| String::from_utf8_lossy(&seen.body).contains("\"force_refresh\":true");
    assert_eq!(stub.seen().iter().filter(|seen| forced(seen)).count(), 20);
    assert_eq!(stub.seen().len(), 83);
}

#[tokio::test]
async fn one_fetch_serves_all_who_wait() {
    let (stub, api, _) = platform((0..8).map(|_| ok())).await;
    let account = account();
    let message = hello();
    let sends = (0..8).map(|_| api.send(&account, "o1", &message));
    for outcome in futures_util::future::join_all(sends).await {
        outcome.unwrap();
    }
    assert_eq!(stub.lines().iter().filter(|line| line.contains("stable_token")).count(), 1);
}

#[tokio::test]
async fn tokens_are_renewed_ahead_and_survive_a_failed_renewal() {
    let fresh = Act::json(r#"{"access_token":"T2","expires_in":7200}"#);
    let (stub, api, clock) = platform([ok(), ok(), Act::status("500 Oops"), ok(), fresh, ok()]).await;
    let send = || async { api.send(&account(), "o1", &hello()).await.unwrap() };
    send().await;
    clock.turn(Duration::from_secs(6590));
    send().await;
    clock.turn(Duration::from_secs(20));
    send().await;
    clock.turn(Duration::from_secs(2));
    send().await;
    let tokens: Vec<_> = stub.lines().iter().map(|line| line.rsplit('=').next().unwrap().to_owned()).collect();
    let asked = "POST /cgi-bin/stable_token";
    assert_eq!(tokens, [asked, "T1", "T1", asked, "T1", asked, "T2"]);
}

#[tokio::test]
async fn impossible_tokens_are_failures_and_not_asked_for_again_at_once() {
    let long = format!(r#"{{"access_token":"{}","expires_in":7200}}"#, "x".repeat(10_000));
    for body in [
        r#"{"access_token":"T","expires_in":0}"#,
        r#"{"access_token":"T","expires_in":-1}"#,
        r#"{"access_token":"T"}"#,
        r#"{"access_token":"","expires_in":7200}"#,
        r#"{"access_token":"a\nb","expires_in":7200}"#,
        r#"{"expires_in":7200}"#,
        "<html>",
        &long,
    ] {
        let stub = Stub::start([Act::json(body), Act::json(TOKEN), ok()]).await;
        let (api, clock) = client(&stub);
        for _ in 0..3 {
            let outcome = api.send(&account(), "o1", &hello()).await;
            assert!(matches!(outcome, Err(SendError::Retry { .. })), "{outcome:?}");
        }
        assert_eq!(stub.seen().len(), 1);
        clock.turn(Duration::from_secs(1));
        api.send(&account(), "o1", &hello()).await.unwrap();
    }
    let huge = Act::json(r#"{"access_token":"T1","expires_in":"1000000000"}"#);
    let stub = Stub::start([huge, ok(), Act::json(TOKEN), ok()]).await;
    let (api, clock) = client(&stub);
    api.send(&account(), "o1", &hello()).await.unwrap();
    clock.turn(Duration::from_secs(6601));
    api.send(&account(), "o1", &hello()).await.unwrap();
    assert_eq!(stub.seen().len(), 4);
}

#[tokio::test]
async fn a_wrong_secret_stops_the_account() {
    let stub = Stub::start([refused(40125)]).await;
    let (api, _) = client(&stub);
    for _ in 0..2 {
        let outcome = api.send(&account(), "o1", &hello()).await;
        let expected =
            matches!(outcome, Err(SendError::Stop { code: Code::ChannelAccountDisabled, errcode: 40125, .. }));
        assert!(expected, "{outcome:?}");
    }
}

#[tokio::test]
async fn classic_tokens_come_from_their_own_address() {
    let (stub, api, _) = platform([ok()]).await;
    let mut account = account();
    account.token_kind = WechatTokenKind::Classic;
    api.send(&account, "o1", &hello()).await.unwrap();
    let line = &stub.lines()[0];
    assert!(line.starts_with("GET /cgi-bin/token?grant_type=client_credential&appid=wx"), "{line}");
}

#[tokio::test]
async fn typing_never_bothers_anybody() {
    for errcode in [45080, 45081, 45047, 45072] {
        let (_stub, api, _) = platform([refused(errcode)]).await;
        assert!(api.typing(&account(), "o1", true).await.is_ok());
    }
    let (stub, api, _) = platform([ok()]).await;
    api.typing(&account(), "o1", false).await.unwrap();
    assert_eq!(stub.seen()[1].body, br#"{"command":"CancelTyping","touser":"o1"}"#);
}

#[tokio::test]
async fn profiles_are_read_with_limits() {
    let long = format!(r#"{{"subscribe":1,"nickname":"{}","remark":7,"unionid":"u","language":""}}"#, "名".repeat(500));
    let (_stub, api, _) =
        platform([Act::json(&long), Act::json(r#"{"subscribe":0,"openid":"o1"}"#), Act::json("{}")]).await;
    let profile = api.profile(&account(), "o1").await.unwrap();
    assert_eq!(profile.nickname.unwrap().chars().count(), 64);
    assert_eq!((profile.subscribed, profile.remark, profile.language), (true, None, None));
    assert_eq!(api.profile(&account(), "o1").await.unwrap(), Profile::default());
    assert!(matches!(api.profile(&account(), "o1").await, Err(Error::Garbled(_))));
}

#[tokio::test]
async fn uploads_are_one_part_with_a_plain_name_and_a_length() {
    let answer = Act::json(r#"{"type":"image","media_id":"M1","created_at":1}"#);
    let (stub, api, _) = platform([answer, Act::json(r#"{"thumb_media_id":"M2"}"#), refused(40007)]).await;
    let account = account();
    assert_eq!(api.upload(&account, MediaKind::Image, "image/png", b"\x89PNG\r\n").await.unwrap(), "M1");
    assert_eq!(api.upload(&account, MediaKind::Thumb, "image/jpeg", b"x").await.unwrap(), "M2");
    assert!(matches!(api.upload(&account, MediaKind::Voice, "audio/amr", b"x").await, Err(Error::Platform(_))));
    let oversized = api.upload(&account, MediaKind::Thumb, "image/jpeg", &vec![0; 65_537]).await;
    assert!(matches!(oversized, Err(Error::TooLarge { limit: 65_536 })));
    let seen = &stub.seen()[1];
    assert_eq!(seen.line, "POST /cgi-bin/media/upload?access_token=T1&type=image HTTP/1.1");
    assert!(seen.head.contains(&format!("content-length: {}", seen.body.len())), "{}", seen.head);
    let body = String::from_utf8_lossy(&seen.body);
    assert!(body.contains(
        "Content-Disposition: form-data; name=\"media\"; filename=\"media.png\"\r\nContent-Type: image/png\r\n\r\n"
    ));
}

#[tokio::test]
async fn downloads_tell_blobs_from_errors_and_addresses() {
    let account = account();
    let (_stub, api, _) = platform([
        Act::ok("image/jpeg", b"\xff\xd8\xff"),
        Act::ok("text/plain", b"{not json"),
        Act::ok("audio/amr", b""),
        refused(40007),
        Act::ok("application/octet-stream", vec![7; 300_001]),
        Act::ok("application/octet-stream", vec![7; 300_000]),
        Act::json(r#"{"video_url":"http://169.254.169.254/x"}"#),
    ])
    .await;
    let first = api.download(&account, "m").await.unwrap();
    assert_eq!((first.bytes.as_slice(), first.content_type.as_deref()), (&b"\xff\xd8\xff"[..], Some("image/jpeg")));
    assert_eq!(api.download(&account, "m").await.unwrap().bytes, b"{not json");
    assert!(matches!(api.download(&account, "m").await, Err(Error::Garbled(_))));
    let gone = api.download(&account, "m").await.unwrap_err();
    assert_eq!(gone.verdict(), Verdict::Show(Code::MediaRejected));
    assert!(matches!(api.download(&account, "m").await, Err(Error::TooLarge { .. })));
    assert_eq!(api.download(&account, "m").await.unwrap().bytes.len(), 300_000);
    assert!(matches!(api.download(&account, "m").await, Err(Error::ForeignHost)));
}

#[tokio::test]
async fn videos_are_fetched_from_the_address_that_the_platform_names() {
    let stub = Stub::start_with(|base| {
        let address = Act::json(&format!(r#"{{"video_url":"{base}/v"}}"#));
        vec![Act::json(TOKEN), address, Act::ok("video/mp4", b"mp4")]
    })
    .await;
    let video = client(&stub).0.download(&account(), "m").await.unwrap();
    assert_eq!((video.bytes.as_slice(), video.content_type.as_deref()), (&b"mp4"[..], Some("video/mp4")));
    assert_eq!(stub.lines()[2], "GET /v");
}
