//! The life of access tokens at both end points. Pure: the caller brings the time and checks who asks.
//!
//! Rules: <https://developers.weixin.qq.com/doc/subscription/api/base/api_getaccesstoken.html> and
//! <https://developers.weixin.qq.com/doc/subscription/api/base/api_getstableaccesstoken.html>.

use std::collections::VecDeque;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use crate::model::time::Millis;

/// How long a replaced token goes on working, and how long before its end a stable token is replaced.
const OVERLAP: Duration = Duration::from_secs(300);
const FORCE_APART: Duration = Duration::from_secs(30);
const FORCE_PER_DAY: usize = 20;
const DAY: Duration = Duration::from_secs(24 * 3600);
/// Tokens remembered per account, so that a late call with an old one still gets the exact code.
const REMEMBERED: usize = 128;

/// Which end point issued a token. The two never invalidate each other's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Classic,
    Stable,
}

/// What a token is worth now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Valid,
    /// Its time is over: 42001.
    Expired,
    /// Replaced by a newer one: 40001.
    Superseded,
}

#[derive(Debug)]
struct Issued {
    token: String,
    kind: Kind,
    expires: Millis,
    /// Set when a newer token replaced it: works until then.
    until: Option<Millis>,
}

/// The tokens of one account.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    issued: VecDeque<Issued>,
    forced: VecDeque<Millis>,
}

/// A token with its remaining life in seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) token: String,
    pub(crate) expires_in: u64,
    /// Whether it was made by this call.
    pub(crate) fresh: bool,
}

impl Tokens {
    /// `/cgi-bin/token`: always a new one; the one before works for five more minutes.
    pub(crate) fn classic(&mut self, now: Millis, life: Duration) -> Grant {
        self.replace(Kind::Classic, now.plus(OVERLAP));
        self.issue(Kind::Classic, now, life)
    }

    /// `/cgi-bin/stable_token`: the same one until its last five minutes. `None`: forced too often today.
    pub(crate) fn stable(&mut self, now: Millis, life: Duration, force: bool) -> Option<Grant> {
        let current = self.issued.iter().rev().find(|t| t.kind == Kind::Stable && t.until.is_none() && t.expires > now);
        let Some((token, left)) = current.map(|t| (t.token.clone(), t.expires.since(now))) else {
            return Some(self.issue(Kind::Stable, now, life));
        };
        let too_soon = self.forced.back().is_some_and(|last| now.since(*last) < FORCE_APART);
        if force && !too_soon {
            while self.forced.front().is_some_and(|first| now.since(*first) >= DAY) {
                self.forced.pop_front();
            }
            if self.forced.len() >= FORCE_PER_DAY {
                return None;
            }
            self.forced.push_back(now);
            self.replace(Kind::Stable, now);
            return Some(self.issue(Kind::Stable, now, life));
        }
        // In its last minutes a new one is given; the old one lives out its own time.
        if left <= OVERLAP.min(life / 2) {
            return Some(self.issue(Kind::Stable, now, life));
        }
        Some(Grant { token, expires_in: left.as_secs(), fresh: false })
    }

    /// What `token` is worth; `None` when it was never issued here.
    pub(crate) fn standing(&self, token: &str, now: Millis) -> Option<Standing> {
        let found = self.issued.iter().find(|issued| issued.token == token)?;
        Some(if found.until.is_some_and(|until| until <= now) {
            Standing::Superseded
        } else if found.expires <= now {
            Standing::Expired
        } else {
            Standing::Valid
        })
    }

    /// Makes every token worthless at once, as a change of AppSecret does.
    pub(crate) fn revoke_all(&mut self, now: Millis) {
        self.issued.iter_mut().for_each(|issued| issued.until = Some(now));
    }

    fn replace(&mut self, kind: Kind, until: Millis) {
        let living = self.issued.iter_mut().filter(|issued| issued.kind == kind && issued.until.is_none());
        living.for_each(|issued| issued.until = Some(until));
    }

    fn issue(&mut self, kind: Kind, now: Millis, life: Duration) -> Grant {
        let token = fresh_token();
        if self.issued.len() >= REMEMBERED {
            self.issued.pop_front();
        }
        self.issued.push_back(Issued { token: token.clone(), kind, expires: now.plus(life), until: None });
        Grant { token, expires_in: life.as_secs(), fresh: true }
    }
}

/// Two digits, an underscore and 136 characters: the look of real tokens, of which nothing may be relied on.
fn fresh_token() -> String {
    let random: [u8; 102] = std::array::from_fn(|_| rand::random());
    format!("{}_{}", rand::random_range(10..100_u8), URL_SAFE_NO_PAD.encode(random))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFE: Duration = Duration::from_secs(7200);
    const START: Millis = Millis(1_700_000_000_000);

    fn after(seconds: u64) -> Millis {
        START.plus(Duration::from_secs(seconds))
    }

    #[test]
    fn classic_gives_a_new_token_each_time_and_the_old_one_works_for_five_minutes() {
        let mut tokens = Tokens::default();
        let first = tokens.classic(START, LIFE);
        let second = tokens.classic(after(10), LIFE);
        assert_ne!(first.token, second.token);
        assert_eq!(tokens.standing(&first.token, after(309)), Some(Standing::Valid));
        assert_eq!(tokens.standing(&first.token, after(310)), Some(Standing::Superseded));
        assert_eq!(tokens.standing(&second.token, after(7209)), Some(Standing::Valid));
        assert_eq!(tokens.standing(&second.token, after(7210)), Some(Standing::Expired));
        assert_eq!(tokens.standing("11_nobody", START), None);
    }

    #[test]
    fn stable_repeats_itself_and_rolls_in_its_last_five_minutes_with_overlap() {
        let mut tokens = Tokens::default();
        let first = tokens.stable(START, LIFE, false).unwrap();
        let again = tokens.stable(after(6855), LIFE, false).unwrap();
        assert_eq!((again.token.as_str(), again.expires_in, again.fresh), (first.token.as_str(), 345, false));
        let rolled = tokens.stable(after(6900), LIFE, false).unwrap();
        assert_ne!(rolled.token, first.token);
        assert_eq!(tokens.standing(&first.token, after(7199)), Some(Standing::Valid));
        assert_eq!(tokens.standing(&first.token, after(7200)), Some(Standing::Expired));
        assert_eq!(tokens.stable(after(6901), LIFE, false).unwrap().token, rolled.token);
    }

    #[test]
    fn force_kills_the_old_one_at_once_but_not_twice_within_thirty_seconds_nor_twenty_one_times_a_day() {
        let mut tokens = Tokens::default();
        let first = tokens.stable(START, LIFE, false).unwrap();
        let forced = tokens.stable(after(1), LIFE, true).unwrap();
        assert_ne!(first.token, forced.token);
        assert_eq!(tokens.standing(&first.token, after(1)), Some(Standing::Superseded));
        assert_eq!(tokens.stable(after(2), LIFE, true).unwrap().token, forced.token);
        for round in 1..20 {
            assert!(tokens.stable(after(1 + round * 31), LIFE, true).unwrap().fresh);
        }
        assert_eq!(tokens.stable(after(1 + 20 * 31), LIFE, true), None);
    }

    #[test]
    fn the_end_points_leave_each_other_alone() {
        let mut tokens = Tokens::default();
        let classic = tokens.classic(START, LIFE);
        let stable = tokens.stable(START, LIFE, false).unwrap();
        tokens.classic(after(1), LIFE);
        tokens.stable(after(1), LIFE, true).unwrap();
        assert_eq!(tokens.standing(&classic.token, after(2)), Some(Standing::Valid));
        assert_eq!(tokens.standing(&stable.token, after(2)), Some(Standing::Superseded));
    }
}
