//! Rates of one connection. Pure: the caller brings the time. Costs nothing while the connection is idle.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// At most so many in any span of time, exactly.
#[derive(Debug)]
pub struct Window {
    most: usize,
    span: Duration,
    hits: VecDeque<Instant>,
}

impl Window {
    /// At most `most` in any `span`.
    #[must_use]
    pub fn new(most: usize, span: Duration) -> Self {
        Self { most, span, hits: VecDeque::new() }
    }

    /// Counts one, or says how long to wait.
    ///
    /// # Errors
    /// The time after which there is room again.
    pub fn hit(&mut self, now: Instant) -> Result<(), Duration> {
        while self.hits.front().is_some_and(|&first| now.saturating_duration_since(first) >= self.span) {
            self.hits.pop_front();
        }
        match self.hits.front() {
            Some(&first) if self.hits.len() >= self.most => Err((first + self.span).saturating_duration_since(now)),
            _ => {
                self.hits.push_back(now);
                Ok(())
            }
        }
    }
}

/// More than so many per second, for several seconds in a row.
#[derive(Debug)]
pub struct Flood {
    per_second: u32,
    seconds: u32,
    second: Option<Instant>,
    count: u32,
    streak: u32,
}

impl Flood {
    /// A flood is more than `per_second` in each of `seconds` seconds.
    #[must_use]
    pub fn new(per_second: u32, seconds: u32) -> Self {
        Self { per_second, seconds, second: None, count: 0, streak: 0 }
    }

    /// Counts one; whether it is a flood by now.
    pub fn hit(&mut self, now: Instant) -> bool {
        self.hits(1, now)
    }

    /// Counts several that came together; whether it is a flood by now.
    pub fn hits(&mut self, number: u32, now: Instant) -> bool {
        let since = self.second.map(|start| now.saturating_duration_since(start));
        match since {
            Some(since) if since < Duration::from_secs(1) => self.count = self.count.saturating_add(number),
            _ => {
                let went_on = since.is_some_and(|since| since < Duration::from_secs(2));
                self.streak = if went_on && self.count > self.per_second { self.streak + 1 } else { 0 };
                (self.second, self.count) = (Some(now), number);
            }
        }
        self.count > self.per_second && self.streak + 1 >= self.seconds
    }
}

/// Something that goes on at most about once per interval, the newest value winning.
#[derive(Debug)]
pub struct Calm<T> {
    /// Milliseconds: each connection has a few of these, and most are idle.
    every: u32,
    /// By how many of them the second release comes earlier.
    step: u32,
    last: Option<Instant>,
    waiting: Vec<T>,
}

impl<T> Calm<T> {
    /// At most one release per `every`, in milliseconds.
    #[must_use]
    pub fn new(every: u32) -> Self {
        Self { every, step: 0, last: None, waiting: Vec::new() }
    }

    /// With a step of its own, in milliseconds and shorter than an interval: many that begin at once are then not due
    /// together for ever.
    #[must_use]
    pub fn out_of_step(self, step: u32) -> Self {
        Self { step, ..self }
    }

    /// What waits, to be merged into.
    pub fn waiting(&mut self) -> &mut Vec<T> {
        &mut self.waiting
    }

    /// When the next one may go, if one waits.
    #[must_use]
    pub fn due(&self, now: Instant) -> Option<Instant> {
        (!self.waiting.is_empty()).then(|| self.last.map_or(now, |last| last + self.every()))
    }

    fn every(&self) -> Duration {
        Duration::from_millis(self.every.into())
    }

    /// Takes all that wait, if they may go now.
    pub fn take(&mut self, now: Instant) -> Vec<T> {
        if self.due(now).is_none_or(|due| due > now) {
            return Vec::new();
        }
        self.last = Some(self.released(now));
        std::mem::take(&mut self.waiting)
    }

    /// From when on the next interval counts. While one release follows another it begins where the last one ended and not
    /// when it was noticed: of many who are late together, each stays in its own time.
    fn released(&self, now: Instant) -> Instant {
        let goes_on = |last: &Instant| now.saturating_duration_since(*last) < self.every() * 2;
        if let Some(last) = self.last.filter(goes_on) {
            return last + self.every();
        }
        // The clock of the machine may be younger than the step.
        now.checked_sub(Duration::from_millis(self.step.into())).unwrap_or(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn twenty_in_any_ten_seconds() {
        let start = Instant::now();
        let mut sends = Window::new(20, ms(10_000));
        for i in 0..20 {
            assert_eq!(sends.hit(start + ms(i * 100)), Ok(()));
        }
        assert_eq!(sends.hit(start + ms(2_000)), Err(ms(8_000)));
        assert_eq!(sends.hit(start + ms(10_000)), Ok(()));
        assert_eq!(sends.hit(start + ms(10_001)), Err(ms(99)));
    }

    #[test]
    fn a_burst_is_no_flood_but_five_seconds_of_it_are() {
        let start = Instant::now();
        let mut pings = Flood::new(20, 5);
        assert!((0..1_000).all(|_| !pings.hit(start)), "a burst inside one second");
        let mut pings = Flood::new(20, 5);
        let first = (0..400).position(|i| pings.hit(start + ms(i * 20)));
        assert_eq!(first.map(|i| i * 20 / 1_000), Some(4), "50 per second, from the fifth second on");
        let mut pings = Flood::new(20, 5);
        assert!((0..400).all(|i| !pings.hit(start + ms(i * 60))), "16 per second");
    }

    #[test]
    fn a_hundred_per_second_become_one() {
        let start = Instant::now();
        let mut typing = Calm::new(1_000);
        let mut released = 0;
        for i in 0..300 {
            typing.waiting().clear();
            typing.waiting().push(i);
            released += typing.take(start + ms(i * 10)).len();
        }
        assert_eq!(released, 3);
    }

    #[test]
    fn those_who_begin_at_once_do_not_stay_in_step() {
        let start = Instant::now() + ms(10_000);
        let releases = |from: Instant, marks: &mut Calm<()>| {
            let busy = (0..150).map(|i| from + ms(i * 10));
            let goes = busy.filter(|now| {
                marks.waiting().push(());
                !marks.take(*now).is_empty()
            });
            goes.map(|at| (at - from).as_millis()).collect::<Vec<_>>()
        };
        let mut marks = [0, 200, 490].map(|step| Calm::new(500).out_of_step(step));
        let expected = [&[0, 500, 1_000][..], &[0, 300, 800, 1_300], &[0, 10, 510, 1_010]];
        for (marks, expected) in marks.iter_mut().zip(expected) {
            assert_eq!(releases(start, marks), expected);
            assert_eq!(releases(start + ms(60_000), marks), expected, "nor after a rest");
        }
    }

    #[test]
    fn those_who_are_late_together_do_not_fall_into_step() {
        let start = Instant::now() + ms(10_000);
        let mut marks = [200, 490].map(|step| Calm::new(500).out_of_step(step));
        let mut go = |at: u64| {
            marks.each_mut().map(|marks| {
                marks.waiting().push(());
                !marks.take(start + ms(at)).is_empty()
            })
        };
        assert_eq!([go(0), go(10), go(300)], [[true, true], [false, true], [true, false]]);
        assert_eq!(go(950), [true, true], "nobody had the time before");
        assert_eq!([go(1_009), go(1_010)], [[false, false], [false, true]]);
        assert_eq!([go(1_299), go(1_300)], [[false, false], [true, false]]);
    }
}
