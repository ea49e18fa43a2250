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

/// Until when credentials made now are good: between a half of `life` and all of it.
///
/// A relay counts allocations by user name, and the name begins with this time. Were it another one each second, whoever
/// asks each second had a quota for each answer. So it stays as it is for half of the life: at any time two names of one
/// bearer are good at the most, and half of the life is time enough to find a way with them.
fn good_until(now: Millis, life: Duration) -> i64 {
    let step = i64::try_from(life.as_secs().div_ceil(2)).unwrap_or(i64::MAX).max(1);
    let latest = now.plus(life).seconds();
    latest - latest.rem_euclid(step)
}

/// The servers for `bearer` (a call and its side), good for as long as the declaration says or somewhat less, and never
/// longer than `most`.
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
            let until = good_until(now, (*life).min(most));
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
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn credentials_are_good_for_half_of_their_life_at_least_and_never_longer(
            now in 0..4_000_000_000_000_i64, life in 1..=600_u64, most in 1..=600_u64,
        ) {
            let life = Duration::from_secs(life).min(Duration::from_secs(most));
            let left = good_until(Millis(now), life) - Millis(now).seconds();
            let life = i64::try_from(life.as_secs()).unwrap();
            prop_assert!((life / 2..=life).contains(&left), "{left} of {life}");
        }
    }

    #[test]
    fn whoever_asks_each_second_has_two_good_names_at_the_most() {
        for life in [60_i64, 600] {
            let span = Duration::from_secs(life.unsigned_abs());
            for from in [1_795_392_000, 1_795_392_073] {
                let asked = (from..from + life).map(|at| good_until(Millis::from_seconds(at), span));
                let mut names: Vec<i64> = asked.filter(|until| *until > from + life - 1).collect();
                names.dedup();
                assert!(names.len() <= 2, "{names:?}");
            }
        }
    }

    #[test]
    fn the_password_is_what_coturn_makes_of_the_name() {
        // printf '%s' '1795392073:x_1.agent' | openssl dgst -sha1 -hmac north -binary | base64
        let made = credential(&Secret::new("north".to_owned()), "1795392073:x_1.agent");
        assert_eq!(made, "82x4sVIbP8EUMr0zr9JJrTUyTak=");
    }
}
