//! Who says something next, and how often. Knows nobody's protocol.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context as _;
use rand::RngExt as _;
use rand::rngs::StdRng;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use yizhan::simulator::Platform;

use super::World;
use super::client::{Client, Order, Party};
use super::contact::{Contact, Write};
use crate::system::declare::{AGENTS, FIRMS, Firm};

/// Orders that wait for one person.
const ORDERS: usize = 64;
/// Between the first words of two customers.
const FIRST_WORDS: Duration = Duration::from_millis(25);
/// Customers who wait for an agent before the next one comes, and how long the next one has patience with that.
const QUEUED: usize = 8;
const FOR_A_QUEUE: Duration = Duration::from_secs(10);
/// How long everybody may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(120);

/// How much is going on.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Customers altogether; three in ten are visitors.
    pub threads: u32,
    /// Messages a second.
    pub rate: f64,
    /// Messages to be accepted.
    pub messages: usize,
}

/// How everybody is reached.
#[derive(Debug, Clone)]
pub struct Crew {
    world: Arc<World>,
    contacts: BTreeMap<u32, (Firm, mpsc::Sender<Write>)>,
    visitors: BTreeMap<u32, (Firm, mpsc::Sender<Order>)>,
    /// Agents, firm by firm.
    pub agents: Vec<mpsc::Sender<Order>>,
}

/// Everybody.
#[derive(Debug)]
pub struct Cast {
    /// How they are reached.
    pub crew: Crew,
    people: JoinSet<()>,
    dice: StdRng,
    /// What was asked of somebody who had too much to do already.
    pub shed: usize,
}

impl Crew {
    /// A customer says something. Whether they had time for it.
    fn customer_says(&self, thread: u32) -> bool {
        if let Some((firm, contact)) = self.contacts.get(&thread) {
            contact.try_send(Write::Say(self.world.token(firm, thread))).is_ok()
        } else if let Some((firm, visitor)) = self.visitors.get(&thread) {
            visitor.try_send(Order::Say(self.world.token(firm, thread), None)).is_ok()
        } else {
            false
        }
    }

    /// Whoever serves a customer says something. Whether they had time for it; nobody may serve the customer.
    fn agent_says(&self, thread: u32) -> bool {
        let Some((agent, conv)) = self.world.desk.holder(thread) else { return true };
        let token = self.world.token(&firm_of(thread), thread);
        self.agents.get(agent).is_some_and(|agent| agent.try_send(Order::Say(token, Some(conv))).is_ok())
    }

    /// Asks an agent.
    pub async fn tell(&self, agent: usize, order: Order) {
        if let Some(agent) = self.agents.get(agent) {
            // Whoever has left is not asked any more.
            drop(agent.send(order).await);
        }
    }

    /// Asks a customer on WeChat for a message of this kind, if there is one under this number.
    pub async fn write(&self, thread: u32, how: impl FnOnce(crate::history::Token) -> Write) {
        if let Some((firm, contact)) = self.contacts.get(&thread) {
            drop(contact.send(how(self.world.token(firm, thread))).await);
        }
    }

    /// Customers on WeChat.
    pub fn wechat(&self) -> Vec<u32> {
        self.contacts.keys().copied().collect()
    }

    /// Every customer on WeChat writes once more, which opens the windows for whatever is held back.
    pub async fn last_words(&self) {
        for thread in self.wechat() {
            self.write(thread, Write::Say).await;
        }
    }

    /// Waits until nobody has anything left to say.
    pub async fn rest(&self) -> anyhow::Result<()> {
        let mut resting = Vec::new();
        for client in self.clients() {
            let (tell, told) = oneshot::channel();
            client.send(Order::Rest(tell)).await.context("a client has gone")?;
            resting.push(told);
        }
        for (_, contact) in self.contacts.values() {
            let (tell, told) = oneshot::channel();
            contact.send(Write::Rest(tell)).await.context("a customer has gone")?;
            resting.push(told);
        }
        for told in resting {
            told.await.context("somebody has gone")?;
        }
        Ok(())
    }

    fn clients(&self) -> impl Iterator<Item = &mpsc::Sender<Order>> {
        self.agents.iter().chain(self.visitors.values().map(|(_, orders)| orders))
    }
}

/// The firm of a customer.
pub fn firm_of(thread: u32) -> Firm {
    let n = usize::try_from(thread).unwrap_or(0) % FIRMS.len();
    FIRMS.into_iter().nth(n).unwrap_or(FIRMS[0])
}

fn is_visitor(thread: u32) -> bool {
    (thread / 4) % 10 < 3
}

impl Cast {
    /// Everybody arrives: agents first, then customers, who follow and open.
    pub async fn arrive(world: &Arc<World>, platform: &Platform, load: &Load) -> anyhow::Result<Self> {
        let dice = world.dice(999_999);
        let (mut people, mut agents) = (JoinSet::new(), Vec::new());
        for (f, firm) in FIRMS.into_iter().enumerate() {
            for n in 0..AGENTS {
                let (orders, asked) = mpsc::channel(ORDERS);
                let party = Party::Agent(firm.agent(n), f * AGENTS + n);
                people.spawn(Client::new(Arc::clone(world), firm, party, 0).run(asked));
                agents.push(orders);
            }
        }
        let (mut contacts, mut visitors) = (BTreeMap::new(), BTreeMap::new());
        for thread in 0..load.threads {
            let firm = firm_of(thread);
            if is_visitor(thread) {
                let (orders, asked) = mpsc::channel(ORDERS);
                people.spawn(Client::new(Arc::clone(world), firm, Party::Visitor(thread), 0).run(asked));
                visitors.insert(thread, (firm, orders));
            } else {
                let (orders, asked) = mpsc::channel(ORDERS);
                let contact = Contact::follows(Arc::clone(world), platform.clone(), firm, thread).await?;
                people.spawn(contact.run(asked));
                contacts.insert(thread, (firm, orders));
            }
        }
        let crew = Crew { world: Arc::clone(world), contacts, visitors, agents };
        let mut cast = Self { crew, people, dice, shed: 0 };
        cast.everybody_is_served(load).await?;
        Ok(cast)
    }

    /// Every customer says something until an agent has taken nearly all of them.
    async fn everybody_is_served(&mut self, load: &Load) -> anyhow::Result<()> {
        for (thread, before) in (0..load.threads).zip(0_usize..) {
            let waiting = Instant::now();
            // A new session costs more than a word: all at once would be another fault.
            while self.crew.world.desk.served() + QUEUED < before && waiting.elapsed() < FOR_A_QUEUE {
                tokio::time::sleep(FIRST_WORDS).await;
            }
            self.shed += usize::from(!self.crew.customer_says(thread));
            tokio::time::sleep(FIRST_WORDS).await;
        }
        let wanted = usize::try_from(load.threads).unwrap_or(0) * 95 / 100;
        let begun = Instant::now();
        while self.crew.world.desk.served() < wanted {
            anyhow::ensure!(
                begun.elapsed() < ARRIVAL,
                "only {} of {} customers are served after {ARRIVAL:?}",
                self.crew.world.desk.served(),
                load.threads
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Keeps the pace until so many messages are accepted and nothing is harmed any more, or this much time has passed.
    pub async fn play(&mut self, load: &Load, longest: Duration, healed: &CancellationToken) {
        let begun = Instant::now();
        let mut due = 0.0;
        let mut accidents = Instant::now();
        let world = Arc::clone(&self.crew.world);
        let enough = || world.accepted.load(Ordering::Relaxed) >= load.messages && healed.is_cancelled();
        while !enough() && begun.elapsed() < longest {
            tokio::time::sleep(Duration::from_millis(20)).await;
            due += load.rate * 0.02;
            while due >= 1.0 {
                due -= 1.0;
                self.one();
            }
            if accidents.elapsed() > Duration::from_secs(1) {
                accidents = Instant::now();
                self.accident();
            }
        }
    }

    /// Sixty of a hundred messages come from WeChat, twenty-five go there, fifteen are with visitors, both ways.
    fn one(&mut self) {
        let says = self.dice.random_range(0..100);
        let Some(thread) = self.customer(says >= 85) else { return };
        if matches!(says, 0..60 | 85..93) {
            self.shed += usize::from(!self.crew.customer_says(thread));
        } else {
            self.shed += usize::from(!self.crew.agent_says(thread));
        }
    }

    /// A customer of a kind, each as likely as the others: whoever had more to say than the gateway lets them would not be
    /// done when the others are.
    fn customer(&mut self, visitor: bool) -> Option<u32> {
        let Crew { contacts, visitors, .. } = &self.crew;
        let mut any = |all: usize| self.dice.random_range(0..all.max(1));
        let thread =
            if visitor { visitors.keys().nth(any(visitors.len())) } else { contacts.keys().nth(any(contacts.len())) };
        thread.copied()
    }

    /// Every second something may happen to somebody: two of a hundred crash each minute, some lose the network, some
    /// sessions are passed on or ended.
    fn accident(&mut self) {
        let clients = self.crew.clients().count();
        let crashes = 0.02 / 60.0 * f64::from(u32::try_from(clients).unwrap_or(0));
        let thread = self.dice.random_range(0..200_u32);
        if self.dice.random_bool(crashes.min(1.0)) {
            self.somebody(Order::Crash);
        }
        if self.dice.random_bool(0.15) {
            self.somebody(Order::Cut);
        }
        if let (true, Some((agent, conv))) = (self.dice.random_bool(0.4), self.crew.world.desk.holder(thread)) {
            let order = if self.dice.random_bool(0.7) { Order::Pass(conv) } else { Order::End(conv) };
            if let Some(agent) = self.crew.agents.get(agent) {
                // Somebody too busy for it does not do it.
                drop(agent.try_send(order));
            }
        }
    }

    fn somebody(&mut self, order: Order) {
        let clients: Vec<_> = self.crew.clients().collect();
        let n = self.dice.random_range(0..clients.len().max(1));
        if let Some(client) = clients.get(n) {
            drop(client.try_send(order));
        }
    }

    /// Everybody reads everything on a new socket and stays: who leaves changes the logs of others.
    pub async fn drain(&self, within: Duration) -> anyhow::Result<()> {
        let mut done = Vec::new();
        for client in self.crew.clients() {
            let (tell, told) = oneshot::channel();
            client.send(Order::Drain(tell)).await.context("a client has gone")?;
            done.push(told);
        }
        let all = async {
            for told in done {
                told.await.context("a client has gone")?;
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(within, all).await.context("not everybody has read everything")?
    }

    /// Everybody leaves; customers on WeChat finish what they have begun.
    pub async fn leave(self, within: Duration) -> anyhow::Result<()> {
        let Self { crew, mut people, .. } = self;
        drop(crew);
        let all = async {
            while let Some(ended) = people.join_next().await {
                ended?;
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(within, all).await.context("not everybody has left")?
    }
}
