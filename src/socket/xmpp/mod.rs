//! Agents and customers on XMPP: the bridge between the links of this node and the core.
//!
//! An XMPP account has one link in a cluster; whichever node holds the account's duty has it (`desk`). An agent on
//! XMPP is a live connection without a WebSocket (`seat`): attached to the hub and leased like one, told the same
//! hints, asking for the same requests. A customer on XMPP is a customer of a called channel (`customer`): in through
//! `core::intake`, out through the sender of deliveries.
//!
//! Knows no element's spelling: that is `channel::xmpp`.

mod customer;
mod desk;
mod frame;
mod outlet;
mod seat;
mod traffic;
mod waiter;
mod words;

use std::collections::HashMap;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::core::Core;
use crate::model::account::{ChannelSettings, XmppAccount};
use crate::model::id::{AccountId, TenantId};
use crate::runtime::Stop;

/// How often declarations are looked at.
const LOOK: Duration = Duration::from_secs(2);

type Key = (TenantId, AccountId);

/// A desk that runs.
struct Running {
    settings: XmppAccount,
    stop: Stop,
}

/// Keeps the links of all XMPP accounts, as far as this node has them, until `stop`; then takes leave of the servers.
pub async fn run(core: Core, stop: Stop) {
    let mut running: HashMap<Key, Running> = HashMap::new();
    let mut desks: JoinSet<Key> = JoinSet::new();
    while !stop.is_cancelled() {
        let wanted = declared(&core);
        for (key, settings) in &wanted {
            let begun = running.get(key);
            if begun.is_some_and(|begun| !same_link(&begun.settings, settings)) {
                // It starts anew with the next look, after it has ended.
                begun.inspect(|begun| begun.stop.cancel());
            } else if begun.is_none() {
                let (own, settings) = (stop.child_token(), settings.clone());
                running.insert(key.clone(), Running { settings: settings.clone(), stop: own.clone() });
                let (core, key) = (core.clone(), key.clone());
                desks.spawn(async move {
                    desk::run(core, key.clone(), settings, own).await;
                    key
                });
            }
        }
        for (key, begun) in &running {
            if !wanted.contains_key(key) {
                begun.stop.cancel();
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            Some(ended) = desks.join_next() => over(ended, &mut running),
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    while let Some(ended) = desks.join_next().await {
        over(ended, &mut running);
    }
}

fn over(ended: Result<Key, tokio::task::JoinError>, running: &mut HashMap<Key, Running>) {
    match ended {
        Ok(key) => drop(running.remove(&key)),
        Err(error) => {
            tracing::error!(error = %error, "the link of an XMPP account broke; all are opened anew");
            for (_, begun) in running.drain() {
                begun.stop.cancel();
            }
        }
    }
}

/// The accounts that this gateway should have links for. A domain that several accounts claim belongs to the first.
fn declared(core: &Core) -> HashMap<Key, XmppAccount> {
    let mut tenants = core.tenants().all();
    tenants.sort_by(|one, two| one.id.cmp(&two.id));
    let mut domains = std::collections::HashSet::new();
    let mut wanted = HashMap::new();
    for tenant in &tenants {
        for account in &tenant.accounts {
            let ChannelSettings::Xmpp(settings) = &account.channel else { continue };
            if domains.insert(settings.domain.clone()) {
                wanted.insert((tenant.id.clone(), account.id.clone()), settings.clone());
            } else {
                tracing::warn!(tenant = %tenant.id, account = %account.id, "another account has this XMPP domain");
            }
        }
    }
    wanted
}

/// Whether both lead to the same link. Everything else is looked up when it is needed.
fn same_link(one: &XmppAccount, two: &XmppAccount) -> bool {
    one.domain == two.domain
        && one.host == two.host
        && one.port == two.port
        && one.secret.expose() == two.secret.expose()
}
