//! The servers by which two browsers find a way, with credentials made for one side of one call. Knows no relay.
//!
//! The scheme is that of coturn's `use-auth-secret`: the user name says until when it is good, and the password is its
//! HMAC-SHA1 under a secret that the relay knows. While the secret is changed both are used, so that gateway and relay
//! may be changed in any order: the browser goes by the one that is let in. A relay with a fixed name and password is
//! given as it is declared.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha1::Sha1;

use crate::model::secret::Secret;
use crate::model::time::Millis;
use crate::tenant::CallPolicy;
use crate::tenant::call::TurnKey;

/// A server, in the form that browsers take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Server {
    urls: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<String>,
}

/// The servers for one side of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Servers {
    ice_servers: Vec<Server>,
    /// Until then their credentials are good; absent where there are none that end.
    #[serde(skip_serializing_if = "Option::is_none")]
    ice_until: Option<Millis>,
}

/// The servers for `bearer` (a call and its side), good for as long as the declaration says and never longer than `most`.
pub(super) fn servers(policy: &CallPolicy, bearer: &str, now: Millis, most: Duration) -> Servers {
    let mut list = Vec::new();
    if !policy.stun.is_empty() {
        list.push(Server { urls: policy.stun.clone(), username: None, credential: None });
    }
    let Some(turn) = &policy.turn else { return Servers { ice_servers: list, ice_until: None } };
    let server = |username: &str, credential: String| Server {
        urls: turn.urls.clone(),
        username: Some(username.to_owned()),
        credential: Some(credential),
    };
    match &turn.key {
        TurnKey::Fixed { username, credential } => {
            list.push(server(username, credential.expose().to_owned()));
            Servers { ice_servers: list, ice_until: None }
        }
        TurnKey::Shared { secret, previous, life } => {
            let until = now.plus((*life).min(most)).seconds();
            let username = format!("{until}:{bearer}");
            let secrets = std::iter::once(secret).chain(previous);
            list.extend(secrets.map(|secret| server(&username, credential(secret, &username))));
            Servers { ice_servers: list, ice_until: Some(Millis::from_seconds(until)) }
        }
    }
}

/// A key of any length fits HMAC.
fn credential(secret: &Secret, username: &str) -> String {
    let mac = Hmac::<Sha1>::new_from_slice(secret.expose().as_bytes());
    let tag = mac.map(|mac| mac.chain_update(username.as_bytes()).finalize().into_bytes());
    tag.map(|tag| STANDARD.encode(tag)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_what_coturn_makes_of_the_name() {
        // printf '%s' '1795392073:x_1.agent' | openssl dgst -sha1 -hmac north -binary | base64
        let made = credential(&Secret::new("north".to_owned()), "1795392073:x_1.agent");
        assert_eq!(made, "82x4sVIbP8EUMr0zr9JJrTUyTak=");
    }
}
