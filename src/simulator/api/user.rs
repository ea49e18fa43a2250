//! Followers as the API shows them: no nickname and no portrait since 27 December 2021. Knows no message.

use serde_json::{Value, json};

use super::custom::string;
use super::{Answer, Visit};
use crate::simulator::errcode::Refusal;
use crate::simulator::phone::Phone;

/// Followers of one page of `user/get`.
const PAGE: usize = 10_000;

pub(super) fn info(visit: &mut Visit<'_>) -> Result<Answer, Refusal> {
    let openid = visit.call.param("openid").unwrap_or_default();
    let account = visit.account()?;
    account.phones.get(openid).map(|phone| Answer::Json(card(phone))).ok_or_else(|| Refusal::new(40003))
}

pub(super) fn batch(visit: &mut Visit<'_>) -> Result<Answer, Refusal> {
    let body = visit.json(47001)?;
    let wanted = body.get("user_list").and_then(Value::as_array).filter(|list| (1..=100).contains(&list.len()));
    let wanted = wanted.ok_or_else(|| Refusal::new(40032))?;
    let account = visit.account()?;
    let cards: Option<Vec<Value>> =
        wanted.iter().map(|entry| account.phones.get(string(entry, "openid")).map(card)).collect();
    let cards = cards.ok_or_else(|| Refusal::new(40003))?;
    Ok(Answer::Json(json!({ "user_info_list": cards })))
}

pub(super) fn remark(visit: &mut Visit<'_>) -> Result<Answer, Refusal> {
    let body = visit.json(47001)?;
    let phone = visit.account()?.phones.get_mut(string(&body, "openid")).ok_or_else(|| Refusal::new(40003))?;
    let remark = string(&body, "remark");
    if remark.chars().count() >= 30 {
        return Err(Refusal::with_text(40092, "invalid remark".to_owned()));
    }
    remark.clone_into(&mut phone.remark);
    Ok(Answer::ok())
}

pub(super) fn list(visit: &mut Visit<'_>) -> Result<Answer, Refusal> {
    let after = visit.call.param("next_openid").unwrap_or_default().to_owned();
    let account = visit.account()?;
    let mut followers: Vec<&str> =
        account.phones.values().filter(|phone| phone.following).map(|phone| phone.openid.as_str()).collect();
    followers.sort_unstable();
    let total = followers.len();
    let page: Vec<&str> = followers.into_iter().filter(|openid| *openid > after.as_str()).take(PAGE).collect();
    let next = page.last().copied().unwrap_or_default();
    let mut answer = json!({ "total": total, "count": page.len(), "next_openid": next });
    if let (Some(object), false) = (answer.as_object_mut(), page.is_empty()) {
        object.insert("data".to_owned(), json!({ "openid": page }));
    }
    Ok(Answer::Json(answer))
}

fn card(phone: &Phone) -> Value {
    if !phone.following {
        return json!({ "subscribe": 0, "openid": phone.openid, "tagid_list": [] });
    }
    let scene = phone.scene.as_deref().unwrap_or_default();
    let number = scene.parse::<u32>().ok();
    json!({
        "subscribe": 1,
        "openid": phone.openid,
        "nickname": "",
        "sex": 0,
        "language": "zh_CN",
        "city": "",
        "province": "",
        "country": "",
        "headimgurl": "",
        "subscribe_time": phone.since.seconds(),
        "remark": phone.remark,
        "groupid": 0,
        "tagid_list": [],
        "subscribe_scene": if scene.is_empty() { "ADD_SCENE_SEARCH" } else { "ADD_SCENE_QR_CODE" },
        "qr_scene": number.unwrap_or(0),
        "qr_scene_str": if number.is_some() { "" } else { scene },
    })
}
