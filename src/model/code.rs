//! The error codes that frames, HTTP answers and command replies share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What went wrong, in a form that a client can act on. [`Code::retry`] says whether trying again may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The request is malformed or breaks a rule of its own shape.
    BadRequest,
    /// Nobody is signed in on this connection or request.
    Unauthenticated,
    /// The signed-in party may not do this.
    Forbidden,
    /// It does not exist, or not for this party: the two look the same on purpose.
    NotFound,
    /// The frame's `op` is not known.
    UnsupportedOp,
    /// The content type is not known or not possible on this channel.
    UnsupportedType,
    /// Over a size limit.
    TooLarge,
    /// Too many requests; `after_ms` says when to try again.
    RateLimited,
    /// It contradicts what is already there.
    Conflict,
    /// The session changed hands since the sender last looked.
    StaleEpoch,
    /// The offer was taken, revoked or has expired.
    OfferGone,
    /// Another party answers this session.
    NotInControl,
    /// The session has ended.
    SessionEnded,
    /// The queue has reached its maximum length.
    QueueFull,
    /// The queue is outside its business hours.
    QueueClosed,
    /// No agent can take it.
    NoAgent,
    /// The agent's capacity is used up.
    AgentCapacity,
    /// The session already waits in a queue.
    AlreadyQueued,
    /// One of the parties is in another call.
    CallBusy,
    /// The call has ended.
    CallGone,
    /// The file is not of an allowed kind.
    MediaRejected,
    /// The channel does not let us write to this customer now.
    ChannelWindowClosed,
    /// The channel's quota is used up.
    ChannelQuota,
    /// The channel account is switched off.
    ChannelAccountDisabled,
    /// The content is blocked by a rule.
    BlockedContent,
    /// Something that this needs is away.
    DependencyUnavailable,
    /// It took too long; the outcome is unknown.
    Timeout,
    /// A fault of ours.
    Internal,
}

impl Code {
    /// Whether the same request may succeed later without being changed.
    #[must_use]
    pub fn retry(self) -> bool {
        matches!(self, Self::RateLimited | Self::DependencyUnavailable | Self::Timeout | Self::Internal)
    }

    /// The written form, as in frames.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::UnsupportedOp => "unsupported_op",
            Self::UnsupportedType => "unsupported_type",
            Self::TooLarge => "too_large",
            Self::RateLimited => "rate_limited",
            Self::Conflict => "conflict",
            Self::StaleEpoch => "stale_epoch",
            Self::OfferGone => "offer_gone",
            Self::NotInControl => "not_in_control",
            Self::SessionEnded => "session_ended",
            Self::QueueFull => "queue_full",
            Self::QueueClosed => "queue_closed",
            Self::NoAgent => "no_agent",
            Self::AgentCapacity => "agent_capacity",
            Self::AlreadyQueued => "already_queued",
            Self::CallBusy => "call_busy",
            Self::CallGone => "call_gone",
            Self::MediaRejected => "media_rejected",
            Self::ChannelWindowClosed => "channel_window_closed",
            Self::ChannelQuota => "channel_quota",
            Self::ChannelAccountDisabled => "channel_account_disabled",
            Self::BlockedContent => "blocked_content",
            Self::DependencyUnavailable => "dependency_unavailable",
            Self::Timeout => "timeout",
            Self::Internal => "internal",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_form_is_the_serialized_form() {
        for code in [Code::BadRequest, Code::StaleEpoch, Code::ChannelWindowClosed, Code::Internal] {
            assert_eq!(serde_json::to_string(&code).unwrap(), format!("\"{}\"", code.as_str()));
        }
    }
}
