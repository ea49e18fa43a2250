//! What becomes of a message on a channel that is called. Pure: states and what an agent is told.

/// The state of one message on its way through a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryState {
    /// Waits for its turn or for the next try.
    Pending,
    /// The attempt is noted; the call may be under way.
    Sending,
    /// The channel took it.
    Delivered,
    /// The channel refused it for good.
    Failed,
    /// It may have been delivered: the channel's answer was lost, and it has no key to ask with.
    Uncertain,
    /// Waits until the customer writes again: the channel does not let us send now.
    Held,
}

impl DeliveryState {
    /// The written form, in SQL and in frames.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sending => "sending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Uncertain => "uncertain",
            Self::Held => "held",
        }
    }

    /// Reads the written form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Pending, Self::Sending, Self::Delivered, Self::Failed, Self::Uncertain, Self::Held]
            .into_iter()
            .find(|state| state.as_str() == text)
    }

    /// What an agent is told: a message that waits for its turn is being sent, as far as people are concerned.
    #[must_use]
    pub fn shown(self) -> &'static str {
        match self {
            Self::Pending | Self::Sending => "sending",
            other => other.as_str(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for text in ["pending", "sending", "delivered", "failed", "uncertain", "held"] {
            assert_eq!(DeliveryState::parse(text).map(DeliveryState::as_str), Some(text));
        }
        assert_eq!(DeliveryState::parse("lost"), None);
    }
}
