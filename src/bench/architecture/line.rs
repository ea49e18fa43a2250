//! Who sends and who receives on XMPP. An agent of the gateway, too: it approves its queue, takes every offer and answers
//! with receipts, as clients do by themselves and people by hand.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use futures_util::FutureExt as _;

use super::client::{Client, address};
use super::stanza::{RECEIPTS, Stanza};
use super::wire::Door;
use crate::bench::crowd::{AGENTS, Heard, Receiver, Sender};
use crate::bench::parcel::Parcel;
use crate::bench::visitor::Manner;

/// Somebody who writes to one of the receivers.
#[derive(Debug)]
pub(super) struct Writer {
    client: Client,
    to: String,
    manner: Manner,
    sender: u32,
    next: u64,
    /// What no receipt has come for.
    open: BTreeSet<u64>,
}

/// The account of the `n`th who writes.
pub(super) fn writer(n: usize) -> String {
    format!("writer{n}")
}

/// The account of the `n`th who receives.
pub(super) fn receiver(n: usize) -> String {
    format!("agent{n}")
}

impl Writer {
    /// Comes online, and writes under a number.
    pub(super) async fn open(door: &Door, n: usize, sender: u32, manner: Manner) -> anyhow::Result<Self> {
        let client = Client::enter(door, writer(n), n, manner.waits).await?;
        let to = address(&receiver(n % AGENTS));
        Ok(Self { client, to, manner, sender, next: 0, open: BTreeSet::new() })
    }

    async fn hear(&mut self) -> anyhow::Result<()> {
        let Some(stanza) = self.client.next().await? else { return Ok(()) };
        ensure!(stanza.kind.as_deref() != Some("error"), "refused: {:?}", stanza.inside);
        if let Some(id) = &stanza.receipt {
            let n: u64 = id.parse().with_context(|| format!("a receipt for {id}"))?;
            ensure!(self.open.remove(&n), "a receipt for {n}, which is not open");
        }
        Ok(())
    }
}

impl Sender for Writer {
    async fn send(&mut self, intended: Duration) -> anyhow::Result<u64> {
        let n = self.next;
        self.next += 1;
        let Manner { size, waits } = self.manner;
        let text = Parcel { sender: self.sender, n, intended }.text(size);
        let to = &self.to;
        let request = if waits { format!("<request xmlns='{RECEIPTS}'/>") } else { String::new() };
        self.client.put(&format!("<message type='chat' to='{to}' id='{n}'><body>{text}</body>{request}</message>"));
        if !waits {
            self.client.flush().await?;
            while let Some(heard) = self.hear().now_or_never() {
                heard?;
            }
            return Ok(n);
        }
        self.open.insert(n);
        self.client.ask();
        while !self.client.acknowledged() {
            self.hear().await?;
        }
        Ok(n)
    }

    async fn serve(&mut self) -> anyhow::Result<Infallible> {
        loop {
            self.hear().await?;
        }
    }

    async fn finish(&mut self) -> anyhow::Result<()> {
        while !self.open.is_empty() {
            self.hear().await?;
        }
        Ok(())
    }
}

/// Somebody who receives.
#[derive(Debug)]
pub(super) struct Reader {
    client: Client,
}

impl Reader {
    /// Comes online.
    pub(super) async fn open(door: &Door, n: usize, acks: bool) -> anyhow::Result<Self> {
        Ok(Self { client: Client::enter(door, receiver(n), n, acks).await? })
    }

    /// A queue asks to see the presence, offers a session, or says that it is taken.
    fn work(&mut self, stanza: &Stanza) -> anyhow::Result<Heard> {
        let from = stanza.from.as_deref().map(quick_xml::escape::escape).context("from nobody")?;
        if stanza.name == "presence" && stanza.kind.as_deref() == Some("subscribe") {
            self.client.put(&format!("<presence type='subscribed' to='{from}'/>"));
        }
        let body = stanza.body.as_deref().unwrap_or_default();
        if let Some((_, offer)) = body.split_once("新会话 #") {
            let number: u32 =
                offer.split(' ').next().unwrap_or_default().parse().context("an offer without a number")?;
            self.client.put(&format!(
                "<message type='chat' to='{from}' id='take{number}'><body>/take {number}</body></message>"
            ));
        }
        Ok(if body.contains("已接入") { Heard::Taken } else { Heard::Other })
    }
}

impl Receiver for Reader {
    async fn hear(&mut self) -> anyhow::Result<Heard> {
        loop {
            let Some(stanza) = self.client.next().await? else { continue };
            if stanza.name == "message" && stanza.kind.as_deref() == Some("error") {
                bail!("refused: {:?}", stanza.inside);
            }
            if let (true, Some(from), Some(id)) = (stanza.asks_receipt, &stanza.from, &stanza.id) {
                let [to, id] = [from, id].map(|value| quick_xml::escape::escape(value.as_str()));
                self.client
                    .put(&format!("<message type='chat' to='{to}'><received xmlns='{RECEIPTS}' id='{id}'/></message>"));
            }
            return match stanza.body.as_deref().and_then(|body| Parcel::read(body.as_bytes())) {
                Some(parcel) => Ok(Heard::Parcel(parcel)),
                None if stanza.from.is_some() => self.work(&stanza),
                None => Ok(Heard::Other),
            };
        }
    }
}
