//! A platform for the tests: answers each request with the next scripted bytes and remembers what was asked.

use std::sync::{Arc, Mutex};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::runtime::seen::Seen;

/// What the stub does with one request.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// Writes these bytes and closes.
    Raw(Vec<u8>),
    /// Reads the request and closes with a reset, without an answer.
    Reset,
    /// Reads the request and never answers.
    Silence,
}

impl Act {
    /// 200 with this body and content type.
    pub(super) fn ok(content_type: &str, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        Self::Raw([head.as_bytes(), body].concat())
    }

    /// JSON as the platform often labels it.
    pub(super) fn json(body: &str) -> Self {
        Self::ok("text/plain", body)
    }

    /// Any status without a body.
    pub(super) fn status(line: &str) -> Self {
        Self::Raw(format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").into_bytes())
    }
}

/// The running stub.
pub(super) struct Stub {
    pub(super) base: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Stub {
    /// Starts with answers in order. Requests beyond the script find nobody.
    pub(super) async fn start(script: impl IntoIterator<Item = Act>) -> Self {
        Self::start_with(|_| script.into_iter().collect()).await
    }

    /// Starts with answers that mention the stub's own address.
    pub(super) async fn start_with(script: impl FnOnce(&str) -> Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let script = script(&base);
        let task = tokio::spawn(serve(listener, script, Arc::clone(&seen)));
        Self { base, seen, task }
    }

    /// The requests so far.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The first lines of the requests so far, without the protocol version.
    pub(super) fn lines(&self) -> Vec<String> {
        self.seen().iter().map(|seen| seen.line.trim_end_matches(" HTTP/1.1").to_owned()).collect()
    }
}

async fn serve(listener: TcpListener, script: Vec<Act>, seen: Arc<Mutex<Vec<Seen>>>) {
    let mut held = Vec::new();
    for act in script {
        let (mut stream, _) = listener.accept().await.unwrap();
        let request = Seen::read(&mut stream).await;
        seen.lock().unwrap().push(request);
        match act {
            Act::Raw(bytes) => {
                // The client may hang up in the middle of an answer that is too long for it.
                let _hung_up = stream.write_all(&bytes).await;
                let _hung_up = stream.shutdown().await;
            }
            Act::Reset => stream.set_zero_linger().unwrap(),
            Act::Silence => held.push(stream),
        }
    }
    drop(listener);
    std::future::pending::<()>().await;
}
