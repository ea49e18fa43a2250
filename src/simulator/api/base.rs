//! Quotas, request ids and addresses. Knows no message.

use std::time::Duration;

use serde_json::{Value, json};

use super::custom::string;
use super::{Answer, Visit, find};
use crate::model::time::Millis;
use crate::simulator::errcode::Refusal;
use crate::simulator::world::Account;

const CLEARS_PER_MONTH: u32 = 10;
const RID_LIFE: Duration = Duration::from_secs(7 * 24 * 3600);

/// The day in Beijing, as a number.
pub(super) fn day(now: Millis) -> i64 {
    (now.seconds() + 8 * 3600).div_euclid(24 * 3600)
}

pub(super) fn addresses(_visit: &mut Visit<'_>) -> Result<Answer, Refusal> {
    Ok(Answer::Json(json!({ "ip_list": ["127.0.0.1", "::1"] })))
}

pub(super) fn clear_quota(visit: &mut Visit<'_>) -> Result<Answer, Refusal> {
    let body = visit.json(47001)?;
    if string(&body, "appid") != visit.appid {
        return Err(Refusal::new(40013));
    }
    let now = visit.now;
    clear(visit.account()?, now)
}

pub(super) fn clear_quota_v2(visit: &mut Visit<'_>) -> Result<Answer, Refusal> {
    let body: Value = serde_json::from_slice(&visit.call.body).unwrap_or_default();
    let field = |name: &str| {
        let given = visit.call.param(name).unwrap_or_else(|| string(&body, name));
        Some(given.to_owned()).filter(|text| !text.is_empty())
    };
    let appid = field("appid").ok_or_else(|| Refusal::new(41002))?;
    let secret = field("appsecret").ok_or_else(|| Refusal::new(41004))?;
    let now = visit.now;
    let account = visit.world.account_mut(&appid).ok_or_else(|| Refusal::new(40013))?;
    if account.settings.secret.expose() != secret {
        return Err(Refusal::new(40125));
    }
    clear(account, now)
}

/// Ten times a month, by blocks of thirty days.
fn clear(account: &mut Account, now: Millis) -> Result<Answer, Refusal> {
    let month = day(now) / 30;
    let used = if account.clears.0 == month { account.clears.1 } else { 0 };
    if used >= CLEARS_PER_MONTH {
        return Err(Refusal::new(48006));
    }
    account.clears = (month, used + 1);
    account.usage.clear();
    Ok(Answer::ok())
}

pub(super) fn quota(visit: &mut Visit<'_>) -> Result<Answer, Refusal> {
    let body = visit.json(47001)?;
    let endpoint = find(string(&body, "cgi_path")).filter(|endpoint| endpoint.daily > 0);
    let endpoint = endpoint.ok_or_else(|| Refusal::new(76021))?;
    let today = day(visit.now);
    let account = visit.account()?;
    let limit = account.settings.temper.quotas.get(endpoint.path).copied().unwrap_or(endpoint.daily);
    let used = account.usage.get(endpoint.path).filter(|usage| usage.day == today).map_or(0, |usage| usage.today);
    Ok(Answer::Json(json!({
        "errcode": 0,
        "errmsg": "ok",
        "quota": { "daily_limit": limit, "used": used, "remain": limit.saturating_sub(used) },
        "rate_limit": { "call_count": account.settings.temper.per_minute, "refresh_second": 60 },
    })))
}

pub(super) fn rid(visit: &mut Visit<'_>) -> Result<Answer, Refusal> {
    let body = visit.json(47001)?;
    let rid = string(&body, "rid");
    let well_formed =
        rid.split('-').map(str::len).eq([8, 8, 8]) && rid.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit());
    if !well_formed {
        return Err(Refusal::new(76002));
    }
    let entry = visit.world.ledger.by_rid(rid).ok_or_else(|| Refusal::new(76001))?;
    if entry.appid.as_deref() != Some(visit.appid) {
        return Err(Refusal::new(76003));
    }
    if visit.now.since(entry.at) >= RID_LIFE {
        return Err(Refusal::new(76004));
    }
    let answered = json!({ "errcode": entry.errcode }).to_string();
    Ok(Answer::Json(json!({
        "errcode": 0,
        "errmsg": "ok",
        "request": {
            "invoke_time": entry.at.seconds(),
            "cost_in_ms": entry.ms,
            "request_url": entry.request,
            "request_body": entry.body,
            "response_body": answered,
            "client_ip": entry.peer,
        },
    })))
}
