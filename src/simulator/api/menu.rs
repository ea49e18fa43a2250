//! Menus and parametric codes through the API. The rules of a menu are in `super::super::menu`.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::custom::string;
use super::{Answer, Visit};
use crate::simulator::errcode::Refusal;
use crate::simulator::menu::{Button, as_platform_json, check};
use crate::simulator::world::Code;

const LONGEST_CODE: u64 = 2_592_000;

pub(super) fn create(visit: &mut Visit<'_>) -> Result<Answer, Refusal> {
    let body = visit.json(40033)?;
    let buttons = body.get("button").cloned().unwrap_or_default();
    let buttons: Vec<Button> = serde_json::from_value(buttons).map_err(|_other_shape| Refusal::new(40016))?;
    let temper = &mut visit.account()?.settings.temper;
    check(&buttons, &temper.weapps).map_err(|bad| Refusal::new(bad.0))?;
    temper.menu = buttons;
    Ok(Answer::ok())
}

pub(super) fn get(visit: &mut Visit<'_>) -> Result<Answer, Refusal> {
    let menu = &visit.account()?.settings.temper.menu;
    if menu.is_empty() {
        return Err(Refusal::new(46003));
    }
    Ok(Answer::Json(json!({ "menu": { "button": as_platform_json(menu) } })))
}

pub(super) fn delete(visit: &mut Visit<'_>) -> Result<Answer, Refusal> {
    visit.account()?.settings.temper.menu.clear();
    Ok(Answer::ok())
}

pub(super) fn current(visit: &mut Visit<'_>) -> Result<Answer, Refusal> {
    let menu = &visit.account()?.settings.temper.menu;
    let open = i32::from(!menu.is_empty());
    Ok(Answer::Json(json!({ "is_menu_open": open, "selfmenu_info": { "button": as_platform_json(menu) } })))
}

/// <https://developers.weixin.qq.com/doc/service/api/qrcode/qrcodes/api_createqrcode.md>.
pub(super) fn code(visit: &mut Visit<'_>) -> Result<Answer, Refusal> {
    let body = visit.json(40033)?;
    let action = string(&body, "action_name");
    let scene = body.pointer("/action_info/scene").ok_or_else(|| Refusal::new(40053))?;
    let number = scene.get("scene_id").and_then(Value::as_u64).filter(|id| *id > 0 && u32::try_from(*id).is_ok());
    let text = Some(string(scene, "scene_str")).filter(|text| (1..=64).contains(&text.chars().count()));
    let (value, lasting) = match action {
        "QR_SCENE" => (number.map(|id| id.to_string()), false),
        "QR_STR_SCENE" => (text.map(str::to_owned), false),
        "QR_LIMIT_SCENE" => (number.filter(|id| *id <= 100_000).map(|id| id.to_string()), true),
        "QR_LIMIT_STR_SCENE" => (text.map(str::to_owned), true),
        _ => return Err(Refusal::new(40052)),
    };
    let scene = value.ok_or_else(|| Refusal::new(40053))?;
    let seconds = body.get("expire_seconds").and_then(Value::as_u64).unwrap_or(30);
    if !lasting && !(1..=LONGEST_CODE).contains(&seconds) {
        return Err(Refusal::new(40053));
    }
    let random: [u8; 42] = std::array::from_fn(|_| rand::random());
    let ticket = format!("gQ{}", URL_SAFE_NO_PAD.encode(random));
    let until = (!lasting).then(|| visit.now.plus(Duration::from_secs(seconds)));
    visit.account()?.remember(Code { ticket: ticket.clone(), scene, until });
    let url = format!("http://weixin.qq.com/q/{}", ticket.chars().skip(2).take(22).collect::<String>());
    Ok(Answer::Json(if lasting {
        json!({ "ticket": ticket, "url": url })
    } else {
        json!({ "ticket": ticket, "expire_seconds": seconds, "url": url })
    }))
}
