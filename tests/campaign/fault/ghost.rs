//! An agent at two places: on a node that sleeps and wakes with old orders in its hands, and on two nodes in turn.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{Requirement, Stage};
use crate::history::{Kind, Line, What};
use crate::load::client::Order;
use crate::load::crowd::{self, Door, Member};
use crate::load::pace::firm_of;
use crate::load::socket::Next;
use crate::load::web::{number, text};
use crate::system::declare::{AGENTS, FIRMS, Firm};

/// Agents of each tenant that have a second device on the node that will sleep.
const EACH: usize = 4;

/// A second device of an agent, and what it said while the node slept.
struct Ghost {
    member: Member,
    name: String,
    firm: Firm,
    agent: usize,
    said: Vec<(u64, String)>,
}

/// F03: a node sleeps; its agents' sessions pass on; it wakes and finds what was said under the old epochs.
pub(super) async fn sleeping_node(stage: &mut Stage<'_>) -> anyhow::Result<Vec<Requirement>> {
    let door = Door { address: stage.system.nodes[0].address, receive: None };
    let mut ghosts = Vec::new();
    for (f, firm) in FIRMS.into_iter().enumerate() {
        for n in 0..EACH {
            let login = firm.agent(n);
            for member in crowd::devices(&stage.world, door, firm, &login, 1).await? {
                let (name, agent) = (format!("agent:{}:{login}#9", firm.id), f * AGENTS + n);
                ghosts.push(Ghost { member, name, firm, agent, said: Vec::new() });
            }
        }
    }
    stage.harm("a node sleeps");
    stage.system.nodes[0].signal("STOP")?;
    for ghost in &mut ghosts {
        stage.whispers(ghost).await?;
    }
    // Their own clients give the same sessions away, on the node that is awake or as soon as they are there.
    for ghost in &ghosts {
        for (_, conv) in &ghost.said {
            stage.crew.tell(ghost.agent, Order::Pass(conv.clone())).await;
        }
    }
    tokio::time::sleep(Duration::from_secs(45)).await;
    stage.system.nodes[0].signal("CONT")?;
    let (journal, listening) = (stage.journal, Duration::from_secs(10));
    let heard = join_all(ghosts.into_iter().map(|ghost| ghost.listens(journal, listening))).await;
    stage.heal("a node sleeps");
    let (refused, accepted) = heard.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    Ok(vec![
        Requirement::at_least("late writes refused by their epoch", refused, 1),
        Requirement::noted("late writes whose session had not passed on", accepted.to_string()),
    ])
}

impl Stage<'_> {
    /// The ghost speaks in every session that its agent has, into the buffers of a node that sleeps.
    async fn whispers(&self, ghost: &mut Ghost) -> anyhow::Result<()> {
        let state = ghost.member.state.get("convs").and_then(Value::as_array).cloned().unwrap_or_default();
        for (head, op) in state.iter().zip(1..) {
            let Some(conv) = text(head, "conv").map(str::to_owned) else { continue };
            let Some(session) = head.get("session").filter(|session| text(session, "state") == Some("active")) else {
                continue;
            };
            let Some(thread) = self.world.desk.thread(&conv) else { continue };
            let words = self.world.mint.write(self.world.token(&firm_of(thread), thread));
            let epoch = number(session, "control_epoch");
            let mut line = ghost.line(self.journal.now(), Kind::Invoke, op);
            (line.conv, line.tok, line.epoch) = (Some(conv.clone()), vec![words.clone()], epoch);
            line.sess = text(session, "session").map(str::to_owned);
            self.journal.write(&line);
            let cid = format!("g{}-{op}", ghost.agent);
            let d = json!({ "conv": conv, "cid": cid, "type": "text", "body": { "text": words }, "epoch": epoch });
            ghost.member.socket.send(&json!({ "id": 100 + op, "op": "send", "d": d })).await?;
            ghost.said.push((op, conv));
        }
        Ok(())
    }
}

impl Ghost {
    fn line(&self, t: u64, kind: Kind, op: u64) -> Line {
        let mut line = Line::new(t, &self.name, kind, What::Send);
        (line.op, line.ten) = (op, self.firm.id.to_owned());
        line
    }

    /// Hears what became of its words; how many were refused and accepted.
    async fn listens(mut self, journal: &crate::journal::Journal, within: Duration) -> (i64, i64) {
        let (mut refused, mut accepted) = (0, 0);
        let end = tokio::time::Instant::now() + within;
        while let Ok(Next::Frame(frame)) = tokio::time::timeout_at(end, self.member.socket.next()).await {
            let Some(op) = frame.get("id").and_then(Value::as_u64).and_then(|id| id.checked_sub(100)) else { continue };
            match (frame.get("ok"), frame.get("err")) {
                (Some(ok), _) => {
                    let mut line = self.line(journal.now(), Kind::Ok, op);
                    (line.seq, line.id) = (number(ok, "seq"), text(ok, "id").map(str::to_owned));
                    journal.write(&line);
                    accepted += 1;
                }
                (None, err) => {
                    let code = err.and_then(|err| text(err, "code")).unwrap_or_default();
                    let unknown = matches!(code, "timeout" | "internal" | "dependency_unavailable");
                    let mut line = self.line(journal.now(), if unknown { Kind::Info } else { Kind::Fail }, op);
                    code.clone_into(&mut line.code);
                    journal.write(&line);
                    refused += i64::from(matches!(code, "stale_epoch" | "not_in_control" | "session_ended"));
                }
            }
        }
        (refused, accepted)
    }
}

/// F33: one device of an agent comes back ten times a second, on two nodes in turn.
pub(super) async fn ping_pong(stage: &mut Stage<'_>) -> anyhow::Result<Vec<Requirement>> {
    let doors: Vec<_> = stage.system.nodes.iter().map(|node| Door { address: node.address, receive: None }).collect();
    let first = doors.first().copied().ok_or_else(|| anyhow::anyhow!("no node"))?;
    let firm = FIRMS[3];
    let mut member = crowd::devices(&stage.world, first, firm, &firm.agent(9), 1).await?.remove(0);
    stage.harm("one device on two nodes in turn");
    let (mut left, mut slowest) = (Vec::new(), Duration::ZERO);
    for n in 0..if stage.brief { 50 } else { 200_usize } {
        let door = doors.get(n % doors.len()).copied().unwrap_or(first);
        let begun = std::time::Instant::now();
        let (zombie, next) = member.moves(door).await?;
        slowest = slowest.max(begun.elapsed());
        left.push(zombie);
        member = next;
        tokio::time::sleep(Duration::from_millis(100).saturating_sub(begun.elapsed())).await;
    }
    let closed = join_all(left.into_iter().map(|socket| crowd::ends(socket, Duration::from_secs(15)))).await;
    let replaced = closed.iter().filter(|code| matches!(code, Ok(Some(4003)))).count();
    let open = closed.iter().filter(|code| code.is_err()).count();
    let leases = stage.system.database.count("FROM lease WHERE device = 'crowd-0'").await?;
    let alive = member.is_alive().await;
    stage.heal("one device");
    Ok(vec![
        Requirement::noted("sockets replaced, with 4003 read", format!("{} of {}", replaced, closed.len())),
        Requirement::at_most("replaced sockets that are still open", super::figure(i64::try_from(open)?), 0.0, ""),
        Requirement::at_most("leases of the device", super::figure(leases), 1.0, ""),
        Requirement::at_least("the last socket lives", i64::from(alive), 1),
        Requirement::at_most("a change of nodes takes", slowest.as_secs_f64(), 5.0, "s"),
    ])
}
