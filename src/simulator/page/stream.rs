//! The server-sent events of one phone. A page that comes back names the last event it has and misses nothing that is
//! still kept; one that comes new gets every message from the beginning. Knows no message.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream;
use tokio::sync::watch;

use crate::simulator::Platform;
use crate::simulator::act::ActError;
use crate::simulator::phone::{Event, Phone};

/// Silence is broken so often, so that everything in between knows that the stream lives.
const HEARTBEAT: Duration = Duration::from_secs(15);

struct Reader {
    platform: Platform,
    openid: String,
    seen: u64,
    news: watch::Receiver<u64>,
    pending: VecDeque<Bytes>,
}

pub(super) async fn events(
    request: HttpRequest,
    platform: web::Data<Platform>,
    openid: web::Path<String>,
) -> Result<HttpResponse, ActError> {
    let openid = openid.into_inner();
    let reader = {
        let world = platform.world();
        let phone = world.phone(&openid).ok_or(ActError::UnknownPhone)?;
        let (seen, pending) = beginning(phone, marker(&request));
        Reader { platform: platform.as_ref().clone(), news: phone.watch(), openid, seen, pending }
    };
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(run(reader)))
}

/// The last event that the page has: the header that browsers send on coming back, or `?after=`.
fn marker(request: &HttpRequest) -> Option<u64> {
    let header = request.headers().get("Last-Event-ID").and_then(|value| value.to_str().ok()?.parse().ok());
    header.or_else(|| {
        let mut query = url::form_urlencoded::parse(request.query_string().as_bytes());
        query.find(|(name, _)| name == "after").and_then(|(_, value)| value.parse().ok())
    })
}

/// What is written first, and the number up to which the page then is. Without a marker, or with one that is not in
/// what is kept, every message is written again.
fn beginning(phone: &Phone, marker: Option<u64>) -> (u64, VecDeque<Bytes>) {
    let last = phone.last_event();
    let kept = phone.first_event();
    let mut pending = VecDeque::from([Bytes::from_static(b"retry: 1000\n\n")]);
    match marker {
        Some(seen) if seen <= last && seen + 1 >= kept => (seen, pending),
        _ => {
            pending.extend(phone.messages().map(|message| frame(last, &Event::Message(Box::new(message.clone())))));
            (last, pending)
        }
    }
}

fn frame(number: u64, event: &Event) -> Bytes {
    // A message is text, numbers and nested values: it always has a JSON form.
    let data = serde_json::to_string(event).unwrap_or_default();
    Bytes::from(format!("id: {number}\nevent: {}\ndata: {data}\n\n", event.name()))
}

fn run(reader: Reader) -> impl Stream<Item = Result<Bytes, Infallible>> {
    stream::unfold(reader, |mut reader| async move {
        loop {
            if let Some(next) = reader.pending.pop_front() {
                return Some((Ok(next), reader));
            }
            let news = {
                let world = reader.platform.world();
                world.phone(&reader.openid)?.events_after(reader.seen)
            };
            if let Some((last, _)) = news.last() {
                reader.seen = *last;
                reader.pending.extend(news.iter().map(|(number, event)| frame(*number, event)));
                continue;
            }
            let stop = reader.platform.stop_token();
            tokio::select! {
                changed = reader.news.changed() => changed.ok()?,
                () = tokio::time::sleep(HEARTBEAT) => reader.pending.push_back(Bytes::from_static(b": still here\n\n")),
                () = stop.cancelled() => return None,
            }
        }
    })
}
