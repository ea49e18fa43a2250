//! A relay between a client and a server on this machine that can lose what it carries, as networks do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// Carries bytes both ways until told otherwise.
pub struct Relay {
    address: SocketAddr,
    state: Arc<State>,
    task: AbortHandle,
}

#[derive(Default)]
struct State {
    server: AtomicU16,
    closed: AtomicBool,
    swallow: AtomicBool,
    swallowed: AtomicBool,
    cut: watch::Sender<()>,
}

impl Relay {
    /// In front of whatever listens on this port.
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let (address, state) = (listener.local_addr().expect("bound"), Arc::new(State::default()));
        state.server.store(port, Ordering::SeqCst);
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // Before the question, so that nobody who was let in misses the cut that follows.
                let cut = shared.cut.subscribe();
                if !shared.closed.load(Ordering::SeqCst) {
                    tokio::spawn(carry(client, Arc::clone(&shared), cut));
                }
            }
        });
        Self { address, state, task: task.abort_handle() }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// New connections go to the server on this port.
    pub fn point_at(&self, port: u16) {
        self.state.server.store(port, Ordering::SeqCst);
    }

    /// Whether new connections are closed at once.
    pub fn close(&self, closed: bool) {
        self.state.closed.store(closed, Ordering::SeqCst);
    }

    /// Ends every connection that there is.
    pub fn cut(&self) {
        self.state.cut.send_replace(());
    }

    /// The next `COMMIT` reaches the server; its answer does not come back, and the connection ends.
    pub fn swallow_next_commit(&self) {
        self.state.swallowed.store(false, Ordering::SeqCst);
        self.state.swallow.store(true, Ordering::SeqCst);
    }

    /// Whether that has happened.
    pub fn has_swallowed(&self) -> bool {
        self.state.swallowed.load(Ordering::SeqCst)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(mut client: TcpStream, state: Arc<State>, mut cut: watch::Receiver<()>) {
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", state.server.load(Ordering::SeqCst))).await else { return };
    let (mut up, mut down) = (vec![0; 65_536], vec![0; 65_536]);
    let mut mute = false;
    loop {
        tokio::select! {
            _ = cut.changed() => return,
            read = client.read(&mut up) => {
                let Ok(count @ 1..) = read else { return };
                let commits = up[..count].windows(7).any(|bytes| bytes == b"COMMIT\0");
                mute |= commits && state.swallow.swap(false, Ordering::SeqCst);
                if server.write_all(&up[..count]).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut down) => {
                let Ok(count @ 1..) = read else { return };
                if mute {
                    // The server has answered, so it has done it.
                    state.swallowed.store(true, Ordering::SeqCst);
                    return;
                }
                if client.write_all(&down[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
}
