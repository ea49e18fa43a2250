//! Which services there are, and how each says that it is ready. An open port is not enough for that.

use std::io::{Read, Write};
use std::time::Duration;

use super::listens;

/// A service of `scripts/service`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// PostgreSQL.
    Postgres,
    /// Redis.
    Redis,
    /// RabbitMQ.
    Rabbitmq,
    /// coturn with the hardened configuration of `deploy/coturn`.
    Coturn,
    /// Prosody.
    Prosody,
    /// ejabberd.
    Ejabberd,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Redis => "redis",
            Self::Rabbitmq => "rabbitmq",
            Self::Coturn => "coturn",
            Self::Prosody => "prosody",
            Self::Ejabberd => "ejabberd",
        }
    }

    /// The address for clients of the service on this port.
    pub(super) fn url(self, port: u16) -> String {
        match self {
            Self::Postgres => format!("postgres://postgres@127.0.0.1:{port}/postgres"),
            Self::Redis => format!("redis://127.0.0.1:{port}"),
            Self::Rabbitmq => format!("amqp://guest:guest@127.0.0.1:{port}"),
            Self::Coturn => format!("turn:127.0.0.1:{port}?transport=udp"),
            Self::Prosody | Self::Ejabberd => format!("xmpp://127.0.0.1:{port}"),
        }
    }

    /// Whether the service on this port takes clients now.
    pub(super) fn answers(self, port: u16) -> bool {
        match self {
            // A start-up message for user and database `postgres`; while it recovers it answers with an error, `E`.
            Self::Postgres => {
                let mut hello = vec![0, 0, 0, 0, 0, 3, 0, 0];
                hello.extend(b"user\0postgres\0database\0postgres\0\0");
                hello[3] = u8::try_from(hello.len()).expect("short");
                first_byte(port, &hello) == Some(b'R')
            }
            Self::Redis => first_byte(port, b"PING\r\n") == Some(b'+'),
            // The server answers the protocol header with a method frame: `connection.start`.
            Self::Rabbitmq => first_byte(port, b"AMQP\x00\x00\x09\x01") == Some(1),
            // A request for an allocation without credentials is answered with an error: 0x0113.
            Self::Coturn => {
                first_byte(port, b"\x00\x03\x00\x08\x21\x12\xa4\x42yizhan------\x00\x19\x00\x04\x11\x00\x00\x00")
                    == Some(1)
            }
            // Both open the door for components a moment after the one for clients.
            Self::Prosody | Self::Ejabberd => {
                let hello = |ns| {
                    format!(
                        "<stream:stream xmlns='{ns}' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' version='1.0'>"
                    )
                };
                let component = hello("jabber:component:accept").replace("'localhost'", "'desk.localhost'");
                first_byte(port, hello("jabber:client").as_bytes()) == Some(b'<')
                    && first_byte(port + 1, component.as_bytes()) == Some(b'<')
            }
        }
    }
}

fn first_byte(port: u16, say: &[u8]) -> Option<u8> {
    let mut stream = listens(port)?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    stream.write_all(say).ok()?;
    let mut answer = [0];
    stream.read_exact(&mut answer).ok().map(|()| answer[0])
}
