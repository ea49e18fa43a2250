//! Why a message of ours came back, in words for agents. Pure; the conditions are those of RFC 6120 §8.3.3.

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bounce {
    /// The address is none, or none any more.
    NoAccount,
    /// Nobody is there and nothing is kept; many servers say so of accounts that do not exist, too.
    Away,
    /// Their server is not reached.
    Unreachable,
    /// They, or their server, do not want it.
    Refused,
    /// They cannot take any more for now.
    Full,
    /// Something else.
    Other,
}

impl Bounce {
    const ALL: [Self; 6] = [Self::NoAccount, Self::Away, Self::Unreachable, Self::Refused, Self::Full, Self::Other];

    /// What a condition says.
    #[must_use]
    pub fn of(condition: Option<&str>) -> Self {
        match condition.unwrap_or_default() {
            "item-not-found" | "gone" | "jid-malformed" => Self::NoAccount,
            "service-unavailable" | "recipient-unavailable" => Self::Away,
            "remote-server-not-found" | "remote-server-timeout" => Self::Unreachable,
            "forbidden"
            | "not-allowed"
            | "not-authorized"
            | "not-acceptable"
            | "policy-violation"
            | "registration-required"
            | "subscription-required" => Self::Refused,
            "resource-constraint" => Self::Full,
            _ => Self::Other,
        }
    }

    /// The code under which the delivery has failed.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NoAccount => "xmpp_no_account",
            Self::Away => "xmpp_away",
            Self::Unreachable => "xmpp_unreachable",
            Self::Refused => "xmpp_refused",
            Self::Full => "xmpp_full",
            Self::Other => "xmpp_bounced",
        }
    }

    /// Reads a code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|bounce| bounce.code() == code)
    }

    /// For people.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::NoAccount => "对方账号不存在 / there is no such account",
            Self::Away => "对方不在线且不收离线消息，或账号不存在 / nobody is there, or there is no such account",
            Self::Unreachable => "连不上对方的服务器 / their server cannot be reached",
            Self::Refused => "对方或其服务器拒收 / they, or their server, refuse it",
            Self::Full => "对方暂时收不下更多消息 / they can take no more for now",
            Self::Other => "被对方服务器退回 / their server sent it back",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_a_reason_that_can_be_stored() {
        assert_eq!(Bounce::of(Some("gone")), Bounce::NoAccount);
        assert_eq!(Bounce::of(Some("service-unavailable")), Bounce::Away);
        assert_eq!(Bounce::of(Some("undefined-condition")), Bounce::Other);
        assert_eq!(Bounce::of(None), Bounce::Other);
        for bounce in Bounce::ALL {
            assert_eq!(Bounce::parse(bounce.code()), Some(bounce));
            assert!(bounce.text().contains(" / "));
        }
        assert_eq!(Bounce::parse("channel_quota"), None);
    }
}
