//! The TCP connection below a request: its buffers, and the way to cut it off when nothing else works.

use std::any::Any;
use std::net::Shutdown;
use std::rc::Rc;
use std::time::Duration;

use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use socket2::{SockRef, Socket};

/// What the kernel may keep for a client that does not read; it would grow to megabytes by itself.
const SEND_BUFFER: usize = 64 * 1024;
/// Data that is not acknowledged, or cannot be sent, ends the connection after this.
const UNACKNOWLEDGED: Duration = Duration::from_secs(20);

/// A second handle to a connection's socket.
///
/// actix has no time-out for writing: a client that reads nothing, or one byte a minute, would keep its connection as
/// long as it likes. Shutting the socket down through this handle ends it at once.
#[derive(Debug)]
pub struct Link {
    socket: Socket,
}

impl Link {
    /// Ends the connection, whatever is still to be sent.
    pub fn cut(&self) {
        // It may be gone already; then there is nothing to cut.
        drop(self.socket.shutdown(Shutdown::Both));
    }
}

/// Bounds a new connection. To be given to `HttpServer::on_connect`.
pub fn on_connect(connection: &dyn Any, extensions: &mut Extensions) {
    let Some(stream) = connection.downcast_ref::<TcpStream>() else { return };
    let socket = SockRef::from(stream);
    let tuned = socket
        .set_send_buffer_size(SEND_BUFFER)
        .and_then(|()| socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED)))
        .and_then(|()| socket.set_tcp_nodelay(true))
        .and_then(|()| socket.try_clone());
    match tuned {
        Ok(socket) => {
            extensions.insert(Rc::new(Link { socket }));
        }
        Err(error) => tracing::warn!(error = %error, "a connection could not be bounded"),
    }
}
