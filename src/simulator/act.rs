//! What a person does with their phone, and how it becomes a push. Knows no HTTP.

use bytes::Bytes;
use serde_json::json;
use tokio::sync::oneshot;

use super::Platform;
use super::blob::{BlobKind, sniff};
use super::ledger::{PushEntry, beginning};
use super::menu;
use super::phone::{From, Kind, Phone, PhoneMessage, State, Via};
use super::push::{Push, Turn, opens, passive};
use super::raw::Raw;
use super::tree::{self, Node};
use super::world::World;
use crate::model::time::Millis;

/// The longest text that a person sends, bytes.
const MAX_TEXT: usize = 32 << 10;

/// One thing that a person does.
#[derive(Debug, Clone)]
pub enum Act {
    /// Follows the account, perhaps through a parametric code.
    Follow {
        /// The code's scene.
        scene: Option<String>,
    },
    /// Leaves the account.
    Unfollow,
    /// Scans a parametric code; whoever does not follow yet follows by it.
    Scan {
        /// The code's scene.
        scene: String,
    },
    /// Taps a menu button.
    Tap {
        /// The button's key, address or page path.
        key: String,
        /// What the camera read, on scanning buttons.
        scanned: Option<String>,
    },
    /// Writes a text, or taps an item of a menu message.
    Text {
        /// The text.
        content: String,
        /// The tapped item's id.
        menu_id: Option<String>,
    },
    /// Sends a place.
    Location {
        /// Latitude, degrees.
        lat: f64,
        /// Longitude, degrees.
        lon: f64,
        /// Its name.
        label: String,
    },
    /// Shares a link.
    Link {
        /// Title.
        title: String,
        /// Description.
        desc: String,
        /// Address.
        url: String,
    },
    /// Sends a picture, voice message or video.
    Media {
        /// `image`, `voice`, `video` or `shortvideo`.
        kind: String,
        /// The file.
        bytes: Bytes,
    },
    /// Reports the position, as phones do on opening the conversation.
    Position {
        /// Latitude, degrees.
        lat: f64,
        /// Longitude, degrees.
        lon: f64,
    },
    /// Anything at all.
    Raw(Raw),
}

/// Why a person cannot do that.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// No account with this AppID.
    #[error("there is no such account")]
    UnknownAccount,
    /// No phone with this openid.
    #[error("there is no such phone")]
    UnknownPhone,
    /// Only followers can do it.
    #[error("this phone does not follow the account")]
    NotFollowing,
    /// It follows already.
    #[error("this phone follows the account already")]
    Following,
    /// No such button, or one that pushes nothing.
    #[error("the menu has no such button")]
    UnknownButton,
    /// The request is not of the right shape.
    #[error("{0}")]
    BadRequest(String),
    /// Over the limit of the medium.
    #[error("the file is too large")]
    TooLarge,
    /// Too much is under way.
    #[error("too much is under way")]
    Busy,
}

type Fields = Vec<(String, Node)>;

/// What an act comes to: a bubble on the phone, perhaps, and the fields of its push.
struct Deed {
    shown: Option<PhoneMessage>,
    msg_type: String,
    fields: Fields,
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

fn field(name: &str, value: &str) -> (String, Node) {
    (name.to_owned(), Node::text(value))
}

fn number(name: &str, value: f64) -> (String, Node) {
    (name.to_owned(), Node::Bare(format!("{value:.6}")))
}

impl Platform {
    /// A new phone, or the one with this `openid` if there is one. It does not follow yet.
    ///
    /// # Errors
    /// [`ActError::UnknownAccount`], or [`ActError::BadRequest`] when `openid` is not 1 to 64 of `a-z A-Z 0-9 _ -` or
    /// belongs to another account.
    pub fn add_phone(&self, appid: &str, nickname: Option<&str>, openid: Option<&str>) -> Result<String, ActError> {
        let now = self.clock().now();
        let mut world = self.world();
        if let Some(openid) = openid {
            let fits = (1..=64).contains(&openid.len())
                && openid.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
            if !fits {
                return Err(ActError::BadRequest("the openid is malformed".to_owned()));
            }
            if let Some(owner) = world.account_of(openid) {
                return if owner.settings.appid == appid {
                    Ok(openid.to_owned())
                } else {
                    Err(ActError::BadRequest("the openid belongs to another account".to_owned()))
                };
            }
        }
        let account = world.account_mut(appid).ok_or(ActError::UnknownAccount)?;
        let openid = openid.map_or_else(fresh_openid, str::to_owned);
        World::add_phone(account, Phone::new(openid.clone(), nickname.map(str::to_owned), now));
        Ok(openid)
    }

    /// Lets the person with this phone do something. The push leaves in the background; its id is the result.
    ///
    /// # Errors
    /// [`ActError`] when it cannot be done; nothing has happened then.
    pub fn act(&self, openid: &str, act: Act) -> Result<String, ActError> {
        if !self.has_room() {
            return Err(ActError::Busy);
        }
        let now = self.clock().now();
        let mut world = self.world();
        let following = world.phone(openid).ok_or(ActError::UnknownPhone)?.following;
        if let Act::Raw(raw) = act {
            return self.push_raw(&mut world, openid, &raw, now);
        }
        if !following && !matches!(act, Act::Follow { .. } | Act::Scan { .. }) {
            return Err(ActError::NotFollowing);
        }
        if following && matches!(act, Act::Follow { .. }) {
            return Err(ActError::Following);
        }
        let deed = perform(&mut world, openid, act, now)?;
        let fields = compose(&mut world, openid, &deed.msg_type, deed.fields, now)?;
        let id = self.dispatch(&mut world, openid, fields, None, now)?;
        if let (Some(mut shown), Some(phone)) = (deed.shown, world.phone_mut(openid)) {
            (shown.id, shown.at) = (id.clone(), now);
            phone.show(shown);
        }
        Ok(id)
    }

    /// Seals a body, grants what it allows and starts its deliveries. `body` replaces the written fields.
    pub(super) fn dispatch(
        &self,
        world: &mut World,
        openid: &str,
        fields: Fields,
        body: Option<Vec<u8>>,
        now: Millis,
    ) -> Result<String, ActError> {
        let id = world.next_id("p");
        let account = world.account_of(openid).ok_or(ActError::UnknownPhone)?;
        let settings = &account.settings;
        let body = body.unwrap_or_else(|| tree::write(&fields, settings.format).into_bytes());
        let tree = Node::Map(fields);
        let (mode, format) = (settings.mode, settings.format);
        let (appid, gh_id, callback_url) =
            (settings.appid.clone(), settings.gh_id.clone(), settings.callback_url.clone());
        let add_up = settings.temper.windows_add_up;
        let seal = account.next_seal();
        let old_key = seal.old;
        let (done, after) = oneshot::channel();
        let phone = account.phones.get_mut(openid).ok_or(ActError::UnknownPhone)?;
        phone.last_active = now;
        if let Some(trigger) = opens(&tree) {
            phone.grant(trigger, now, add_up);
        }
        let before = phone.line.replace(after);
        let text = |name: &str| tree.str_of(name).map(str::to_owned);
        world.ledger.push(PushEntry {
            id: id.clone(),
            at: now,
            appid: appid.clone(),
            openid: openid.to_owned(),
            msg_type: text("MsgType").unwrap_or_default(),
            event: text("Event"),
            msg_id: text("MsgId"),
            old_key,
            body: beginning(&String::from_utf8_lossy(&body)),
            attempts: Vec::new(),
            answer: None,
        });
        let (passive, openid) = (passive(&tree), openid.to_owned());
        let push = Push { id: id.clone(), appid, gh_id, openid, callback_url, mode, format, seal, passive, body };
        self.start(push, Turn { before, done });
        Ok(id)
    }
}

/// Puts the common fields before and after the own ones, unless those bring them along.
pub(super) fn compose(
    world: &mut World,
    openid: &str,
    msg_type: &str,
    own: Fields,
    now: Millis,
) -> Result<Fields, ActError> {
    let gh_id = world.account_of(openid).ok_or(ActError::UnknownPhone)?.settings.gh_id.clone();
    let mut common = vec![
        field("ToUserName", &gh_id),
        field("FromUserName", openid),
        ("CreateTime".to_owned(), Node::bare(now.seconds())),
        field("MsgType", msg_type),
    ];
    common.retain(|(name, _)| own.iter().all(|(other, _)| other != name));
    let brings_id = own.iter().any(|(name, _)| name == "MsgId");
    common.extend(own);
    if !msg_type.eq_ignore_ascii_case("event") && !brings_id {
        common.push(("MsgId".to_owned(), Node::bare(world.next_msg_id())));
    }
    Ok(common)
}

fn perform(world: &mut World, openid: &str, act: Act, now: Millis) -> Result<Deed, ActError> {
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

/// `o` and 27 characters, the usual look.
fn fresh_openid() -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    let letters = (0..27).filter_map(|_| ALPHABET.get(rand::random_range(0..ALPHABET.len())).map(|&b| char::from(b)));
    std::iter::once('o').chain(letters).collect()
}
