//! A person with a phone, for tests that read like a story: `platform.actor("wx…", "o1")?.says("你好")`.
//! Waits for conditions with a deadline, never for a time.

use std::time::Duration;

use super::act::{Act, ActError};
use super::ledger::PushEntry;
use super::phone::{From, PhoneMessage};
use super::{Platform, Raw};

/// Why something expected did not come.
#[derive(Debug, thiserror::Error)]
pub enum ExpectError {
    /// The deadline passed; what the phone shows instead.
    #[error("nothing of the kind within {within:?}; the phone shows {shows:?}")]
    Deadline {
        /// How long was waited.
        within: Duration,
        /// The texts on the phone.
        shows: Vec<String>,
    },
    /// The phone was forgotten.
    #[error("the phone is gone")]
    Gone,
}

/// One person. Clones act for the same person, but each has its own place in what it has read.
#[derive(Debug, Clone)]
pub struct Actor {
    platform: Platform,
    openid: String,
    /// Messages that were returned by an expectation and are not returned again.
    read: Vec<String>,
}

impl Platform {
    /// The person with this openid, who gets a phone if they have none.
    ///
    /// # Errors
    /// As [`Platform::add_phone`].
    pub fn actor(&self, appid: &str, openid: &str) -> Result<Actor, ActError> {
        let openid = self.add_phone(appid, None, Some(openid))?;
        Ok(Actor { platform: self.clone(), openid, read: Vec::new() })
    }
}

impl Actor {
    /// The openid.
    #[must_use]
    pub fn openid(&self) -> &str {
        &self.openid
    }

    /// Does something; the id of its push.
    ///
    /// # Errors
    /// As [`Platform::act`].
    pub fn does(&self, act: Act) -> Result<String, ActError> {
        self.platform.act(&self.openid, act)
    }

    /// Follows the account.
    ///
    /// # Errors
    /// As [`Platform::act`].
    pub fn follows(&self) -> Result<String, ActError> {
        self.does(Act::Follow { scene: None })
    }

    /// Leaves the account.
    ///
    /// # Errors
    /// As [`Platform::act`].
    pub fn unfollows(&self) -> Result<String, ActError> {
        self.does(Act::Unfollow)
    }

    /// Writes a text.
    ///
    /// # Errors
    /// As [`Platform::act`].
    pub fn says(&self, content: &str) -> Result<String, ActError> {
        self.does(Act::Text { content: content.to_owned(), menu_id: None })
    }

    /// Taps a menu button.
    ///
    /// # Errors
    /// As [`Platform::act`].
    pub fn taps(&self, key: &str) -> Result<String, ActError> {
        self.does(Act::Tap { key: key.to_owned(), scanned: None })
    }

    /// Sends a file as a picture, voice message or video.
    ///
    /// # Errors
    /// As [`Platform::act`].
    pub fn sends(&self, kind: &str, bytes: impl Into<bytes::Bytes>) -> Result<String, ActError> {
        self.does(Act::Media { kind: kind.to_owned(), bytes: bytes.into() })
    }

    /// Pushes something that no phone would make.
    ///
    /// # Errors
    /// As [`Platform::act`].
    pub fn pushes(&self, raw: Raw) -> Result<String, ActError> {
        self.does(Act::Raw(raw))
    }

    /// What the phone shows, oldest first.
    #[must_use]
    pub fn messages(&self) -> Vec<PhoneMessage> {
        self.platform.world().phone(&self.openid).map(|phone| phone.messages().cloned().collect()).unwrap_or_default()
    }

    /// The next message that is not the person's own and satisfies the condition; each is returned once.
    ///
    /// # Errors
    /// [`ExpectError`] when none comes in time.
    pub async fn expects(
        &mut self,
        within: Duration,
        condition: impl Fn(&PhoneMessage) -> bool,
    ) -> Result<PhoneMessage, ExpectError> {
        let mut news = self.platform.world().phone(&self.openid).ok_or(ExpectError::Gone)?.watch();
        let waiting = async {
            loop {
                let shown = self.messages();
                let fits = |m: &&PhoneMessage| m.from != From::Me && !self.read.contains(&m.id) && condition(m);
                if let Some(found) = shown.iter().find(fits) {
                    self.read.push(found.id.clone());
                    return Ok(found.clone());
                }
                news.changed().await.map_err(|_dropped| ExpectError::Gone)?;
            }
        };
        match tokio::time::timeout(within, waiting).await {
            Ok(result) => result,
            Err(_elapsed) => {
                let shows = self.messages().into_iter().filter_map(|message| message.text).collect();
                Err(ExpectError::Deadline { within, shows })
            }
        }
    }

    /// The next message with exactly this text.
    ///
    /// # Errors
    /// As [`Actor::expects`].
    pub async fn expects_text(&mut self, text: &str, within: Duration) -> Result<PhoneMessage, ExpectError> {
        self.expects(within, |message| message.text.as_deref() == Some(text)).await
    }

    /// The push with this id, once it is answered or has failed for good.
    ///
    /// # Errors
    /// As [`Actor::expects`].
    pub async fn settled(&self, push: &str, within: Duration) -> Result<PushEntry, ExpectError> {
        let mut news = self.platform.world().phone(&self.openid).ok_or(ExpectError::Gone)?.watch();
        let waiting = async {
            loop {
                let entry = self.platform.world().ledger.push_of(push).cloned();
                match entry {
                    Some(entry) if entry.answer.is_some() => return Ok(entry),
                    Some(_) => news.changed().await.map_err(|_dropped| ExpectError::Gone)?,
                    None => return Err(ExpectError::Gone),
                }
            }
        };
        tokio::time::timeout(within, waiting).await.unwrap_or(Err(ExpectError::Deadline { within, shows: Vec::new() }))
    }
}
