//! Customer-service messages: who may be written to, when and how often; and the typing indicator.
//! What a message consists of is in `outgoing`.

use serde_json::Value;

use super::{Answer, Visit, outgoing};
use crate::model::time::Millis;
use crate::simulator::errcode::Refusal;
use crate::simulator::ledger::{SendEntry, brief};
use crate::simulator::phone::Phone;

pub(super) fn send(visit: &mut Visit<'_>) -> Result<Answer, Refusal> {
    let body = visit.json(47002)?;
    let openid = string(&body, "touser").to_owned();
    let sent = accept(visit, &openid, &body);
    let left = visit.world.phone(&openid).map_or(0, |phone| phone.window.left);
    let errcode = sent.as_ref().map_or_else(|refusal| refusal.code, |_| 0);
    visit.world.ledger.send(SendEntry {
        at: visit.now,
        appid: visit.appid.to_owned(),
        openid,
        msgtype: string(&body, "msgtype").to_owned(),
        body: brief(body),
        errcode,
        message: sent.as_ref().ok().cloned(),
        left,
    });
    sent.map(|_id| Answer::ok())
}

/// Checks and shows one message; gives its id on the phone.
fn accept(visit: &mut Visit<'_>, openid: &str, body: &Value) -> Result<String, Refusal> {
    let now = visit.now;
    if openid.is_empty() || !visit.account()?.phones.contains_key(openid) {
        return Err(Refusal::new(40003));
    }
    let mut draft = outgoing::draft(visit, body)?;
    if let Some(kf) = body.get("customservice") {
        let name = string(kf, "kf_account");
        if !visit.account()?.settings.temper.kf_accounts.iter().any(|known| known == name) {
            return Err(Refusal::new(65401));
        }
        draft.by = Some(name.to_owned());
    }
    draft.ai = body.pointer("/aimsgcontext/is_ai_msg").and_then(Value::as_i64) == Some(1);
    let phone = visit.account()?.phones.get_mut(openid).ok_or_else(|| Refusal::new(40003))?;
    may_write(phone, now).map_err(Refusal::new)?;
    phone.window = phone.window.debited();
    visit.world.show(openid, draft, now).ok_or_else(|| Refusal::new(40003))
}

/// Whether the account may write to this person now.
fn may_write(phone: &Phone, now: Millis) -> Result<(), i64> {
    if !phone.following && !phone.followed_once {
        return Err(43004);
    }
    if !phone.following || phone.window.until <= now {
        return Err(45015);
    }
    if !phone.receives {
        return Err(48002);
    }
    if phone.window.left == 0 {
        return Err(45047);
    }
    Ok(())
}

pub(super) fn typing(visit: &mut Visit<'_>) -> Result<Answer, Refusal> {
    let body = visit.json(47002)?;
    let on = match string(&body, "command") {
        "Typing" => true,
        "CancelTyping" => false,
        _ => return Err(Refusal::new(45072)),
    };
    let now = visit.now;
    let phone = visit.account()?.phones.get_mut(string(&body, "touser")).ok_or_else(|| Refusal::new(40003))?;
    may_write(phone, now).map_err(Refusal::new)?;
    phone.typing(on, now).map_err(Refusal::new)?;
    Ok(Answer::ok())
}

pub(super) fn string<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}
