//! `[[account]]`: channel accounts. Knows their keys and forms, no protocol step.

use url::Url;

use crate::config::reader::Reader;
use crate::model::account::{
    ChannelAccount, ChannelSettings, WebAccount, WechatAccount, WechatFormat, WechatMode, WechatTokenKind, XmppAccount,
    XmppAway, XmppNotice,
};
use crate::model::id::AccountId;
use crate::model::jid::Jid;
use crate::model::secret::Secret;

#[derive(Clone, Copy)]
enum Kind {
    Wechat,
    Web,
    Xmpp,
}

pub(super) fn read(r: &Reader<'_>) -> Option<ChannelAccount> {
    let id = r.parsed("id", super::NAME, |text| AccountId::parse(text).ok());
    let name = r.text("name").to_owned();
    if !r.has("kind") {
        r.problem("kind", "is required");
    }
    let channel = match r.choice("kind", &[("wechat", Kind::Wechat), ("web", Kind::Web), ("xmpp", Kind::Xmpp)])? {
        Kind::Wechat => wechat(r).map(ChannelSettings::Wechat),
        Kind::Web => Some(ChannelSettings::Web(web(r))),
        Kind::Xmpp => xmpp(r).map(ChannelSettings::Xmpp),
    };
    r.unknown();
    Some(ChannelAccount { id: id?, name, channel: channel? })
}

fn wechat(r: &Reader<'_>) -> Option<WechatAccount> {
    let mode = r.choice(
        "mode",
        &[("safe", WechatMode::Safe), ("compatible", WechatMode::Compatible), ("plain", WechatMode::Plain)],
    );
    let format = r.choice("format", &[("xml", WechatFormat::Xml), ("json", WechatFormat::Json)]);
    let token_kind =
        r.choice("token_kind", &[("stable", WechatTokenKind::Stable), ("classic", WechatTokenKind::Classic)]);
    let appid = r.parsed("appid", "wx and 16 hexadecimal digits", |text| hexadecimal(text, "wx", 16));
    let gh_id =
        r.parsed("gh_id", "the original id: gh_ and 12 hexadecimal digits", |text| hexadecimal(text, "gh_", 12));
    let secret = required(r, "secret", "the AppSecret: 32 letters and digits", |text| alphanumeric(text, 32..=32));
    let token = required(r, "token", "3 to 32 letters and digits", |text| alphanumeric(text, 3..=32));
    let token_previous = checked(r, "token_previous", "3 to 32 letters and digits", |text| alphanumeric(text, 3..=32));
    let (key, is_key) = ("43 letters and digits", |text: &str| alphanumeric(text, 43..=43));
    let aes_key = checked(r, "aes_key", key, is_key);
    let aes_key_previous = checked(r, "aes_key_previous", key, is_key);
    match mode {
        Some(WechatMode::Plain) => r.warning("mode", "is plain: messages arrive unencrypted"),
        _ if !r.has("aes_key") => r.problem("aes_key", "is required unless mode is \"plain\""),
        _ => {}
    }
    let enforce_sources = r.flag("enforce_sources", false);
    let replay_window_s = u32::try_from(r.int("replay_window_s", 0, 0..=86_400)).unwrap_or(0);
    Some(WechatAccount {
        appid: appid?,
        gh_id: gh_id?,
        secret: secret?,
        token: token?,
        token_previous,
        aes_key,
        aes_key_previous,
        mode: mode?,
        format: format?,
        token_kind: token_kind?,
        replay_window_s,
        enforce_sources,
    })
}

fn web(r: &Reader<'_>) -> WebAccount {
    let origins = r.list("origins", "scheme://host[:port] exactly as a browser sends it", |text| {
        let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
        (url.origin().ascii_serialization() == text).then(|| text.to_owned())
    });
    if r.texts("origins").is_empty() {
        r.problem("origins", "must name at least one page origin");
    }
    WebAccount { origins }
}

fn xmpp(r: &Reader<'_>) -> Option<XmppAccount> {
    const DOMAIN: &str = "a domain like desk.example.com";
    let domain = |text: &str| Jid::parse(text).ok().filter(|jid| jid.local().is_none() && jid.resource().is_none());
    let own = r.parsed("domain", DOMAIN, domain);
    let rooms = r.maybe("rooms", "the domain of a service for rooms, like rooms.example.com", domain);
    let host = r.maybe_text("host").unwrap_or("127.0.0.1").to_owned();
    let port = u16::try_from(r.int("port", 5_347, 1..=65_535)).unwrap_or(5_347);
    let secret = required(r, "secret", "1 to 256 characters", |text| (1..=256).contains(&text.chars().count()));
    let customers = r.flag("customers", true);
    let away = r.has("away").then(|| r.choice("away", &[("ready", XmppAway::Ready), ("busy", XmppAway::Busy)]));
    let notice = [("headline", XmppNotice::Headline), ("chat", XmppNotice::Chat)];
    let notice = r.has("notice").then(|| r.choice("notice", &notice));
    Some(XmppAccount {
        domain: own?.domain().to_owned(),
        host,
        port,
        secret: secret?,
        customers,
        rooms: rooms.map(|rooms| rooms.domain().to_owned()),
        away: away.flatten().unwrap_or(XmppAway::Ready),
        notice: notice.flatten().unwrap_or(XmppNotice::Headline),
    })
}

fn checked(r: &Reader<'_>, key: &'static str, expected: &str, valid: impl Fn(&str) -> bool) -> Option<Secret> {
    let secret = r.secret(key)?;
    if !valid(secret.expose()) {
        r.problem(key, format!("must be {expected}"));
        return None;
    }
    Some(secret)
}

fn required(r: &Reader<'_>, key: &'static str, expected: &str, valid: impl Fn(&str) -> bool) -> Option<Secret> {
    if r.maybe_text(key).is_some_and(str::is_empty) || !r.has(key) {
        r.problem(key, "is required");
    }
    checked(r, key, expected, valid)
}

fn hexadecimal(text: &str, prefix: &str, digits: usize) -> Option<String> {
    let rest = text.strip_prefix(prefix)?;
    let plain = rest.len() == digits && rest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    plain.then(|| text.to_owned())
}

fn alphanumeric(text: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    length.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
