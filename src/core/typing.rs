//! Showing customers on called channels that an agent types. Best effort: never stored, never retried.

use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use super::Core;
use crate::model::envelope::ChannelKind;
use crate::model::id::TenantId;
use crate::store::conversation::Conversation;

/// Reports that may wait for the channel.
const WAITING: usize = 64;

/// One report.
#[derive(Debug)]
pub(super) struct Report {
    tenant: TenantId,
    conversation: Conversation,
    on: bool,
}

/// The reports on their way to the channel.
#[derive(Debug)]
pub(super) struct Typing {
    sender: mpsc::Sender<Report>,
    reports: Mutex<mpsc::Receiver<Report>>,
}

impl Default for Typing {
    fn default() -> Self {
        let (sender, reports) = mpsc::channel(WAITING);
        Self { sender, reports: Mutex::new(reports) }
    }
}

impl Core {
    /// Tells a customer on a called channel that an agent types, or stopped. Dropped when too many wait.
    pub(super) fn show_typing(&self, tenant: TenantId, conversation: Conversation, on: bool) {
        // A full buffer means that the platform is slow: then nobody misses a typing indicator.
        drop(self.inner.typing.sender.try_send(Report { tenant, conversation, on }));
    }

    /// Passes reports on until `stop`.
    pub async fn run_typing(&self, stop: CancellationToken) {
        let mut reports = self.inner.typing.reports.lock().await;
        loop {
            let report = tokio::select! {
                () = stop.cancelled() => return,
                report = reports.recv() => report,
            };
            let Some(Report { tenant, conversation, on }) = report else { return };
            if conversation.kind == ChannelKind::Xmpp {
                self.xmpp_typing(&tenant, &conversation.account, &conversation.external_id, on);
                continue;
            }
            let Some(door) = self.directory().wechat_of(&tenant, &conversation.account) else { continue };
            let openid = conversation.external_id.as_str();
            if let Err(error) = self.inner.parts.wechat.typing(&door.credentials, openid, on).await {
                tracing::debug!(tenant = %tenant, error = %error, "typing not shown");
            }
        }
    }
}
