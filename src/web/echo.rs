//! `/ws/echo`: sends back what comes, through the same transport as real sockets. Only for conformance tests.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use actix_ws::AggregatedMessage;

use super::error::ApiError;
use super::reader::Incoming;
use super::transport::Transport;
use super::{handshake, other_method};
use crate::socket::Settings;
use crate::socket::close::Close;
use crate::socket::outbox::Text;

/// Conformance tests send messages of up to 16 MiB.
const LIMIT: usize = 32 * 1024 * 1024;

pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/ws/echo").route(web::get().to(open)).default_service(web::to(other_method)));
}

async fn open(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, ApiError> {
    handshake::check(&request)?;
    let settings =
        Settings { max_frame: LIMIT, outbox_messages: 65_536, outbox_bytes: 2 * LIMIT, ..Settings::default() };
    let (response, transport) = Transport::open(&request, payload, &[], &settings, true).await?;
    actix_web::rt::spawn(echo(transport));
    Ok(response)
}

async fn echo(mut transport: Transport) {
    let patience = Duration::from_secs(10);
    loop {
        match transport.next().await {
            Incoming::Message(AggregatedMessage::Text(text)) => {
                if transport.pipe().push(Text::Own(text.to_string())).is_err() {
                    return transport.close(Close::SLOW_CONSUMER, false, patience).await;
                }
            }
            Incoming::Message(AggregatedMessage::Binary(message)) => transport.pipe().binary(message),
            Incoming::Message(AggregatedMessage::Ping(payload)) => transport.pipe().pong(payload),
            Incoming::Message(AggregatedMessage::Pong(_)) => {}
            Incoming::Message(AggregatedMessage::Close(reason)) => {
                let code = reason.map(|reason| reason.code.into());
                return transport.close(Close::echo(code), true, patience).await;
            }
            Incoming::Violation(violation) => {
                return transport.close(Close::violation(violation), false, patience).await;
            }
            Incoming::Gone => return transport.abandon(),
        }
    }
}
