//! Connections to the broker, and what it means when one cannot be had. No recovery happens behind our back: a
//! connection that is lost is thrown away, and the next one declares everything anew.

use std::time::Duration;

use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};
use lapin::tcp::OwnedTLSConfig;
use lapin::uri::AMQPUri;
use lapin::{Connection, ConnectionProperties, ErrorKind};
use tokio::time::timeout;

use crate::bus::Error;
use crate::config;

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

/// How to reach the broker.
#[derive(Clone)]
pub(super) struct Address {
    uri: AMQPUri,
    /// The certificate of an authority of our own, as text.
    authority: Option<String>,
}

impl Address {
    /// Reads the settings.
    pub(super) fn of(settings: &config::bus::Rabbitmq) -> Result<Self, Error> {
        let unreadable = |_words| Error::Refused { reason: "bus.url cannot be read".into(), advice: VHOST };
        let mut uri: AMQPUri = settings.url.expose().parse().map_err(unreadable)?;
        uri.query.heartbeat.get_or_insert(HEARTBEAT);
        uri.query.frame_max.get_or_insert(FRAME_BYTES);
        let read = |path: &std::path::PathBuf| {
            std::fs::read_to_string(path).map_err(|error| Error::Refused {
                reason: format!("bus.ca_file {}: {error}", path.display()),
                advice: "Name a certificate in PEM that this account may read",
            })
        };
        Ok(Self { uri, authority: settings.ca_file.as_ref().map(read).transpose()? })
    }

    /// Opens a connection that the broker's operator sees under this name.
    pub(super) async fn connect(&self, name: &str) -> Result<Connection, Error> {
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let tls = OwnedTLSConfig { identity: None, cert_chain: self.authority.clone() };
        let runtime = lapin::runtime::default_runtime().map_err(|error| diagnose(&error))?;
        within(Connection::connect_uri_with_config(self.uri.clone(), properties, tls, runtime)).await
    }
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
