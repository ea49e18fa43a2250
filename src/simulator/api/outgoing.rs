//! What a customer-service message consists of, type by type, and how the phone shows it. Knows no window and no quota.

use serde_json::{Value, json};

use super::Visit;
use super::custom::string;
use crate::simulator::blob::BlobKind;
use crate::simulator::errcode::Refusal;
use crate::simulator::phone::{From, Kind, PhoneMessage, Via};

/// Bytes of a text; the documentation names no figure for this call.
const MAX_TEXT: usize = 2048;

/// The message that the phone would show.
pub(super) fn draft(visit: &Visit<'_>, body: &Value) -> Result<PhoneMessage, Refusal> {
    let msgtype = string(body, "msgtype");
    let empty = json!({});
    let object = body.get(msgtype).unwrap_or(&empty);
    let shown = |kind| PhoneMessage::draft(From::Account, kind, Via::Custom);
    match msgtype {
        "text" => {
            let content = sized(required(object, "content", 44004)?)?;
            check_weapps(visit, content)?;
            Ok(shown(Kind::Text).text(content))
        }
        "image" => Ok(shown(Kind::Image).url(media(visit, object, "media_id", &[BlobKind::Image])?)),
        "voice" => Ok(shown(Kind::Voice).url(media(visit, object, "media_id", &[BlobKind::Voice])?)),
        "video" => {
            let url = media(visit, object, "media_id", &[BlobKind::Video])?;
            if !string(object, "thumb_media_id").is_empty() {
                thumb(visit, object)?;
            }
            let message = shown(Kind::Video).url(url);
            let title = string(object, "title");
            Ok(if title.is_empty() { message } else { message.text(title) })
        }
        "music" => {
            let card = json!([{ "title": string(object, "title"), "desc": string(object, "description"),
                "url": required(object, "musicurl", 40035)?, "pic_url": thumb(visit, object)? }]);
            Ok(shown(Kind::Link).text(string(object, "title")).items(card))
        }
        "news" => news(object).map(|items| shown(Kind::News).items(items)),
        "mpnews" => required(object, "media_id", 40007).and(Err(Refusal::new(40007))),
        "mpnewsarticle" => {
            let id = required(object, "article_id", 40007)?;
            let card =
                json!([{ "title": id, "desc": "", "url": format!("https://mp.weixin.qq.com/s/{id}"), "pic_url": "" }]);
            Ok(shown(Kind::News).items(card))
        }
        "msgmenu" => {
            menu(object).map(|(items, head, tail)| PhoneMessage { tail, ..shown(Kind::Menu).text(head).items(items) })
        }
        "miniprogrampage" => {
            weapp_card(visit, object).map(|card| shown(Kind::Miniprogram).text(string(object, "title")).items(card))
        }
        "wxcard" => Ok(shown(Kind::Notice).text(required(object, "card_id", 40035)?)),
        // Only mini programs may send links.
        "link" => Err(Refusal::new(45050)),
        _ => Err(Refusal::new(40008)),
    }
}

fn required<'a>(object: &'a Value, name: &str, code: i64) -> Result<&'a str, Refusal> {
    Some(string(object, name)).filter(|text| !text.is_empty()).ok_or_else(|| Refusal::new(code))
}

fn sized(text: &str) -> Result<&str, Refusal> {
    if text.len() > MAX_TEXT { Err(Refusal::new(45002)) } else { Ok(text) }
}

fn media(visit: &Visit<'_>, object: &Value, name: &str, kinds: &[BlobKind]) -> Result<String, Refusal> {
    let id = string(object, name);
    visit.world.media(id, visit.appid, kinds, visit.now).ok_or_else(|| Refusal::new(40007))
}

fn thumb(visit: &Visit<'_>, object: &Value) -> Result<String, Refusal> {
    media(visit, object, "thumb_media_id", &[BlobKind::Thumb, BlobKind::Image])
}

/// At most one article, since 12 October 2018.
fn news(object: &Value) -> Result<Value, Refusal> {
    let articles = object.get("articles").and_then(Value::as_array).filter(|list| !list.is_empty());
    let articles = articles.ok_or_else(|| Refusal::new(44004))?;
    if articles.len() > 1 {
        return Err(Refusal::new(45008));
    }
    let cards = articles.iter().map(|article| {
        json!({ "title": string(article, "title"), "desc": string(article, "description"),
            "url": string(article, "url"), "pic_url": string(article, "picurl") })
    });
    Ok(cards.collect())
}

type Menu<'a> = (Value, &'a str, Option<String>);

fn menu(object: &Value) -> Result<Menu<'_>, Refusal> {
    let list = object.get("list").and_then(Value::as_array).filter(|list| !list.is_empty());
    let list = list.ok_or_else(|| Refusal::new(44004))?;
    let items: Option<Vec<Value>> = list
        .iter()
        .map(|item| {
            let id = item
                .get("id")
                .and_then(|id| id.as_str().map(str::to_owned).or_else(|| id.as_i64().map(|n| n.to_string())))?;
            Some(json!({ "id": id, "content": string(item, "content") }))
        })
        .collect();
    let head = sized(string(object, "head_content"))?;
    let tail = Some(string(object, "tail_content").to_owned()).filter(|text| !text.is_empty());
    Ok((items.map(Value::from).ok_or_else(|| Refusal::new(40035))?, head, tail))
}

fn weapp_card(visit: &Visit<'_>, object: &Value) -> Result<Value, Refusal> {
    let appid = required(object, "appid", 40013)?;
    if !linked(visit, appid) {
        return Err(Refusal::new(45086));
    }
    let pagepath = required(object, "pagepath", 40035)?;
    Ok(
        json!([{ "title": string(object, "title"), "appid": appid, "pagepath": pagepath, "pic_url": thumb(visit, object)? }]),
    )
}

/// A text may link to associated mini programs only.
fn check_weapps(visit: &Visit<'_>, text: &str) -> Result<(), Refusal> {
    let mut named = text.split("data-miniprogram-appid=\"").skip(1).filter_map(|rest| rest.split('"').next());
    named.try_for_each(|appid| if linked(visit, appid) { Ok(()) } else { Err(Refusal::new(45064)) })
}

fn linked(visit: &Visit<'_>, appid: &str) -> bool {
    let account = visit.world.account(visit.appid);
    account.is_some_and(|account| account.settings.temper.weapps.iter().any(|known| known == appid))
}
