//! Machines' work: turns of robots are taken by one node at a time and in order, steps of forms happen once.

use super::{NOW, account, customer, scope};
use crate::model::dialogue::Dialogue;
use crate::model::id::{FlowId, SessionId};
use crate::model::time::Millis;
use crate::store::trial::{Trial, on_both};
use crate::store::turn::{Done, Turn};
use crate::store::{Scope, dialogue, faq, flow, turn, unknown};

on_both! {
    a_turn_is_taken_by_one_node_until_its_time_is_over
    turns_of_a_session_are_taken_in_order
    a_step_of_a_form_happens_once
    what_a_robot_remembers_is_read_back
    the_version_of_a_question_base_grows_with_every_change
    unknown_questions_are_counted
}

const LATER: Millis = Millis(NOW.0 + 5_000);

fn asked(conv: crate::model::id::ConversationId, session: SessionId, seq: i64) -> Turn {
    Turn {
        conv,
        seq,
        session,
        epoch: 1,
        adapter: "faq".into(),
        query: format!("第 {seq} 问"),
        chosen: None,
        slot: Some((account(), format!("d{seq}"))),
        asked_at: NOW,
        tries: 0,
    }
}

async fn a_turn_is_taken_by_one_node_until_its_time_is_over(on: Trial) {
    let ground = on.ground();
    let (one, two) = (scope(&ground.store()), scope(&ground.store()));
    let conv = customer(&one, "o1").await.conv;
    let session = SessionId::generate(NOW);
    let written = asked(conv, session, 1);
    one.write(move |tx| turn::add(tx, &written, NOW)).await.unwrap();
    let take = async |node: &Scope, now| node.write(move |tx| turn::claim(tx, session, now, LATER)).await;
    let (a, b) = tokio::join!(take(&one, NOW), take(&two, NOW));
    let taken: Vec<Turn> = [a.unwrap(), b.unwrap()].into_iter().flatten().collect();
    assert_eq!(taken.len(), 1, "one of two");
    assert_eq!(taken[0].slot, Some((account(), "d1".into())));
    assert_eq!(take(&two, Millis(LATER.0 - 1)).await.unwrap(), None);
    let again = take(&two, LATER).await.unwrap().expect("its node is taken to be dead");
    assert_eq!(again.tries, 1);
    let (first, second) = (again.clone(), again);
    let finish = async |turn: Turn, decision| {
        one.write(move |tx| turn::finish(tx, &turn, &Done { decision, ..Done::default() })).await
    };
    assert!(finish(first, "answer").await.unwrap());
    assert!(!finish(second, "stale").await.unwrap(), "the first outcome stands");
    let traces = one.read(move |tx| turn::of_session(tx, session, 10)).await.unwrap();
    assert_eq!(traces[0].decision.as_deref(), Some("answer"));
}

async fn turns_of_a_session_are_taken_in_order(on: Trial) {
    let ground = on.ground();
    let one = scope(&ground.store());
    let conv = customer(&one, "o1").await.conv;
    let session = SessionId::generate(NOW);
    for seq in [2, 1] {
        let written = asked(conv, session, seq);
        one.write(move |tx| turn::add(tx, &written, NOW)).await.unwrap();
    }
    let take = async || one.write(move |tx| turn::claim(tx, session, NOW, LATER)).await;
    let first = take().await.unwrap().expect("the first");
    assert_eq!(first.seq, 1);
    assert_eq!(take().await.unwrap(), None, "the second waits for the first");
    one.write(move |tx| turn::finish(tx, &first, &Done::default())).await.unwrap();
    assert_eq!(take().await.unwrap().map(|turn| turn.seq), Some(2));
}

async fn a_step_of_a_form_happens_once(on: Trial) {
    let ground = on.ground();
    let (one, two) = (scope(&ground.store()), scope(&ground.store()));
    let conv = customer(&one, "o1").await.conv;
    let session = SessionId::generate(NOW);
    let run = flow::Run { session, purpose: "flow".into(), conv, body: "{}".into(), version: 1 };
    let begun = run.clone();
    one.write(move |tx| flow::begin(tx, &begun)).await.unwrap();
    let step =
        async |node: &Scope, run: flow::Run| node.write(move |tx| flow::advance(tx, &run, r#"{"n":2}"#, 2)).await;
    let (a, b) = tokio::join!(step(&one, run.clone()), step(&two, run.clone()));
    assert_eq!(u8::from(a.unwrap()) + u8::from(b.unwrap()), 1);
    let old = run.clone();
    assert!(!one.write(move |tx| flow::end(tx, &old)).await.unwrap(), "it went on since it was read");
    let now = two.read(move |tx| flow::run(tx, session, "flow")).await.unwrap().expect("a run");
    assert_eq!((now.version, now.body.as_str()), (2, r#"{"n":2}"#));
    assert!(one.write(move |tx| flow::end(tx, &now)).await.unwrap());
    let id = FlowId::parse("leave").unwrap();
    let add = async |version| {
        let id = id.clone();
        one.write(move |tx| flow::add(tx, &id, version, "flow: leave", NOW)).await
    };
    assert!(add(1).await.unwrap() && add(2).await.unwrap());
    assert!(!add(2).await.unwrap(), "a version is written once");
}

async fn what_a_robot_remembers_is_read_back(on: Trial) {
    let ground = on.ground();
    let one = scope(&ground.store());
    let session = SessionId::generate(NOW);
    let read = async || one.read(move |tx| dialogue::find(tx, session)).await;
    assert_eq!(read().await.unwrap(), Dialogue::default());
    let memory = Dialogue { missed: 3, turns: vec![NOW], ..Dialogue::default() };
    for kept in [Dialogue::default(), memory.clone()] {
        one.write(move |tx| dialogue::keep(tx, session, &kept)).await.unwrap();
    }
    assert_eq!(read().await.unwrap(), memory);
}

async fn the_version_of_a_question_base_grows_with_every_change(on: Trial) {
    let ground = on.ground();
    let store = ground.store();
    let one = scope(&store);
    let words = vec!["龙腾贷".to_owned()];
    let kept = words.clone();
    one.write(faq::changed).await.unwrap();
    one.write(move |tx| faq::set_vocabulary(tx, &kept, &[])).await.unwrap();
    one.write(faq::changed).await.unwrap();
    let found = one.read(faq::vocabulary).await.unwrap();
    assert_eq!((found.version, found.words), (3, words));
    let versions = store.survey(faq::versions).await.unwrap();
    assert_eq!(versions.len(), 1);
    assert_eq!(versions[0].1, 3);
}

async fn unknown_questions_are_counted(on: Trial) {
    let ground = on.ground();
    let one = scope(&ground.store());
    for (query, sample) in [("火星", "火星?"), ("木星", "木星"), ("火星", "火星呢")] {
        one.write(move |tx| unknown::count(tx, query, sample, NOW)).await.unwrap();
    }
    let open = async || one.read(|tx| unknown::page(tx, "open", None, 10)).await;
    let found = open().await.unwrap();
    assert_eq!(found.iter().map(|one| (one.query.as_str(), one.times)).collect::<Vec<_>>(), [("火星", 2), ("木星", 1)]);
    assert_eq!(found[0].sample, "火星呢");
    let done = one.write(|tx| unknown::set_state(tx, "火星", "done")).await.unwrap();
    assert!(done);
    assert_eq!(open().await.unwrap().len(), 1);
}
