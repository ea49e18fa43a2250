//! Takes commands from the bus and ends each of them: done, parked, tried again later. Knows when, not what.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::answer::{Answer, Done, refusal};
use super::kind::Order;
use super::letter::{Letter, Unreadable};
use crate::bus::command::{Command, Commands, Door};
use crate::bus::{self, Bus};
use crate::core::{Core, Error};
use crate::model::code::Code;
use crate::model::time::Millis;
use crate::runtime::{Backoff, Stop};

/// Waits before a command is tried again because something that it needs is away.
const AWAY: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
/// A command is held back so long for that; then it goes to the end of its queue. Well below the half hour after which
/// the broker takes us for dead.
const HOLD: Duration = Duration::from_secs(600);
/// Waits before a command that failed through a fault of ours is given back.
const FAULT: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
/// Waits before the broker is called again.
const RECONNECT: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(5));
/// While the trouble stays the same it is told again after so many tries: every few minutes.
const TELL_AGAIN: u32 = 60;
/// Commands under way get so long to finish after the order to stop.
const FINISH: Duration = Duration::from_secs(5);
/// A node's own orders take no longer than this.
const NODE_ORDER: Duration = Duration::from_secs(30);

/// What a process is ordered to do, for whoever runs it.
#[derive(Debug)]
pub enum NodeOrder {
    /// Read the declarations of tenants again; tells how many are new in force, or what is wrong.
    Reload(oneshot::Sender<Result<usize, String>>),
    /// End in order.
    Drain(oneshot::Sender<Result<usize, String>>),
}

/// How a command ends.
enum End {
    Done(String),
    Park(&'static str, String),
    Fail,
    PutBack,
    /// The process ends: another node takes it up.
    Leave,
}

impl Core {
    /// Takes commands from the bus until `stop`. Orders to the process go to `node`.
    pub async fn run_orders(&self, bus: Bus, node: mpsc::Sender<NodeOrder>, stop: Stop) {
        let mut failures: u32 = 0;
        while !stop.is_cancelled() {
            let subscribed = tokio::select! {
                subscribed = bus.subscribe(self.node()) => subscribed,
                () = stop.cancelled() => return,
            };
            let error = match subscribed {
                Ok(commands) => {
                    if failures > 0 {
                        tracing::info!(failures, "commands are taken again");
                    }
                    failures = 0;
                    match self.take_commands(commands, &node, &stop).await {
                        Ok(()) => return,
                        Err(error) => error,
                    }
                }
                Err(error) => error,
            };
            if failures.is_multiple_of(TELL_AGAIN) {
                tracing::error!(error = %error, "no commands can be taken");
            }
            drop(tokio::time::timeout(RECONNECT.draw(failures), stop.cancelled()).await);
            failures = failures.saturating_add(1);
        }
    }

    /// Works on commands in the order in which they came, several at a time.
    async fn take_commands(
        &self,
        mut commands: Commands,
        node: &mpsc::Sender<NodeOrder>,
        stop: &Stop,
    ) -> Result<(), bus::Error> {
        let mut working = FuturesUnordered::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(()) = working.next() => {}
                next = commands.next() => working.push(self.serve(next?, node, stop)),
            }
        }
        let finish = async { while working.next().await.is_some() {} };
        // What is not finished by then is not acknowledged: another node takes it up and finds what was noted.
        drop(tokio::time::timeout(FINISH, finish).await);
        Ok(())
    }

    async fn serve(&self, command: Command, node: &mpsc::Sender<NodeOrder>, stop: &Stop) {
        let arrived = self.clock().now();
        let letter = Letter::read(command.id.as_deref(), &command.body);
        let name = letter.as_ref().map_or("unreadable", |letter| letter.order.name());
        let end = match letter {
            Ok(letter) => self.end_of(&command, letter, arrived, node, stop).await,
            Err(unreadable) => {
                let Unreadable { reason, .. } = unreadable;
                End::Park(reason, refusal(unreadable.into()))
            }
        };
        let word = match &end {
            End::Done(reply) if reply.starts_with("{\"ok\"") => "ok",
            End::Done(reply) => code_of(reply),
            End::Park(reason, _) => reason,
            End::Fail => "failed",
            End::PutBack => "put_back",
            End::Leave => "left",
        };
        self.inner.orders.count(name, word);
        let failures = command.failures;
        let ended = match end {
            End::Done(reply) => command.done(&reply).await,
            End::Park(reason, reply) => {
                tracing::warn!(command = name, reason, "a command is parked");
                command.park(reason, &reply).await
            }
            End::Fail => {
                drop(tokio::time::timeout(FAULT.draw(failures), stop.cancelled()).await);
                command.fail().await
            }
            End::PutBack => command.put_back().await,
            End::Leave => return,
        };
        if let Err(error) = ended {
            tracing::warn!(error = %error, command = name, "a command could not be ended; it comes again");
        }
    }

    /// Carries a command out, with patience for what it needs.
    async fn end_of(
        &self,
        command: &Command,
        letter: Letter,
        arrived: Millis,
        node: &mpsc::Sender<NodeOrder>,
        stop: &Stop,
    ) -> End {
        if letter.order.is_for_node() != (command.door == Door::Node) {
            let text = "路由键应为 any，节点指令则为 all 或节点号 / use routing key any, for orders to nodes all or a node's id";
            return End::Done(refusal(Error::new(Code::BadRequest, text)));
        }
        if command.door == Door::Node {
            return End::Done(self.to_node(&letter.order, node).await);
        }
        let mut tries = 0;
        loop {
            let waited = self.clock().now().since(arrived);
            if command.life.is_some_and(|life| waited > life) {
                return End::Park(
                    "expired",
                    refusal(Error::new(Code::Timeout, "指令已过期 / the command has expired")),
                );
            }
            let error = match self.obey(letter.clone()).await {
                Ok(reply) => return End::Done(reply),
                Err(error) => error,
            };
            if error.code == Code::Internal {
                tracing::error!(error = ?error, command = letter.order.name(), "a command failed");
                return End::Fail;
            }
            if waited > HOLD {
                return End::PutBack;
            }
            if tries == 0 {
                tracing::warn!(error = ?error, command = letter.order.name(), "a command waits for what it needs");
                self.inner.orders.count(letter.order.name(), "waits");
            }
            tokio::select! {
                () = tokio::time::sleep(AWAY.draw(tries)) => {}
                () = stop.cancelled() => return End::Leave,
            }
            tries = tries.saturating_add(1);
        }
    }

    /// Hands an order over to whoever runs the process.
    async fn to_node(&self, order: &Order, node: &mpsc::Sender<NodeOrder>) -> String {
        let (answer, answered) = oneshot::channel();
        let (order, reloads) = match order {
            Order::Reload {} => (NodeOrder::Reload(answer), true),
            _ => (NodeOrder::Drain(answer), false),
        };
        let busy = || refusal(Error::new(Code::DependencyUnavailable, "节点忙 / the node is busy"));
        if node.try_send(order).is_err() {
            return busy();
        }
        match tokio::time::timeout(NODE_ORDER, answered).await {
            Ok(Ok(Ok(changed))) => {
                let changed = reloads.then_some(changed);
                let done = Answer::Done(Done::Node { node: self.node(), changed });
                done.text().unwrap_or_else(refusal)
            }
            Ok(Ok(Err(what))) => refusal(Error::new(Code::BadRequest, what)),
            Ok(Err(_)) | Err(_) => busy(),
        }
    }
}

/// The code in a refusal, as a word of a fixed set.
fn code_of(reply: &str) -> &'static str {
    let value: Value = serde_json::from_str(reply).unwrap_or_default();
    let code = value.pointer("/err/code").cloned().unwrap_or_default();
    serde_json::from_value::<Code>(code).map_or("refused", Code::as_str)
}
