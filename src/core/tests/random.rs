//! Whatever happens in whatever order: the rows agree with each other, and nobody waits beside a free agent.

use std::collections::HashMap;

use super::*;
use crate::core::ending::Paperwork;
use crate::core::request::{Position, Target};
use crate::model::assignment::State as Share;
use crate::model::session::State;
use crate::store::queue;

/// Numbers that look random and are the same for the same seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) >> 33).unwrap() % sides
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.roll(of.len())]
    }

    fn word(&mut self, of: &[&'static str]) -> &'static str {
        of[self.roll(of.len())]
    }
}

struct Game {
    desk: Desk,
    agents: Vec<Client>,
    customers: Vec<Customer>,
    /// The highest epoch of each session, and whether it has ended.
    seen: HashMap<SessionId, (i64, bool)>,
}

/// What a refused request may say here; anything else is a fault of ours.
fn allowed<T>(outcome: Result<T, Error>) {
    if let Err(error) = outcome {
        let faults = [Code::Internal, Code::DependencyUnavailable, Code::Timeout];
        assert!(!faults.contains(&error.code), "{error:?}");
    }
}

impl Game {
    async fn new(on: Trial) -> Self {
        let desk = Desk::open_with(on, "[policy]\nsession_max_s = 4000\n");
        let mut agents = Vec::new();
        for (name, queues) in [("a", &["service"][..]), ("b", &["service", "loan"]), ("c", &["loan"])] {
            agents.push(desk.ready(name, 2, queues).await);
        }
        let mut customers = Vec::new();
        for n in 0..5 {
            customers.push(desk.visitor(&format!("w{n}")).await);
        }
        Self { desk, agents, customers, seen: HashMap::new() }
    }

    async fn step(&self, dice: &mut Dice) {
        let core = &self.desk.core;
        let (agent, customer) = (dice.pick(&self.agents), dice.pick(&self.customers));
        match dice.roll(12) {
            0..=2 => self.desk.says(customer, dice.word(&["您好", "在吗", "取消"])).await,
            3..=5 => self.take_or_leave(dice, agent).await,
            6 => allowed(core.presence_set(agent, dice.word(&["ready", "ready", "busy", "offline"]), None, None).await),
            7 => self.pass_on(dice, agent).await,
            8 => match dice.roll(3) {
                0 => allowed(core.end(&customer.client, None, None).await),
                1 => allowed(core.cancel_queue(&customer.client).await),
                _ => allowed(core.leave_message(&customer.client, "请回电".into(), None).await),
            },
            9 => match dice.roll(2) {
                0 => core.detached(agent).await,
                _ => allowed(core.attached(agent).await),
            },
            10 => allowed(core.pull(agent, queue_id(dice.word(&["service", "loan"]))).await),
            _ => {
                self.desk.turn(u64::try_from(*dice.pick(&[1, 10, 21, 47, 301])).unwrap());
                core.fire_due().await.unwrap();
            }
        }
    }

    async fn take_or_leave(&self, dice: &mut Dice, agent: &Client) {
        let shares = self.desk.shares(agent).await;
        let Some(share) = shares.get(dice.roll(3)) else { return };
        let core = &self.desk.core;
        match share.state {
            Share::Offered if dice.roll(4) > 0 => {
                allowed(core.offer_accept(agent, share.assignment, share.token.clone()).await);
            }
            Share::Offered => {
                allowed(core.offer_reject(agent, share.assignment, share.token.clone(), None).await);
            }
            Share::Active if dice.roll(3) == 0 => allowed(core.end(agent, Some(share.session), None).await),
            Share::Active => allowed(self.desk.answers(agent, share.conv, "请讲", None).await),
            _ => allowed(core.wrapup_done(agent, share.assignment, Paperwork::default()).await),
        }
    }

    async fn pass_on(&self, dice: &mut Dice, agent: &Client) {
        let shares = self.desk.shares(agent).await;
        let Some(share) = shares.iter().find(|share| share.state == Share::Active) else { return };
        let core = &self.desk.core;
        match dice.roll(4) {
            0 => allowed(core.transfer_cancel(agent, share.session).await),
            1 => {
                let to = Target::Agent(client_agent(dice.pick(&self.agents)));
                allowed(core.transfer(agent, share.session, to, None).await);
            }
            _ => {
                let to = Target::Queue(queue_id(dice.word(&["service", "loan"])));
                allowed(core.transfer(agent, share.session, to, None).await);
            }
        }
    }

    async fn check(&mut self) {
        for agent in &self.agents {
            let held = self.desk.shares(agent).await.iter().filter(|share| share.state.holds_slot()).count();
            let load = self.desk.person(agent).await.presence.load;
            assert_eq!(usize::try_from(load).unwrap(), held, "places of {:?}", agent.party);
            assert!(load <= 2, "over capacity");
        }
        for customer in &self.customers {
            let conv = customer.conv;
            let found = self.desk.read(move |tx| {
                let Some(session) = store::latest_of(tx, conv)? else { return Ok(None) };
                let shares = assignment::of_sessions(tx, &[session.session])?;
                let entry = queue::find(tx, session.session)?;
                Ok(Some((session, shares, entry)))
            });
            let Some((session, shares, entry)) = found.await else { continue };
            agree(&session, &shares, entry.as_ref());
            self.is_deaf_once_ended(&session).await;
            let before = self.seen.insert(session.session, (session.control_epoch, session.ended.is_some()));
            if let Some((epoch, ended)) = before {
                assert!(session.control_epoch >= epoch, "the epoch fell");
                assert!(!ended || (session.ended.is_some() && session.control_epoch == epoch), "it came back to life");
            }
        }
    }

    /// Nobody speaks to a customer whose session has ended.
    async fn is_deaf_once_ended(&self, session: &Session) {
        if session.state == State::Ended {
            for agent in &self.agents {
                let outcome = self.desk.answers(agent, session.conv, "迟到的话", None).await;
                assert_eq!(code(outcome), Code::SessionEnded);
            }
        }
    }

    /// The log has no hole, and whoever resumes from anywhere gets the rest of it, however often they ask.
    async fn logs_are_whole(&self, dice: &mut Dice) {
        for customer in &self.customers {
            let log = self.desk.log(customer.conv).await;
            assert!(log.iter().zip(1..).all(|(envelope, seq)| envelope.seq == seq), "a hole");
            let conv = customer.conv;
            let epoch = self.desk.read(move |tx| Ok(conversation::find(tx, conv)?.unwrap().epoch)).await;
            let seq = i64::try_from(dice.roll(log.len() + 1)).unwrap();
            let from = || vec![Position { conv, epoch: epoch.clone(), seq }];
            let once = self.desk.core.sync(&customer.client, from()).await.unwrap().remove(0);
            let twice = self.desk.core.sync(&customer.client, from()).await.unwrap().remove(0);
            assert!(once.recovered);
            assert_eq!(once.msgs, twice.msgs, "asking again changes nothing");
            let rest = log.into_iter().filter(|envelope| envelope.seq > seq && envelope.for_contact());
            assert_eq!(once.msgs.iter().map(|m| (**m).clone()).collect::<Vec<_>>(), rest.collect::<Vec<_>>());
        }
    }

    /// Nobody waits while somebody who may be asked has a place free.
    async fn nobody_waits_in_vain(&self) {
        self.desk.route().await;
        let now = self.desk.clock.now();
        let idle = self.desk.read(move |tx| {
            let mut idle = Vec::new();
            for id in [queue_id("service"), queue_id("loan")] {
                let ready: Vec<Agent> =
                    agent::of_queue(tx, &id)?.into_iter().filter(|agent| agent.presence.routable(now)).collect();
                for (entry, _) in queue::waiting(tx, &id, 100)? {
                    let excluded = queue::excluded(tx, &[entry.session], now)?;
                    let free = |agent: &&Agent| !excluded.iter().any(|(_, who)| *who == agent.agent);
                    idle.extend(ready.iter().find(free).map(|agent| (entry.clone(), agent.agent.clone())));
                }
            }
            Ok(idle)
        });
        let idle = idle.await;
        assert!(idle.is_empty(), "{idle:?}");
    }
}

fn agree(session: &Session, shares: &[Assignment], entry: Option<&queue::Entry>) {
    let of = |state: Share| shares.iter().filter(|share| share.state == state).collect::<Vec<_>>();
    let (offered, active) = (of(Share::Offered), of(Share::Active));
    assert!(offered.len() <= 1 && active.len() <= 1, "two live assignments: {shares:?}");
    assert_eq!(session.state == State::Active, active.len() == 1, "{session:?} {shares:?}");
    assert_eq!(session.holder.agent(), active.first().map(|share| &share.agent), "control and share");
    let passed_to_queue = session.transfer.as_ref().is_some_and(|transfer| transfer.queue.is_some());
    assert_eq!(entry.is_some(), session.state == State::Queued || passed_to_queue, "{session:?}");
    if let Some(entry) = entry {
        assert_eq!(entry.offered, !offered.is_empty(), "entry and offer");
    }
    assert_eq!(session.ended.is_some(), session.state == State::Ended);
    assert!(session.ended.is_none() || (offered.is_empty() && session.transfer.is_none()));
}

async fn play(on: Trial, seed: u64) {
    let mut dice = Dice(seed);
    let mut game = Game::new(on).await;
    for step in 0..120 {
        game.step(&mut dice).await;
        game.check().await;
        if step % 3 == 0 {
            game.nobody_waits_in_vain().await;
            game.logs_are_whole(&mut dice).await;
            game.check().await;
        }
    }
    let ended = game.seen.values().filter(|(_, ended)| *ended).count();
    assert!(ended > 3, "seed {seed}: the game was too quiet ({ended} sessions ended)");
}

on_both! {
    any_order_of_events_leaves_rows_that_agree
}

async fn any_order_of_events_leaves_rows_that_agree(on: Trial) {
    for seed in 1..=3 {
        play(on, seed).await;
    }
}
