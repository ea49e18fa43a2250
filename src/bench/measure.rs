//! Figures: repeats, medians, percentiles, the order of runs. Knows nothing of what is measured.

use std::time::Duration;

/// One figure over all repeats.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series(Vec<f64>);

impl Series {
    /// Adds a repeat.
    pub fn push(&mut self, value: f64) {
        self.0.push(value);
        self.0.sort_by(f64::total_cmp);
    }

    /// Whether nothing was measured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The middle one; `NaN` when there is none.
    #[must_use]
    pub fn median(&self) -> f64 {
        self.0.get(self.0.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// The smallest.
    #[must_use]
    pub fn least(&self) -> f64 {
        self.0.first().copied().unwrap_or(f64::NAN)
    }

    /// The largest.
    #[must_use]
    pub fn most(&self) -> f64 {
        self.0.last().copied().unwrap_or(f64::NAN)
    }

    /// Median with the smallest and the largest, a dash when nothing was measured.
    #[must_use]
    pub fn show(&self, digits: usize) -> String {
        match self.0.len() {
            0 => "–".to_owned(),
            1 => format!("{:.digits$}", self.median()),
            _ => format!("{:.digits$} ({:.digits$}–{:.digits$})", self.median(), self.least(), self.most()),
        }
    }
}

/// Times of single messages. Every one is kept, so that percentiles are exact.
#[derive(Debug, Clone, Default)]
pub struct Latency(Vec<u64>);

impl Latency {
    /// Notes one.
    pub fn note(&mut self, time: Duration) {
        self.0.push(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Adds what somebody else has noted.
    pub fn join(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    /// How many were noted.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The percentiles in milliseconds, in the order asked for. All are `NaN` when nothing was noted.
    #[must_use]
    pub fn percentiles<const N: usize>(&self, percentiles: [f64; N]) -> [f64; N] {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        percentiles.map(|percentile| match sorted.len() {
            0 => f64::NAN,
            count => ms(sorted.get(rank(count, percentile)).copied().unwrap_or(u64::MAX)),
        })
    }

    /// One percentile in milliseconds.
    #[must_use]
    pub fn ms(&self, percentile: f64) -> f64 {
        let [value] = self.percentiles([percentile]);
        value
    }

    /// The mean in milliseconds.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.0.iter().map(|nanos| ms(*nanos)).sum::<f64>() / number(self.0.len())
    }
}

/// The place of a percentile: the smallest value that so many percent of all do not exceed.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and count"
)]
fn rank(count: usize, percentile: f64) -> usize {
    // Times first: 99.9 / 100 has no exact form, and 99.9 % of a thousand are 999.
    let place = (percentile.clamp(0.0, 100.0) * number(count) / 100.0).ceil() as usize;
    place.saturating_sub(1).min(count.saturating_sub(1))
}

fn ms(nanos: u64) -> f64 {
    Duration::from_nanos(nanos).as_secs_f64() * 1_000.0
}

/// A count as a number to calculate with.
#[must_use]
pub fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

/// A source of repeatable chance.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// The same seed gives the same sequence.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        // Seeds that differ in one bit shall not begin alike.
        Self((seed ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9) | 1)
    }

    /// A number below `limit`, 0 when there is none.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let limit = u64::try_from(limit).unwrap_or(u64::MAX).max(1);
        usize::try_from((self.0 >> 11) % limit).unwrap_or(0)
    }

    /// The items in random order.
    pub fn shuffle<T>(&mut self, mut items: Vec<T>) -> Vec<T> {
        let mut order = Vec::with_capacity(items.len());
        while !items.is_empty() {
            order.push(items.swap_remove(self.below(items.len())));
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_the_values_themselves() {
        let mut latency = Latency::default();
        (1..=1_000).rev().for_each(|ms| latency.note(Duration::from_millis(ms)));
        assert_eq!(latency.percentiles([50.0, 99.0, 99.9, 100.0]), [500.0, 990.0, 999.0, 1_000.0]);
        assert!((latency.mean() - 500.5).abs() < 1e-9);
        assert!(Latency::default().ms(50.0).is_nan());
    }

    #[test]
    fn a_series_shows_its_middle_and_its_ends() {
        let mut series = Series::default();
        assert_eq!(series.show(1), "–");
        [3.0, 1.0, 2.0].into_iter().for_each(|value| series.push(value));
        assert_eq!(series.show(1), "2.0 (1.0–3.0)");
    }

    #[test]
    fn a_seed_makes_one_order_that_has_everything() {
        let order = |seed| Chance::new(seed).shuffle((0..50).collect::<Vec<_>>());
        assert_eq!(order(7), order(7));
        assert_ne!(order(7), order(6));
        let mut sorted = order(7);
        sorted.sort_unstable();
        assert_eq!(sorted, (0..50).collect::<Vec<_>>());
    }
}
