//! Everything that was measured, over all repeats.

use super::churn::Churn;
use super::closed::{Cell, Saturation};
use super::crash::Crash;
use super::hub::{self, Way};
use super::open::Times;
use super::outage::Outage;
use super::structure::Contender;
use crate::bench::measure::{Latency, Series};

/// A cell over all repeats.
#[derive(Debug, Clone, Default)]
pub(super) struct Throughput {
    pub(super) enqueue: Series,
    pub(super) dequeue: Series,
    pub(super) cycle: Series,
    pub(super) cycle_ms: Series,
    pub(super) server_cpu: Series,
    pub(super) own_cpu: Series,
}

impl Throughput {
    pub(super) fn push(&mut self, one: &Saturation) {
        one.enqueue.into_iter().for_each(|rate| self.enqueue.push(rate));
        one.dequeue.into_iter().for_each(|rate| self.dequeue.push(rate));
        self.cycle.push(one.cycle);
        if one.cycle_ms.is_finite() {
            self.cycle_ms.push(one.cycle_ms);
        }
        one.cpu.0.into_iter().for_each(|cpu| self.server_cpu.push(cpu));
        self.own_cpu.push(one.cpu.1);
    }
}

/// Delays of a contender at a rate, over all repeats.
#[derive(Debug, Clone, Default)]
pub(super) struct Delays {
    pub(super) rate: f64,
    /// Mean, p50, p99, p99.9 until the consumer had the message.
    pub(super) arrived: [Series; 4],
    /// p50 and p99 until it was accepted.
    pub(super) accepted: [Series; 2],
    /// p99 until it had left the generator.
    pub(super) left: Series,
}

impl Delays {
    pub(super) fn push(&mut self, times: &Times) {
        let [p50, p99, p999] = times.arrived.percentiles([50.0, 99.0, 99.9]);
        let arrived = [times.arrived.mean(), p50, p99, p999];
        self.arrived.iter_mut().zip(arrived).for_each(|(series, value)| series.push(value));
        let accepted: [f64; 2] = times.accepted.percentiles([50.0, 99.0]);
        self.accepted.iter_mut().zip(accepted).for_each(|(series, value)| series.push(value));
        self.left.push(times.left.ms(99.0));
    }
}

/// Losses over all repeats.
#[derive(Debug, Clone, Default)]
pub(super) struct Losses {
    pub(super) sent: Series,
    pub(super) deaths: Series,
    pub(super) lost: Series,
    pub(super) doubled: Series,
    pub(super) late: Series,
}

/// Outages over all repeats.
#[derive(Debug, Clone, Default)]
pub(super) struct Outages {
    pub(super) accepted: Series,
    pub(super) lost: Series,
    /// Of the oldest lost message, in seconds.
    pub(super) lost_age: Series,
    pub(super) doubled: Series,
    /// Seconds until messages flowed again.
    pub(super) down: Series,
}

/// Churn over all repeats.
#[derive(Debug, Clone, Default)]
pub(super) struct Churns {
    pub(super) queues: Series,
    pub(super) made: Series,
    pub(super) removed: Series,
    pub(super) memory: Series,
}

/// A way of the hub over all repeats.
#[derive(Debug, Clone, Default)]
pub(super) struct HubFigures {
    /// Hints per second at saturation.
    pub(super) rate: Series,
    pub(super) server_cpu: Series,
    pub(super) own_cpu: Series,
    /// At the rate of all, and at half of its own: the rate, and p50, p99, p99.9 in milliseconds.
    pub(super) delays: [(f64, [Series; 3]); 2],
}

impl HubFigures {
    pub(super) fn saturated(&mut self, one: &hub::Saturation) {
        self.rate.push(one.per_second);
        one.cpu.0.into_iter().for_each(|cpu| self.server_cpu.push(cpu));
        self.own_cpu.push(one.cpu.1);
    }

    pub(super) fn delayed(&mut self, rate: f64, common: bool, latency: &Latency) {
        let [first, second] = &mut self.delays;
        let (known, series) = if common { first } else { second };
        *known = rate;
        let percentiles = latency.percentiles([50.0, 99.0, 99.9]);
        series.iter_mut().zip(percentiles).for_each(|(series, value)| series.push(value));
    }
}

/// All of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Figures {
    pub(super) hub: Vec<(Way, HubFigures)>,
    pub(super) cells: Vec<(Cell, Throughput)>,
    /// The rate that everybody can follow.
    pub(super) common: Vec<(Contender, Delays)>,
    /// Half of what each can do.
    pub(super) half: Vec<(Contender, Delays)>,
    pub(super) churn: Vec<(Contender, Churns)>,
    pub(super) crash: Vec<(Contender, Losses)>,
    pub(super) outage: Vec<(Contender, Outages)>,
    pub(super) failures: Vec<String>,
}

/// The entry of a key, made if it is not there.
pub(super) fn entry<K: PartialEq + Copy, V: Default>(list: &mut Vec<(K, V)>, key: K) -> &mut V {
    let at = list.iter().position(|(known, _)| *known == key);
    let at = at.unwrap_or_else(|| {
        list.push((key, V::default()));
        list.len() - 1
    });
    #[expect(clippy::indexing_slicing, reason = "found or pushed just now")]
    &mut list[at].1
}

impl Figures {
    /// The round trips per second of a contender in a cell.
    pub(super) fn cycle(&self, contender: Contender, clients: usize, size: usize) -> Option<f64> {
        let base = |cell: &Cell| {
            cell.contender == contender && cell.clients == clients && cell.depth == 0 && cell.size == size
        };
        let (_, throughput) = self.cells.iter().find(|(cell, _)| base(cell))?;
        (!throughput.cycle.is_empty()).then(|| throughput.cycle.median())
    }

    pub(super) fn crashed(&mut self, contender: Contender, crash: Crash) {
        let losses = entry(&mut self.crash, contender);
        losses.sent.push(count(crash.sent));
        losses.deaths.push(crate::bench::measure::number(crash.deaths));
        losses.lost.push(count(crash.lost));
        losses.doubled.push(count(crash.doubled));
        losses.late.push(count(crash.late));
        let (word, frailty) = (contender.word(), contender.frailty());
        if crash.lost > 0 && !frailty.loses {
            self.failures.push(format!("{word}: {} messages were lost with a consumer", crash.lost));
        }
        if crash.doubled > 0 && !frailty.doubles {
            self.failures.push(format!("{word}: {} messages took effect twice", crash.doubled));
        }
    }

    pub(super) fn went_down(&mut self, outage: &Outage) {
        let outages = entry(&mut self.outage, outage.contender);
        outages.accepted.push(crate::bench::measure::number(outage.accepted));
        outages.lost.push(crate::bench::measure::number(outage.lost));
        outages.lost_age.push(outage.lost_age.as_secs_f64());
        outages.doubled.push(count(outage.doubled));
        outage.down.into_iter().for_each(|down| outages.down.push(down.as_secs_f64()));
        self.failures.extend(outage.violation());
        if outage.down.is_none() {
            self.failures.push(format!("{}: nothing flowed again after the broker was back", outage.contender.word()));
        }
    }

    pub(super) fn churned(&mut self, contender: Contender, churn: &Churn) {
        let churns = entry(&mut self.churn, contender);
        churns.queues.push(crate::bench::measure::number(churn.queues));
        churns.made.push(churn.made);
        churns.removed.push(churn.removed);
        churn.memory.into_iter().for_each(|memory| churns.memory.push(memory));
    }
}

fn count(count: u64) -> f64 {
    usize::try_from(count).map_or(f64::INFINITY, crate::bench::measure::number)
}
