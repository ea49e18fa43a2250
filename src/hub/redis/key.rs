//! The names of things in Redis. Everything of one node carries its hash tag, so that on a cluster it lies in one slot.

use crate::hub::Recipient;
use crate::model::id::{AgentId, ContactId, NodeId, TenantId};

/// Builds names below one prefix.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    prefix: String,
}

impl Keys {
    /// Names below `prefix`, which must not hold braces.
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    /// The set of nodes.
    pub(super) fn nodes(&self) -> String {
        format!("{}:nodes", self.prefix)
    }

    /// The stream of a node: what others tell it.
    pub(super) fn stream(&self, node: NodeId) -> String {
        format!("{}:{{{node}}}:in", self.prefix)
    }

    /// How many changes of its recipients a node has announced.
    pub(super) fn number(&self, node: NodeId) -> String {
        format!("{}:{{{node}}}:number", self.prefix)
    }

    /// The set of tenants that have recipients on a node.
    pub(super) fn tenants(&self, node: NodeId) -> String {
        format!("{}:{{{node}}}:tenants", self.prefix)
    }

    /// The set of a tenant's recipients on a node.
    pub(super) fn at(&self, node: NodeId, tenant: &TenantId) -> String {
        format!("{}:{{{node}}}:at:{tenant}", self.prefix)
    }
}

/// A recipient inside its tenant's set.
pub(super) fn member(recipient: &Recipient) -> String {
    match recipient {
        Recipient::Agents(_) => "agents".to_owned(),
        Recipient::Agent(_, agent) => format!("agent:{agent}"),
        Recipient::Contact(_, contact) => format!("contact:{contact}"),
    }
}

/// Reads a member back; `None` for what this version does not know.
pub(super) fn recipient(tenant: &TenantId, member: &str) -> Option<Recipient> {
    let tenant = tenant.clone();
    match member.split_once(':') {
        None if member == "agents" => Some(Recipient::Agents(tenant)),
        Some(("agent", id)) => AgentId::parse(id).ok().map(|agent| Recipient::Agent(tenant, agent)),
        Some(("contact", id)) => ContactId::parse(id).ok().map(|contact| Recipient::Contact(tenant, contact)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Millis;

    #[test]
    fn members_read_back() {
        let tenant = TenantId::parse("t").unwrap();
        for known in [
            Recipient::Agents(tenant.clone()),
            Recipient::Agent(tenant.clone(), AgentId::parse("agents").unwrap()),
            Recipient::Contact(tenant.clone(), ContactId::generate(Millis(1))),
        ] {
            assert_eq!(recipient(&tenant, &member(&known)), Some(known));
        }
        assert_eq!(recipient(&tenant, "robot:x"), None);
    }

    #[test]
    fn names_of_a_node_share_their_hash_tag_and_no_two_are_the_same() {
        let (keys, node) = (Keys::new("yizhan"), NodeId::generate(Millis(1)));
        let (a, b) = (TenantId::parse("a").unwrap(), TenantId::parse("b").unwrap());
        let names = [keys.stream(node), keys.number(node), keys.tenants(node), keys.at(node, &a), keys.at(node, &b)];
        let tag = format!("{{{node}}}");
        assert!(names.iter().all(|name| name.contains(&tag)));
        assert_eq!(names.iter().collect::<std::collections::HashSet<_>>().len(), names.len());
    }
}
