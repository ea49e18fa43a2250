//! The guarded client against servers and names in bad hands.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::super::guard::{Guard, Permit};
use super::super::stub::{Act, PATIENCE, Stub, http};
use super::*;
use crate::runtime::Stop;

/// Posts `{}`, reads the whole answer.
async fn fetch(http: &Http, to: &Endpoint, within: Duration) -> Result<Vec<u8>, RobotError> {
    let (out, _ears) = mpsc::channel(1);
    let stop = Stop::new();
    let line = Line::silent(out, &stop, Instant::now() + within);
    http.post(&line, Post::keyed(to, None, &json!({}))).await?.success(&line).await?.whole(&line).await
}

async fn answer(act: Act) -> Result<Vec<u8>, RobotError> {
    let stub = Stub::start([act]).await;
    fetch(&http(), &stub.guard().endpoint(&stub.base).unwrap(), PATIENCE).await
}

fn names(answers: &[&[&str]]) -> (Lookup, Arc<Mutex<VecDeque<Vec<IpAddr>>>>) {
    let parse = |text: &&str| text.parse().unwrap();
    let told: VecDeque<Vec<IpAddr>> = answers.iter().map(|answer| answer.iter().map(parse).collect()).collect();
    let told = Arc::new(Mutex::new(told));
    (Lookup::Told(Arc::clone(&told)), told)
}

#[tokio::test]
async fn a_name_that_becomes_internal_after_the_check_is_not_connected_to() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    // The first answer is what a check at the time of the setting would have seen.
    let (lookup, told) = names(&[&["93.184.215.14"], &["127.0.0.1"], &["::ffff:127.0.0.1"], &["8.8.8.8", "10.0.0.1"]]);
    let http = Http::new(&lookup).unwrap();
    let endpoint = Guard::default().endpoint("https://rebind.example:8443/").unwrap();
    let checked: Vec<IpAddr> = told.lock().unwrap().pop_front().unwrap();
    assert!(checked.iter().all(|address| super::super::guard::is_public(*address)), "the check sees a public address");
    for internal in ["127.0.0.1", "::ffff:127.0.0.1", "10.0.0.1"] {
        let outcome = fetch(&http, &endpoint, PATIENCE).await;
        let expected = Blocked::Internal(internal.to_owned());
        assert!(matches!(&outcome, Err(RobotError::Blocked(blocked)) if *blocked == expected), "{outcome:?}");
        assert!(!outcome.unwrap_err().retry());
    }
    drop(listener);
}

#[tokio::test]
async fn only_permitted_hosts_may_be_internal() {
    let stub = Stub::start([Act::json("{}")]).await;
    let (lookup, _) = names(&[&["127.0.0.1"]]);
    let host = format!("rasa.internal:{}", stub.port);
    let guard = Guard::new(vec![Permit::parse(&host).unwrap()], &[]);
    let endpoint = guard.endpoint(&format!("http://{host}/")).unwrap();
    assert_eq!(fetch(&Http::new(&lookup).unwrap(), &endpoint, PATIENCE).await.unwrap(), b"{}");
}

#[tokio::test]
async fn redirects_are_refusals() {
    for line in ["301 Moved\r\nLocation: http://127.0.0.1:1/", "307 Temporary Redirect\r\nLocation: https://a.example/"]
    {
        let outcome = answer(Act::status(line, "text/plain", "")).await;
        assert!(matches!(outcome, Err(RobotError::Refused { status: 301 | 307, .. })), "{outcome:?}");
    }
}

#[tokio::test]
async fn bodies_without_end_are_cut_off() {
    let mut stub = Stub::start([Act::Endless(super::super::stub::stream_head().to_vec(), vec![b'x'; 65_536])]).await;
    let outcome = fetch(&http(), &stub.guard().endpoint(&stub.base).unwrap(), PATIENCE).await;
    assert!(matches!(outcome, Err(RobotError::TooLarge { limit: MAX_ANSWER })), "{outcome:?}");
    stub.closed().await;
    let announced = Act::Hold(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n".to_vec());
    assert!(matches!(answer(announced).await, Err(RobotError::TooLarge { .. })));
}

#[tokio::test]
async fn ten_thousand_headers_are_too_many() {
    let mut head = String::from("HTTP/1.1 200 OK\r\n");
    head.extend((0..10_000).map(|n| format!("x-{n}: y\r\n")));
    let outcome = answer(Act::Pieces(vec![format!("{head}\r\n").into_bytes()])).await;
    assert!(matches!(outcome, Err(RobotError::Broken(Some(_)))), "{outcome:?}");
}

#[tokio::test]
async fn a_slow_server_meets_the_deadline() {
    let slow: [&[u8]; 2] = [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"];
    for bytes in slow {
        let mut stub = Stub::start([Act::Hold(bytes.to_vec())]).await;
        let endpoint = stub.guard().endpoint(&stub.base).unwrap();
        let outcome = fetch(&http(), &endpoint, Duration::from_millis(300)).await;
        assert!(matches!(outcome, Err(RobotError::Late)), "{outcome:?}");
        stub.closed().await;
    }
}

#[tokio::test]
async fn nobody_there_and_broken_answers_may_be_tried_again() {
    let stub = Stub::start([]).await;
    let outcome = fetch(&http(), &stub.guard().endpoint(&stub.base).unwrap(), PATIENCE).await;
    assert!(matches!(&outcome, Err(RobotError::Unreachable(_) | RobotError::Broken(_))), "{outcome:?}");
    assert!(outcome.unwrap_err().retry());
    let broken = Act::Pieces(vec![b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".to_vec()]);
    assert!(matches!(answer(broken).await, Err(RobotError::Broken(Some(_)))));
}

#[tokio::test]
async fn statuses_say_what_to_do() {
    let busy = answer(Act::status("429 Too Many Requests\r\nRetry-After: 7", "text/plain", "")).await.unwrap_err();
    assert_eq!((busy.retry(), busy.after()), (true, Some(Duration::from_secs(7))));
    let busy = answer(Act::status("503 Service Unavailable\r\nRetry-After: Wed, 21 Oct", "text/plain", "")).await;
    assert!(matches!(busy, Err(RobotError::Busy { after: None })));
    let refused =
        answer(Act::status("401 Unauthorized", "application/json", r#"{"error":{"message":"no\nkey"}}"#)).await;
    assert_eq!(refused.unwrap_err().to_string(), "the robot refused (HTTP status 401): nokey");
    let failed = answer(Act::status("500 Oops", "text/html", "<html>")).await.unwrap_err();
    assert_eq!((failed.to_string(), failed.retry()), ("the robot failed: no words".into(), true));
}

#[tokio::test]
async fn keys_are_not_repeated() {
    let secret = Secret::new("sk-12345".into());
    assert_eq!(without("Incorrect API key provided: sk-12345.", Some(&secret)), "Incorrect API key provided: ••••.");
    let key = Key::new(&secret).unwrap();
    assert_eq!(format!("{key:?}").matches("12345").count(), 0, "{key:?}");
    for bad in ["", "a\nb"] {
        assert!(Key::new(&Secret::new(bad.into())).is_err());
    }
}

mod certificates;
