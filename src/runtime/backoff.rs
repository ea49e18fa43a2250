//! Growing, jittered delays between attempts. Pure: it neither waits nor counts for the caller.

use std::time::Duration;

/// Exponential delays from `base` to `cap`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
}

impl Backoff {
    /// Delays that double from `base` and never pass `cap`.
    #[must_use]
    pub const fn new(base: Duration, cap: Duration) -> Self {
        Self { base, cap }
    }

    /// The delay before attempt number `attempt` (0 is the first retry), for `random` in `0.0..1.0`.
    ///
    /// Half of the delay is fixed and half is random, so that many waiting parts spread out but none hurries.
    #[must_use]
    pub fn delay(&self, attempt: u32, random: f64) -> Duration {
        let full = self.base.saturating_mul(2_u32.saturating_pow(attempt)).min(self.cap);
        full.div_f64(2.0) + full.div_f64(2.0).mul_f64(random.clamp(0.0, 1.0))
    }

    /// [`Backoff::delay`] with a fresh random number.
    #[must_use]
    pub fn draw(&self, attempt: u32) -> Duration {
        self.delay(attempt, rand::random())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));

    #[test]
    fn doubles_up_to_the_cap() {
        let full: Vec<u128> = (0..8).map(|n| BACKOFF.delay(n, 1.0).as_millis()).collect();
        assert_eq!(full, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    }

    #[test]
    fn jitter_takes_at_most_half() {
        assert_eq!(BACKOFF.delay(1, 0.0), Duration::from_millis(100));
        for n in 0..6 {
            let drawn = BACKOFF.draw(n);
            assert!(drawn >= BACKOFF.delay(n, 0.0) && drawn <= BACKOFF.delay(n, 1.0), "{n}: {drawn:?}");
        }
    }

    #[test]
    fn a_huge_attempt_number_does_not_overflow() {
        assert_eq!(BACKOFF.delay(u32::MAX, 1.0), Duration::from_secs(5));
    }
}
