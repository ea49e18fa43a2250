//! How XMPP accounts stand, for administrators: the link, and whom the server lets see whom. Reads only.

use schemars::JsonSchema;
use serde::Serialize;

use super::office::{Author, Office};
use super::problem::Error;
use crate::model::account::ChannelSettings;
use crate::model::time::Millis;
use crate::store::xmpp::{self as store, Link, Seat};
use crate::tenant::Tenant;

/// The tenant's XMPP accounts.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "XmppAccounts")]
pub struct Accounts {
    /// Each account.
    pub items: Vec<Account>,
}

/// One XMPP account: a component of a server.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "XmppAccount")]
pub struct Account {
    /// Its name inside the tenant.
    pub account: String,
    /// The component's domain.
    pub domain: String,
    /// Where the server takes components.
    pub server: String,
    /// Whether people who are no agents are customers.
    pub customers: bool,
    /// How the link stands.
    pub link: LinkView,
    /// The agents who are declared with an address.
    pub agents: Vec<SeatView>,
}

/// How a link stands.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "XmppLink")]
pub struct LinkView {
    /// `up`, `down`, or `unknown` before the first attempt.
    pub state: String,
    /// Why it is down: `unreachable`, `silent`, `not_authorized`, `host_unknown`, `conflict`, `stream_error`,
    /// `bad_input`, `broken`, `closed`, `dead`, `stopped`.
    pub code: Option<String>,
    /// The same for people, with what to do about it.
    pub reason: Option<String>,
    /// The node that has, or had, the link.
    pub node: Option<String>,
    /// Since when.
    pub since: Option<Millis>,
}

/// What is known of an agent's XMPP account.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "XmppAgent")]
pub struct SeatView {
    /// The agent.
    pub agent: String,
    /// Their address.
    pub jid: String,
    /// The address of ours that asks for their presence.
    pub asked_by: Option<String>,
    /// `unasked`, `asked`, `granted`, `denied`, `invalid`.
    pub subscription: String,
    /// What the agent or the server's administrator has to do, if anything.
    pub hint: Option<String>,
    /// What the agent's clients show: `here`, `away`, `xa`, `dnd`; absent when no client is there.
    pub shown: Option<String>,
    /// Since when.
    pub since: Option<Millis>,
}

impl Office {
    /// How the author's XMPP accounts stand.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn xmpp(&self, author: &Author) -> Result<Accounts, Error> {
        let tenant = self.tenant(author)?;
        self.read(author, move |tx| {
            let links = store::links(tx)?;
            let mut items = Vec::new();
            for account in &tenant.accounts {
                let ChannelSettings::Xmpp(settings) = &account.channel else { continue };
                let known = store::seats(tx, &account.id)?;
                items.push(Account {
                    account: account.id.to_string(),
                    domain: settings.domain.clone(),
                    server: format!("{}:{}", settings.host, settings.port),
                    customers: settings.customers,
                    link: link(links.iter().find(|link| link.account == account.id.as_str())),
                    agents: seats(&tenant, &known),
                });
            }
            Ok(Accounts { items })
        })
        .await
    }
}

fn link(link: Option<&Link>) -> LinkView {
    let Some(link) = link else {
        return LinkView { state: "unknown".into(), code: None, reason: None, node: None, since: None };
    };
    let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    LinkView {
        state: link.state.clone(),
        code: some(&link.code),
        reason: some(&link.reason),
        node: Some(link.node.clone()),
        since: Some(link.at),
    }
}

fn seats(tenant: &Tenant, known: &[Seat]) -> Vec<SeatView> {
    let declared = tenant.agents.iter().filter_map(|seed| seed.xmpp.as_ref().map(|jid| (seed, jid.to_string())));
    let views = declared.map(|(seed, jid)| {
        let known = known.iter().find(|known| known.agent == seed.id.as_str() && known.jid == jid);
        let subscription = known.map_or("unasked", |known| known.subscription.as_str());
        SeatView {
            agent: seed.id.to_string(),
            jid,
            asked_by: known.map(|known| known.home.clone()),
            subscription: subscription.to_owned(),
            hint: hint(subscription).map(ToOwned::to_owned),
            shown: known.map(|known| known.shown.clone()).filter(|shown| !shown.is_empty()),
            since: known.map(|known| known.at),
        }
    });
    views.collect()
}

/// What has to be done about a subscription.
fn hint(subscription: &str) -> Option<&'static str> {
    match subscription {
        "asked" => Some("请坐席在自己的客户端里同意联系人请求 / the agent has to approve the contact request once"),
        "denied" => {
            Some("坐席拒绝了请求：请其把队列地址加为联系人 / refused: the agent adds the queue's address as a contact")
        }
        "invalid" => Some("服务器上没有这个账号 / the server knows no such account"),
        _ => None,
    }
}
