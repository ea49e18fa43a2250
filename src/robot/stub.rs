//! A robot's server for the tests: does to each request what the script says, and remembers what was asked.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::{Caps, Finish, Guard, Http, Lookup, Permit, RobotError, RobotEvent, Turn};
use crate::model::id::{ConversationId, SessionId, TenantId};
use crate::model::time::Millis;
use crate::runtime::Stop;
use crate::runtime::seen::Seen;

/// How long anything in a test may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// What the server does with one request.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// Writes these pieces, each in a packet of its own, and closes.
    Pieces(Vec<Vec<u8>>),
    /// Writes these bytes and then waits until the other side closes.
    Hold(Vec<u8>),
    /// Writes the first bytes, and the second ones again and again until the other side has enough.
    Endless(Vec<u8>, Vec<u8>),
}

impl Act {
    /// A whole answer.
    pub(super) fn ok(content_type: &str, body: impl AsRef<[u8]>) -> Self {
        Self::status("200 OK", content_type, body)
    }

    /// JSON.
    pub(super) fn json(body: &str) -> Self {
        Self::ok("application/json", body)
    }

    /// Any status.
    pub(super) fn status(line: &str, content_type: &str, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {line}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        Self::Pieces(vec![[head.as_bytes(), body].concat()])
    }

    /// A stream of events whose bytes are cut into pieces of this size.
    pub(super) fn stream(body: &str, size: usize) -> Self {
        let head = stream_head().to_vec();
        Self::Pieces(std::iter::once(head).chain(body.as_bytes().chunks(size).map(<[u8]>::to_vec)).collect())
    }
}

/// The head of an answer that ends when the connection does.
pub(super) fn stream_head() -> &'static [u8] {
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nConnection: close\r\n\r\n"
}

/// The running server.
pub(super) struct Stub {
    pub(super) base: String,
    pub(super) port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    arrived: mpsc::UnboundedReceiver<()>,
    closed: mpsc::UnboundedReceiver<()>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Stub {
    /// Starts with a script, request by request. Requests beyond it find nobody.
    pub(super) async fn start(script: impl IntoIterator<Item = Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (arrival, arrived) = mpsc::unbounded_channel();
        let (closing, closed) = mpsc::unbounded_channel();
        let script = script.into_iter().collect();
        let task = tokio::spawn(serve(listener, script, Arc::clone(&seen), arrival, closing));
        Self { base: format!("http://127.0.0.1:{port}"), port, seen, arrived, closed, task }
    }

    /// A guard that lets robots call this server.
    pub(super) fn guard(&self) -> Guard {
        Guard::new(vec![Permit::parse(&format!("127.0.0.1:{}", self.port)).unwrap()], &[])
    }

    /// The requests so far.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until one more request is here.
    pub(super) async fn asked(&mut self) {
        timeout(PATIENCE, self.arrived.recv()).await.expect("a request").unwrap();
    }

    /// Waits until the other side has closed a connection that was held.
    pub(super) async fn closed(&mut self) {
        timeout(PATIENCE, self.closed.recv()).await.expect("the connection to be closed").unwrap();
    }
}

async fn serve(
    listener: TcpListener,
    script: Vec<Act>,
    seen: Arc<Mutex<Vec<Seen>>>,
    arrival: mpsc::UnboundedSender<()>,
    closing: mpsc::UnboundedSender<()>,
) {
    let mut held = tokio::task::JoinSet::new();
    for act in script {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let request = Seen::read(&mut stream).await;
        seen.lock().unwrap().push(request);
        let _nobody_waits = arrival.send(());
        // The next request may come while this one is held.
        held.spawn(perform(act, stream, closing.clone()));
    }
    drop(listener);
    while held.join_next().await.is_some() {}
    std::future::pending::<()>().await;
}

async fn perform(act: Act, mut stream: TcpStream, closing: mpsc::UnboundedSender<()>) {
    match act {
        Act::Pieces(pieces) => {
            for piece in pieces {
                // The client may hang up in the middle of an answer that is too long for it.
                let _hung_up = stream.write_all(&piece).await;
                tokio::task::yield_now().await;
            }
            let _hung_up = stream.shutdown().await;
        }
        Act::Hold(bytes) => {
            let _hung_up = stream.write_all(&bytes).await;
            let mut buffer = [0; 64];
            while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
            let _nobody_waits = closing.send(());
        }
        Act::Endless(head, more) => {
            let _hung_up = stream.write_all(&head).await;
            while stream.write_all(&more).await.is_ok() {}
            let _nobody_waits = closing.send(());
        }
    }
}

/// A client that asks the machine for names.
pub(super) fn http() -> Http {
    Http::new(&Lookup::System).unwrap()
}

/// A turn on a web channel with all abilities.
pub(super) fn turn(text: &str) -> Turn {
    Turn {
        tenant: TenantId::parse("acme").unwrap(),
        conv: ConversationId::generate(Millis(1_795_392_073_482)),
        session: SessionId::generate(Millis(1_795_392_073_482)),
        epoch: 3,
        seq: 7,
        text: text.into(),
        chosen: false,
        locale: "zh-CN".into(),
        history: Vec::new(),
        context: Vec::new(),
        memory: None,
        deadline: Instant::now() + PATIENCE,
        caps: Caps { streaming: true, rich: true, max_options: 5 },
    }
}

/// Runs a turn and collects what is told.
pub(super) async fn heard(
    run: impl AsyncFnOnce(mpsc::Sender<RobotEvent>, Stop) -> Result<Finish, RobotError>,
) -> (Vec<RobotEvent>, Result<Finish, RobotError>) {
    // Small, so that a robot also has to wait for its listener.
    let (out, mut ears) = mpsc::channel(2);
    let mut events = Vec::new();
    let listening = async {
        while let Some(event) = ears.recv().await {
            events.push(event);
        }
    };
    let (finish, ()) = tokio::join!(run(out, Stop::new()), listening);
    (events, finish)
}

/// The texts of the messages among these events, and the deltas put together.
pub(super) fn texts(events: &[RobotEvent]) -> (Vec<String>, String) {
    let mut said = Vec::new();
    let mut shown = String::new();
    for event in events {
        match event {
            RobotEvent::Message(answer) => said.extend(answer.parts().iter().cloned()),
            RobotEvent::Delta(more) => shown.push_str(more),
            _ => {}
        }
    }
    (said, shown)
}
