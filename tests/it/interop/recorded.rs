//! A server of other people as it was recorded: its answers byte by byte, and the requests that it took.
//!
//! With the address of a running server in the environment the story is told to that server, and recorded anew.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use yizhan::clock::Clock;
use yizhan::model::robot::RobotSetting;
use yizhan::robot::{Adapter, Guard, Http, Lookup, Permit};

/// Stands between an adapter and the server, or in the server's place.
pub struct Recorded {
    address: String,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Recorded {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Where the exchanges are kept, in the order of the story, `01.request`, `01.answer`, …, and the server to record.
#[derive(Clone)]
struct Tape {
    folder: PathBuf,
    real: Option<String>,
    number: Arc<AtomicUsize>,
}

impl Recorded {
    /// Plays what is kept in this folder of `tests/fixture`, or records the server whose address the variable has.
    pub async fn starts(folder: &str, variable: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixture").join(folder);
        let real = std::env::var_os(variable).map(|address| address.into_string().unwrap());
        let tape = Tape { folder, real, number: Arc::new(AtomicUsize::new(0)) };
        if tape.real.is_some() {
            let _first_recording = std::fs::remove_dir_all(&tape.folder);
            std::fs::create_dir_all(&tape.folder).unwrap();
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let task = tokio::spawn(async move {
            let mut clients = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                clients.spawn(tape.clone().serve(stream));
            }
        });
        Self { address, task }
    }

    /// Below its address.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// An adapter that may call it.
    pub fn robot(&self, setting: &RobotSetting) -> Adapter {
        let guard = Guard::new(vec![Permit::parse(&self.address).unwrap()], &[]);
        Adapter::new(setting, &guard, &Http::new(&Lookup::System).unwrap(), &Clock::system()).unwrap()
    }
}

impl Tape {
    /// Answers one client as long as it stays.
    async fn serve(self, mut client: TcpStream) {
        while let Some(request) = message(&mut client).await {
            let number = self.number.fetch_add(1, Ordering::SeqCst) + 1;
            let answer = match &self.real {
                Some(real) => self.record(number, real, &request).await,
                None => self.replay(number, &request),
            };
            client.write_all(&answer).await.unwrap();
        }
    }

    fn place(&self, number: usize, kind: &str) -> PathBuf {
        self.folder.join(format!("{number:02}.{kind}"))
    }

    async fn record(&self, number: usize, real: &str, request: &[u8]) -> Vec<u8> {
        let mut server = TcpStream::connect(real).await.expect("the server");
        server.write_all(request).await.unwrap();
        let answer = message(&mut server).await.expect("an answer");
        std::fs::write(self.place(number, "request"), lasting(request)).unwrap();
        std::fs::write(self.place(number, "answer"), &answer).unwrap();
        answer
    }

    fn replay(&self, number: usize, request: &[u8]) -> Vec<u8> {
        let taken = std::fs::read_to_string(self.place(number, "request")).expect("the story goes on");
        assert_eq!(lasting(request), taken, "request {number} is not what the server took");
        std::fs::read(self.place(number, "answer")).unwrap()
    }
}

/// A request without what differs from run to run: the port, and our version.
fn lasting(request: &[u8]) -> String {
    let text = String::from_utf8(request.to_vec()).unwrap();
    let differs =
        |line: &&str| ["host: ", "user-agent: "].iter().any(|name| line.to_ascii_lowercase().starts_with(name));
    text.split("\r\n").filter(|line| !differs(line)).collect::<Vec<_>>().join("\n")
}

/// One HTTP message with a length, or in chunks; `None` when the other side has no more.
async fn message(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 65_536];
    while !is_whole(&bytes) {
        match stream.read(&mut buffer).await {
            Ok(count) if count > 0 => bytes.extend_from_slice(&buffer[..count]),
            _ => return None,
        }
    }
    Some(bytes)
}

fn is_whole(bytes: &[u8]) -> bool {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_ascii_lowercase();
    match head.lines().find_map(|line| line.strip_prefix("content-length: ")) {
        Some(length) => bytes.len() >= end + 4 + length.parse::<usize>().unwrap(),
        None => !head.contains("transfer-encoding: chunked") || bytes.ends_with(b"\r\n0\r\n\r\n"),
    }
}
