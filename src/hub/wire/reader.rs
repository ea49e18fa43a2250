//! Reading entries. What another node wrote is trusted no further than it can be checked.

use std::str::FromStr;
use std::sync::Arc;

use super::{Damaged, Item, VERSION, tag};
use crate::hub::{Audience, Frame, Head, Hint, Mark, Recipient};
use crate::model::envelope::Envelope;
use crate::model::id::{AgentId, ContactId, NodeId, TenantId};

/// Everything that an entry says, in order.
///
/// # Errors
/// When it is of another version or damaged: then nothing of it counts.
pub(in crate::hub) fn read(entry: &[u8]) -> Result<Vec<Item>, Damaged> {
    let mut rest = Bytes(entry);
    if rest.byte()? != VERSION {
        return Err(Damaged("version"));
    }
    let mut items = Vec::with_capacity(1);
    while !rest.0.is_empty() {
        let tag = rest.byte()?;
        let length = usize::try_from(u32::from_le_bytes(rest.array()?)).unwrap_or(usize::MAX);
        let body = Bytes(rest.take(length)?);
        items.extend(item(tag, body)?);
    }
    Ok(items)
}

fn item(tag: u8, mut body: Bytes<'_>) -> Result<Option<Item>, Damaged> {
    Ok(Some(match tag {
        tag::MESSAGE | tag::FRAME | tag::HEAD | tag::REPLACED | tag::SIGNED_OUT => {
            let to = body.recipients()?;
            let hint = hint(tag, body)?;
            if let Hint::Message(envelope) = &hint
                && to.iter().any(|recipient| *recipient.tenant() != envelope.tenant)
            {
                return Err(Damaged("a message for another tenant"));
            }
            Item::Hint(to, hint)
        }
        tag::HERE => Item::Here(body.parsed()?, body.number()?),
        tag::CHANGED => Item::Changed {
            node: body.parsed()?,
            number: body.number()?,
            came: body.recipients()?,
            left: body.recipients()?,
        },
        tag::GONE => Item::Gone(body.parsed()?),
        tag::ASK => Item::Ask(body.parsed()?),
        tag::ALL => {
            let (node, number): (NodeId, u64) = (body.parsed()?, body.number()?);
            let ends = body.byte()?;
            Item::All { node, number, first: ends & 1 != 0, last: ends & 2 != 0, recipients: body.recipients()? }
        }
        _ => return Ok(None),
    }))
}

fn hint(tag: u8, mut body: Bytes<'_>) -> Result<Hint, Damaged> {
    Ok(match tag {
        tag::MESSAGE => {
            let envelope: Envelope = serde_json::from_slice(body.0).map_err(|_source| Damaged("envelope"))?;
            Hint::Message(Arc::new(envelope))
        }
        tag::FRAME => {
            let has = body.byte()?;
            let mark = match has & 1 {
                0 => None,
                _ => Some(Mark { thing: body.number()?, value: body.number()? }),
            };
            let place = match has & 2 {
                0 => None,
                _ => Some((body.parsed()?, body.place()?)),
            };
            let audience = match has & 12 {
                4 => Audience::Only(body.parsed()?),
                8 => Audience::But(body.parsed()?),
                _ => Audience::All,
            };
            let text = std::str::from_utf8(body.0).map_err(|_source| Damaged("text"))?.into();
            Hint::Frame(Arc::new(Frame { text, mark, place, audience }))
        }
        tag::HEAD => Hint::Head(Arc::new(Head { conv: body.parsed()?, seq: body.place()?, base: body.place()? })),
        tag::REPLACED => Hint::Replaced(body.parsed()?),
        _ => Hint::SignedOut,
    })
}

/// What has not been read yet.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Damaged> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Damaged("length"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Damaged> {
        self.take(N)?.try_into().map_err(|_source| Damaged("length"))
    }

    fn byte(&mut self) -> Result<u8, Damaged> {
        self.array().map(u8::from_le_bytes)
    }

    fn number(&mut self) -> Result<u64, Damaged> {
        self.array().map(u64::from_le_bytes)
    }

    fn place(&mut self) -> Result<i64, Damaged> {
        self.array().map(i64::from_le_bytes)
    }

    fn text(&mut self) -> Result<&'a str, Damaged> {
        let length = usize::from(self.byte()?);
        std::str::from_utf8(self.take(length)?).map_err(|_source| Damaged("text"))
    }

    fn parsed<T: FromStr>(&mut self) -> Result<T, Damaged> {
        self.text()?.parse().map_err(|_source| Damaged("identifier"))
    }

    fn recipients(&mut self) -> Result<Vec<Recipient>, Damaged> {
        let count = u16::from_le_bytes(self.array()?);
        // The count is not believed: an entry that lies about it must not cost memory.
        let mut all = Vec::with_capacity(usize::from(count).min(self.0.len() / 4));
        for _ in 0..count {
            all.push(self.recipient()?);
        }
        Ok(all)
    }

    fn recipient(&mut self) -> Result<Recipient, Damaged> {
        let kind = self.byte()?;
        let tenant: TenantId = self.parsed()?;
        Ok(match kind {
            tag::AGENT => Recipient::Agent(tenant, self.parsed::<AgentId>()?),
            tag::AGENTS => Recipient::Agents(tenant),
            tag::CONTACT => Recipient::Contact(tenant, self.parsed::<ContactId>()?),
            _ => return Err(Damaged("recipient")),
        })
    }
}
