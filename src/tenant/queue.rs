//! `[[queue]]` and hours: routing targets and when they are open.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::Duration;

use crate::config::reader::Reader;
use crate::model::hours::{Closure, Day, Hours, Span};
use crate::model::id::QueueId;

/// Which free agent a queue asks first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// The one with the smallest share of the capacity in use, then the one asked longest ago.
    LeastLoaded,
    /// Nobody is asked: agents take sessions from the list.
    Manual,
}

/// A routing target with waiting sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Its name inside the tenant.
    pub id: QueueId,
    /// What agents read.
    pub name: String,
    /// Sessions that may wait.
    pub max_len: u32,
    /// After this time a waiting session overflows, or the customer is asked to leave a message.
    pub max_wait: Duration,
    /// How long one agent has to accept an offer.
    pub offer: Duration,
    /// Which free agent is asked first.
    pub strategy: Strategy,
    /// What customers who are not served by anybody yet write to get here.
    pub keywords: Vec<String>,
    /// Whether it is meant for calls: its sessions are offered to agents who take calls, and are in none.
    pub video: bool,
    /// Where sessions go that waited too long or found the queue full.
    pub overflow_to: Option<QueueId>,
    /// Its own hours; without them the tenant's count.
    pub hours: Option<Hours>,
}

impl Queue {
    pub(super) fn read(r: &Reader<'_>) -> Option<Self> {
        let id = r.parsed("id", super::NAME, |text| QueueId::parse(text).ok());
        let strategy = r.choice("strategy", &[("least_loaded", Strategy::LeastLoaded), ("manual", Strategy::Manual)]);
        let name = r.text("name").to_owned();
        let max_len = u32::try_from(r.int("max_len", 100, 1..=100_000)).unwrap_or(u32::MAX);
        let max_wait = r.seconds("max_wait_s", 300, 10..=86_400);
        let offer = r.seconds("offer_s", 20, 5..=600);
        let media = r.choice("media", &[("chat", false), ("video", true)]);
        let overflow_to = r.maybe("overflow_to", "the id of another queue", |text| QueueId::parse(text).ok());
        let hours = r.section("hours").map(|r| hours(&r));
        let keywords = r.list("keywords", "words that lead to the queue", |text| Some(text.to_owned()));
        r.unknown();
        Some(Self {
            id: id?,
            name,
            max_len,
            max_wait,
            offer,
            strategy: strategy?,
            video: media?,
            keywords,
            overflow_to,
            hours,
        })
    }
}

/// Reads an `hours` section.
pub(super) fn hours(r: &Reader<'_>) -> Hours {
    let spans = |key| r.list(key, "a span of one day, like \"09:00-18:00\"", |text| Span::from_str(text).ok());
    let days = |key| -> BTreeSet<Day> {
        r.list(key, "a date, like \"2026-10-01\"", |text| Day::from_str(text).ok()).into_iter().collect()
    };
    let week = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].map(spans);
    let make_up = if r.has("make_up") { spans("make_up") } else { week.first().cloned().unwrap_or_default() };
    let closure = "a time of closure, like \"2026-11-25T14:00/2026-11-25T18:00\"";
    let closures = r.list("closures", closure, |text| Closure::from_str(text).ok());
    let hours = Hours { week, holidays: days("holidays"), make_up_days: days("make_up_days"), make_up, closures };
    r.unknown();
    hours
}
