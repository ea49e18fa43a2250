//! One call that is noted: its file goes up, it is made if it is still this node's, and what became of it is noted. Knows no
//! order of messages.

use std::sync::Arc;
use std::time::Duration;

use super::{Attempt, Load, settle};
use crate::channel::wechat::error::SendError;
use crate::channel::wechat::outgoing::{Outgoing, Part, Upload};
use crate::config::{Bug, planted};
use crate::core::backlog::long_after;
use crate::core::directory::WechatDoor;
use crate::core::{Core, Error};
use crate::model::code::Code;
use crate::model::envelope::Envelope;
use crate::model::id::TenantId;
use crate::runtime::Stop;

/// After a node has stood still for so long others may take it for dead, and its calls for cut off. It asks then before it
/// makes one.
const FRESH: Duration = Duration::from_secs(3);

/// A call whose file, if it has one, is with the channel.
enum Ready {
    Wechat(Arc<WechatDoor>, Outgoing),
    Xmpp(Arc<Envelope>),
}

fn refused(code: Code, detail: String) -> SendError {
    SendError::Refused { code, errcode: None, detail }
}

impl Core {
    /// Makes a call that is noted, if it is still this node's, and notes what became of it.
    ///
    /// # Errors
    /// When what became of it could not be noted.
    pub(super) async fn carry_out(&self, tenant: &TenantId, attempt: Attempt, stop: &Stop) -> Result<(), Error> {
        let outcome = match self.prepare(tenant, &attempt, stop).await {
            Ok(ready) if self.is_ours(tenant, &attempt, stop).await? => self.call(tenant, &attempt, ready).await,
            Ok(_) => return Ok(()),
            Err(error) => Err(error),
        };
        self.settle(tenant, attempt, outcome, stop).await
    }

    async fn prepare(&self, tenant: &TenantId, attempt: &Attempt, stop: &Stop) -> Result<Ready, SendError> {
        let part = match &attempt.load {
            Load::Wechat(part) => part.clone(),
            Load::Xmpp(envelope) => return Ok(Ready::Xmpp(Arc::clone(envelope))),
        };
        let gone = || refused(Code::ChannelAccountDisabled, "the account is no longer declared".into());
        let door = self.directory().wechat_of(tenant, &attempt.conversation.account).ok_or_else(gone)?;
        let outgoing = match part {
            Part::Ready(outgoing) => outgoing,
            Part::Upload(upload) => self.upload(tenant, &door, upload, stop).await?,
        };
        Ok(Ready::Wechat(door, outgoing))
    }

    /// Takes a file to the channel. One that got lost did no harm: only sends are uncertain.
    async fn upload(
        &self,
        tenant: &TenantId,
        door: &WechatDoor,
        upload: Upload,
        stop: &Stop,
    ) -> Result<Outgoing, SendError> {
        let rejected = |detail| refused(Code::MediaRejected, detail);
        let read = self.inner.parts.media.read(tenant, upload.media.id).await;
        let bytes = read.map_err(|error| rejected(error.to_string()))?;
        let bytes = bytes.ok_or_else(|| rejected("the blob is gone".into()))?;
        let again = |detail| SendError::Retry { after: Duration::from_secs(1), detail };
        let api = &self.inner.parts.wechat;
        let uploaded = tokio::select! {
            uploaded = api.upload(&door.credentials, upload.kind, &upload.media.mime, &bytes) => uploaded,
            () = long_after(stop) => return Err(again("the process ends".into())),
        };
        let id = uploaded.map_err(|error| match SendError::from(error) {
            SendError::Uncertain { detail } => again(detail),
            other => other,
        })?;
        Ok(upload.with(id))
    }

    /// Whether a call may be made that was noted a while ago: the others may have said meanwhile that it was cut off.
    async fn is_ours(&self, tenant: &TenantId, attempt: &Attempt, stop: &Stop) -> Result<bool, Error> {
        if self.clock().now().since(attempt.noted) <= FRESH {
            return Ok(true);
        }
        let noted = Arc::new(attempt.clone());
        self.insist(tenant, stop, move |tx, scene| settle::renew(tx, scene, &noted)).await
    }

    async fn call(&self, tenant: &TenantId, attempt: &Attempt, ready: Ready) -> Result<(), SendError> {
        if planted(Bug::SentWithoutCall) && attempt.items.iter().any(|item| item.seq % 7 == 0) {
            return Ok(());
        }
        let to = &attempt.conversation.external_id;
        match ready {
            Ready::Wechat(door, outgoing) => {
                self.inner.parts.wechat.send(&door.credentials, to.as_str(), &outgoing).await
            }
            Ready::Xmpp(envelope) => self.xmpp_send(tenant, &attempt.conversation.account, to, envelope).await,
        }
    }
}
