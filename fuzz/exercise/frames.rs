//! What a client may send over a socket, and what must hold afterwards: the guard, the library's codec and our reading
//! of both, as real sockets use them, and then the application's frames. The ordinary tests replay the corpus with the
//! same code; whoever includes this file has the library in scope as `yizhan`.

use super::yizhan;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::test::TestRequest;
use actix_web::{FromRequest as _, web};
use actix_ws::AggregatedMessage;
use bytes::Bytes;
use futures_util::FutureExt as _;
use yizhan::socket::frame::parse;
use yizhan::socket::wire::Violation;
use yizhan::web::reader::{Incoming, Reader};

const LIMIT: usize = 65_536;

/// The first byte says what the rest is: the text of one message (`t`), or bytes as they come from the network (`b`),
/// cut into reads of as many bytes as the second byte says.
pub(super) fn run(data: &[u8]) {
    match data.split_first() {
        Some((b't', text)) => {
            if let Ok(text) = std::str::from_utf8(text) {
                drop(parse(text));
            }
        }
        Some((b'b', rest)) => {
            if let Some((step, bytes)) = rest.split_first() {
                let whole = read(bytes, bytes.len().max(1));
                assert_eq!(read(bytes, usize::from(*step).max(1)), whole, "how bytes are cut changes nothing");
            }
        }
        _ => {}
    }
}

/// The messages up to the end or the first violation, and that violation.
fn read(bytes: &[u8], step: usize) -> (Vec<AggregatedMessage>, Option<u16>) {
    let reads: Vec<_> = bytes.chunks(step).map(|read| Ok::<_, PayloadError>(Bytes::copy_from_slice(read))).collect();
    let payload: Payload = Payload::Stream { payload: Box::pin(futures_util::stream::iter(reads)) };
    all(payload).now_or_never().expect("everything is there: nothing waits")
}

async fn all(mut payload: Payload) -> (Vec<AggregatedMessage>, Option<u16>) {
    let request = TestRequest::get()
        .insert_header(("Connection", "upgrade"))
        .insert_header(("Upgrade", "websocket"))
        .insert_header(("Sec-WebSocket-Version", "13"))
        .insert_header(("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="))
        .to_http_request();
    let payload = web::Payload::from_request(&request, &mut payload).await.expect("a payload");
    // Response and session have to live: without them the connection is gone.
    let (_response, _session, mut reader) =
        Reader::open(&request, payload, &[], LIMIT, false).await.expect("an upgrade");
    let mut messages = Vec::new();
    loop {
        match reader.next().await {
            Incoming::Message(message) => {
                if let AggregatedMessage::Text(text) = &message {
                    assert!(text.len() <= LIMIT);
                    drop(parse(text));
                }
                messages.push(message);
            }
            Incoming::Violation(Violation(code)) => {
                assert!(matches!(code, 1002 | 1003 | 1007 | 1008 | 1009), "{code}");
                return (messages, Some(code));
            }
            Incoming::Gone => return (messages, None),
        }
    }
}
