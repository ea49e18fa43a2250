use actix_web::FromRequest as _;
use actix_web::dev::Payload;
use actix_web::test::TestRequest;
use actix_web::web;
use futures_util::FutureExt as _;

use super::*;
use crate::hub::Frame;

/// A pipe and the body that carries it, as the connection would have it.
async fn carried() -> (Pipe, BoxBody) {
    let request = TestRequest::get()
        .insert_header(("Connection", "upgrade"))
        .insert_header(("Upgrade", "websocket"))
        .insert_header(("Sec-WebSocket-Version", "13"))
        .insert_header(("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="))
        .to_http_request();
    let payload = web::Payload::from_request(&request, &mut Payload::None).await.unwrap();
    let (response, session, _stream) = actix_ws::handle(&request, payload).unwrap();
    let pipe = Pipe::new(&Settings::default());
    let response = pipe.carried_by(response, session);
    (pipe, response.into_body())
}

/// What the connection can take now without waiting, and whether the body has ended.
fn take(body: &mut BoxBody) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    loop {
        match poll_fn(|context| Pin::new(&mut *body).poll_next(context)).now_or_never() {
            Some(Some(chunk)) => bytes.extend_from_slice(&chunk.unwrap()),
            Some(None) => return (bytes, true),
            None => return (bytes, false),
        }
    }
}

/// A short text frame as it leaves.
fn frame(text: &str) -> Vec<u8> {
    [&[0x81, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
}

/// The connection writes when its body has nothing more, or 32 KiB are together: what waits leaves in one write.
#[tokio::test]
async fn all_that_waits_is_there_at_once_and_in_order() {
    let (pipe, mut body) = carried().await;
    let texts: Vec<String> = (0..200).map(|n| format!("{{\"n\":{n}}}")).collect();
    for (n, text) in texts.iter().enumerate() {
        let text = if n % 2 == 0 { Text::Own(text.clone()) } else { Text::Shared(Frame::plain(text.clone())) };
        pipe.push(text).unwrap();
    }
    pipe.pong(Bytes::from_static(b"p"));
    assert_eq!(pipe.backlog(), 200);
    let (bytes, ended) = take(&mut body);
    let expected = [vec![0x8A, 1, b'p'], texts.iter().flat_map(|text| frame(text)).collect()].concat();
    assert_eq!((bytes == expected, ended, pipe.backlog(), pipe.stuck_since()), (true, false, 0, None));
}

#[tokio::test]
async fn nothing_waits_for_a_connection_that_takes_nothing() {
    let (pipe, mut body) = carried().await;
    for _ in 0..256 {
        assert_eq!(pipe.push(Text::Own("{}".into())), Ok(()));
    }
    assert_eq!(pipe.push(Text::Own("{}".into())), Err(Full));
    (0..100_u8).for_each(|n| pipe.pong(Bytes::copy_from_slice(&[n])));
    assert!(pipe.stuck_since().is_some());
    pipe.close(Close::SLOW_CONSUMER);
    let (bytes, ended) = take(&mut body);
    let pongs: Vec<u8> = (84..100_u8).flat_map(|n| [0x8A, 1, n]).collect();
    let bye = frame(&Close::SLOW_CONSUMER.push().unwrap());
    let close = [&[0x88, 15], &4013_u16.to_be_bytes()[..], b"slow_consumer"].concat();
    assert_eq!(bytes, [pongs, bye, close].concat(), "the newest pongs, the verdict, and none of what was not read");
    assert!(!ended, "the client's close frame is still to come");
}

#[tokio::test]
async fn the_body_ends_when_the_pipe_does_and_says_so() {
    let (pipe, mut body) = carried().await;
    pipe.close(Close::echo(Some(1000)));
    assert_eq!(take(&mut body), (vec![0x88, 2, 0x03, 0xE8], false));
    pipe.push(Text::Own("late".into())).unwrap();
    assert_eq!(take(&mut body), (vec![], false), "nothing follows a close frame");
    pipe.finish();
    assert_eq!(take(&mut body), (vec![], true));
    assert_eq!(pipe.gone().now_or_never(), None);
    drop(body);
    assert_eq!(pipe.gone().now_or_never(), Some(()));
}
