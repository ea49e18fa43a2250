//! The channel accounts of all tenants with their prepared credentials, looked up by the key in an address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwapOption;

use crate::channel::wechat::{Credentials, ReplayCache};
use crate::model::account::{ChannelSettings, WebAccount};
use crate::model::envelope::ChannelKind;
use crate::model::id::{AccountId, TenantId};
use crate::model::source_list::SourceList;
use crate::tenant::Tenant;

/// Where something was delivered.
#[derive(Debug, Clone)]
pub struct Entrance {
    /// The tenant, from the address that was called, never from what was delivered.
    pub tenant: TenantId,
    /// The account.
    pub account: AccountId,
    /// Kind of channel.
    pub kind: ChannelKind,
}

/// A WeChat account at its callback address.
#[derive(Debug)]
pub struct WechatDoor {
    /// Where deliveries belong.
    pub entrance: Entrance,
    /// What opens them.
    pub credentials: Credentials,
    /// Signed addresses that were used, for plain mode; one memory for all doors, so that a changed declaration
    /// forgets nothing.
    pub replay: Arc<ReplayCache>,
    /// The last good list of the platform's addresses, for accounts that enforce it.
    pub sources: ArcSwapOption<SourceList>,
}

/// A web widget at its key.
#[derive(Debug)]
pub struct WebDoor {
    /// Where its visitors belong.
    pub entrance: Entrance,
    /// Its settings.
    pub settings: WebAccount,
}

/// Every account of every tenant, by `<tenant>.<account>`. Made anew when declarations change.
#[derive(Debug, Default)]
pub struct Directory {
    wechat: HashMap<String, Arc<WechatDoor>>,
    web: HashMap<String, Arc<WebDoor>>,
}

/// An account's address key.
fn key(tenant: &TenantId, account: &AccountId) -> String {
    format!("{tenant}.{account}")
}

impl WechatDoor {
    /// Whether a callback may come from this address. Until a first list is here everybody may: the signature decides
    /// in any case.
    #[must_use]
    pub fn admits(&self, address: IpAddr) -> bool {
        !self.credentials.enforce_sources || self.sources.load().as_ref().is_none_or(|list| list.has(address))
    }
}

impl Directory {
    /// Prepares the accounts of these tenants, with what was learned of them before. An account whose credentials cannot be used is left out and named in
    /// the log: the other accounts go on.
    #[must_use]
    pub fn of(tenants: &[Arc<Tenant>], replay: &Arc<ReplayCache>, before: &Self) -> Self {
        let mut directory = Self::default();
        for tenant in tenants {
            for account in &tenant.accounts {
                let entrance = |kind| Entrance { tenant: tenant.id.clone(), account: account.id.clone(), kind };
                let key = key(&tenant.id, &account.id);
                match &account.channel {
                    ChannelSettings::Wechat(settings) => match Credentials::new(&tenant.id, &account.id, settings) {
                        Ok(credentials) => {
                            let entrance = entrance(ChannelKind::Wechat);
                            let sources =
                                ArcSwapOption::new(before.wechat(&key).and_then(|door| door.sources.load_full()));
                            let door = WechatDoor { entrance, credentials, replay: Arc::clone(replay), sources };
                            directory.wechat.insert(key, Arc::new(door));
                        }
                        Err(error) => tracing::error!(account = %key, error = %error, "account left out"),
                    },
                    ChannelSettings::Web(settings) => {
                        let door = WebDoor { entrance: entrance(ChannelKind::Web), settings: settings.clone() };
                        directory.web.insert(key, Arc::new(door));
                    }
                    // Nobody comes in by an address here: we connect to the server.
                    ChannelSettings::Xmpp(_) => {}
                }
            }
        }
        directory
    }

    /// The WeChat accounts that enforce the platform's addresses.
    pub fn enforcing(&self) -> impl Iterator<Item = &Arc<WechatDoor>> {
        self.wechat.values().filter(|door| door.credentials.enforce_sources)
    }

    /// The WeChat account at this address key.
    #[must_use]
    pub fn wechat(&self, key: &str) -> Option<Arc<WechatDoor>> {
        self.wechat.get(key).cloned()
    }

    /// The WeChat account of a tenant.
    #[must_use]
    pub fn wechat_of(&self, tenant: &TenantId, account: &AccountId) -> Option<Arc<WechatDoor>> {
        self.wechat(&key(tenant, account))
    }

    /// The web widget with this key.
    #[must_use]
    pub fn web(&self, key: &str) -> Option<Arc<WebDoor>> {
        self.web.get(key).cloned()
    }
}
