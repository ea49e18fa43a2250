//! The product's own hub between two nodes: published on one, taken from the inlet of a connection on the other. What the
//! structures cost when they are used as the gateway uses them: batched, by hint, never waited for.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::server::Server;
use super::structure::Broker;
use crate::bench::measure::{Latency, number};
use crate::bench::pace::{Pacer, Schedule};
use crate::bench::parcel::{Book, Epoch, Parcel};
use crate::bench::process::cpu_of;
use crate::clock::Clock;
use crate::config::{self, Durability};
use crate::hub::{Attachment, Frame, Hint, Hub, Inlet, Recipient};
use crate::model::id::{AgentId, ConnectionId, NodeId, TenantId};
use crate::model::secret::Secret;
use crate::runtime::Stop;

/// Connections on the second node.
const CLIENTS: usize = 8;
/// Hints that are under way to each at saturation.
const WINDOW: usize = 64;
/// Room of a connection, as the gateway gives it.
const ROOM: usize = 1_024;
/// How long nodes may take to know each other, and hints to arrive.
const PATIENCE: Duration = Duration::from_secs(20);

/// A back end of the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// A stream of each node.
    Redis,
    /// A queue of each node.
    Rabbitmq(Durability),
}

impl Way {
    pub(super) const ALL: [Self; 4] = [
        Self::Redis,
        Self::Rabbitmq(Durability::Transient),
        Self::Rabbitmq(Durability::Persistent),
        Self::Rabbitmq(Durability::Confirmed),
    ];

    pub(super) fn broker(self) -> Broker {
        match self {
            Self::Redis => Broker::Redis,
            Self::Rabbitmq(_) => Broker::Rabbitmq,
        }
    }

    /// What readers see.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Redis => "Redis",
            Self::Rabbitmq(Durability::Transient) => "RabbitMQ 瞬态 transient",
            Self::Rabbitmq(Durability::Persistent) => "RabbitMQ 持久 persistent",
            Self::Rabbitmq(Durability::Confirmed) => "RabbitMQ 持久+确认 confirmed",
        }
    }

    fn settings(self, url: &str) -> config::Hub {
        let (url, prefix, ca_file) = (Secret::new(url.to_owned()), "yizhan-bench".to_owned(), None);
        match self {
            Self::Redis => config::Hub::Redis(config::Redis { url, cluster: false, prefix, ca_file }),
            Self::Rabbitmq(durability) => {
                config::Hub::Rabbitmq(config::hub::Rabbitmq { url, durability, prefix, ca_file })
            }
        }
    }
}

/// What a run at saturation did.
#[derive(Debug, Clone, Copy)]
pub(super) struct Saturation {
    pub(super) per_second: f64,
    /// CPU seconds for 1,000 hints: of the server, if it is ours, and of both nodes.
    pub(super) cpu: (Option<f64>, f64),
}

/// Two nodes that know each other, and connections on the second.
struct Nodes {
    here: Hub,
    ends: Vec<(Recipient, Attachment, Inlet)>,
    stop: Stop,
    tasks: JoinSet<()>,
}

impl Nodes {
    async fn open(way: Way, url: &str) -> anyhow::Result<Self> {
        let now = Clock::system().now();
        let (stop, mut tasks) = (Stop::new(), JoinSet::new());
        let mut open = || -> anyhow::Result<Hub> {
            let hub = Hub::open(&way.settings(url), NodeId::generate(now))?;
            let (running, stop) = (hub.clone(), stop.clone());
            tasks.spawn(async move { running.run(stop).await });
            Ok(hub)
        };
        let (here, there) = (open()?, open()?);
        let tenant = TenantId::parse("bench").context("a tenant")?;
        let mut ends = Vec::new();
        for n in 0..CLIENTS {
            let recipient = Recipient::Agent(tenant.clone(), AgentId::parse(&format!("a{n}")).context("an agent")?);
            let (attachment, inlet) = there.attach(ConnectionId::generate(now), vec![recipient.clone()], ROOM);
            ends.push((recipient, attachment, inlet));
        }
        let end = Instant::now() + PATIENCE;
        while !ends.iter().all(|(recipient, ..)| here.hears_elsewhere(recipient)) {
            ensure!(Instant::now() < end, "the nodes do not get to know each other");
            sleep(Duration::from_millis(5)).await;
        }
        Ok(Self { here, ends, stop, tasks })
    }

    async fn close(mut self) -> anyhow::Result<()> {
        drop(self.ends);
        self.stop.cancel();
        let closing = async { while self.tasks.join_next().await.is_some() {} };
        timeout(PATIENCE, closing).await.context("a hub does not end")
    }
}

fn publish(hub: &Hub, to: &Recipient, parcel: Parcel, size: usize) {
    hub.publish(to, &Hint::Frame(Frame::plain(parcel.text(size))));
}

/// The next message of a run; other hints are passed over.
async fn next(inlet: &mut Inlet) -> anyhow::Result<Parcel> {
    loop {
        let hint = timeout(PATIENCE, inlet.hints.recv()).await.context("a hint did not arrive")?;
        match hint.context("the inlet is closed")? {
            Hint::Frame(frame) => {
                if let Some(parcel) = Parcel::read(frame.text.as_bytes()) {
                    return Ok(parcel);
                }
            }
            Hint::Replaced(_) | Hint::SignedOut => bail!("a connection was replaced"),
            _ => {}
        }
    }
}

/// A fixed number of hints is always under way.
pub(super) async fn saturate(way: Way, server: &Server, size: usize, time: Duration) -> anyhow::Result<Saturation> {
    let mut nodes = Nodes::open(way, &server.url).await?;
    let warm_up = time / 2;
    let epoch = Epoch::now();
    let mut tasks = JoinSet::new();
    for (n, (recipient, attachment, mut inlet)) in nodes.ends.drain(..).enumerate() {
        let (here, sender) = (nodes.here.clone(), u32::try_from(n)?);
        tasks.spawn(async move {
            let (mut book, mut sent, mut counted) = (Book::default(), 0, 0_usize);
            let mut send = || {
                publish(&here, &recipient, Parcel { sender, n: sent, intended: epoch.elapsed() }, size);
                sent += 1;
            };
            (0..WINDOW).for_each(|_| send());
            let mut under_way = WINDOW;
            while under_way > 0 {
                let parcel = next(&mut inlet).await?;
                book.arrived(parcel.sender, parcel.n);
                let now = epoch.elapsed();
                counted += usize::from(now >= warm_up && now < warm_up + time);
                if now < warm_up + time {
                    send();
                } else {
                    under_way -= 1;
                }
            }
            ensure!(book.late() + book.doubled() == 0, "hints came twice or out of order");
            anyhow::Ok(((recipient, attachment, inlet), counted))
        });
    }
    let cpu = || -> anyhow::Result<(Option<f64>, f64)> { Ok((server.cpu()?, cpu_of("self")?)) };
    sleep_until(epoch.at(warm_up)).await;
    let before = cpu()?;
    sleep_until(epoch.at(warm_up + time)).await;
    let after = cpu()?;
    let mut counted = 0;
    while let Some(task) = tasks.join_next().await {
        let (end, count) = task??;
        nodes.ends.push(end);
        counted += count;
    }
    nodes.close().await?;
    let thousands = number(counted) / 1_000.0;
    let server_cpu = after.0.zip(before.0).map(|(after, before)| (after - before) / thousands);
    Ok(Saturation {
        per_second: number(counted) / time.as_secs_f64(),
        cpu: (server_cpu, (after.1 - before.1) / thousands),
    })
}

/// Hints leave at moments that were fixed before.
pub(super) async fn steady(
    way: Way,
    server: &Server,
    size: usize,
    rate: f64,
    times: (Duration, Duration),
) -> anyhow::Result<Latency> {
    let mut nodes = Nodes::open(way, &server.url).await?;
    let (warm_up, time) = times;
    let schedule = Schedule::new(rate, warm_up + time, CLIENTS);
    let epoch = Epoch::after(Duration::from_millis(20));
    let (pacer, due) = Pacer::start(schedule, epoch)?;
    let mut tasks = JoinSet::new();
    for (n, ((recipient, attachment, inlet), due)) in nodes.ends.drain(..).zip(due).enumerate() {
        let end = End { n, schedule, epoch, size, warm_up };
        tasks.spawn(end.tell(nodes.here.clone(), recipient, due));
        tasks.spawn(end.hear(attachment, inlet));
    }
    let mut latency = Latency::default();
    while let Some(task) = tasks.join_next().await {
        latency.join(&task??);
    }
    pacer.end()?;
    nodes.close().await?;
    Ok(latency)
}

#[derive(Debug, Clone, Copy)]
struct End {
    n: usize,
    schedule: Schedule,
    epoch: Epoch,
    size: usize,
    warm_up: Duration,
}

impl End {
    async fn tell(self, hub: Hub, to: Recipient, mut due: UnboundedReceiver<usize>) -> anyhow::Result<Latency> {
        let (sender, mut n) = (u32::try_from(self.n)?, 0);
        while n < self.schedule.each() {
            for _ in 0..due.recv().await.context("the pacer is gone")? {
                let intended = self.schedule.moment_of(self.n, n);
                publish(&hub, &to, Parcel { sender, n: u64::try_from(n)?, intended }, self.size);
                n += 1;
            }
        }
        Ok(Latency::default())
    }

    async fn hear(self, attachment: Attachment, mut inlet: Inlet) -> anyhow::Result<Latency> {
        let (mut latency, mut book) = (Latency::default(), Book::default());
        let all = u64::try_from(self.schedule.each())?;
        while book.distinct() < all {
            let parcel = next(&mut inlet).await?;
            if parcel.intended >= self.warm_up {
                latency.note(self.epoch.elapsed().saturating_sub(parcel.intended));
            }
            book.arrived(parcel.sender, parcel.n);
        }
        drop(attachment);
        ensure!(book.late() + book.doubled() == 0, "hints came twice or out of order");
        Ok(latency)
    }
}
