//! Who is offered what, and what becomes of it.

use super::*;
use crate::core::ending::Paperwork;
use crate::model::presence::Status;
use crate::model::session::State;

fn solved() -> Paperwork {
    Paperwork { disposition: Some("已解决".into()), ..Paperwork::default() }
}

on_both! {
    an_ignored_offer_goes_to_the_next_and_three_make_the_agent_busy
    a_rejected_offer_comes_back_after_the_cooldown_and_not_before
    one_of_two_tabs_takes_the_offer_and_nobody_else_can
    an_offer_that_ran_out_cannot_be_taken_before_the_timer_has_fired
    work_is_shared_by_the_share_of_the_capacity_in_use
    an_agent_picks_by_hand_while_busy_but_not_beyond_the_capacity
    a_break_keeps_what_is_served_and_the_paperwork_ends_by_itself
    the_disposition_is_kept_with_the_share
    a_lowered_capacity_evicts_nobody
}

/// Scenario 10.
async fn an_ignored_offer_goes_to_the_next_and_three_make_the_agent_busy(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 5, &["service"]).await;
    let wang = desk.writer("wang").await;
    let since = desk.session(wang.conv).await.queued_at;
    desk.only_offer(&li).await;
    let zhao = desk.hire("zhao", 5, &["service"]).await;
    desk.core.attached(&zhao).await.unwrap();
    desk.choose(&zhao, "ready").await;
    desk.pass(21).await;
    assert!(desk.offers(&li).await.is_empty());
    assert_eq!(desk.only_offer(&zhao).await.conv, wang.conv);
    desk.choose(&zhao, "break").await;
    assert_eq!(desk.person(&zhao).await.presence.load, 0, "a break takes the offer back");
    for missed in 1..3 {
        assert_eq!(desk.person(&li).await.misses, missed);
        desk.pass(31).await;
        desk.only_offer(&li).await;
        desk.pass(21).await;
    }
    let tired = desk.person(&li).await;
    assert_eq!((tired.presence.status, tired.reason.as_deref()), (Status::Busy, Some("no_answer")));
    assert_eq!(tired.presence.load, 0);
    desk.pass(31).await;
    assert!(desk.offers(&li).await.is_empty());
    let session = desk.session(wang.conv).await;
    assert_eq!((session.state, session.queued_at), (State::Queued, since));
    desk.choose(&li, "ready").await;
    assert_eq!(desk.person(&li).await.misses, 0);
    desk.route().await;
    assert_eq!(desk.accept(&li).await, wang.conv);
}

/// Scenario 11.
async fn a_rejected_offer_comes_back_after_the_cooldown_and_not_before(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 5, &["service"]).await;
    let wang = desk.writer("wang").await;
    let offer = desk.only_offer(&li).await;
    let forged = desk.core.offer_reject(&li, offer.assignment, "no".into(), None).await;
    assert_eq!(code(forged), Code::OfferGone);
    desk.core.offer_reject(&li, offer.assignment, offer.token, Some("在忙".into())).await.unwrap();
    desk.pass(14).await;
    assert!(desk.offers(&li).await.is_empty());
    assert_eq!(desk.person(&li).await.misses, 0);
    desk.pass(2).await;
    assert_eq!(desk.only_offer(&li).await.conv, wang.conv);
}

/// Scenario 29, and what the bad inputs of the catalogue say about accepting.
async fn one_of_two_tabs_takes_the_offer_and_nobody_else_can(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 5, &["service"]).await;
    let tab = desk.client(li.party.clone(), "tab-2");
    desk.core.attached(&tab).await.unwrap();
    let zhao = desk.ready("zhao", 0, &["service"]).await;
    let (_hold, mut ear) = desk.listen(&tab);
    desk.writer("wang").await;
    let offer = desk.only_offer(&li).await;
    let (id, token) = (offer.assignment, offer.token);
    assert_eq!(code(desk.core.offer_accept(&zhao, id, token.clone()).await), Code::OfferGone);
    assert_eq!(code(desk.core.offer_accept(&li, id, "0".repeat(32)).await), Code::OfferGone);
    let (one, two) =
        tokio::join!(desk.core.offer_accept(&li, id, token.clone()), desk.core.offer_accept(&tab, id, token.clone()));
    assert!(one.is_ok() != two.is_ok(), "exactly one");
    assert_eq!(code(one.and(two)), Code::OfferGone);
    let told = frames(&mut ear);
    let revoke = told.iter().find(|frame| frame["op"] == "offer.revoke").unwrap();
    assert_eq!(revoke["d"]["reason"], "taken_elsewhere");
    assert!(ops(&told).contains(&"conv"), "the other tab has the conversation too");
}

async fn an_offer_that_ran_out_cannot_be_taken_before_the_timer_has_fired(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 5, &["service"]).await;
    desk.writer("wang").await;
    let offer = desk.only_offer(&li).await;
    desk.turn(21);
    assert_eq!(code(desk.core.offer_accept(&li, offer.assignment, offer.token).await), Code::OfferGone);
    assert_eq!(desk.person(&li).await.presence.load, 1, "the failed accept changed nothing");
    desk.core.fire_due().await.unwrap();
    assert_eq!(desk.person(&li).await.presence.load, 0);
}

async fn work_is_shared_by_the_share_of_the_capacity_in_use(on: Trial) {
    let desk = Desk::open(on);
    let big = desk.ready("big", 4, &["service"]).await;
    let small = desk.ready("small", 2, &["service"]).await;
    let mut order = Vec::new();
    for n in 0..6 {
        desk.writer(&format!("w{n}")).await;
        for (client, name) in [(&big, "big"), (&small, "small")] {
            if !desk.offers(client).await.is_empty() {
                desk.accept(client).await;
                order.push(name);
            }
        }
    }
    let count = |name: &str| order.iter().filter(|seen| **seen == name).count();
    assert_eq!((count("big"), count("small")), (4, 2), "{order:?}");
    assert_eq!(order[..3].iter().filter(|seen| **seen == "small").count(), 1, "{order:?}");
}

async fn an_agent_picks_by_hand_while_busy_but_not_beyond_the_capacity(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.hire("li", 1, &["service"]).await;
    desk.core.attached(&li).await.unwrap();
    assert_eq!(code(desk.core.pull(&li, queue_id("service")).await), Code::NotFound);
    assert_eq!(desk.person(&li).await.presence.load, 0, "the failed pick gave the place back");
    let first = desk.writer("first").await;
    desk.turn(1);
    let second = desk.writer("second").await;
    assert_eq!(desk.core.pull(&li, queue_id("service")).await.unwrap().conv, first.conv);
    assert_eq!(code(desk.core.pull(&li, queue_id("service")).await), Code::AgentCapacity);
    assert_eq!(code(desk.core.pull(&li, queue_id("loan")).await), Code::NotFound);
    assert_eq!(desk.place(&second).await, Some(1));
}

/// Scenarios 22 and 23.
async fn a_break_keeps_what_is_served_and_the_paperwork_ends_by_itself(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 5, &["service"]).await;
    let wang = desk.writer("wang").await;
    desk.accept(&li).await;
    desk.writer("other").await;
    desk.accept(&li).await;
    assert_eq!(desk.choose(&li, "break").await.display, "break");
    desk.writer("third").await;
    assert!(desk.offers(&li).await.is_empty());
    desk.answers(&li, wang.conv, "马上好", None).await.unwrap();
    let session = desk.session(wang.conv).await.session;
    let share = desk.shares(&li).await.into_iter().find(|share| share.session == session).unwrap();
    assert_eq!(code(desk.core.wrapup_done(&li, share.assignment, Paperwork::default()).await), Code::Conflict);
    desk.core.end(&li, Some(session), None).await.unwrap();
    assert_eq!(desk.person(&li).await.presence.load, 1, "wrap-up keeps no place");
    let (_hold, mut ear) = desk.listen(&li);
    desk.pass(31).await;
    assert!(desk.shares(&li).await.iter().all(|share| share.session != session));
    assert!(ops(&frames(&mut ear)).contains(&"conv.gone"));
    desk.core.wrapup_done(&li, share.assignment, solved()).await.unwrap();
    assert_eq!(desk.person(&li).await.presence.status, Status::Break);
}

async fn the_disposition_is_kept_with_the_share(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 5, &["service"]).await;
    let wang = desk.writer("wang").await;
    desk.accept(&li).await;
    let share = desk.shares(&li).await.remove(0);
    desk.core.end(&wang.client, None, None).await.unwrap();
    desk.core.wrapup_done(&li, share.assignment, solved()).await.unwrap();
    let id = share.assignment;
    let stored = desk.read(move |tx| Ok(assignment::find(tx, id)?)).await.unwrap();
    assert_eq!(stored.disposition.as_deref(), Some("已解决"));
    assert_eq!((stored.state.as_str(), stored.reason.as_deref()), ("done", Some("contact")));
}

/// Scenario 24.
async fn a_lowered_capacity_evicts_nobody(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 3, &["service"]).await;
    let mut served = Vec::new();
    for name in ["a", "b"] {
        served.push(desk.writer(name).await);
        desk.accept(&li).await;
    }
    let view = desk.core.presence_set(&li, "ready", None, Some(1)).await.unwrap();
    assert_eq!((view.load, view.capacity), (2, 1));
    for customer in &served {
        assert_eq!(desk.session(customer.conv).await.state, State::Active);
    }
    desk.writer("c").await;
    desk.core.end(&served[0].client, None, None).await.unwrap();
    desk.route().await;
    assert!(desk.offers(&li).await.is_empty(), "one of one is taken");
    assert_eq!(code(desk.core.presence_set(&li, "ready", None, Some(-1)).await), Code::BadRequest);
    assert_eq!(code(desk.core.presence_set(&li, "asleep", None, None).await), Code::BadRequest);
}
