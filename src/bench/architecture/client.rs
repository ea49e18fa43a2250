//! A client of an XMPP server: makes accounts, signs in, and counts what is acknowledged (XEP-0198) where that is wanted.
//! A load: it says what every client says, and nothing else.

use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::stanza::{ACKS, Stanza};
use super::wire::{Door, HOST, Wire};

/// Of every account.
const PASSWORD: &str = "secret";

/// What has been acknowledged on a connection. Counts begin with it, modulo 2³².
#[derive(Debug, Clone, Default)]
struct Acks {
    /// Under which the connection may be taken up again.
    resumption: String,
    sent: u32,
    acknowledged: u32,
    heard: u32,
}

/// A connection that was cut and may be taken up again.
#[derive(Debug, Clone)]
pub(super) struct Torn {
    account: String,
    acks: Acks,
}

/// A client who is online.
#[derive(Debug)]
pub(super) struct Client {
    wire: Wire,
    account: String,
    acks: Option<Acks>,
}

/// Makes an account by what every client can do (XEP-0077). One that exists already is left alone.
pub(super) async fn enrol(door: &Door, account: &str, n: usize) -> anyhow::Result<()> {
    let mut wire = Wire::open(door, n).await?;
    features(&mut wire).await?;
    wire.put(&format!(
        "<iq type='set' id='join' to='{HOST}'><query xmlns='jabber:iq:register'><username>{account}</username>\
         <password>{PASSWORD}</password></query></iq>"
    ));
    let answer = answer(&mut wire, "join").await?;
    let there = answer.inside.iter().any(|name| name == "conflict");
    ensure!(there || answer.kind.as_deref() == Some("result"), "no account {account}: {:?}", answer.inside);
    wire.end().await
}

/// Opens the stream and reads what the server offers.
async fn features(wire: &mut Wire) -> anyhow::Result<Stanza> {
    wire.begin();
    wire.flush().await?;
    let opened = wire.next().await?;
    ensure!(matches!(opened.name.as_str(), "stream" | "open"), "the server does not open a stream: {opened:?}");
    let offered = wire.next().await?;
    ensure!(offered.name == "features", "the server offers nothing: {offered:?}");
    Ok(offered)
}

async fn answer(wire: &mut Wire, id: &str) -> anyhow::Result<Stanza> {
    wire.flush().await?;
    loop {
        let stanza = wire.next().await?;
        ensure!(stanza.name != "error", "the server ended the stream: {:?}", stanza.inside);
        if stanza.answers(id) {
            return Ok(stanza);
        }
    }
}

/// Signs in; what may follow.
async fn sign_in(wire: &mut Wire, account: &str) -> anyhow::Result<Stanza> {
    let offered = features(wire).await?;
    ensure!(offered.mechanisms.iter().any(|name| name == "PLAIN"), "no PLAIN but {:?}", offered.mechanisms);
    let secret = STANDARD.encode(format!("\0{account}\0{PASSWORD}"));
    wire.put(&format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{secret}</auth>"));
    wire.flush().await?;
    let answer = wire.next().await?;
    ensure!(answer.name == "success", "{account} is not let in: {} {:?}", answer.name, answer.inside);
    features(wire).await
}

impl Client {
    /// Comes online as the `n`th, and lets connections be acknowledged if wanted.
    pub(super) async fn enter(door: &Door, account: String, n: usize, acks: bool) -> anyhow::Result<Self> {
        let mut wire = Wire::open(door, n).await?;
        let offered = sign_in(&mut wire, &account).await?;
        wire.put("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>load</resource></bind></iq>");
        let bound = answer(&mut wire, "bind").await?;
        let jid = bound.jid.with_context(|| format!("no address for {account}: {:?}", bound.inside))?;
        ensure!(jid == address(&account), "{account} is {jid}");
        let mut client = Self { wire, account, acks: None };
        if acks {
            ensure!(offered.acks, "the server does not acknowledge (XEP-0198)");
            client.wire.put(&format!("<enable xmlns='{ACKS}' resume='true'/>"));
            client.wire.flush().await?;
            let enabled = client.wire.next().await?;
            ensure!(enabled.name == "enabled", "no acknowledgements: {} {:?}", enabled.name, enabled.inside);
            let resumption = enabled.id.context("connections cannot be taken up again")?;
            client.acks = Some(Acks { resumption, ..Acks::default() });
        }
        client.put("<presence/>");
        client.wire.flush().await?;
        Ok(client)
    }

    /// Takes up a connection that was cut.
    pub(super) async fn resume(door: &Door, torn: Torn, n: usize) -> anyhow::Result<Self> {
        let mut wire = Wire::open(door, n).await?;
        sign_in(&mut wire, &torn.account).await?;
        let Torn { account, mut acks } = torn;
        wire.put(&format!("<resume xmlns='{ACKS}' previd='{}' h='{}'/>", acks.resumption, acks.heard));
        wire.flush().await?;
        let resumed = wire.next().await?;
        ensure!(resumed.name == "resumed", "{account} is not taken up again: {} {:?}", resumed.name, resumed.inside);
        acks.acknowledge(resumed.h.context("no count")?)?;
        Ok(Self { wire, account, acks: Some(acks) })
    }

    /// The connection is cut without a word.
    pub(super) fn cut(self) -> Option<Torn> {
        Some(Torn { account: self.account, acks: self.acks? })
    }

    /// Goes offline in good order.
    pub(super) async fn leave(self) -> anyhow::Result<()> {
        self.wire.end().await
    }

    /// Lays a stanza ready to be sent by [`Client::flush`].
    pub(super) fn put(&mut self, stanza: &str) {
        if let Some(acks) = &mut self.acks {
            acks.sent = acks.sent.wrapping_add(1);
        }
        self.wire.put(stanza);
    }

    /// Asks the server how much it has handled.
    pub(super) fn ask(&mut self) {
        self.wire.put(&format!("<r xmlns='{ACKS}'/>"));
    }

    /// Whether the server has acknowledged everything.
    pub(super) fn acknowledged(&self) -> bool {
        self.acks.as_ref().is_none_or(|acks| acks.acknowledged == acks.sent)
    }

    /// As [`Wire::flush`].
    pub(super) async fn flush(&mut self) -> anyhow::Result<()> {
        self.wire.flush().await
    }

    /// The next message or presence; `None` when something was acknowledged. Requests of the server are answered. Safe to
    /// cancel.
    pub(super) async fn next(&mut self) -> anyhow::Result<Option<Stanza>> {
        loop {
            self.wire.flush().await?;
            let stanza = self.wire.next().await?;
            match stanza.name.as_str() {
                "message" | "presence" => {
                    self.heard();
                    return Ok(Some(stanza));
                }
                "iq" => {
                    self.heard();
                    self.decline(&stanza);
                }
                "r" => {
                    let heard = self.acks.as_ref().context("acknowledgements were not agreed on")?.heard;
                    self.wire.put(&format!("<a xmlns='{ACKS}' h='{heard}'/>"));
                }
                "a" => {
                    let acks = self.acks.as_mut().context("acknowledgements were not agreed on")?;
                    acks.acknowledge(stanza.h.context("an acknowledgement without a count")?)?;
                    return Ok(None);
                }
                other => bail!("the server says {other} {:?}", stanza.inside),
            }
        }
    }

    fn heard(&mut self) {
        if let Some(acks) = &mut self.acks {
            acks.heard = acks.heard.wrapping_add(1);
        }
    }

    /// This client can do nothing for others; a ping is answered by that, too.
    fn decline(&mut self, asked: &Stanza) {
        if !matches!(asked.kind.as_deref(), Some("get" | "set")) {
            return;
        }
        let of = |value: &Option<String>| quick_xml::escape::escape(value.clone().unwrap_or_default()).into_owned();
        self.put(&format!(
            "<iq type='error' id='{}' to='{}'><error type='cancel'><service-unavailable \
             xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
            of(&asked.id),
            of(&asked.from),
        ));
    }
}

impl Acks {
    fn acknowledge(&mut self, h: u32) -> anyhow::Result<()> {
        let open = self.sent.wrapping_sub(self.acknowledged);
        ensure!(h.wrapping_sub(self.acknowledged) <= open, "{h} acknowledged of {} sent", self.sent);
        self.acknowledged = h;
        Ok(())
    }
}

/// Where somebody is who is online.
pub(super) fn address(account: &str) -> String {
    format!("{account}@{HOST}/load")
}
