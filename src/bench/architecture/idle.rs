//! Connections that do nothing: how long they take to be set up, what each costs, and how fast all come back when all are
//! cut at once.

use std::convert::Infallible;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use futures_util::future::join_all;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::client::{Client, Torn};
use super::place::{Place, idler};
use crate::bench::crowd::open_all;
use crate::bench::measure::{Latency, number};
use crate::bench::visitor::{self, Arrival};

/// How long everybody may take to come back.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);
/// Who was turned away tries again after this time.
const PAUSE: Duration = Duration::from_millis(500);
/// After this time memory is looked at.
const REST: Duration = Duration::from_secs(1);

/// What was seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Idle {
    /// p50 and p99 of setting up a connection, some at the same time, in milliseconds.
    pub(super) set_up: [f64; 2],
    /// KB of the node or the server for a connection.
    pub(super) memory: f64,
    /// How often somebody was turned away and tried again.
    pub(super) again: usize,
    /// Until 99 % were back, and all, in seconds; nothing when that took longer than [`PATIENCE`].
    pub(super) back: Option<[f64; 2]>,
}

/// Accounts that [`measure`] uses for so many connections: the first tenth is there before anything counts.
pub(super) fn accounts(count: usize) -> usize {
    count + count / 10
}

/// Somebody who does nothing.
#[derive(Debug)]
enum Guest {
    Visitor(usize, Arrival),
    Client(usize, Client),
}

/// The same, cut off.
#[derive(Debug)]
enum Gone {
    Visitor(usize, String),
    Resumes(usize, Torn),
    Returns(usize),
}

impl Guest {
    async fn enter(place: &Place, has_gateway: bool, acks: bool, n: usize) -> anyhow::Result<Self> {
        if has_gateway {
            return Ok(Self::Visitor(n, visitor::arrive(&place.site, n).await?));
        }
        let door = place.door.as_ref().context("no door")?;
        Ok(Self::Client(n, Client::enter(door, idler(n), n, acks).await?))
    }

    fn cut(self) -> Gone {
        match self {
            Self::Visitor(n, arrival) => Gone::Visitor(n, arrival.token),
            Self::Client(n, client) => client.cut().map_or(Gone::Returns(n), |torn| Gone::Resumes(n, torn)),
        }
    }
}

impl Guest {
    /// Answers whatever the other side asks, and says nothing.
    async fn stay(self) -> anyhow::Result<Infallible> {
        match self {
            Self::Visitor(_, mut arrival) => loop {
                arrival.ws.text().await?;
            },
            Self::Client(_, mut client) => loop {
                client.next().await?;
            },
        }
    }
}

/// Connections that are open while others speak.
#[derive(Debug, Default)]
pub(super) struct Beside(JoinSet<anyhow::Result<Infallible>>);

impl Beside {
    /// Those with these numbers come in.
    pub(super) async fn open(place: &Place, who: Range<usize>, has_gateway: bool, acks: bool) -> anyhow::Result<Self> {
        let first = who.start;
        let guests = open_all(who.len(), |n| Guest::enter(place, has_gateway, acks, first + n)).await?;
        let mut all = JoinSet::new();
        for guest in guests {
            all.spawn(guest.stay());
        }
        Ok(Self(all))
    }

    /// Fails if one of them has lost its connection.
    pub(super) fn still_there(&mut self) -> anyhow::Result<()> {
        match self.0.try_join_next() {
            Some(ended) => ended?.map(|never| match never {}).context("an idle connection ended"),
            None => Ok(()),
        }
    }
}

impl Gone {
    /// Comes back: the connection is taken up again where that is promised, and is a new one where not.
    async fn back(&self, place: &Place) -> anyhow::Result<Option<Client>> {
        if let Self::Visitor(n, token) = self {
            drop(visitor::resume(&place.site, *n, token).await?);
            return Ok(None);
        }
        let door = place.door.as_ref().context("no door")?;
        Ok(Some(match self {
            Self::Resumes(n, torn) => Client::resume(door, torn.clone(), *n).await?,
            Self::Returns(n) | Self::Visitor(n, _) => Client::enter(door, idler(*n), *n, false).await?,
        }))
    }
}

/// Measures with so many connections.
pub(super) async fn measure(place: &Place, count: usize, has_gateway: bool, acks: bool) -> anyhow::Result<Idle> {
    let first = accounts(count) - count;
    let mut guests = open_all(first, |n| Guest::enter(place, has_gateway, acks, n)).await?;
    sleep(REST).await;
    let before = place.site.memory()?;
    let timed = open_all(count, async |n| {
        let began = Instant::now();
        let guest = Guest::enter(place, has_gateway, acks, first + n).await?;
        Ok((began.elapsed(), guest))
    });
    let mut set_up = Latency::default();
    for (time, guest) in timed.await? {
        set_up.note(time);
        guests.push(guest);
    }
    sleep(REST).await;
    let memory = (place.site.memory()? - before) / number(count);
    let (again, back) = storm(place, guests).await?;
    Ok(Idle { set_up: set_up.percentiles([50.0, 99.0]), memory, again, back })
}

/// All are cut, and all come back at once; who is turned away tries again, as clients do. Then all leave.
async fn storm(place: &Place, guests: Vec<Guest>) -> anyhow::Result<(usize, Option<[f64; 2]>)> {
    let gone: Vec<Gone> = guests.into_iter().map(Guest::cut).collect();
    let (began, again) = (Instant::now(), AtomicUsize::new(0));
    let back = gone.into_iter().map(async |gone| {
        loop {
            match gone.back(place).await {
                Ok(client) => return (began.elapsed(), client),
                // Counted and told: a server that is overrun closes connections.
                Err(_turned_away) => drop(again.fetch_add(1, Ordering::Relaxed)),
            }
            sleep(PAUSE).await;
        }
    });
    let back = timeout(PATIENCE, join_all(back)).await.ok();
    let again = again.load(Ordering::Relaxed);
    let Some(back) = back else { return Ok((again, None)) };
    let mut times = Latency::default();
    for (time, client) in back {
        times.note(time);
        if let Some(client) = client {
            client.leave().await?;
        }
    }
    Ok((again, Some(times.percentiles([99.0, 100.0]).map(|ms| ms / 1_000.0))))
}
