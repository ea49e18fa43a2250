//! Validated tenant snapshots: what an enterprise has declared, checked as a whole. Knows no table and no protocol step.
//!
//! A tenant is declared as TOML (`tenants/demo.toml` explains every key), checked in one pass and then immutable.
//! The [`Registry`] swaps a tenant only for a valid one.

pub mod account;
pub mod agent;
pub mod api_key;
pub mod call;
pub mod declaration;
pub mod policy;
pub mod queue;
pub mod registry;
pub mod robot;
mod secrets;
pub mod service;

use std::collections::BTreeSet;
use std::sync::Arc;

pub use agent::{AgentSeed, Credential, Role};
pub use api_key::ApiKey;
pub use call::CallPolicy;
pub use declaration::Declaration;
pub use policy::{PerChannel, Policy};
pub use queue::{Queue, Strategy};
pub use registry::{Registry, Target};
pub use robot::Robot;
pub use service::Service;

use crate::config::reader::Reader;
use crate::model::account::ChannelAccount;
use crate::model::hours::{Hours, Zone};
use crate::model::id::{AccountId, FlowId, QueueId, TenantId};
use crate::model::time::Millis;
use crate::template::Lang;

/// The demo's declaration, `tenants/demo.toml`.
pub const DEMO: &str = include_str!("../../tenants/demo.toml");

/// The form of declared names.
pub(super) const NAME: &str = "1 to 64 letters, digits, '_' or '-'";

/// One enterprise, checked.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// Its name in keys, addresses and labels.
    pub id: TenantId,
    /// What customers read.
    pub name: String,
    /// The language of its customers.
    pub lang: Lang,
    /// Where its hours and days are counted.
    pub zone: Zone,
    /// Its channel accounts.
    pub accounts: Vec<Arc<ChannelAccount>>,
    /// Its queues; there is at least one, and the first takes what names no queue.
    pub queues: Vec<Queue>,
    /// Its people, as declared.
    pub agents: Vec<AgentSeed>,
    /// Programs that may use the administrator's API.
    pub api_keys: Vec<ApiKey>,
    /// Timers and limits.
    pub policy: Policy,
    /// Who answers first; `None` where people answer.
    pub robot: Option<Robot>,
    /// The forms that come with the program and are used, in the order in which they are tried.
    pub flows: Vec<FlowId>,
    /// Systems that forms ask.
    pub services: Vec<Service>,
    /// Audio and video calls; `None` where nobody calls.
    pub call: Option<CallPolicy>,
    /// How long a customer may rate a session after its end; `None` where nobody asks.
    pub survey: Option<PerChannel>,
    /// When somebody is there; `None` for always.
    pub hours: Option<Hours>,
    /// Grows with every declaration that was applied; 0 before the first.
    pub version: i64,
}

impl Tenant {
    /// The account of that name.
    #[must_use]
    pub fn account(&self, id: &AccountId) -> Option<&Arc<ChannelAccount>> {
        self.accounts.iter().find(|account| account.id == *id)
    }

    /// The queue of that name.
    #[must_use]
    pub fn queue(&self, id: &QueueId) -> Option<&Queue> {
        self.queues.iter().find(|queue| queue.id == *id)
    }

    /// The system that forms know by this name.
    #[must_use]
    pub fn service(&self, id: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.id == id)
    }

    /// The queue of whatever names none.
    #[must_use]
    pub fn default_queue(&self) -> Option<&Queue> {
        self.queues.first()
    }

    /// Whether the queue is open at `now`: by its own hours, or else the tenant's.
    #[must_use]
    pub fn is_open(&self, queue: &Queue, now: Millis) -> bool {
        let hours = queue.hours.as_ref().or(self.hours.as_ref());
        hours.is_none_or(|hours| hours.open_at(now, self.zone))
    }

    /// Reads a whole declaration; problems are in the document.
    fn read(r: &Reader<'_>) -> Option<Self> {
        // A leading '_' is for what belongs to no tenant.
        let id = r.parsed("id", NAME, |text| TenantId::parse(text).ok().filter(|id| !id.as_str().starts_with('_')));
        let name = r.text("name").to_owned();
        let lang = r.choice("lang", &[("zh", Lang::Zh), ("en", Lang::En)]);
        let zone = r.maybe("timezone", "Asia/Shanghai, UTC or a fixed offset like +08:00", |text| text.parse().ok());
        let read_policy = |r: &Reader<'_>| {
            let policy = Policy::read(r);
            r.unknown();
            policy
        };
        let policy = r.section("policy").map_or_else(|| r.empty("policy", read_policy), |r| read_policy(&r));
        let robot = r.section("robot").and_then(|r| {
            let robot = Robot::read(&r);
            r.unknown();
            robot
        });
        let call = r.section("call").and_then(|r| CallPolicy::read(&r));
        let flows = r.list("flows", NAME, |text| FlowId::parse(text).ok());
        let service = r.sections("service");
        let services = service.iter().filter_map(Service::read).collect();
        let survey = r.section("survey").map(|r| survey(&r));
        let hours = r.section("hours").map(|r| queue::hours(&r));
        let (account, queue, agent) = (r.sections("account"), r.sections("queue"), r.sections("agent"));
        let api_key = r.sections("api_key");
        let accounts = account.iter().filter_map(account::read).map(Arc::new).collect();
        let queues = queue.iter().filter_map(Queue::read).collect();
        let agents = agent.iter().filter_map(AgentSeed::read).collect();
        let api_keys = api_key.iter().filter_map(|r| ApiKey::read(r, id.as_ref())).collect();
        r.unknown();
        if !r.has("queue") {
            r.problem("queue", "at least one [[queue]] is required");
        }
        unique(&account, "id");
        unique(&queue, "id");
        unique(&service, "id");
        unique(&agent, "id");
        unique(&agent, "login");
        unique(&agent, "xmpp");
        unique(&api_key, "id");
        check_references(&queue, &agent);
        let zone = zone.unwrap_or_else(Zone::shanghai);
        Some(Self {
            id: id?,
            name,
            lang: lang?,
            zone,
            accounts,
            queues,
            agents,
            api_keys,
            policy,
            robot,
            flows,
            services,
            call,
            survey,
            hours,
            version: 0,
        })
    }
}

/// `[survey]`: how long a customer may rate a session after its end.
fn survey(r: &Reader<'_>) -> PerChannel {
    let survey = PerChannel {
        web: r.seconds("expire_web_s", 600, 10..=86_400),
        wechat: r.seconds("expire_wechat_s", 1_800, 10..=86_400),
    };
    r.unknown();
    survey
}

/// Notes names of queues that do not exist. A queue with other problems counts as existing.
fn check_references(queues: &[Reader<'_>], agents: &[Reader<'_>]) {
    let known: BTreeSet<&str> = queues.iter().filter_map(|queue| queue.maybe_text("id")).collect();
    for queue in queues {
        match queue.maybe_text("overflow_to") {
            Some(to) if queue.maybe_text("id") == Some(to) => queue.problem("overflow_to", "must be another queue"),
            Some(to) if !known.contains(to) => queue.problem("overflow_to", "is not the id of a queue"),
            _ => {}
        }
    }
    for agent in agents {
        for (index, queue) in agent.texts("queues").into_iter().enumerate() {
            if !known.contains(queue) {
                agent.problem(&format!("queues[{index}]"), "is not the id of a queue");
            }
        }
    }
}

/// Notes every name that stands twice in a list of sections.
fn unique(sections: &[Reader<'_>], key: &'static str) {
    let mut seen = BTreeSet::new();
    for section in sections {
        if section.maybe_text(key).is_some_and(|name| !seen.insert(name)) {
            section.problem(key, "stands twice");
        }
    }
}

#[cfg(test)]
mod tests;
