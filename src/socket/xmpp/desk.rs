//! One XMPP account on this node: waits for its duty, opens its link, and opens it again when it ends.

use std::time::Duration;

use super::{Key, traffic};
use crate::channel::xmpp::error::LinkError;
use crate::channel::xmpp::link;
use crate::core::Core;
use crate::core::duty::{Duty, Pace};
use crate::model::account::XmppAccount;
use crate::runtime::{Backoff, Stop};

/// The pauses between attempts to open a link.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(5));

/// Keeps the account's link for as long as this node has its duty, until `stop`.
pub(super) async fn run(core: Core, key: Key, settings: XmppAccount, stop: Stop) {
    let duty = core.duty(format!("xmpp.{}", settings.domain), Pace::BRISK);
    // The duty is given back only after the link is closed: the next node finds the domain free.
    let kept = Stop::new();
    let keep = core.keep_duty(duty.clone(), kept.clone());
    let serve = async {
        serve(&core, &key, &settings, &duty, &stop).await;
        kept.cancel();
    };
    tokio::join!(keep, serve);
}

async fn serve(core: &Core, key: &Key, settings: &XmppAccount, duty: &Duty, stop: &Stop) {
    let (mut tries, mut told) = (0, "");
    while !stop.is_cancelled() {
        if !duty.is_held() {
            tokio::select! {
                () = stop.cancelled() => return,
                () = duty.hope() => continue,
            }
        }
        let opened = tokio::select! {
            () = stop.cancelled() => return,
            opened = link::open(settings) => opened,
        };
        let ended = match opened {
            Ok(halves) => {
                (tries, told) = (0, "");
                tracing::info!(tenant = %key.0, account = %key.1, domain = settings.domain, "the XMPP link is up");
                note(core, key, "up", ("", String::new())).await;
                traffic::carry(core, key, settings, halves, duty, stop).await
            }
            Err(error) => Some(error),
        };
        let Some(error) = ended else { continue };
        if told != error.code() {
            told = error.code();
            tracing::warn!(tenant = %key.0, account = %key.1, domain = settings.domain, error = %error, "no XMPP link");
        }
        note(core, key, "down", (error.code(), error.to_string())).await;
        pause(&mut tries, stop).await;
    }
    note(core, key, "down", ("stopped", "节点已停止 / the node was stopped".into())).await;
}

async fn pause(tries: &mut u32, stop: &Stop) {
    let delay = BACKOFF.draw(*tries);
    *tries = tries.saturating_add(1);
    drop(tokio::time::timeout(delay, stop.cancelled()).await);
}

async fn note(core: &Core, (tenant, account): &Key, state: &'static str, why: (&'static str, String)) {
    if let Err(error) = core.xmpp_note_link(tenant, account, state, why).await {
        tracing::warn!(tenant = %tenant, account = %account, error = ?error, "how an XMPP link stands could not be noted");
    }
}

/// Whether the error says that the server has ended: then there is nobody to take leave of.
pub(super) fn is_gone(error: &LinkError) -> bool {
    matches!(error, LinkError::Broken(_) | LinkError::Dead | LinkError::Closed)
}
