//! What is done in no lane, while others change the same rows at the same time, and what stands behind the rest of its lane.

use std::sync::{Arc, Mutex};

use futures_util::future::join_all;

use super::{customer, scope};
use crate::model::id::ConversationId;
use crate::store::cursor::{self, Cursor};
use crate::store::trial::{Trial, on_both};
use crate::store::{Course, Error, Scope, Tx};

on_both! {
    a_cursor_never_goes_back_whoever_comes_last
    nodes_that_move_one_cursor_do_not_stand_in_each_other_s_way
    who_bears_to_wait_lets_a_message_pass_and_keeps_its_order
}

async fn moves(node: &Scope, conv: ConversationId, to: i64) -> Result<(), Error> {
    let now = Cursor { delivered: to, seen: to / 2 };
    node.repeat(Course::Beside, None, move |tx| cursor::set(tx, conv, "agent:li", "tab", now)).await
}

async fn stands(node: &Scope, conv: ConversationId) -> Cursor {
    let of = node.read(move |tx| cursor::of_device(tx, conv, "agent:li", "tab")).await;
    of.unwrap().expect("a cursor")
}

async fn a_cursor_never_goes_back_whoever_comes_last(on: Trial) {
    let ground = on.ground();
    let node = scope(&ground.store());
    let conv = customer(&node, "o1").await.conv;
    for to in [8, 4, 9, 1] {
        moves(&node, conv, to).await.unwrap();
    }
    assert_eq!(stands(&node, conv).await, Cursor { delivered: 9, seen: 4 });
}

async fn nodes_that_move_one_cursor_do_not_stand_in_each_other_s_way(on: Trial) {
    let ground = on.ground();
    let nodes = [scope(&ground.store()), scope(&ground.store())];
    let (a, b) = (customer(&nodes[0], "o1").await.conv, customer(&nodes[0], "o2").await.conv);
    for round in 0..20 {
        let moved = nodes.iter().flat_map(|node| [a, b].map(|conv| moves(node, conv, round)));
        assert!(join_all(moved).await.into_iter().all(|moved| moved.is_ok()));
    }
    assert_eq!((stands(&nodes[0], a).await.delivered, stands(&nodes[1], b).await.delivered), (19, 19));
}

async fn who_bears_to_wait_lets_a_message_pass_and_keeps_its_order(on: Trial) {
    let ground = on.ground();
    let node = scope(&ground.store());
    customer(&node, "o1").await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let job = |course, name: &'static str| {
        let order = Arc::clone(&order);
        node.repeat(course, None, move |_| {
            order.lock().unwrap().push(name);
            Ok::<_, Error>(())
        })
    };
    let (let_go, held) = std::sync::mpsc::channel();
    let (begun, begins) = tokio::sync::oneshot::channel();
    let holder = node.clone();
    let holds = tokio::spawn(async move {
        let work = move |_: &mut Tx<'_>| {
            begun.send(()).map_err(|()| Error::Unavailable)?;
            held.recv().map_err(|_closed| Error::Unavailable)
        };
        holder.write(work).await
    });
    begins.await.unwrap();
    let waiting = [(Course::Behind, "a socket"), (Course::Behind, "another"), (Course::Lane, "a message")];
    let waiting: Vec<_> = waiting.into_iter().map(|(course, name)| job(course, name)).collect();
    let_go.send(()).unwrap();
    holds.await.unwrap().unwrap();
    assert!(join_all(waiting).await.into_iter().all(|done| done.is_ok()));
    assert_eq!(*order.lock().unwrap(), ["a message", "a socket", "another"]);
}

/// On SQLite there is one writer for everything; with lanes, nobody waits for one that does not need it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lane_that_is_held_holds_up_nobody_beside_it() {
    let ground = Trial::Postgres.ground();
    let node = scope(&ground.store());
    let conv = customer(&node, "o1").await.conv;
    let (let_go, held) = std::sync::mpsc::channel();
    let holds = node.write(move |_| held.recv().map_err(|_closed| Error::Unavailable));
    let moved = async {
        moves(&node, conv, 3).await.unwrap();
        let_go.send(()).unwrap();
    };
    let (held, ()) = tokio::join!(holds, moved);
    held.unwrap();
    assert_eq!(stands(&node, conv).await.delivered, 3);
}
