//! `/ws/echo`: sends back what comes, through the same transport as real sockets. Only for conformance tests.

use std::rc::Rc;
use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};

use super::error::ApiError;
use super::link::Link;
use super::pipe::{Pipe, pipe};
use super::transport::{Incoming, Transport};
use super::{handshake, other_method};
use crate::socket::Settings;
use crate::socket::close::Close;
use crate::socket::outbox::Text;
use crate::socket::wire::{Decoder, Event};

/// Conformance tests send messages of up to 16 MiB.
const LIMIT: usize = 32 * 1024 * 1024;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/ws/echo").route(web::get().to(open)).default_service(web::to(other_method)));
}

async fn open(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, ApiError> {
    let accept = handshake::check(&request)?;
    let settings = Settings { outbox_messages: 65_536, outbox_bytes: 2 * LIMIT, ..Settings::default() };
    let (out, frames) = pipe(&settings);
    let link = request.conn_data::<Rc<Link>>().cloned();
    let transport = Transport::new(payload.into_inner(), Decoder::new(LIMIT, true), out.clone(), link);
    actix_web::rt::spawn(echo(transport, out));
    Ok(handshake::switch(accept, None, frames))
}

async fn echo(mut transport: Transport, out: Pipe) {
    let patience = Duration::from_secs(10);
    loop {
        match transport.next().await {
            Incoming::Event(Event::Text(text)) => {
                if out.push(Text::Own(text)).is_err() {
                    return transport.close(Close::SLOW_CONSUMER, false, patience).await;
                }
            }
            Incoming::Event(Event::Binary(message)) => out.binary(message),
            Incoming::Event(Event::Ping(payload)) => out.pong(payload),
            Incoming::Event(Event::Pong) => {}
            Incoming::Event(Event::Close(code)) => return transport.close(Close::echo(code), true, patience).await,
            Incoming::Violation(violation) => {
                return transport.close(Close::violation(violation), false, patience).await;
            }
            Incoming::Gone => return transport.abandon(),
        }
    }
}
