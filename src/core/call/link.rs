//! Links to calls: an agent sends one into a conversation, and whoever opens it may call as that customer, and nothing
//! else.

use std::time::Duration;

use serde_json::{Value, json};

use super::invite::permitted;
use super::{ice, policy};
use crate::core::asker::agent;
use crate::core::request::Send;
use crate::core::session::home;
use crate::core::transfer::held;
use crate::core::{Client, Core, Error, access};
use crate::model::call::Media;
use crate::model::content::Content;
use crate::model::id::{AccountId, ClientId, ContactId, SessionId, TenantId};
use crate::model::time::Millis;
use crate::template::{Audience, Prompt};

/// Servers to try the way with are good for so long.
const TEST: Duration = Duration::from_secs(60);

/// What a link says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The tenant.
    pub tenant: TenantId,
    /// The channel account of the conversation.
    pub account: AccountId,
    /// As whom its bearer calls.
    pub contact: ContactId,
    /// In which session.
    pub session: SessionId,
    /// With what.
    pub media: Media,
    /// Until when it may be opened.
    pub until: Millis,
}

impl Invitation {
    /// What is signed. No part contains a full stop.
    pub(in crate::core) fn written(&self) -> String {
        let Self { tenant, account, contact, session, media, until } = self;
        let kind = if media.video { 'v' } else { 'a' };
        format!("{tenant}.{account}.{contact}.{session}.{kind}.{}", until.seconds())
    }

    /// Reads what was signed.
    pub(in crate::core) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let mut next = || parts.next();
        let this = Self {
            tenant: TenantId::parse(next()?).ok()?,
            account: AccountId::parse(next()?).ok()?,
            contact: ContactId::parse(next()?).ok()?,
            session: SessionId::parse(next()?).ok()?,
            media: if next()? == "v" { Media::VIDEO } else { Media::AUDIO },
            until: Millis::from_seconds(next()?.parse().ok()?),
        };
        next().is_none().then_some(this)
    }
}

impl Core {
    /// Sends a link to a call into a session's conversation, as a message of the agent.
    ///
    /// # Errors
    /// As for `send`; `forbidden` where the tenant does not allow it.
    pub(super) async fn send_link(&self, client: &Client, id: SessionId, media: Media) -> Result<Value, Error> {
        let scene = self.scene(&client.tenant)?;
        permitted(&scene, client, media)?;
        let until = scene.now.plus(policy(&scene)?.link);
        let owned = client.clone();
        let conversation = self
            .scope(&client.tenant)
            .read(move |tx| {
                let session = held(tx, agent(&owned)?, id)?;
                home(tx, &session)
            })
            .await?;
        let invitation = Invitation {
            tenant: client.tenant.clone(),
            account: conversation.account.clone(),
            contact: conversation.contact,
            session: id,
            media,
            until: Millis::from_seconds(until.seconds()),
        };
        let url = format!("{}/call/{}", scene.public_url, self.signer().call_token(&invitation));
        let audience = Audience { tenant: &scene.tenant.id, name: &scene.tenant.name, lang: scene.tenant.lang };
        let title = if media.video { Prompt::CallVideo } else { Prompt::CallVoice };
        let title = scene.templates.render(&audience, &title);
        let minutes = policy(&scene)?.link.as_secs().div_ceil(60);
        let desc = scene.templates.render(&audience, &Prompt::CallHint { minutes });
        let (title, desc) = (title.map_err(Error::internal)?, desc.map_err(Error::internal)?);
        let send = Send {
            conv: conversation.conv,
            cid: ClientId::parse(&format!("call-{:032x}", rand::random::<u128>()))?,
            content: Content::Link { title, desc, url: url.clone() },
            reply_to: None,
            replaces: None,
            visibility: None,
            epoch: None,
        };
        let sent = self.send(client, send).await?;
        let seq = sent.get("seq").cloned().unwrap_or_default();
        Ok(json!({ "url": url, "expires_at": invitation.until, "seq": seq }))
    }

    /// Servers for trying the way, good for a minute at the most.
    ///
    /// # Errors
    /// `forbidden` where there are no calls; `rate_limited`.
    pub(super) fn test_servers(&self, client: &Client) -> Result<Value, Error> {
        if !client.calls_only {
            agent(client)?;
        }
        let scene = self.scene(&client.tenant)?;
        let policy = policy(&scene)?;
        let key = format!("{}/{}", client.tenant, client.participant());
        self.inner.call_tests.admit(&key, scene.now).map_err(access::too_often)?;
        let bearer = format!("test.{}", client.connection);
        serde_json::to_value(ice::servers(policy, &bearer, scene.now, TEST)).map_err(Error::internal)
    }
}
