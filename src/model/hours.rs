//! Business hours: a week, public holidays, the weekend days worked to make up for them (调休), and closures for the
//! occasion. Pure rules.

use std::collections::BTreeSet;
use std::str::FromStr;

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, Timelike, Weekday};

use super::time::Millis;

/// Why a text about hours is not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HoursError {
    /// Only offsets without summer time are known.
    #[error("must be Asia/Shanghai, UTC or a fixed offset like +08:00")]
    Zone,
    /// A span opens before it closes, on one day.
    #[error("must be a span of one day, like 09:00-18:00 (24:00 ends a day)")]
    Span,
    /// A day of the calendar.
    #[error("must be a date, like 2026-10-01")]
    Day,
    /// A closure ends after it begins.
    #[error("must be a time of closure, like 2026-11-25T14:00/2026-11-25T18:00")]
    Closure,
}

/// A time zone with a fixed distance from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone(FixedOffset);

impl Zone {
    /// China: +08:00, without summer time since 1992.
    #[must_use]
    pub fn shanghai() -> Self {
        Self::hours_east(8)
    }

    fn hours_east(hours: i32) -> Self {
        let utc = DateTime::UNIX_EPOCH.fixed_offset().timezone();
        Self(FixedOffset::east_opt(hours * 3600).unwrap_or(utc))
    }

    /// The date and time of day there.
    #[must_use]
    pub fn local(self, at: Millis) -> DateTime<FixedOffset> {
        DateTime::from_timestamp_millis(at.0).unwrap_or_default().with_timezone(&self.0)
    }
}

impl FromStr for Zone {
    type Err = HoursError;

    fn from_str(text: &str) -> Result<Self, HoursError> {
        match text {
            "Asia/Shanghai" => Ok(Self::shanghai()),
            "UTC" => Ok(Self::hours_east(0)),
            // chrono also reads "+8" and "+0800"; one written form is enough.
            _ if text.len() == 6 => text.parse().map(Self).map_err(|_unknown| HoursError::Zone),
            _ => Err(HoursError::Zone),
        }
    }
}

/// A day of the calendar, without a time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(NaiveDate);

impl FromStr for Day {
    type Err = HoursError;

    fn from_str(text: &str) -> Result<Self, HoursError> {
        NaiveDate::parse_from_str(text, "%Y-%m-%d").map(Self).map_err(|_unknown| HoursError::Day)
    }
}

/// From a minute of the day up to, not including, another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    from: u32,
    until: u32,
}

impl Span {
    fn contains(self, minute: u32) -> bool {
        (self.from..self.until).contains(&minute)
    }
}

impl FromStr for Span {
    type Err = HoursError;

    fn from_str(text: &str) -> Result<Self, HoursError> {
        let (from, until) = text.split_once('-').ok_or(HoursError::Span)?;
        let span = Self { from: minute(from)?, until: minute(until)? };
        if span.from < span.until { Ok(span) } else { Err(HoursError::Span) }
    }
}

/// A time without service for an occasion of its own: a storm, a drill. Local time, from the first up to, not
/// including, the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closure {
    from: NaiveDateTime,
    until: NaiveDateTime,
}

impl FromStr for Closure {
    type Err = HoursError;

    fn from_str(text: &str) -> Result<Self, HoursError> {
        let time = |text| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M").map_err(|_unknown| HoursError::Closure);
        let (from, until) = text.split_once('/').ok_or(HoursError::Closure)?;
        let closure = Self { from: time(from)?, until: time(until)? };
        if closure.from < closure.until { Ok(closure) } else { Err(HoursError::Closure) }
    }
}

/// The minute of the day that `HH:MM` names.
fn minute(text: &str) -> Result<u32, HoursError> {
    let number = |part: &str| {
        let plain = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        if plain { part.parse::<u32>().ok() } else { None }
    };
    let (hour, minute) = text.split_once(':').ok_or(HoursError::Span)?;
    match (number(hour), number(minute)) {
        (Some(24), Some(0)) => Ok(24 * 60),
        (Some(hour @ 0..24), Some(minute @ 0..60)) => Ok(hour * 60 + minute),
        _ => Err(HoursError::Span),
    }
}

/// When somebody is there to answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hours {
    /// Spans by day of the week, Monday first.
    pub week: [Vec<Span>; 7],
    /// Days without service, whatever day of the week they are.
    pub holidays: BTreeSet<Day>,
    /// Days with the spans of `make_up`, whatever day of the week they are. They win over holidays.
    pub make_up_days: BTreeSet<Day>,
    /// The spans of a make-up day.
    pub make_up: Vec<Span>,
    /// Times without service, whatever else says otherwise.
    pub closures: Vec<Closure>,
}

impl Hours {
    /// Whether somebody is there at `now`, seen in `zone`.
    #[must_use]
    pub fn open_at(&self, now: Millis, zone: Zone) -> bool {
        let local = zone.local(now);
        let time = local.naive_local();
        if self.closures.iter().any(|closure| (closure.from..closure.until).contains(&time)) {
            return false;
        }
        let minute = local.hour() * 60 + local.minute();
        self.spans(Day(local.date_naive())).iter().any(|span| span.contains(minute))
    }

    fn spans(&self, day: Day) -> &[Span] {
        if self.make_up_days.contains(&day) {
            return &self.make_up;
        }
        if self.holidays.contains(&day) {
            return &[];
        }
        let [mon, tue, wed, thu, fri, sat, sun] = &self.week;
        match day.0.weekday() {
            Weekday::Mon => mon,
            Weekday::Tue => tue,
            Weekday::Wed => wed,
            Weekday::Thu => thu,
            Weekday::Fri => fri,
            Weekday::Sat => sat,
            Weekday::Sun => sun,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(rfc3339: &str) -> Millis {
        Millis(DateTime::parse_from_rfc3339(rfc3339).unwrap().timestamp_millis())
    }

    /// Mondays to Fridays nine to twelve and one to six; the National Day week of 2026 with its make-up days.
    fn hours() -> Hours {
        let day = || vec!["09:00-12:00".parse().unwrap(), "13:00-18:00".parse().unwrap()];
        let holidays = (1..=7).map(|n| format!("2026-10-0{n}").parse().unwrap()).collect();
        let make_up_days = ["2026-09-27", "2026-10-10"].map(|day| day.parse().unwrap()).into();
        Hours {
            week: [day(), day(), day(), day(), day(), vec![], vec![]],
            holidays,
            make_up_days,
            make_up: day(),
            closures: vec![],
        }
    }

    #[test]
    fn the_week_the_holidays_and_the_make_up_days() {
        let cases = [
            ("2026-11-23T09:00:00+08:00", true, "a Monday, the first minute"),
            ("2026-11-23T08:59:59+08:00", false, "a second before"),
            ("2026-11-23T11:59:59+08:00", true, "the last second before noon"),
            ("2026-11-23T12:00:00+08:00", false, "lunch"),
            ("2026-11-23T18:00:00+08:00", false, "the end is not included"),
            ("2026-11-28T10:00:00+08:00", false, "a Saturday"),
            ("2026-10-01T10:00:00+08:00", false, "a Thursday, but a holiday"),
            ("2026-10-10T10:00:00+08:00", true, "a Saturday, but worked"),
            ("2026-09-27T17:59:00+08:00", true, "a Sunday, but worked"),
            ("2026-09-27T20:00:00+08:00", false, "a worked Sunday, after hours"),
        ];
        for (text, open, why) in cases {
            assert_eq!(hours().open_at(at(text), Zone::shanghai()), open, "{why}");
        }
    }

    #[test]
    fn the_day_is_that_of_the_zone() {
        // 01:30 UTC on Monday is 09:30 in Shanghai; 22:00 UTC on Sunday is still night there, on Monday.
        assert!(hours().open_at(at("2026-11-23T01:30:00Z"), Zone::shanghai()));
        assert!(!hours().open_at(at("2026-11-23T01:30:00Z"), "UTC".parse().unwrap()));
        assert!(hours().open_at(at("2026-11-22T21:30:00Z"), "+12:00".parse().unwrap()));
    }

    #[test]
    fn a_make_up_day_wins_over_a_holiday_and_no_spans_mean_closed() {
        let mut hours = hours();
        hours.make_up_days.insert("2026-10-01".parse().unwrap());
        assert!(hours.open_at(at("2026-10-01T10:00:00+08:00"), Zone::shanghai()));
        assert!(!Hours::default().open_at(at("2026-11-23T10:00:00+08:00"), Zone::shanghai()));
        let always = Hours { week: std::array::from_fn(|_| vec!["00:00-24:00".parse().unwrap()]), ..Hours::default() };
        assert!(always.open_at(at("2026-11-22T23:59:59+08:00"), Zone::shanghai()));
    }

    #[test]
    fn a_closure_wins_over_everything_in_local_time() {
        let mut hours = hours();
        hours.closures.push("2026-11-23T14:00/2026-11-24T10:00".parse().unwrap());
        for (text, open) in [
            ("2026-11-23T13:59:59+08:00", true),
            ("2026-11-23T14:00:00+08:00", false),
            ("2026-11-24T09:59:59+08:00", false),
            ("2026-11-24T10:00:00+08:00", true),
            ("2026-11-30T14:00:00+08:00", true),
        ] {
            assert_eq!(hours.open_at(at(text), Zone::shanghai()), open, "{text}");
        }
        for text in ["2026-11-23T14:00", "2026-11-23T14:00/2026-11-23T14:00", "2026-11-23/2026-11-24", ""] {
            assert_eq!(text.parse::<Closure>(), Err(HoursError::Closure), "{text}");
        }
    }

    #[test]
    fn malformed_texts_are_refused() {
        for text in
            ["", "9:00-18:00", "18:00-09:00", "09:00-09:00", "22:00-02:00", "09:00-24:01", "09:60-10:00", "+9:00-10:00"]
        {
            assert_eq!(text.parse::<Span>(), Err(HoursError::Span), "{text}");
        }
        for text in ["Europe/Berlin", "+8", "+0800", "", "+25:00", "Asia/shanghai"] {
            assert_eq!(text.parse::<Zone>(), Err(HoursError::Zone), "{text}");
        }
        for text in ["2026-02-30", "20261001", "2026-10", ""] {
            assert_eq!(text.parse::<Day>(), Err(HoursError::Day), "{text}");
        }
        assert_eq!("+08:00".parse::<Zone>(), Ok(Zone::shanghai()));
    }
}
