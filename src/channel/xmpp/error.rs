//! Why a link to an XMPP server ended or never began, with what an operator can do about it. Knows no retry.

use std::time::Duration;

/// What a peer wrote that ends the stream; sent to it as the stream error of RFC 6120 §4.9.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StreamFault {
    /// A comment, a processing instruction, a document type or an entity.
    #[error("restricted-xml")]
    RestrictedXml,
    /// Not XML.
    #[error("not-well-formed")]
    NotWellFormed,
    /// Far larger than anything that can be meant.
    #[error("policy-violation")]
    PolicyViolation,
    /// Not UTF-8.
    #[error("unsupported-encoding")]
    UnsupportedEncoding,
}

impl StreamFault {
    /// The name of the condition on the wire.
    #[must_use]
    pub fn condition(self) -> &'static str {
        match self {
            Self::RestrictedXml => "restricted-xml",
            Self::NotWellFormed => "not-well-formed",
            Self::PolicyViolation => "policy-violation",
            Self::UnsupportedEncoding => "unsupported-encoding",
        }
    }
}

/// Why there is no link. The text of each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The server does not take connections.
    #[error("连不上 XMPP 服务器 {address}：{source} / cannot reach the server; is its component port open there?")]
    Unreachable {
        /// Host and port.
        address: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The server did not answer in time.
    #[error("XMPP 服务器在 {0:?} 内没有回应 / the server did not answer in time; is this its component port?")]
    Silent(Duration),
    /// The secret is another one there.
    #[error("密钥不符，服务器拒绝 / not-authorized: the secret is not the one in the server's configuration")]
    Unauthorised,
    /// The server knows no component of this name.
    #[error("服务器没有这个组件域 / host-unknown: the server's configuration names no component of this domain")]
    UnknownHost,
    /// Somebody else is connected under this domain.
    #[error("该组件域已有连接 / conflict: another connection serves this domain already")]
    Conflict,
    /// Another stream error of the server.
    #[error("服务器中止了连接：{condition} {text} / stream error of the server")]
    Refused {
        /// Its condition.
        condition: String,
        /// Its words.
        text: String,
    },
    /// The server wrote what ends the stream.
    #[error("服务器发来无法接受的内容：{0} / unacceptable input, the stream was closed")]
    Fault(#[from] StreamFault),
    /// The connection broke.
    #[error("连接中断：{0} / the connection broke")]
    Broken(#[source] std::io::Error),
    /// The server closed the stream.
    #[error("服务器关闭了连接 / the server closed the stream")]
    Closed,
    /// The server stopped answering.
    #[error("服务器不再应答 / the server answers no more")]
    Dead,
}

impl LinkError {
    /// A word for it that does not change: for the API, metrics and tests.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::Silent(_) => "silent",
            Self::Unauthorised => "not_authorized",
            Self::UnknownHost => "host_unknown",
            Self::Conflict => "conflict",
            Self::Refused { .. } => "stream_error",
            Self::Fault(_) => "bad_input",
            Self::Broken(_) => "broken",
            Self::Closed => "closed",
            Self::Dead => "dead",
        }
    }

    /// Of a stream error's condition.
    #[must_use]
    pub fn of_condition(condition: &str, text: String) -> Self {
        match condition {
            "not-authorized" => Self::Unauthorised,
            "host-unknown" | "host-gone" => Self::UnknownHost,
            "conflict" => Self::Conflict,
            condition => Self::Refused { condition: condition.to_owned(), text },
        }
    }
}
