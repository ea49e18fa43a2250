//! The link to a server as an external component (XEP-0114): connecting, handshake, reading and writing stanzas.
//! Knows no stanza's meaning and never tries again: whoever wants another link opens one.

use std::time::Duration;

use sha1::{Digest, Sha1};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

use super::element::{Element, escaped};
use super::error::{LinkError, StreamFault};
use super::stream::{COMPONENT, Incoming, STREAM, Stream};
use crate::model::account::XmppAccount;

/// The namespace of stream errors' conditions.
const CONDITIONS: &str = "urn:ietf:params:xml:ns:xmpp-streams";
/// Time to connect, and for each answer of the handshake.
const PATIENCE: Duration = Duration::from_secs(5);
/// Time for one write; a server that takes nothing for so long is dead.
const WRITE: Duration = Duration::from_secs(10);

/// The half that reads.
#[derive(Debug)]
pub struct LinkReader {
    socket: OwnedReadHalf,
    stream: Stream,
    buffer: Vec<u8>,
}

/// The half that writes.
#[derive(Debug)]
pub struct LinkWriter {
    socket: OwnedWriteHalf,
    domain: String,
}

/// Opens a link: after it the server sends stanzas for the domain here.
///
/// # Errors
/// Why there is none; nothing is left open then.
pub async fn open(account: &XmppAccount) -> Result<(LinkReader, LinkWriter), LinkError> {
    let address = format!("{}:{}", account.host, account.port);
    let unreachable = |source| LinkError::Unreachable { address: address.clone(), source };
    let connecting = TcpStream::connect((account.host.as_str(), account.port));
    let socket = timeout(PATIENCE, connecting).await.map_err(|_elapsed| LinkError::Silent(PATIENCE))?;
    let socket = socket.map_err(unreachable)?;
    socket.set_nodelay(true).map_err(LinkError::Broken)?;
    let (reading, writing) = socket.into_split();
    let mut writer = LinkWriter { socket: writing, domain: account.domain.clone() };
    let mut reader = LinkReader { socket: reading, stream: Stream::default(), buffer: vec![0; 16 * 1024] };
    let header = format!(
        "<?xml version='1.0'?><stream:stream xmlns='{COMPONENT}' xmlns:stream='{STREAM}' to='{}'>",
        escaped(&account.domain)
    );
    writer.put(header.as_bytes()).await?;
    let id = match reader.hurried().await? {
        Some(Incoming::Header(tag)) => tag.get("id").map(ToOwned::to_owned),
        _ => None,
    };
    let id = id.ok_or(LinkError::Fault(StreamFault::NotWellFormed))?;
    let proof = hex(&Sha1::digest(format!("{id}{}", account.secret.expose())));
    writer.write(&Element::new("handshake", COMPONENT).text(proof)).await?;
    match reader.hurried().await? {
        Some(Incoming::Stanza(answer)) if answer.is("handshake", COMPONENT) => Ok((reader, writer)),
        Some(_) => Err(LinkError::Fault(StreamFault::NotWellFormed)),
        None => Err(LinkError::Closed),
    }
}

/// Whether an address belongs to a domain.
fn is_within(address: &str, domain: &str) -> bool {
    let bare = address.split_once('/').map_or(address, |(bare, _)| bare);
    bare.rsplit_once('@').map_or(bare, |(_, host)| host) == domain
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl LinkReader {
    /// The next stanza; `None` when the server has closed the stream. Dropping the future loses nothing.
    ///
    /// # Errors
    /// When the link has ended. [`LinkError::Fault`] is to be told to the server: see [`LinkWriter::close`].
    pub async fn next(&mut self) -> Result<Option<Incoming>, LinkError> {
        loop {
            match self.stream.pop()? {
                Some(Incoming::Stanza(stanza)) if stanza.is("error", STREAM) => return Err(refusal(&stanza)),
                Some(Incoming::End) => return Ok(None),
                Some(incoming) => return Ok(Some(incoming)),
                None => {}
            }
            let read = self.socket.read(&mut self.buffer).await.map_err(LinkError::Broken)?;
            if read == 0 {
                return Ok(None);
            }
            self.stream.feed(self.buffer.get(..read).unwrap_or_default())?;
        }
    }

    /// The next part of a handshake, which may not take long.
    async fn hurried(&mut self) -> Result<Option<Incoming>, LinkError> {
        timeout(PATIENCE, self.next()).await.map_err(|_elapsed| LinkError::Silent(PATIENCE))?
    }
}

/// What a stream error says.
fn refusal(error: &Element) -> LinkError {
    let condition = error.elements().find(|element| element.ns() == CONDITIONS && element.name() != "text");
    let text = error.find("text", CONDITIONS).map(Element::content).unwrap_or_default();
    LinkError::of_condition(condition.map_or("undefined-condition", Element::name), text)
}

impl LinkWriter {
    /// Whether the server lets a stanza through: one from an address outside the link's domain ends the link, for
    /// everybody (RFC 6120 §4.9.3.9).
    #[must_use]
    pub fn carries(&self, stanza: &Element) -> bool {
        stanza.get("from").is_some_and(|from| is_within(from, &self.domain))
    }

    /// Writes a stanza.
    ///
    /// # Errors
    /// When the link has ended, or the server takes nothing.
    pub async fn write(&mut self, stanza: &Element) -> Result<(), LinkError> {
        self.put(stanza.to_xml(COMPONENT).as_bytes()).await
    }

    /// Writes stanzas in one go.
    ///
    /// # Errors
    /// As [`LinkWriter::write`].
    pub async fn write_all(&mut self, stanzas: &[Element]) -> Result<(), LinkError> {
        let text: String = stanzas.iter().map(|stanza| stanza.to_xml(COMPONENT)).collect();
        self.put(text.as_bytes()).await
    }

    async fn put(&mut self, bytes: &[u8]) -> Result<(), LinkError> {
        let written = timeout(WRITE, self.socket.write_all(bytes)).await.map_err(|_elapsed| LinkError::Dead)?;
        written.map_err(LinkError::Broken)
    }

    /// Takes leave: says what was wrong, if anything, and closes the stream.
    pub async fn close(mut self, fault: Option<StreamFault>) {
        let mut farewell = String::new();
        if let Some(fault) = fault {
            let condition = fault.condition();
            farewell = format!("<stream:error><{condition} xmlns='{CONDITIONS}'/></stream:error>");
        }
        farewell.push_str("</stream:stream>");
        // The link has ended for us either way.
        drop(self.put(farewell.as_bytes()).await);
        drop(timeout(PATIENCE, self.socket.shutdown()).await);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_domain_are_within_it() {
        for own in ["desk.localhost", "service@desk.localhost", "c.x@desk.localhost/web", "a@desk.localhost/b@c/d"] {
            assert!(is_within(own, "desk.localhost"), "{own}");
        }
        for foreign in
            ["", "localhost", "li@localhost", "li@localhost/desk.localhost", "x.desk.localhost", "desk.localhost@evil"]
        {
            assert!(!is_within(foreign, "desk.localhost"), "{foreign}");
        }
    }
}
