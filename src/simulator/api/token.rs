//! The two end points that issue access tokens. The life of a token is in `super::super::token`.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Answer, Visit, count};
use crate::simulator::errcode::Refusal;
use crate::simulator::ledger::TokenEntry;
use crate::simulator::token::{Grant, Kind};

pub(super) fn classic(visit: &mut Visit<'_>) -> Result<Answer, Refusal> {
    let text = |name: &str| visit.call.param(name);
    let appid = check(visit, text("grant_type"), text("appid"), text("secret"))?;
    count(visit.world, &appid, "/cgi-bin/token", visit.now)?;
    let now = visit.now;
    let account = visit.world.account_mut(&appid).ok_or_else(|| Refusal::new(40013))?;
    let life = Duration::from_secs(account.settings.temper.token_life_s.into());
    let grant = account.tokens.classic(now, life);
    Ok(give(visit, &appid, Kind::Classic, &grant))
}

pub(super) fn stable(visit: &mut Visit<'_>) -> Result<Answer, Refusal> {
    let body = visit.json(47001)?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).filter(|value| !value.is_empty());
    let appid = check(visit, text("grant_type"), text("appid"), text("secret"))?;
    count(visit.world, &appid, "/cgi-bin/stable_token", visit.now)?;
    let force = body.get("force_refresh").and_then(Value::as_bool).unwrap_or(false);
    let now = visit.now;
    let account = visit.world.account_mut(&appid).ok_or_else(|| Refusal::new(40013))?;
    let life = Duration::from_secs(account.settings.temper.token_life_s.into());
    let grant = account.tokens.stable(now, life, force).ok_or_else(|| Refusal::new(45009))?;
    Ok(give(visit, &appid, Kind::Stable, &grant))
}

/// The account whose credentials these are.
fn check(
    visit: &Visit<'_>,
    grant_type: Option<&str>,
    appid: Option<&str>,
    secret: Option<&str>,
) -> Result<String, Refusal> {
    if grant_type != Some("client_credential") {
        return Err(Refusal::new(40002));
    }
    let appid = appid.ok_or_else(|| Refusal::new(41002))?;
    let secret = secret.ok_or_else(|| Refusal::new(41004))?;
    let settings = &visit.world.account(appid).ok_or_else(|| Refusal::new(40013))?.settings;
    if settings.secret.expose() != secret {
        return Err(Refusal::new(40125));
    }
    if let Some(allowed) = &settings.temper.ip_whitelist {
        let peer = visit.call.peer.parse::<IpAddr>().ok();
        if !peer.is_some_and(|peer| allowed.contains(&peer)) {
            let ip = &visit.call.peer;
            return Err(Refusal::with_text(40164, format!("invalid ip {ip} ipv6 ::ffff:{ip}, not in whitelist")));
        }
    }
    Ok(appid.to_owned())
}

fn give(visit: &mut Visit<'_>, appid: &str, kind: Kind, grant: &Grant) -> Answer {
    visit.world.ledger.token(TokenEntry {
        at: visit.now,
        appid: appid.to_owned(),
        kind: TokenEntry::kind_name(kind),
        fresh: grant.fresh,
        expires_in: grant.expires_in,
    });
    Answer::Json(json!({ "access_token": grant.token, "expires_in": grant.expires_in }))
}
