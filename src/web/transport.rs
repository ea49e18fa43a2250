//! One WebSocket below its protocol: messages in, frames out, an orderly end. Knows no JSON.

use std::rc::Rc;
use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use tokio::time::{Instant, timeout_at};

use super::error::ApiError;
use super::link::Link;
use super::pipe::Pipe;
use super::reader::{Incoming, Reader};
use crate::socket::Settings;
use crate::socket::close::Close;

/// After our close frame the client has so long to answer it.
const LINGER: Duration = Duration::from_secs(2);
/// What a client may still send before it is cut off.
const LINGER_BYTES: usize = 1_048_576;

/// The two ends of one socket.
pub struct Transport {
    reader: Reader,
    pipe: Pipe,
    link: Option<Rc<Link>>,
}

impl Transport {
    /// Opens a socket for a request that was checked. The response has to be given to the client; `binary` says whether
    /// messages of bytes are taken.
    ///
    /// No extension is ever accepted: compressing what an attacker can partly choose next to secrets tells about the
    /// secrets, and costs memory.
    ///
    /// # Errors
    /// When the request is no upgrade after all.
    pub async fn open(
        request: &HttpRequest,
        payload: web::Payload,
        protocols: &[&str],
        settings: &Settings,
        binary: bool,
    ) -> Result<(HttpResponse, Self), ApiError> {
        let (response, session, reader) =
            Reader::open(request, payload, protocols, settings.max_frame, binary)
                .await
                .map_err(|_refusal| ApiError::bad_request("需要 WebSocket 升级 / a WebSocket upgrade is required"))?;
        let pipe = Pipe::new(settings);
        let response = pipe.carried_by(response, session);
        let link = request.conn_data::<Rc<Link>>().cloned();
        Ok((response, Self { reader, pipe, link }))
    }

    /// The writing end.
    #[must_use]
    pub fn pipe(&self) -> &Pipe {
        &self.pipe
    }

    /// What comes next. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Incoming {
        self.reader.next().await
    }

    /// Cuts the connection off.
    pub fn cut(&self) {
        if let Some(link) = &self.link {
            link.cut();
        }
    }

    /// Ends with a close frame. The client's own is waited for a moment, and what it sends until then is ignored:
    /// ending with unread data would reset the connection and take our close frame with it.
    pub async fn close(mut self, close: Close, answered: bool, patience: Duration) {
        self.pipe.close(close);
        let end = Instant::now() + LINGER;
        if !answered {
            // Whoever does not answer in time is not waited for.
            drop(timeout_at(end, self.reader.farewell(LINGER_BYTES)).await);
        }
        self.pipe.finish();
        if tokio::time::timeout(patience, self.pipe.gone()).await.is_err() {
            self.cut();
        }
    }

    /// The connection is gone: lets go of the body.
    pub fn abandon(self) {
        self.pipe.finish();
    }
}

impl Drop for Transport {
    /// Whoever talks to a task that broke is told, instead of talking to nobody.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.pipe.close(Close::INTERNAL_ERROR);
            self.pipe.finish();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use actix_web::FromRequest as _;
    use actix_web::body::to_bytes;
    use actix_web::dev::Payload;
    use actix_web::test::TestRequest;

    use super::*;

    #[tokio::test]
    async fn a_task_that_breaks_ends_its_connection_with_1011() {
        let request = TestRequest::get()
            .insert_header(("Connection", "upgrade"))
            .insert_header(("Upgrade", "websocket"))
            .insert_header(("Sec-WebSocket-Version", "13"))
            .insert_header(("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="))
            .to_http_request();
        let payload = web::Payload::from_request(&request, &mut Payload::None).await.unwrap();
        let opened = Transport::open(&request, payload, &[], &Settings::default(), false).await;
        let Ok((response, transport)) = opened else { panic!("not opened") };
        let task = move || {
            let _transport = transport;
            panic!("the handler of a frame");
        };
        assert!(catch_unwind(AssertUnwindSafe(task)).is_err());
        let told = to_bytes(response.into_body()).await.unwrap();
        assert_eq!((told[0], &told[2..4]), (0x88, &1011_u16.to_be_bytes()[..]), "{told:?}");
    }
}
