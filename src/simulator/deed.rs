//! What each act comes to: a bubble on the phone and the fields of its push. Knows no delivery.

use bytes::Bytes;
use serde_json::json;

use super::act::{Act, ActError, fresh_openid};
use super::blob::{BlobKind, sniff};
use super::menu;
use super::phone::{From, Kind, PhoneMessage, State, Via};
use super::tree::Node;
use super::world::World;
use crate::model::time::Millis;

/// The longest text that a person sends, bytes.
const MAX_TEXT: usize = 32 << 10;

pub(super) type Fields = Vec<(String, Node)>;

/// What an act comes to: a bubble on the phone, perhaps, and the fields of its push.
pub(super) struct Deed {
    pub(super) shown: Option<PhoneMessage>,
    pub(super) msg_type: String,
    pub(super) fields: Fields,
}

impl Deed {
    fn message(kind: Kind, msg_type: &str) -> (PhoneMessage, String) {
        let mut shown = PhoneMessage::draft(From::Me, kind, Via::Push);
        shown.state = Some(State::Sending);
        (shown, msg_type.to_owned())
    }

    fn event(name: &str, fields: Fields) -> Self {
        let mut all = vec![("Event".to_owned(), Node::text(name))];
        all.extend(fields);
        Self { shown: None, msg_type: "event".to_owned(), fields: all }
    }
}

pub(super) fn field(name: &str, value: &str) -> (String, Node) {
    (name.to_owned(), Node::text(value))
}

fn number(name: &str, value: f64) -> (String, Node) {
    (name.to_owned(), Node::Bare(format!("{value:.6}")))
}

/// Does it on the phone and says what is pushed.
pub(super) fn perform(world: &mut World, openid: &str, act: Act, now: Millis) -> Result<Deed, ActError> {
    Ok(match act {
        Act::Follow { scene } => follow(world, openid, scene, now)?,
        Act::Unfollow => {
            world.phone_mut(openid).ok_or(ActError::UnknownPhone)?.unfollow();
            Deed::event("unsubscribe", vec![field("EventKey", "")])
        }
        Act::Scan { scene } if world.phone(openid).is_some_and(|phone| phone.following) => {
            let ticket = ticket(world, openid, &scene, now);
            Deed::event("SCAN", vec![field("EventKey", &scene), field("Ticket", &ticket)])
        }
        Act::Scan { scene } => follow(world, openid, Some(scene), now)?,
        Act::Tap { key, scanned } => {
            let account = world.account_of(openid).ok_or(ActError::UnknownPhone)?;
            let button = menu::find(&account.settings.temper.menu, &key).ok_or(ActError::UnknownButton)?;
            let (name, fields) = menu::event(button, scanned.as_deref()).ok_or(ActError::UnknownButton)?;
            Deed::event(&name, fields)
        }
        Act::Media { kind, bytes } => media(world, openid, &kind, bytes, now)?,
        Act::Position { lat, lon } => {
            let fields = vec![number("Latitude", lat), number("Longitude", lon), number("Precision", 65.0)];
            Deed::event("LOCATION", fields)
        }
        other => said(other)?,
    })
}

fn said(act: Act) -> Result<Deed, ActError> {
    match act {
        Act::Text { content, menu_id } => {
            if content.is_empty() || content.len() > MAX_TEXT {
                return Err(ActError::BadRequest(format!("a text has 1 to {MAX_TEXT} bytes")));
            }
            let (shown, msg_type) = Deed::message(Kind::Text, "text");
            let mut fields = vec![field("Content", &content)];
            fields.extend(menu_id.map(|id| field("bizmsgmenuid", &id)));
            Ok(Deed { shown: Some(shown.text(&content)), msg_type, fields })
        }
        Act::Location { lat, lon, label } => {
            let (mut shown, msg_type) = Deed::message(Kind::Location, "location");
            shown.place = Some((lat, lon));
            let scale = ("Scale".to_owned(), Node::bare(15));
            let fields = vec![number("Location_X", lat), number("Location_Y", lon), scale, field("Label", &label)];
            Ok(Deed { shown: Some(shown.text(&label)), msg_type, fields })
        }
        Act::Link { title, desc, url } => {
            let (shown, msg_type) = Deed::message(Kind::Link, "link");
            let card = json!([{ "title": title, "desc": desc, "url": url }]);
            let fields = vec![field("Title", &title), field("Description", &desc), field("Url", &url)];
            Ok(Deed { shown: Some(shown.text(&title).url(url).items(card)), msg_type, fields })
        }
        _ => Err(ActError::BadRequest("nothing was said".to_owned())),
    }
}

fn follow(world: &mut World, openid: &str, scene: Option<String>, now: Millis) -> Result<Deed, ActError> {
    let fields = match &scene {
        Some(scene) => {
            let ticket = ticket(world, openid, scene, now);
            vec![field("EventKey", &format!("qrscene_{scene}")), field("Ticket", &ticket)]
        }
        None => vec![field("EventKey", "")],
    };
    world.phone_mut(openid).ok_or(ActError::UnknownPhone)?.follow(scene, now);
    Ok(Deed::event("subscribe", fields))
}

/// The ticket of the code with this scene, or a new one for a code that was printed elsewhere.
fn ticket(world: &mut World, openid: &str, scene: &str, now: Millis) -> String {
    let account = world.account_of(openid);
    let known = account.and_then(|account| {
        let mut live = account.codes.iter().filter(|code| code.until.is_none_or(|until| until > now));
        live.find(|code| code.scene == scene).map(|code| code.ticket.clone())
    });
    known.unwrap_or_else(|| format!("gQ{}", fresh_openid()))
}

fn media(world: &mut World, openid: &str, kind: &str, bytes: Bytes, now: Millis) -> Result<Deed, ActError> {
    let (shown_as, blob_kind) = match kind {
        "image" => (Kind::Image, BlobKind::Image),
        "voice" => (Kind::Voice, BlobKind::Voice),
        "video" | "shortvideo" => (Kind::Video, BlobKind::Video),
        other => return Err(ActError::BadRequest(format!("there is no medium {other:?}"))),
    };
    if bytes.is_empty() {
        return Err(ActError::BadRequest("the file is empty".to_owned()));
    }
    if bytes.len() > BlobKind::Image.limit() {
        return Err(ActError::TooLarge);
    }
    let content_type = sniff(&bytes);
    if blob_kind == BlobKind::Image && !content_type.starts_with("image/") {
        return Err(ActError::BadRequest("the file is no picture".to_owned()));
    }
    let appid = world.account_of(openid).ok_or(ActError::UnknownPhone)?.settings.appid.clone();
    let id = world.keep(&appid, blob_kind, content_type, bytes.clone(), now);
    let mut fields = vec![field("MediaId", &id)];
    match blob_kind {
        BlobKind::Image => fields.insert(0, field("PicUrl", &world.absolute_url(&id))),
        BlobKind::Voice => {
            let finer = world.keep(&appid, blob_kind, content_type, bytes, now);
            let format = content_type.strip_prefix("audio/").unwrap_or("amr");
            fields.extend([field("Format", format), field("MediaId16K", &finer)]);
        }
        BlobKind::Video | BlobKind::Thumb => fields.push(field("ThumbMediaId", &world.keep_thumb(&appid, now))),
    }
    let (shown, msg_type) = Deed::message(shown_as, kind);
    Ok(Deed { shown: Some(shown.url(world.page_url(&id))), msg_type, fields })
}
