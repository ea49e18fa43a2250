//! What a call to the platform can end in, and what each error code asks for. Knows no transport beyond its error.
//!
//! Source of the codes: the customer-service message and global return code pages of the platform's documentation.

use std::time::Duration;

use crate::model::code::Code;

use super::cut::cut;

/// Longest `errmsg` that is kept, bytes.
const MAX_DETAIL: usize = 300;

/// What a code of the platform asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Not done; the same call may succeed after the pause.
    Retry {
        /// The pause.
        after: Duration,
    },
    /// The access token is no longer good.
    RefreshToken,
    /// Not done and not to be repeated: whoever asked for it must see it.
    Show(Code),
    /// No call of this account can succeed before its owner does something.
    Stop(Code),
    /// Our request is wrong.
    Bug,
}

impl Verdict {
    /// The verdict on a code other than 0.
    #[must_use]
    pub fn of(errcode: i64) -> Self {
        match errcode {
            -1 => Self::Retry { after: Duration::from_secs(1) },
            45011 | 45066 => Self::Retry { after: Duration::from_secs(60) },
            40001 | 40014 | 42001 => Self::RefreshToken,
            40003 | 46001..=46004 => Self::Show(Code::NotFound),
            40004..=40007 | 40009..=40012 | 44001 => Self::Show(Code::MediaRejected),
            45001 | 45002 | 45008 => Self::Show(Code::TooLarge),
            43004 | 43005 | 43019 | 43101 | 45015 | 48002 | 50005 => Self::Show(Code::ChannelWindowClosed),
            45047 => Self::Show(Code::ChannelQuota),
            45050 | 48008 => Self::Show(Code::UnsupportedType),
            45064 | 45086 => Self::Show(Code::Forbidden),
            45009 => Self::Stop(Code::ChannelQuota),
            48001 | 61003 | 61007 => Self::Stop(Code::Forbidden),
            40013 | 40125 | 40164 | 40243 | 45087 | 48004 | 50002 | 50004 | 50007 | 61004 | 61023 | 65400 | 89503
            | 89506 | 89507 => Self::Stop(Code::ChannelAccountDisabled),
            40002 | 40008 | 40033 | 41001..=41006 | 43001..=43003 | 44002..=44004 | 45072 | 47001 | 47002 => Self::Bug,
            _ => Self::Show(Code::DependencyUnavailable),
        }
    }
}

/// An error code that the platform answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The code.
    pub errcode: i64,
    /// Its text, shortened, with the request id that the platform can explain for seven days.
    pub detail: String,
}

impl Refusal {
    pub(super) fn new(errcode: i64, errmsg: &str) -> Self {
        Self { errcode, detail: cut(errmsg, MAX_DETAIL).0.to_owned() }
    }

    /// The platform's id of the request, for its `openapi/rid/get`.
    #[must_use]
    pub fn rid(&self) -> Option<&str> {
        self.detail.split_once("rid: ").and_then(|(_, rest)| rest.split_ascii_whitespace().next())
    }

    /// What it asks for.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        Verdict::of(self.errcode)
    }
}

/// How a call failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Certainly not carried out: no connection came about.
    #[error("no connection")]
    Unsent(#[source] reqwest::Error),
    /// Certainly not carried out: too many other calls were under way for too long.
    #[error("no free slot for a call")]
    Busy,
    /// Perhaps carried out: the connection broke or time ran out after the request had left.
    #[error("no complete answer")]
    Lost(#[source] reqwest::Error),
    /// Perhaps carried out: the answer is not what the platform writes.
    #[error("answer not understood: {0}")]
    Garbled(&'static str),
    /// Refused by whoever stands in between, or by a redirection, which is never followed.
    #[error("HTTP status {0}")]
    Status(u16),
    /// The platform's own refusal.
    #[error("platform error {}: {}", .0.errcode, .0.detail)]
    Platform(Refusal),
    /// A fresh access token is refused as well, or there was one a moment ago: asking again would not help.
    #[error("access token refused")]
    TokenRefused,
    /// No access token could be had a moment ago; asking again is allowed after the pause.
    #[error("no access token")]
    TokenPaused {
        /// The pause.
        after: Duration,
    },
    /// More bytes than allowed.
    #[error("larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// The platform names an address outside its own hosts.
    #[error("media address is not the platform's")]
    ForeignHost,
}

impl Error {
    pub(super) fn transport(error: reqwest::Error) -> Self {
        // The address carries the access token.
        let error = error.without_url();
        if error.is_connect() || error.is_builder() { Self::Unsent(error) } else { Self::Lost(error) }
    }

    /// What to do about a call that may be repeated at no risk, such as fetching media.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Unsent(_) | Self::Busy | Self::Lost(_) | Self::Garbled(_) => {
                Verdict::Retry { after: Duration::from_secs(1) }
            }
            Self::TokenPaused { after } => Verdict::Retry { after: *after },
            Self::Platform(refusal) => refusal.verdict(),
            Self::TokenRefused => Verdict::Show(Code::DependencyUnavailable),
            Self::TooLarge { .. } => Verdict::Show(Code::TooLarge),
            Self::Status(_) => Verdict::Bug,
            Self::ForeignHost => Verdict::Show(Code::MediaRejected),
        }
    }
}

/// What became of a message that was not certainly delivered. The sender acts on this and on nothing else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Certainly not delivered; may be tried again after the pause, a bounded number of times.
    #[error("not sent: {detail}")]
    Retry {
        /// The pause.
        after: Duration,
        /// For logs and operators.
        detail: String,
    },
    /// Perhaps delivered. The platform knows no idempotency key, so it must not be repeated by a machine.
    #[error("outcome unknown: {detail}")]
    Uncertain {
        /// For logs and operators.
        detail: String,
    },
    /// The customer has to write before anything can be sent.
    #[error("window closed: {detail}")]
    WindowClosed {
        /// The platform's text.
        detail: String,
    },
    /// All messages that the customer's last action allowed are used.
    #[error("quota used: {detail}")]
    QuotaUsed {
        /// The platform's text.
        detail: String,
    },
    /// Refused for good; the agent must see it. [`Code::Internal`] means that our request is wrong: an alarm.
    #[error("refused: {detail}")]
    Refused {
        /// What to show.
        code: Code,
        /// The platform's code, if it was the platform.
        errcode: Option<i64>,
        /// For logs and operators.
        detail: String,
    },
    /// The account cannot send at all until its owner acts, or its daily quota is renewed: an alarm.
    #[error("account stopped: {detail}")]
    Stop {
        /// What to show.
        code: Code,
        /// The platform's code.
        errcode: i64,
        /// For logs and operators.
        detail: String,
    },
}

impl From<Error> for SendError {
    fn from(error: Error) -> Self {
        let detail = chain(&error);
        match error {
            Error::Lost(_) | Error::Garbled(_) => Self::Uncertain { detail },
            Error::Platform(Refusal { errcode: 45015, .. }) => Self::WindowClosed { detail },
            Error::Platform(Refusal { errcode: 45047, .. }) => Self::QuotaUsed { detail },
            other => {
                let errcode = if let Error::Platform(refusal) = &other { Some(refusal.errcode) } else { None };
                match (other.verdict(), errcode) {
                    (Verdict::Retry { after }, _) => Self::Retry { after, detail },
                    (Verdict::Stop(code), Some(errcode)) => Self::Stop { code, errcode, detail },
                    (Verdict::Show(code) | Verdict::Stop(code), _) => Self::Refused { code, errcode, detail },
                    (Verdict::RefreshToken, _) => Self::Refused { code: Code::DependencyUnavailable, errcode, detail },
                    (Verdict::Bug, _) => Self::Refused { code: Code::Internal, errcode, detail },
                }
            }
        }
    }
}

/// The error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(errcode: i64) -> SendError {
        Error::Platform(Refusal::new(errcode, "text rid: 1a-2b-3c")).into()
    }

    #[test]
    fn every_code_of_the_table_has_its_action() {
        for code in [40001, 40014, 42001] {
            assert_eq!(Verdict::of(code), Verdict::RefreshToken);
        }
        for code in [41001, 40008, 40033, 47001, 47002, 44002, 44004, 45072] {
            assert_eq!(Verdict::of(code), Verdict::Bug, "{code}");
        }
        for code in [40013, 40125, 40164, 40243, 45009, 45087, 48001, 48004, 50002, 61003, 61023, 89503, 89507] {
            assert!(matches!(Verdict::of(code), Verdict::Stop(_)), "{code}");
        }
        for code in [40003, 40007, 43004, 43101, 45002, 45008, 45015, 45047, 45050, 48002, 50005, 9_001_001, 12345] {
            assert!(matches!(Verdict::of(code), Verdict::Show(_)), "{code}");
        }
        assert_eq!(Verdict::of(-1), Verdict::Retry { after: Duration::from_secs(1) });
        assert_eq!(Verdict::of(45011), Verdict::Retry { after: Duration::from_secs(60) });
    }

    #[test]
    fn senders_see_what_they_have_to_do() {
        assert!(matches!(sent(45015), SendError::WindowClosed { .. }));
        assert!(matches!(sent(45047), SendError::QuotaUsed { .. }));
        assert!(matches!(sent(45009), SendError::Stop { code: Code::ChannelQuota, errcode: 45009, .. }));
        assert!(matches!(sent(47001), SendError::Refused { code: Code::Internal, errcode: Some(47001), .. }));
        assert!(matches!(sent(43004), SendError::Refused { code: Code::ChannelWindowClosed, .. }));
        assert!(matches!(sent(40001), SendError::Refused { code: Code::DependencyUnavailable, .. }));
        assert!(matches!(Error::Garbled("x").into(), SendError::Uncertain { .. }));
        assert!(matches!(Error::Status(412).into(), SendError::Refused { code: Code::Internal, errcode: None, .. }));
    }

    #[test]
    fn the_request_id_is_kept() {
        let refusal = Refusal::new(48001, "api unauthorized rid: 5f0a-12-ef hint: [x]");
        assert_eq!(refusal.rid(), Some("5f0a-12-ef"));
        assert!(sent(45047).to_string().contains("1a-2b-3c"));
        assert_eq!(Refusal::new(1, &"长".repeat(200)).detail.len(), 300);
    }
}
