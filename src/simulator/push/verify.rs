//! Verification of a callback address, as when its owner presses the button. Knows no push.

use serde::Serialize;

use super::wire::{self, Signature};
use crate::simulator::{ActError, Platform};

/// How a verification went.
#[derive(Debug, Clone, Serialize)]
pub struct Verification {
    /// Whether the address would be accepted.
    pub ok: bool,
    /// HTTP status of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What was wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl Platform {
    /// Asks the account's callback address to echo a number. With `forged`, the signature is wrong, so that a good
    /// address refuses.
    ///
    /// # Errors
    /// [`ActError::UnknownAccount`].
    pub async fn verify(&self, appid: &str, forged: bool) -> Result<Verification, ActError> {
        let (address, token) = {
            let world = self.world();
            let settings = &world.account(appid).ok_or(ActError::UnknownAccount)?.settings;
            (settings.callback_url.clone(), settings.token.clone())
        };
        let signature = Signature::fresh(self.clock().now());
        let echo = rand::random_range(1_000_000_000_000_000_000..9_000_000_000_000_000_000_u64).to_string();
        let mut signed = signature.plain(token.expose());
        if forged {
            signed = signed.chars().rev().collect();
        }
        let query = [
            ("signature", signed),
            ("echostr", echo.clone()),
            ("timestamp", signature.timestamp),
            ("nonce", signature.nonce),
        ];
        let refused = |status, problem| Verification { ok: false, status, problem: Some(problem) };
        let url = match wire::with_query(&address, &query) {
            Ok(url) => url,
            Err(problem) => return Ok(refused(None, problem)),
        };
        Ok(match self.client().get(url, self.timing().answer_within()).await {
            Err(failure) => refused(failure.status, failure.reason),
            Ok(answer) if answer.status != 200 => refused(Some(answer.status), "the status is not 200".to_owned()),
            Ok(answer) if answer.body.as_ref() != echo.as_bytes() => {
                refused(Some(answer.status), "the body is not exactly the echo".to_owned())
            }
            Ok(answer) => Verification { ok: true, status: Some(answer.status), problem: None },
        })
    }
}
