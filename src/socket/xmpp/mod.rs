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

use tokio::task::{Id, JoinSet};
use tokio::time::{MissedTickBehavior, interval};

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
    /// What tells it from another desk of the same account.
    task: Id,
}

/// The desks of this node. Each keeps its account's place until its task has ended, in order or not: a second desk would
/// fight with it for the link.
#[derive(Default)]
struct Desks {
    running: HashMap<Key, Running>,
    tasks: JoinSet<()>,
}

impl Desks {
    /// Begins a desk for each account that has none, and stops those that nobody wants as they are.
    fn tend<W>(&mut self, wanted: &HashMap<Key, XmppAccount>, stop: &Stop, work: impl Fn(Key, XmppAccount, Stop) -> W)
    where
        W: Future<Output = ()> + Send + 'static,
    {
        for (key, begun) in &self.running {
            if wanted.get(key).is_none_or(|settings| !same_link(&begun.settings, settings)) {
                // If it is wanted otherwise it starts anew with the next look, after it has ended.
                begun.stop.cancel();
            }
        }
        for (key, settings) in wanted {
            if self.running.contains_key(key) {
                continue;
            }
            let own = stop.child_token();
            let task = self.tasks.spawn(work(key.clone(), settings.clone(), own.clone())).id();
            self.running.insert(key.clone(), Running { settings: settings.clone(), stop: own, task });
        }
    }

    /// Waits until a desk ends, and frees its place. Whether it ended in order; nothing when there is none.
    async fn ended(&mut self) -> Option<bool> {
        match self.tasks.join_next_with_id().await? {
            Ok((task, ())) => {
                self.free(task);
                Some(true)
            }
            Err(error) => {
                let (tenant, account) = self.free(error.id()).unzip();
                tracing::error!(
                    tenant = tenant.as_ref().map(display),
                    account = account.as_ref().map(display),
                    error = %error,
                    "the link of an XMPP account broke; it is opened anew"
                );
                Some(false)
            }
        }
    }

    /// Frees the place that this task has, and no other desk's.
    fn free(&mut self, task: Id) -> Option<Key> {
        self.running.extract_if(|_, begun| begun.task == task).next().map(|(key, _)| key)
    }
}

/// Keeps the links of all XMPP accounts, as far as this node has them, until `stop`; then takes leave of the servers.
pub async fn run(core: Core, stop: Stop) {
    let mut desks = Desks::default();
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !stop.is_cancelled() {
        tokio::select! {
            () = stop.cancelled() => {}
            _ = look.tick() => {
                desks.tend(&declared(&core), &stop, |key, settings, own| desk::run(core.clone(), key, settings, own));
            }
            Some(in_order) = desks.ended() => {
                // One that broke waits for its turn: it may break again at once.
                if in_order {
                    look.reset_immediately();
                }
            }
        }
    }
    while desks.ended().await.is_some() {}
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::account::{XmppAway, XmppNotice};
    use crate::model::secret::Secret;

    /// An account's settings, as far as a link needs them.
    pub(super) fn settings(domain: &str, port: u16) -> XmppAccount {
        XmppAccount {
            domain: domain.into(),
            host: "127.0.0.1".into(),
            port,
            secret: Secret::new("desk secret".into()),
            customers: true,
            rooms: None,
            away: XmppAway::Ready,
            notice: XmppNotice::Chat,
        }
    }

    fn key(account: &str) -> Key {
        (TenantId::parse("demo").unwrap(), AccountId::parse(account).unwrap())
    }

    fn wanted(accounts: &[&str], port: u16) -> HashMap<Key, XmppAccount> {
        accounts.iter().map(|account| (key(account), settings(&format!("{account}.localhost"), port))).collect()
    }

    /// A desk that does as it is told.
    async fn obeys(_key: Key, _settings: XmppAccount, own: Stop) {
        own.cancelled().await;
    }

    #[tokio::test]
    async fn a_desk_that_panics_takes_no_other_along() {
        let (stop, mut desks, wanted) = (Stop::new(), Desks::default(), wanted(&["shaky", "sound"], 1));
        desks.tend(&wanted, &stop, |(_, account), _, own| async move {
            assert_ne!(account.as_str(), "shaky", "on purpose");
            own.cancelled().await;
        });
        let sound = desks.running[&key("sound")].task;
        assert_eq!(desks.ended().await, Some(false));
        assert!(!desks.running.contains_key(&key("shaky")));

        desks.tend(&wanted, &stop, obeys);
        assert_eq!((desks.running.len(), desks.tasks.len()), (2, 2));
        assert_eq!(desks.running[&key("sound")].task, sound);
        assert!(desks.running.values().all(|begun| !begun.stop.is_cancelled()));
        stop.cancel();
        let ended = [desks.ended().await, desks.ended().await, desks.ended().await];
        assert_eq!(ended, [Some(true), Some(true), None]);
        assert!(desks.running.is_empty());
    }

    #[tokio::test]
    async fn the_end_of_an_old_desk_frees_no_newer_ones_place() {
        let (stop, mut desks, wanted) = (Stop::new(), Desks::default(), wanted(&["desk"], 1));
        desks.tend(&wanted, &stop, obeys);
        let old = desks.running.remove(&key("desk")).unwrap();
        desks.tend(&wanted, &stop, obeys);
        let new = desks.running[&key("desk")].task;
        old.stop.cancel();
        assert_eq!(desks.ended().await, Some(true));
        assert_eq!(desks.running[&key("desk")].task, new);
        desks.tend(&wanted, &stop, obeys);
        assert_eq!(desks.tasks.len(), 1, "there is no third desk");
    }

    #[tokio::test]
    async fn a_desk_that_leaves_keeps_its_place_until_it_has_left() {
        let (stop, mut desks) = (Stop::new(), Desks::default());
        desks.tend(&wanted(&["desk"], 1), &stop, obeys);
        let moved = wanted(&["desk"], 2);
        for _ in 0..2 {
            desks.tend(&moved, &stop, obeys);
            assert!(desks.running[&key("desk")].stop.is_cancelled() && desks.tasks.len() == 1);
        }
        assert_eq!(desks.ended().await, Some(true));
        desks.tend(&moved, &stop, obeys);
        let begun = &desks.running[&key("desk")];
        assert!(begun.settings.port == 2 && !begun.stop.is_cancelled());
    }
}
