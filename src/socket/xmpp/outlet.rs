//! Where stanzas of a link go in: bounded, and with word of what was written. Knows no stanza's meaning.

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

/// Writes what waits until the link ends or nobody sends any more.
///
/// # Errors
/// When the link has ended.
pub(super) async fn drain(writer: &mut LinkWriter, waiting: &mut Waiting) -> Result<(), LinkError> {
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
