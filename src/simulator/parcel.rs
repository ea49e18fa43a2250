//! A push in the hands of somebody who delivers it: how often, where and when is theirs to decide, the bytes and what
//! counts as an answer are the platform's. Knows no timing.

use bytes::Bytes;

use super::act::{Act, ActError};
use super::push::{Judged, Push, Response, Signature, judge, seal};
use super::{Platform, push};
use crate::clock::Clock;

/// A push that its owner delivers. The phone has shown it and the window it opens is open, delivered or not.
#[derive(Debug)]
pub struct Parcel {
    push: Push,
    clock: Clock,
}

/// What an answer to a delivery comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// Taken, without a word for the person.
    Taken,
    /// Taken, with a message for the person, decrypted, as JSON.
    Reply(String),
}

/// One delivery as it leaves.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// The callback address with all parameters.
    pub url: url::Url,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
}

impl Platform {
    /// Lets the person with this phone do something, and hands the push to the caller instead of delivering it.
    ///
    /// # Errors
    /// As [`Platform::act`].
    pub fn hand_over(&self, openid: &str, act: Act) -> Result<Parcel, ActError> {
        let (push, turn) = self.done_on_the_phone(openid, act)?;
        // Whoever is next in the line of this phone does not wait for it.
        drop(turn);
        Ok(Parcel { push, clock: self.clock().clone() })
    }
}

impl Parcel {
    /// A delivery, signed anew with the time of now, as the platform does it for each.
    ///
    /// # Errors
    /// When the account has no key, or its callback address is none.
    pub fn delivery(&self) -> Result<Outgoing, String> {
        let push::Request { url, content_type, body } = seal(&self.push, &Signature::fresh(self.clock.now()))?;
        Ok(Outgoing { url, content_type, body })
    }

    /// What an answer comes to, or why the delivery counts as failed.
    ///
    /// # Errors
    /// With the reason, as it stands in the ledger of the platform's own deliveries.
    pub fn judge(&self, status: u16, body: Bytes) -> Result<Answered, String> {
        Ok(match judge(&self.push, &Response { status, body })? {
            Judged::Success | Judged::Empty => Answered::Taken,
            Judged::Reply(tree) => Answered::Reply(tree.to_json().to_string()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::account::WechatMode;
    use crate::simulator::{AccountSettings, Settings};

    fn platform() -> Platform {
        let account = "appid='wx1'\ngh_id='gh_1'\nname='n'\nsecret='s'\ntoken='t'\nmode='plain'\n\
                       callback_url='http://gateway/wechat/t.oa'\n";
        let accounts: Vec<AccountSettings> = vec![toml::from_str(account).unwrap()];
        let settings = Settings { accounts, ..Settings::from_toml("").unwrap() };
        Platform::new(settings, Clock::system()).unwrap()
    }

    #[test]
    fn a_parcel_is_delivered_as_often_as_its_owner_likes_under_one_id() {
        let platform = platform();
        platform.add_phone("wx1", None, Some("o1")).unwrap();
        platform.hand_over("o1", Act::Follow { scene: None }).unwrap();
        let parcel = platform.hand_over("o1", Act::Text { content: "你好".into(), menu_id: None }).unwrap();
        let (one, two) = (parcel.delivery().unwrap(), parcel.delivery().unwrap());
        assert_eq!(one.body, two.body);
        assert!(one.url.as_str().starts_with("http://gateway/wechat/t.oa?signature="));
        assert_eq!(platform.in_flight(), 0);
        assert_eq!(parcel.judge(200, Bytes::from_static(b"success")), Ok(Answered::Taken));
        assert!(parcel.judge(503, Bytes::new()).is_err());
        assert!(WechatMode::Plain == parcel.push.mode && platform.take_ledger().pushes.len() == 2);
        assert!(platform.take_ledger().pushes.is_empty());
    }
}
