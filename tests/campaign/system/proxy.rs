//! A TCP balancer with levers: it passes on, cuts, holds, slows and counts. Knows bytes, no protocol.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How long connecting to a backend may take.
const CONNECT: Duration = Duration::from_secs(1);
const CHUNK: usize = 16 << 10;

/// How connections are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// As they should be.
    Pass,
    /// New ones are closed at once.
    Refuse,
    /// Nothing moves in either direction, and nothing is closed.
    Hold,
    /// Requests pass, answers are held.
    HoldAnswers,
    /// Answers come a byte at a time, this many milliseconds apart.
    Drip(u64),
    /// Answers end after so many bytes.
    CutAnswers(usize),
    /// Everything comes later by this many milliseconds.
    Delay(u64),
}

/// One connection through the balancer.
#[derive(Debug)]
struct Through {
    backend: usize,
    cut: CancellationToken,
    mode: watch::Sender<Option<Mode>>,
}

#[derive(Debug)]
struct Inner {
    address: SocketAddr,
    backends: Vec<SocketAddr>,
    mode: watch::Sender<Mode>,
    through: Mutex<HashMap<u64, Through>>,
    next: AtomicU64,
    turn: AtomicUsize,
    stop: CancellationToken,
}

/// A balancer. Clones have the same levers; it stops with [`Proxy::stop`].
#[derive(Debug, Clone)]
pub struct Proxy {
    inner: Arc<Inner>,
}

impl Proxy {
    /// Listens on a free port and passes on to the backends in turn.
    pub async fn start(backends: Vec<SocketAddr>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let inner = Inner {
            address: listener.local_addr()?,
            backends,
            mode: watch::Sender::new(Mode::Pass),
            through: Mutex::default(),
            next: AtomicU64::new(1),
            turn: AtomicUsize::new(0),
            stop: CancellationToken::new(),
        };
        let proxy = Self { inner: Arc::new(inner) };
        tokio::spawn(proxy.clone().listen(listener));
        Ok(proxy)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.inner.address
    }

    /// Ends everything.
    pub fn stop(&self) {
        self.inner.stop.cancel();
    }

    /// Treats all connections like this from now on, also those that stand.
    pub fn set(&self, mode: Mode) {
        self.inner.mode.send_replace(mode);
    }

    /// Cuts the connections to a backend, or all. How many.
    pub fn cut(&self, backend: Option<usize>) -> usize {
        let through = self.through();
        let cut = through.values().filter(|one| backend.is_none_or(|wanted| wanted == one.backend));
        cut.map(|one| one.cut.cancel()).count()
    }

    /// Treats the connections that stand now like this, until they end. How many.
    pub fn freeze(&self, most: usize) -> usize {
        let through = self.through();
        let held = through.values().take(most).inspect(|one| {
            one.mode.send_replace(Some(Mode::Hold));
        });
        held.count()
    }

    fn through(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Through>> {
        self.inner.through.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn listen(self, listener: TcpListener) {
        loop {
            tokio::select! {
                accepted = listener.accept() => if let Ok((client, _)) = accepted {
                    tokio::spawn(self.clone().pass(client));
                },
                () = self.inner.stop.cancelled() => return,
            }
        }
    }

    /// A connection to the next backend that takes one.
    async fn connect(&self) -> Option<(usize, TcpStream)> {
        let (count, first) = (self.inner.backends.len(), self.inner.turn.fetch_add(1, Ordering::Relaxed));
        let turns = (0..count).map(|n| (first + n) % count.max(1));
        for n in turns {
            let Some(address) = self.inner.backends.get(n) else { continue };
            if let Ok(Ok(stream)) = tokio::time::timeout(CONNECT, TcpStream::connect(address)).await {
                return Some((n, stream));
            }
        }
        None
    }

    async fn pass(self, client: TcpStream) {
        if *self.inner.mode.borrow() == Mode::Refuse {
            return reset(&client);
        }
        let Some((backend, server)) = self.connect().await else {
            return reset(&client);
        };
        let quick = client.set_nodelay(true).and(server.set_nodelay(true));
        if quick.is_err() {
            return;
        }
        let id = self.inner.next.fetch_add(1, Ordering::Relaxed);
        let (cut, own) = (self.inner.stop.child_token(), watch::Sender::new(None));
        let lever = Lever { all: self.inner.mode.subscribe(), own: own.subscribe() };
        self.through().insert(id, Through { backend, cut: cut.clone(), mode: own });
        let ((client_in, client_out), (server_in, server_out)) = (client.into_split(), server.into_split());
        let both = async {
            let up = carry(client_in, server_out, lever.clone(), Way::Up);
            let down = carry(server_in, client_out, lever, Way::Down);
            tokio::join!(up, down)
        };
        tokio::select! {
            (up, down) = both => drop((up, down)),
            () = cut.cancelled() => {}
        }
        self.through().remove(&id);
    }
}

/// Lets a connection close without a word, so that the other side sees a reset and no orderly end.
fn reset(client: &TcpStream) {
    // Whether it can be set or not, the connection ends.
    drop(socket2::SockRef::from(client).set_linger(Some(Duration::ZERO)));
}

/// What applies to one connection.
#[derive(Debug, Clone)]
struct Lever {
    all: watch::Receiver<Mode>,
    own: watch::Receiver<Option<Mode>>,
}

impl Lever {
    fn now(&mut self) -> Mode {
        let own = *self.own.borrow_and_update();
        own.unwrap_or(*self.all.borrow_and_update())
    }

    async fn changed(&mut self) {
        // A lever whose hand is gone does not move any more.
        tokio::select! {
            Ok(()) = self.all.changed() => {}
            Ok(()) = self.own.changed() => {}
            else => std::future::pending().await,
        }
    }

    /// Waits until bytes of this way may move; how.
    async fn leave(&mut self, way: Way) -> Mode {
        loop {
            match self.now() {
                Mode::Hold => self.changed().await,
                Mode::HoldAnswers if way == Way::Down => self.changed().await,
                mode => return mode,
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

/// Carries bytes one way until the end.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut lever: Lever, way: Way) -> std::io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = from.read(&mut chunk).await?;
        let mode = lever.leave(way).await;
        if read == 0 {
            return to.shutdown().await;
        }
        let bytes = chunk.get(..read).unwrap_or_default();
        match mode {
            Mode::Delay(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
            Mode::Drip(ms) if way == Way::Down => {
                drip(bytes, &mut to, &mut lever, ms).await?;
                continue;
            }
            Mode::CutAnswers(most) if way == Way::Down => {
                to.write_all(bytes.get(..most).unwrap_or(bytes)).await?;
                return to.shutdown().await;
            }
            _ => {}
        }
        to.write_all(bytes).await?;
    }
}

/// A byte at a time, until it is told otherwise.
async fn drip(bytes: &[u8], to: &mut OwnedWriteHalf, lever: &mut Lever, ms: u64) -> std::io::Result<()> {
    for (n, byte) in bytes.iter().enumerate() {
        if !matches!(lever.now(), Mode::Drip(_)) {
            return to.write_all(bytes.get(n..).unwrap_or_default()).await;
        }
        to.write_all(&[*byte]).await?;
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
    Ok(())
}
