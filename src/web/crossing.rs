//! What Prometheus reads of the way between nodes: the hub, and the sweep that makes up for it. Nothing where there is
//! one node.

use prometheus::{IntCounter, IntGauge, Registry};

use crate::core::sweep::Swept;
use crate::hub::Counts;

/// The counters of the way between nodes.
#[derive(Debug, Clone)]
pub(super) struct Crossing {
    up: IntGauge,
    nodes: IntGauge,
    recipients: IntGauge,
    lag: IntGauge,
    published: IntCounter,
    received: IntCounter,
    dropped: IntCounter,
    findings: IntCounter,
    rounds: IntCounter,
    statements: IntGauge,
}

impl Crossing {
    /// Registers the counters.
    ///
    /// # Errors
    /// When a name is taken in this registry.
    pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauge = |name: &str, help: &str| -> Result<IntGauge, prometheus::Error> {
            let made = IntGauge::new(name, help)?;
            registry.register(Box::new(made.clone()))?;
            Ok(made)
        };
        let counter = |name: &str, help: &str| -> Result<IntCounter, prometheus::Error> {
            let made = IntCounter::new(name, help)?;
            registry.register(Box::new(made.clone()))?;
            Ok(made)
        };
        Ok(Self {
            up: gauge("yizhan_hub_up", "Whether the way to other nodes is open")?,
            nodes: gauge("yizhan_hub_nodes", "Other nodes that are known")?,
            recipients: gauge("yizhan_hub_recipients_elsewhere", "Recipients with sockets on other nodes")?,
            lag: gauge("yizhan_hub_lag_entries", "Entries of other nodes that were not read yet")?,
            published: counter("yizhan_hub_hints_published_total", "Hints sent to other nodes")?,
            received: counter("yizhan_hub_hints_received_total", "Hints of other nodes that arrived")?,
            dropped: counter("yizhan_hub_hints_dropped_total", "Hints for other nodes that were dropped")?,
            findings: counter("yizhan_sweep_findings_total", "News that no hint had told, found by the sweep")?,
            rounds: counter("yizhan_sweep_rounds_total", "Rounds of the sweep")?,
            statements: gauge("yizhan_sweep_statements", "Statements of the last round of the sweep")?,
        })
    }

    /// Takes the numbers over.
    pub(super) fn set(&self, hub: &Counts, swept: Swept, findings: u64) {
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        self.up.set(i64::from(hub.up));
        self.nodes.set(number(hub.peers));
        self.recipients.set(number(hub.elsewhere));
        self.lag.set(number(hub.lag));
        self.statements.set(number(swept.statements));
        let totals = [
            (&self.published, hub.published),
            (&self.received, hub.received),
            (&self.dropped, hub.dropped),
            (&self.findings, findings),
            (&self.rounds, swept.rounds),
        ];
        for (counter, total) in totals {
            counter.inc_by(total.saturating_sub(counter.get()));
        }
    }
}
