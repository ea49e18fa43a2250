//! What a person does with their phone, and how it becomes a push. Knows no HTTP.

use bytes::Bytes;
use tokio::sync::oneshot;

use super::Platform;
use super::deed::{Fields, field, perform};
use super::ledger::{PushEntry, beginning};
use super::phone::Phone;
use super::push::{Push, Turn, opens, passive};
use super::raw::{Raw, parts};
use super::tree::{self, Node};
use super::world::World;
use crate::model::time::Millis;

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
        if let Act::Raw(raw) = act {
            let now = self.clock().now();
            let mut world = self.world();
            world.phone(openid).ok_or(ActError::UnknownPhone)?;
            return self.push_raw(&mut world, openid, &raw, now);
        }
        let (push, turn) = self.done_on_the_phone(openid, act)?;
        let id = push.id.clone();
        self.start(push, turn);
        Ok(id)
    }

    /// Does something on the phone; the push still has to be delivered. Of a raw push there is one, whatever its copies.
    pub(super) fn done_on_the_phone(&self, openid: &str, act: Act) -> Result<(Push, Turn), ActError> {
        let now = self.clock().now();
        let mut world = self.world();
        let following = world.phone(openid).ok_or(ActError::UnknownPhone)?.following;
        if let Act::Raw(raw) = act {
            let (fields, body) = parts(&mut world, openid, &raw, now)?;
            return prepare(&mut world, openid, fields, body, now);
        }
        if !following && !matches!(act, Act::Follow { .. } | Act::Scan { .. }) {
            return Err(ActError::NotFollowing);
        }
        if following && matches!(act, Act::Follow { .. }) {
            return Err(ActError::Following);
        }
        let deed = perform(&mut world, openid, act, now)?;
        let fields = compose(&mut world, openid, &deed.msg_type, deed.fields, now)?;
        let (push, turn) = prepare(&mut world, openid, fields, None, now)?;
        if let (Some(mut shown), Some(phone)) = (deed.shown, world.phone_mut(openid)) {
            (shown.id, shown.at) = (push.id.clone(), now);
            phone.show(shown);
        }
        Ok((push, turn))
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
        let (push, turn) = prepare(world, openid, fields, body, now)?;
        let id = push.id.clone();
        self.start(push, turn);
        Ok(id)
    }
}

/// Seals a body and grants what it allows. `body` replaces the written fields.
fn prepare(
    world: &mut World,
    openid: &str,
    fields: Fields,
    body: Option<Vec<u8>>,
    now: Millis,
) -> Result<(Push, Turn), ActError> {
    let id = world.next_id("p");
    let account = world.account_of(openid).ok_or(ActError::UnknownPhone)?;
    let settings = &account.settings;
    let body = body.unwrap_or_else(|| tree::write(&fields, settings.format).into_bytes());
    let tree = Node::Map(fields);
    let (mode, format) = (settings.mode, settings.format);
    let (appid, gh_id, callback_url) = (settings.appid.clone(), settings.gh_id.clone(), settings.callback_url.clone());
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
    let push = Push { id, appid, gh_id, openid, callback_url, mode, format, seal, passive, body };
    Ok((push, Turn { before, done }))
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

/// `o` and 27 characters, the usual look.
pub(super) fn fresh_openid() -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    let letters = (0..27).filter_map(|_| ALPHABET.get(rand::random_range(0..ALPHABET.len())).map(|&b| char::from(b)));
    std::iter::once('o').chain(letters).collect()
}
