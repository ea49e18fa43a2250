//! Events out: a batch is written in one go, then every confirm is waited for.
//!
//! Invariants: nothing counts as taken without the broker's confirm, and a confirmed message that came back because no
//! queue took it does not count; after any failure the connection is thrown away, and the next one declares anew.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection};
use tokio::time::timeout;

use super::{Inner, link, topology};
use crate::bus::figure::Counters;
use crate::bus::{Error, Outcome};
use crate::config::{Bug, planted};
use crate::model::event::{CLOUD_EVENTS, Occurrence};

/// Time allowed for the confirms of a batch, unless the broker says that it is short of something.
const CONFIRM: Duration = Duration::from_secs(30);
/// How often it is looked at meanwhile whether the broker is short of something.
const LOOK: Duration = Duration::from_millis(250);
/// On the broker's disk, not only in its memory.
pub(super) const PERSISTENT: u8 = 2;

/// An open way out.
pub(super) struct Outlet {
    connection: Connection,
    channel: Channel,
}

/// What became of one message.
enum Fate {
    Taken,
    Refused,
    Lost(lapin::Error),
}

impl Outlet {
    async fn open(inner: &Inner) -> Result<Self, Error> {
        let connection = inner.address.connect("yizhan events").await?;
        let channel = link::within(connection.create_channel()).await?;
        link::within(channel.confirm_select(ConfirmSelectOptions::default())).await?;
        link::within(topology::declare_events(&channel, &inner.settings)).await?;
        Ok(Self { connection, channel })
    }

    fn usable(&self) -> bool {
        self.connection.status().connected() && self.channel.status().connected()
    }

    fn blocked(&self) -> bool {
        self.connection.status().blocked()
    }
}

/// Publishes events in their order and waits for all confirms.
pub(super) async fn batch(inner: &Inner, events: &[Occurrence]) -> Outcome {
    let mut slot = inner.outlet.lock().await;
    if slot.as_ref().is_none_or(|outlet| !outlet.usable()) {
        *slot = None;
        match Outlet::open(inner).await {
            Ok(outlet) => *slot = Some(outlet),
            Err(error) => {
                inner.counters.up.store(false, Ordering::Relaxed);
                return Outcome { taken: Vec::new(), failure: Some(error) };
            }
        }
    }
    let Some(outlet) = slot.as_ref() else { return Outcome::default() };
    inner.counters.blocked.store(outlet.blocked(), Ordering::Relaxed);
    if outlet.blocked() {
        return Outcome { taken: Vec::new(), failure: Some(Error::Blocked) };
    }
    let outcome = publish(inner, outlet, events).await;
    let healthy = outcome.failure.is_none();
    inner.counters.up.store(healthy, Ordering::Relaxed);
    inner.counters.blocked.store(outlet.blocked(), Ordering::Relaxed);
    Counters::add(&inner.counters.published, outcome.taken.len());
    if !healthy {
        *slot = None;
    }
    outcome
}

async fn publish(inner: &Inner, outlet: &Outlet, events: &[Occurrence]) -> Outcome {
    let mut messages = Vec::with_capacity(events.len());
    for event in events {
        match event.cloud_event() {
            Ok(body) => messages.push((event, body)),
            Err(error) => tracing::error!(error = %error, id = %event.id, "an event in the outbox is damaged"),
        }
    }
    // All are handed to the connection before the first answer is waited for, in their order.
    let mut returned: HashSet<String> = HashSet::new();
    let sent = join_all(messages.iter().map(|(event, body)| send(&outlet.channel, event, body)));
    let fates = match patiently(inner, outlet, sent).await {
        Some(fates) => fates,
        None => return failed(Error::Away(format!("no confirm within {} s", CONFIRM.as_secs()))),
    };
    let (mut taken, mut nacked, mut failure) = (Vec::with_capacity(fates.len()), 0, None);
    for ((event, _), (fate, back)) in messages.iter().zip(fates) {
        // The client may hand a message that came back to the confirm of another one: only its id tells which it is.
        returned.extend(back);
        match fate {
            Fate::Taken => taken.push(event.id.clone()),
            Fate::Refused => nacked += 1,
            Fate::Lost(error) => failure = Some(link::diagnose(&error)),
        }
    }
    taken.retain(|id| !returned.contains(id));
    Counters::add(&inner.counters.returned, returned.len());
    Counters::add(&inner.counters.nacked, nacked);
    if failure.is_none() && !returned.is_empty() {
        let what =
            format!("{} events came back: no queue takes them, not even '{}'", returned.len(), topology::UNROUTED);
        failure = Some(Error::Away(what));
    }
    if failure.is_none() && nacked > 0 {
        failure = Some(Error::Away(format!("{nacked} events were refused by a queue")));
    }
    Outcome { taken, failure }
}

fn failed(error: Error) -> Outcome {
    Outcome { taken: Vec::new(), failure: Some(error) }
}

/// Waits for all answers; `None` when they take too long. While the broker is short of memory that is no fault.
async fn patiently<T>(inner: &Inner, outlet: &Outlet, answers: impl Future<Output = T>) -> Option<T> {
    let mut answers = std::pin::pin!(answers);
    let mut waited = Duration::ZERO;
    while waited < CONFIRM {
        if let Ok(found) = timeout(LOOK, answers.as_mut()).await {
            return Some(found);
        }
        let blocked = outlet.blocked() && outlet.usable();
        inner.counters.blocked.store(blocked, Ordering::Relaxed);
        waited = if blocked { Duration::ZERO } else { waited + LOOK };
    }
    None
}

/// Sends one message and waits for its confirm. The second part is the id of a message that came back, of this one or
/// of another.
async fn send(channel: &Channel, event: &Occurrence, body: &str) -> (Fate, Option<String>) {
    let options = BasicPublishOptions { mandatory: true, immediate: false };
    let key = topology::routing_key(event).as_str().into();
    let written = channel.basic_publish(topology::EVENTS.into(), key, options, body.as_bytes(), properties(event));
    let confirmed = match written.await {
        Ok(_) if planted(Bug::ConfirmIgnored) => return (Fate::Taken, None),
        Ok(confirm) => confirm.await,
        Err(error) => Err(error),
    };
    match confirmed {
        Ok(Confirmation::Ack(back)) => (Fate::Taken, back.and_then(|message| id_of(&message.properties))),
        Ok(Confirmation::Nack(back)) => (Fate::Refused, back.and_then(|message| id_of(&message.properties))),
        Ok(Confirmation::NotRequested) => (Fate::Refused, None),
        Err(error) => (Fate::Lost(error), None),
    }
}

fn id_of(properties: &BasicProperties) -> Option<String> {
    properties.message_id().as_ref().map(ToString::to_string)
}

fn properties(event: &Occurrence) -> BasicProperties {
    let mut headers = FieldTable::default();
    headers.insert("tenant".into(), AMQPValue::LongString(event.tenant.as_str().into()));
    headers.insert("type".into(), AMQPValue::LongString(event.cloud_type().into()));
    if let Some(session) = &event.session {
        headers.insert("session".into(), AMQPValue::LongString(session.as_str().into()));
    }
    BasicProperties::default()
        .with_content_type(CLOUD_EVENTS.into())
        .with_delivery_mode(PERSISTENT)
        .with_message_id(event.id.as_str().into())
        .with_timestamp(u64::try_from(event.at.seconds()).unwrap_or(0))
        .with_app_id("yizhan".into())
        .with_type(event.cloud_type().into())
        .with_headers(headers)
}
