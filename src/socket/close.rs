//! The ways a connection ends, with the verdict that clients obey.

use std::time::Duration;

use super::wire::Violation;

/// How we end a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Close {
    /// The status code; `None` answers a close frame that carried none.
    pub code: Option<u16>,
    /// A word for logs and people.
    pub reason: &'static str,
    /// What `bye` says, if it is said.
    pub bye: Option<Bye>,
}

/// What a client shall do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bye {
    /// Whether to come back by itself.
    pub reconnect: bool,
    /// Come back after a random part of this.
    pub delay: Duration,
}

impl Close {
    /// Not signed in, or no longer: stop.
    pub const AUTH_FAILED: Self = Self::stop(4001, "auth_failed");
    /// The resume token is not valid any more: get a fresh ticket.
    pub const TOKEN_EXPIRED: Self = Self::back(4002, "token_expired", Duration::ZERO);
    /// The same device is connected anew: stop.
    pub const REPLACED: Self = Self::stop(4003, "replaced");
    /// The client does not speak the protocol: stop.
    pub const PROTOCOL_ERROR: Self = Self::stop(4004, "protocol_error");
    /// Too much at once.
    pub const RATE_LIMITED: Self = Self::back(4008, "rate_limited", Duration::from_secs(5));
    /// Silent for too long.
    pub const HEARTBEAT_TIMEOUT: Self = Self::back(4009, "heartbeat_timeout", Duration::ZERO);
    /// A gap could not be filled: come back and resynchronise.
    pub const INSUFFICIENT_STATE: Self = Self::back(4011, "insufficient_state", Duration::from_secs(1));
    /// The enterprise is suspended: stop.
    pub const TENANT_SUSPENDED: Self = Self::stop(4012, "tenant_suspended");
    /// Does not read what we send.
    pub const SLOW_CONSUMER: Self = Self::back(4013, "slow_consumer", Duration::from_millis(500));

    /// The task behind the connection broke: come back and resynchronise.
    pub const INTERNAL_ERROR: Self = Self::back(1011, "internal_error", Duration::from_secs(1));

    const fn stop(code: u16, reason: &'static str) -> Self {
        Self { code: Some(code), reason, bye: Some(Bye { reconnect: false, delay: Duration::ZERO }) }
    }

    const fn back(code: u16, reason: &'static str, delay: Duration) -> Self {
        Self { code: Some(code), reason, bye: Some(Bye { reconnect: true, delay }) }
    }

    /// The process stops: come back to any node after a random part of `spread`.
    #[must_use]
    pub fn draining(spread: Duration) -> Self {
        Self::back(4010, "draining", spread)
    }

    /// The client broke the WebSocket protocol.
    #[must_use]
    pub fn violation(violation: Violation) -> Self {
        Self { code: Some(violation.0), reason: "", bye: None }
    }

    /// The answer to a client's close frame: its own code.
    #[must_use]
    pub fn echo(code: Option<u16>) -> Self {
        Self { code, reason: "", bye: None }
    }

    /// The `bye` push, if there is one.
    #[must_use]
    pub fn push(&self) -> Option<String> {
        let (code, bye) = (self.code?, self.bye?);
        let (reconnect, delay) = (bye.reconnect, bye.delay.as_millis());
        let d = format!(r#"{{"code":{code},"reconnect":{reconnect},"delay_ms":{delay},"reason":"{}"}}"#, self.reason);
        Some(format!(r#"{{"op":"bye","d":{d}}}"#))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bye_says_the_verdict() {
        let bye: serde_json::Value = serde_json::from_str(&Close::RATE_LIMITED.push().unwrap()).unwrap();
        assert_eq!(
            bye,
            serde_json::json!({"op": "bye", "d": {"code": 4008, "reconnect": true, "delay_ms": 5000, "reason": "rate_limited"}})
        );
        assert_eq!(Close::echo(Some(1000)).push(), None);
    }
}
