//! Writing entries. A hint is written once, however many recipients it has.

use std::borrow::Borrow;
use std::sync::Arc;

use super::{VERSION, tag};
use crate::hub::{Audience, Hint, Recipient};
use crate::model::id::NodeId;

/// Recipients of one list at most: the count has two bytes.
pub(in crate::hub) const MOST: usize = 65_535;

/// The payload of a hint, written once and put into the entries of several nodes.
#[derive(Debug)]
pub(in crate::hub) struct Payload {
    tag: u8,
    bytes: Vec<u8>,
}

impl Payload {
    /// Writes a hint.
    ///
    /// # Errors
    /// When the envelope cannot be written as JSON.
    pub(in crate::hub) fn of(hint: &Hint) -> Result<Self, serde_json::Error> {
        let mut bytes = Vec::new();
        let tag = match hint {
            Hint::Message(envelope) => {
                bytes.reserve(512);
                serde_json::to_writer(&mut bytes, Arc::as_ref(envelope))?;
                tag::MESSAGE
            }
            Hint::Frame(frame) | Hint::Swept(frame) => {
                bytes.reserve(frame.text.len() + 64);
                let audience = match &frame.audience {
                    Audience::All => 0,
                    Audience::Only(_) => 4,
                    Audience::But(_) => 8,
                };
                bytes.push(u8::from(frame.mark.is_some()) | u8::from(frame.place.is_some()) << 1 | audience);
                if let Some(mark) = frame.mark {
                    bytes.extend(mark.thing.to_le_bytes());
                    bytes.extend(mark.value.to_le_bytes());
                }
                if let Some((conv, seq)) = frame.place {
                    text(&mut bytes, &conv.to_string());
                    bytes.extend(seq.to_le_bytes());
                }
                if let Audience::Only(device) | Audience::But(device) = &frame.audience {
                    text(&mut bytes, device.as_str());
                }
                bytes.extend(frame.text.as_bytes());
                tag::FRAME
            }
            Hint::Head(head) => {
                text(&mut bytes, &head.conv.to_string());
                bytes.extend(head.seq.to_le_bytes());
                bytes.extend(head.base.to_le_bytes());
                tag::HEAD
            }
            Hint::Replaced(connection) => {
                text(&mut bytes, &connection.to_string());
                tag::REPLACED
            }
            Hint::SignedOut => tag::SIGNED_OUT,
        };
        Ok(Self { tag, bytes })
    }
}

/// An entry that is being written.
#[derive(Debug)]
pub(in crate::hub) struct Entry {
    bytes: Vec<u8>,
    hints: usize,
}

impl Default for Entry {
    fn default() -> Self {
        Self { bytes: vec![VERSION], hints: 0 }
    }
}

impl Entry {
    /// Bytes so far.
    pub(in crate::hub) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Hints in it.
    pub(in crate::hub) fn hints(&self) -> usize {
        self.hints
    }

    /// The entry as it travels.
    pub(in crate::hub) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Adds a hint for these recipients.
    pub(in crate::hub) fn hint<R: Borrow<Recipient>>(&mut self, to: &[R], payload: &Payload) {
        self.hints += 1;
        self.item(payload.tag, |bytes| {
            recipients(bytes, to);
            bytes.extend(&payload.bytes);
        });
    }

    /// Adds that the node is there.
    pub(in crate::hub) fn here(&mut self, node: NodeId, number: u64) {
        self.item(tag::HERE, |bytes| notice(bytes, node, number));
    }

    /// Adds recipients that came and left.
    pub(in crate::hub) fn changed(&mut self, node: NodeId, number: u64, came: &[Recipient], left: &[Recipient]) {
        self.item(tag::CHANGED, |bytes| {
            notice(bytes, node, number);
            recipients(bytes, came);
            recipients(bytes, left);
        });
    }

    /// Adds that the node stops.
    pub(in crate::hub) fn gone(&mut self, node: NodeId) {
        self.item(tag::GONE, |bytes| notice(bytes, node, 0));
    }

    /// Adds the wish to know all recipients of whoever reads this.
    pub(in crate::hub) fn ask(&mut self, node: NodeId) {
        self.item(tag::ASK, |bytes| notice(bytes, node, 0));
    }

    /// Adds a part of all recipients of the node.
    pub(in crate::hub) fn all(&mut self, node: NodeId, number: u64, ends: (bool, bool), part: &[Recipient]) {
        self.item(tag::ALL, |bytes| {
            notice(bytes, node, number);
            bytes.push(u8::from(ends.0) | u8::from(ends.1) << 1);
            recipients(bytes, part);
        });
    }

    fn item(&mut self, tag: u8, write: impl FnOnce(&mut Vec<u8>)) {
        self.bytes.push(tag);
        let start = self.bytes.len();
        self.bytes.extend([0; 4]);
        write(&mut self.bytes);
        let length = u32::try_from(self.bytes.len() - start - 4).unwrap_or(u32::MAX);
        if let Some(place) = self.bytes.get_mut(start..start + 4) {
            place.copy_from_slice(&length.to_le_bytes());
        }
    }
}

fn notice(bytes: &mut Vec<u8>, node: NodeId, number: u64) {
    text(bytes, &node.to_string());
    bytes.extend(number.to_le_bytes());
}

fn recipients<R: Borrow<Recipient>>(bytes: &mut Vec<u8>, all: &[R]) {
    let start = bytes.len();
    bytes.extend([0; 2]);
    let mut count = 0_u16;
    for recipient in all.iter().take(MOST) {
        count += 1;
        match recipient.borrow() {
            Recipient::Agent(tenant, agent) => {
                bytes.push(tag::AGENT);
                text(bytes, tenant.as_str());
                text(bytes, agent.as_str());
            }
            Recipient::Agents(tenant) => {
                bytes.push(tag::AGENTS);
                text(bytes, tenant.as_str());
            }
            Recipient::Contact(tenant, contact) => {
                bytes.push(tag::CONTACT);
                text(bytes, tenant.as_str());
                text(bytes, &contact.to_string());
            }
        }
    }
    if let Some(place) = bytes.get_mut(start..start + 2) {
        place.copy_from_slice(&count.to_le_bytes());
    }
}

/// A text of an identifier: never longer than 255 bytes.
fn text(bytes: &mut Vec<u8>, text: &str) {
    let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
    bytes.push(length);
    bytes.extend(text.as_bytes().iter().take(usize::from(length)));
}
