//! What Prometheus reads. The registry is passed in; nothing is global. Labels never name a customer.

use std::time::Duration;

use actix_web::http::StatusCode;
use prometheus::{Encoder, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder};

use super::crossing::Crossing;
use crate::core::sweep::Swept;
use crate::hub;

/// The counters of the HTTP side.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Registry,
    callbacks: IntCounterVec,
    callback_seconds: Histogram,
    rejects: IntCounterVec,
    closes: IntCounterVec,
    handshakes: IntCounter,
    open: IntGauge,
    signed_in: IntGauge,
    commits: IntGauge,
    committed_jobs: IntGauge,
    /// There only where there may be other nodes.
    crossing: Option<Crossing>,
}

impl Metrics {
    /// Registers the counters.
    ///
    /// # Errors
    /// When a name is taken in this registry.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counters = |name: &str, help: &str, label: &str| -> Result<IntCounterVec, prometheus::Error> {
            let made = IntCounterVec::new(Opts::new(name, help), &[label])?;
            registry.register(Box::new(made.clone()))?;
            Ok(made)
        };
        let gauge = |name: &str, help: &str| -> Result<IntGauge, prometheus::Error> {
            let made = IntGauge::new(name, help)?;
            registry.register(Box::new(made.clone()))?;
            Ok(made)
        };
        let buckets = vec![0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 4.5];
        let callback_seconds = Histogram::with_opts(
            HistogramOpts::new("yizhan_wechat_callback_seconds", "Time from a callback to its answer").buckets(buckets),
        )?;
        registry.register(Box::new(callback_seconds.clone()))?;
        let handshakes = IntCounter::new("yizhan_socket_handshakes_total", "Sockets that were opened")?;
        registry.register(Box::new(handshakes.clone()))?;
        Ok(Self {
            callbacks: counters("yizhan_wechat_callbacks_total", "Callbacks by HTTP status", "status")?,
            rejects: counters("yizhan_wechat_rejects_total", "Rejected callbacks by reason", "reason")?,
            closes: counters("yizhan_socket_closes_total", "Ended sockets by close code", "code")?,
            open: gauge("yizhan_sockets", "Sockets that are open")?,
            signed_in: gauge("yizhan_sockets_signed_in", "Sockets that are signed in")?,
            commits: gauge("yizhan_store_commits", "Commits of the store's writer since the start")?,
            committed_jobs: gauge("yizhan_store_commit_jobs", "Jobs in these commits")?,
            crossing: None,
            registry: registry.clone(),
            callback_seconds,
            handshakes,
        })
    }

    /// A callback was answered.
    pub fn callback(&self, time: Duration, status: StatusCode) {
        self.callback_seconds.observe(time.as_secs_f64());
        self.callbacks.with_label_values(&[status.as_str()]).inc();
    }

    /// A callback was rejected; `reason` is one of a fixed set of words.
    pub fn wechat_reject(&self, reason: &str) {
        self.rejects.with_label_values(&[reason]).inc();
    }

    /// A socket was opened.
    pub fn handshake(&self) {
        self.handshakes.inc();
    }

    /// A socket ended.
    pub fn close(&self, code: Option<u16>) {
        let code = code.map_or_else(|| "none".to_owned(), |code| code.to_string());
        self.closes.with_label_values(&[code.as_str()]).inc();
    }

    /// The same for a node among others: with the counters of the way between them.
    ///
    /// # Errors
    /// When a name is taken in the registry.
    pub fn among_nodes(self) -> Result<Self, prometheus::Error> {
        Ok(Self { crossing: Some(Crossing::register(&self.registry)?), ..self })
    }

    /// How it goes between nodes now. Nothing for a single node.
    pub fn crossing(&self, hub: &hub::Counts, swept: Swept, findings: u64) {
        if let Some(crossing) = &self.crossing {
            crossing.set(hub, swept, findings);
        }
    }

    /// Everything in the registry as text, with the gauges as they are now.
    ///
    /// # Errors
    /// When a metric has no text form.
    pub fn text(&self, sockets: (usize, usize), commits: (u64, u64)) -> Result<String, prometheus::Error> {
        self.open.set(i64::try_from(sockets.0).unwrap_or(i64::MAX));
        self.signed_in.set(i64::try_from(sockets.1).unwrap_or(i64::MAX));
        self.commits.set(i64::try_from(commits.0).unwrap_or(i64::MAX));
        self.committed_jobs.set(i64::try_from(commits.1).unwrap_or(i64::MAX));
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        String::from_utf8(text).map_err(|error| prometheus::Error::Msg(error.to_string()))
    }
}
