//! A platform that gives tokens and a picture, and answers whatever else it is asked when the test says so.

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

use super::*;
use crate::runtime::seen::Seen;
use crate::tenant::Tenant;

/// What happens at once has happened before.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) struct Platform {
    base: String,
    questions: mpsc::UnboundedReceiver<Question>,
}

/// Something that stays without an answer until somebody gives one.
pub(super) struct Question {
    pub(super) line: String,
    pub(super) body: Vec<u8>,
    reply: oneshot::Sender<&'static str>,
}

impl Question {
    pub(super) fn gets(self, body: &'static str) {
        self.reply.send(body).expect("whoever asked has gone");
    }
}

impl Platform {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (ask, questions) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(answer(stream, ask.clone()));
            }
        });
        Self { base, questions }
    }

    /// The next question that stays without an answer.
    pub(super) async fn unanswered(&mut self) -> Question {
        tokio::time::timeout(PATIENCE, self.questions.recv()).await.expect("nothing was asked").unwrap()
    }

    /// Whether nothing more was asked so far.
    pub(super) fn is_left_alone(&self) -> bool {
        self.questions.is_empty()
    }

    /// A core of these tenants here, which waits for answers longer than any test.
    pub(super) fn core(&self, desk: &Desk, tenants: impl IntoIterator<Item = Tenant>) -> Core {
        let long = Duration::from_secs(600);
        let settings = ApiSettings { total: long, media: long, ..ApiSettings::at(self.base.parse().unwrap()) };
        let wechat = Api::new(&settings, desk.clock.clone()).unwrap();
        let others = parts(desk.ground.store(), desk.clock.clone(), Registry::new(tenants), desk.ground.folder());
        Core::new(Parts { wechat, ..others })
    }
}

async fn answer(mut stream: TcpStream, ask: mpsc::UnboundedSender<Question>) {
    let Seen { line, body, .. } = Seen::read(&mut stream).await;
    let answer: &[u8] = if line.contains("/stable_token") {
        br#"{"access_token":"T1","expires_in":7200}"#
    } else if line.contains("media_id=here") {
        b"\xff\xd8\xff\xe0 a picture"
    } else {
        let (reply, given) = oneshot::channel();
        // A test that is over hears of nothing any more, and one that drops a question never answers it.
        drop(ask.send(Question { line, body, reply }));
        match given.await {
            Ok(given) => given.as_bytes(),
            Err(_dropped) => return std::future::pending().await,
        }
    };
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", answer.len());
    stream.write_all(&[head.as_bytes(), answer].concat()).await.unwrap();
    stream.shutdown().await.unwrap();
}
