use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::*;
use crate::model::id::{ConversationId, TenantId};
use crate::model::presence::Status;
use crate::store::Scope;
use crate::store::agent;
use crate::store::queue::{self, Entry};
use crate::store::session::{self, Session};
use crate::store::tenant::DeclaredAgent;
use crate::store::trial::{Trial, on_both};

const NOW: Millis = Millis(1_795_392_000_000);
const WAITING: i64 = 200;
const AGENTS: i32 = 10;
const CAPACITY: i32 = 3;

fn queue_id() -> QueueId {
    QueueId::parse("service").unwrap()
}

fn declared(id: AgentId) -> DeclaredAgent {
    DeclaredAgent {
        login: id.to_string(),
        name: id.to_string(),
        id,
        password_hash: String::new(),
        role: "agent",
        capacity: CAPACITY,
        queues: vec![queue_id()],
    }
}

async fn furnish(scope: &Scope) {
    scope
        .write(|tx| {
            let named = (0..AGENTS).map(|n| AgentId::parse(&format!("a{n}")).unwrap());
            let declared: Vec<DeclaredAgent> = named.map(declared).collect();
            crate::store::tenant::apply(tx, "", &declared, NOW)?;
            for DeclaredAgent { id, .. } in &declared {
                agent::set_online(tx, id, true)?;
                agent::set_status(tx, id, Status::Ready, None)?;
            }
            for n in 0..WAITING {
                let conv = ConversationId::generate(NOW);
                let new = Session::started(SessionId::generate(NOW), conv, NOW);
                session::insert(tx, &new)?;
                let enqueued_at = Millis(NOW.0 + n);
                queue::insert(
                    tx,
                    &Entry { session: new.session, conv, queue: queue_id(), offered: false, priority: 0, enqueued_at },
                )?;
            }
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
}

on_both! {
    twelve_assigners_fill_thirty_places
    the_index_refuses_a_second_live_assignment
}

/// Twelve assigners race for thirty places and two hundred sessions. Each has a store of its own on the same tables,
/// as different nodes have.
async fn twelve_assigners_fill_thirty_places(on: Trial) {
    let ground = on.ground();
    let tenant = TenantId::parse("race").unwrap();
    let here = ground.store().tenant(&tenant);
    furnish(&here).await;
    let mut racers = tokio::task::JoinSet::new();
    for n in 0..12 {
        let scope = if n % 4 == 0 { ground.store().tenant(&tenant) } else { here.clone() };
        racers.spawn(async move {
            let mut made = Vec::new();
            let terms = Terms { now: NOW, deadline: NOW.plus(Duration::from_secs(20)) };
            while let Some(offer) = scope.write(move |tx| claim(tx, &queue_id(), terms)).await.unwrap() {
                made.push(offer);
            }
            made
        });
    }
    let offers: Vec<Assignment> = racers.join_all().await.into_iter().flatten().collect();
    assert_eq!(offers.len(), 30);
    let sessions: HashSet<SessionId> = offers.iter().map(|offer| offer.session).collect();
    assert_eq!(sessions.len(), 30, "a session was given twice");
    let mut loads: HashMap<AgentId, i32> = HashMap::new();
    for offer in &offers {
        *loads.entry(offer.agent.clone()).or_default() += 1;
    }
    assert!(loads.values().all(|load| *load == CAPACITY), "{loads:?}");
    here.read(|tx| {
        for agent in agent::all(tx)? {
            assert_eq!(agent.presence.load, CAPACITY);
        }
        let first = queue::first(tx, &queue_id(), 30)?;
        assert!(first.iter().all(|entry| entry.offered), "served out of turn");
        assert_eq!(queue::waiting(tx, &queue_id(), 500)?.len(), 170);
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

async fn the_index_refuses_a_second_live_assignment(on: Trial) {
    let ground = on.ground();
    let scope = ground.store().tenant(&TenantId::parse("t").unwrap());
    let terms = Terms { now: NOW, deadline: NOW };
    let session = SessionId::generate(NOW);
    let offer = move |agent: &str| terms.offer(session, ConversationId::generate(NOW), AgentId::parse(agent).unwrap());
    let first = offer("a");
    scope.write(move |tx| insert(tx, &first)).await.unwrap();
    let second = offer("b");
    let refused = scope.write(move |tx| insert(tx, &second)).await.unwrap_err();
    assert!(refused.is_duplicate());
}
