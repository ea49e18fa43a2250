//! A tenant's account on a channel: credentials and settings, already validated. Knows no protocol step.

use serde::{Deserialize, Serialize};

use super::id::AccountId;
use super::secret::Secret;

/// One channel account.
#[derive(Debug, Clone)]
pub struct ChannelAccount {
    /// Its name inside the tenant.
    pub id: AccountId,
    /// What agents read.
    pub name: String,
    /// The channel's own settings.
    pub channel: ChannelSettings,
}

/// Settings by kind of channel.
#[derive(Debug, Clone)]
pub enum ChannelSettings {
    /// A WeChat official account.
    Wechat(WechatAccount),
    /// A web widget.
    Web(WebAccount),
    /// An external component of an XMPP server.
    Xmpp(XmppAccount),
}

impl ChannelSettings {
    /// Whether it is an XMPP component.
    #[must_use]
    pub fn is_xmpp(&self) -> bool {
        matches!(self, Self::Xmpp(_))
    }
}

/// How WeChat sends callbacks of an account, as its owner configured it there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum WechatMode {
    /// Bodies in clear; only the address is signed. For trials.
    Plain,
    /// Clear fields and the encrypted body together.
    Compatible,
    /// Encrypted bodies only.
    #[default]
    Safe,
}

/// The data format that the account's owner configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum WechatFormat {
    /// XML.
    #[default]
    Xml,
    /// JSON.
    Json,
}

/// Which end point gives access tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum WechatTokenKind {
    /// `stable_token`: repeated calls give the same token.
    #[default]
    Stable,
    /// `token`: every call gives a new token.
    Classic,
}

/// The settings of one WeChat official account.
#[derive(Debug, Clone)]
pub struct WechatAccount {
    /// `wx` and 16 hexadecimal digits.
    pub appid: String,
    /// The original id, `gh_` and 12 hexadecimal digits: `ToUserName` of every push.
    pub gh_id: String,
    /// AppSecret.
    pub secret: Secret,
    /// Signature token.
    pub token: Secret,
    /// The token before the last change, accepted beside the current one.
    pub token_previous: Option<Secret>,
    /// EncodingAESKey, 43 characters; absent only in plain mode.
    pub aes_key: Option<Secret>,
    /// The key before the last change, tried after the current one.
    pub aes_key_previous: Option<Secret>,
    /// Mode.
    pub mode: WechatMode,
    /// Data format.
    pub format: WechatFormat,
    /// Token end point.
    pub token_kind: WechatTokenKind,
    /// Largest accepted difference of a callback's timestamp from our clock, seconds; 0 switches the check off.
    pub replay_window_s: u32,
    /// Whether callbacks are taken only from the addresses that the platform names.
    pub enforce_sources: bool,
}

/// The settings of one web widget.
#[derive(Debug, Clone)]
pub struct WebAccount {
    /// Origins of the pages that may open the widget, exactly as browsers send them.
    pub origins: Vec<String>,
}

/// What an agent who shows `away` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum XmppAway {
    /// Ready, but offered work only when nobody else is.
    Ready,
    /// Busy.
    Busy,
}

/// The kind of the messages that offer work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum XmppNotice {
    /// `headline`: no server keeps it for somebody who is away.
    Headline,
    /// `chat`: for clients that do not show headlines.
    Chat,
}

impl XmppNotice {
    /// The written form, in declarations and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Headline => "headline",
            Self::Chat => "chat",
        }
    }
}

/// The settings of one component of an XMPP server.
#[derive(Debug, Clone)]
pub struct XmppAccount {
    /// The component's domain, lower-case.
    pub domain: String,
    /// Where the server takes components.
    pub host: String,
    /// On which port.
    pub port: u16,
    /// What the server knows the component by.
    pub secret: Secret,
    /// Whether people who are no agents are customers. Otherwise they are turned away.
    pub customers: bool,
    /// The server's service for rooms, if there is one to use.
    pub rooms: Option<String>,
    /// What `away` means.
    pub away: XmppAway,
    /// How offers are sent.
    pub notice: XmppNotice,
}
