//! Connections to the broker, and what it means when one cannot be had. No recovery happens behind our back: a
//! connection that is lost is thrown away, and the next one declares everything anew.

use std::time::Duration;

use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};
use lapin::uri::AMQPUri;
use lapin::{Connection, ConnectionProperties, ErrorKind};
use tokio::time::timeout;

use crate::bus::Error;

/// Time allowed to connect and sign in, and for each declaration.
pub(super) const CONNECT: Duration = Duration::from_secs(10);
/// How often both sides show that they are alive, in seconds; twice that without a sign means away.
const HEARTBEAT: u16 = 10;
/// The largest frame: events are small, and the client keeps buffers of many frames.
const FRAME_BYTES: u32 = 65_536;

const SIGN_IN: &str = "Check user and password in bus.url (rabbitmqctl authenticate_user)";
const VHOST: &str = "Check the virtual host at the end of bus.url ('/' is written %2f) and that the user may enter it \
                     (rabbitmqctl add_vhost, set_permissions)";
const PERMISSION: &str = "Give the user what it needs: rabbitmqctl set_permissions -p VHOST USER '^yizhan\\.' \
                          '^(yizhan\\.|amq\\.default$)' '^yizhan\\.'";
const MISMATCH: &str = "Something of this name exists with other properties: delete it on the broker, it is made anew";

/// Reads the broker's address.
pub(super) fn address(url: &str) -> Result<AMQPUri, Error> {
    let unreadable = |_words| Error::Refused { reason: "bus.url cannot be read".into(), advice: VHOST };
    let mut uri: AMQPUri = url.parse().map_err(unreadable)?;
    uri.query.heartbeat.get_or_insert(HEARTBEAT);
    uri.query.frame_max.get_or_insert(FRAME_BYTES);
    Ok(uri)
}

/// Opens a connection that the broker's operator sees under this name.
pub(super) async fn connect(uri: &AMQPUri, name: &str) -> Result<Connection, Error> {
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    within(Connection::connect_uri(uri.clone(), properties)).await
}

/// Waits for an answer of the broker, but not for ever.
pub(super) async fn within<T>(answer: impl Future<Output = lapin::Result<T>>) -> Result<T, Error> {
    match timeout(CONNECT, answer).await {
        Ok(answer) => answer.map_err(|error| diagnose(&error)),
        Err(_elapsed) => Err(Error::Away(format!("no answer within {} s", CONNECT.as_secs()))),
    }
}

/// What a failure means for whoever runs the broker.
pub(super) fn diagnose(error: &lapin::Error) -> Error {
    let ErrorKind::ProtocolError(told) = error.kind() else { return Error::Away(error.to_string()) };
    let reason = told.get_message().to_string();
    let advice = match told.kind() {
        AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) => VHOST,
        AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) if reason.contains("Login") || reason.contains("login") => {
            SIGN_IN
        }
        AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => PERMISSION,
        AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED) => MISMATCH,
        _ => return Error::Away(reason),
    };
    Error::Refused { reason, advice }
}
