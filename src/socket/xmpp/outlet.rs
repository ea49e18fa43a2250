//! Where stanzas of a link go in: bounded, and with word of what was written. Knows no stanza's meaning.

use std::pin::{Pin, pin};

use futures_util::FutureExt as _;
use futures_util::future::Fuse;
use tokio::sync::{mpsc, oneshot};

use crate::channel::xmpp::element::Element;
use crate::channel::xmpp::error::LinkError;
use crate::channel::xmpp::link::LinkWriter;
use crate::core::xmpp::Written;

/// Stanzas that may wait for a link.
const WAITING: usize = 1_024;
/// Stanzas of one write.
const BATCH: usize = 64;

/// A stanza on its way.
#[derive(Debug)]
pub(super) struct Out {
    stanza: Element,
    written: Option<oneshot::Sender<Written>>,
}

/// The way to a link. Clones lead to the same one.
#[derive(Debug, Clone)]
pub(super) struct Outlet(mpsc::Sender<Out>);

/// A link's end of the way.
pub(super) type Waiting = mpsc::Receiver<Out>;

pub(super) fn open() -> (Outlet, Waiting) {
    let (sender, waiting) = mpsc::channel(WAITING);
    (Outlet(sender), waiting)
}

impl Outlet {
    /// Sends a stanza; waits while too many wait. One for a link that has ended is lost, as on any broken connection.
    pub(super) async fn send(&self, stanza: Element) {
        drop(self.0.send(Out { stanza, written: None }).await);
    }

    /// Sends a stanza if there is room.
    pub(super) fn offer(&self, stanza: Element) {
        drop(self.0.try_send(Out { stanza, written: None }));
    }

    /// Sends a stanza, telling `written` what became of it.
    pub(super) async fn send_told(&self, stanza: Element, written: oneshot::Sender<Written>) {
        drop(self.0.send(Out { stanza, written: Some(written) }).await);
    }

    /// Sends a stanza and waits until the connection has taken it; `false` when it has not, or perhaps not.
    pub(super) async fn write(&self, stanza: Element) -> bool {
        let (written, outcome) = oneshot::channel();
        self.send_told(stanza, written).await;
        outcome.await.is_ok_and(|outcome| outcome == Written::Yes)
    }
}

/// The writing of what waits. It goes on beside everything else at a link; once it has ended it is let be.
pub(super) struct Writing<F>(Fuse<Pin<Box<F>>>);

/// Begins to write what waits.
pub(super) fn writing(
    writer: &mut LinkWriter,
    waiting: Waiting,
) -> Writing<impl Future<Output = Result<(), LinkError>>> {
    Writing(Box::pin(drain(writer, waiting)).fuse())
}

impl<F: Future<Output = Result<(), LinkError>>> Writing<F> {
    /// Works until the work or the writing ends, and says why.
    pub(super) async fn until(&mut self, work: impl Future<Output = Option<LinkError>>) -> Option<LinkError> {
        tokio::select! {
            ended = work => ended,
            written = &mut self.0 => written.err(),
        }
    }

    /// Works to the end, also when nothing can be written any more.
    pub(super) async fn beside(&mut self, work: impl Future<Output = ()>) {
        let mut work = pin!(work);
        tokio::select! {
            () = &mut work => {}
            // The link is about to be closed: that it broke before changes nothing.
            _ = &mut self.0 => work.await,
        }
    }
}

/// Writes what waits until the link ends or nobody sends any more. What still waits then is dropped, so that nobody
/// waits for a link that has ended.
///
/// # Errors
/// When the link has ended.
async fn drain(writer: &mut LinkWriter, mut waiting: Waiting) -> Result<(), LinkError> {
    let mut batch = Vec::new();
    while waiting.recv_many(&mut batch, BATCH).await > 0 {
        let carried = batch.drain(..).filter(|out| {
            let carries = writer.carries(&out.stanza);
            if !carries {
                tracing::error!(
                    kind = out.stanza.name(),
                    "a stanza from a foreign address was held back: the server would end the link"
                );
            }
            carries
        });
        let (stanzas, told): (Vec<Element>, Vec<_>) = carried.map(|out| (out.stanza, out.written)).unzip();
        let outcome = writer.write_all(&stanzas).await;
        let word = if outcome.is_ok() { Written::Yes } else { Written::Perhaps };
        for written in told.into_iter().flatten() {
            // Whoever has stopped waiting does not want to know.
            written.send(word).ok();
        }
        outcome?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::time::Duration;

    use tokio::io::AsyncWriteExt as _;
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::timeout;

    use super::*;
    use crate::channel::xmpp::link::{self, LinkReader};
    use crate::channel::xmpp::outgoing::Route;
    use crate::model::jid::Jid;
    use crate::socket::xmpp::tests::settings;

    const LIMIT: Duration = Duration::from_secs(10);
    /// All that a server says before the first stanza.
    const WELCOME: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' \
         xmlns:stream='http://etherx.jabber.org/streams' id='a' from='desk.localhost'><handshake/>";

    /// A link, and the server's end of it.
    async fn link() -> (LinkReader, LinkWriter, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let account = settings("desk.localhost", listener.local_addr().unwrap().port());
        let server = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            socket.write_all(WELCOME.as_bytes()).await.unwrap();
            socket
        };
        let (opened, socket) = tokio::join!(link::open(&account), server);
        let (reader, writer) = opened.unwrap();
        (reader, writer, socket)
    }

    fn stanza() -> Element {
        let (from, to) = (Jid::parse("service@desk.localhost").unwrap(), Jid::parse("li@localhost").unwrap());
        Route { from: &from, to: &to }.chat("1", "你好")
    }

    /// Nobody reads, as when a write fails before the reader hears of it.
    #[tokio::test]
    async fn a_write_that_fails_first_ends_the_link_and_keeps_nobody_waiting() {
        let (_reader, mut writer, socket) = link().await;
        drop(socket);
        let (out, waiting) = open();
        let mut writing = writing(&mut writer, waiting);
        let work = async {
            while out.write(stanza()).await {}
            pending::<Option<LinkError>>().await
        };
        let ended = timeout(LIMIT, writing.until(work)).await.unwrap();
        assert!(matches!(ended, Some(LinkError::Broken(_))), "{ended:?}");

        let mut written = None;
        let leaving = async {
            written = Some(out.write(stanza()).await);
        };
        timeout(LIMIT, writing.beside(leaving)).await.unwrap();
        assert_eq!(written, Some(false));
    }

    #[tokio::test]
    async fn a_write_that_fails_does_not_cut_short_who_leaves() {
        let (_reader, mut writer, socket) = link().await;
        drop(socket);
        let (out, waiting) = open();
        let mut writing = writing(&mut writer, waiting);
        let mut left = false;
        let leaving = async {
            while out.write(stanza()).await {}
            left = true;
        };
        timeout(LIMIT, writing.beside(leaving)).await.unwrap();
        assert!(left);
    }
}
