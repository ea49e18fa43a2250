//! Sessions that are passed on.

use super::*;
use crate::core::request::Target;
use crate::model::assignment::State as Share;
use crate::model::session::Holder;

/// A session that `li` answers.
async fn served(desk: &Desk, li: &Client) -> (Customer, SessionId) {
    let wang = desk.writer("wang").await;
    desk.accept(li).await;
    let session = desk.session(wang.conv).await.session;
    (wang, session)
}

async fn holder(desk: &Desk, conv: ConversationId) -> Holder {
    desk.session(conv).await.holder
}

on_both! {
    the_giver_keeps_the_session_until_somebody_of_the_queue_takes_it
    a_colleague_who_declines_or_does_not_answer_leaves_it_where_it_was
    impossible_transfers_are_refused_each_with_its_code
    the_end_of_the_session_ends_the_transfer
    a_transfer_that_nobody_of_the_queue_takes_comes_back_in_time
    what_is_passed_on_is_not_picked_back_by_hand
}

/// Scenario 14.
async fn the_giver_keeps_the_session_until_somebody_of_the_queue_takes_it(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 2, &["service", "loan"]).await;
    let (wang, session) = served(&desk, &li).await;
    let zhao = desk.ready("zhao", 2, &["loan"]).await;
    let before = desk.texts(wang.conv).await.len();
    let to = Target::Queue(queue_id("loan"));
    desk.core.transfer(&li, session, to.clone(), Some("要贷款".into())).await.unwrap();
    assert_eq!(code(desk.core.transfer(&li, session, to, None).await), Code::Conflict);
    desk.route().await;
    desk.answers(&li, wang.conv, "同事马上来", None).await.unwrap();
    assert!(desk.offers(&li).await.is_empty(), "not to the giver");
    assert_eq!(desk.accept(&zhao).await, wang.conv);
    assert_eq!(holder(&desk, wang.conv).await, Holder::Agent(client_agent(&zhao)));
    assert_eq!(code(desk.answers(&li, wang.conv, "我再说一句", None).await), Code::NotInControl);
    let texts = desk.texts(wang.conv).await;
    assert_eq!(texts.len(), before + 2, "one line of the agent, one of the system: {texts:?}");
    assert!(texts.last().unwrap().contains("客服zhao"), "{texts:?}");
    let shares = desk.shares(&li).await;
    assert_eq!((shares[0].state, shares[0].reason.as_deref()), (Share::Wrapup, Some("transferred")));
    assert_eq!(desk.person(&li).await.presence.load, 0);
    assert_eq!(desk.person(&zhao).await.presence.load, 1);
    let log = desk.log(wang.conv).await;
    assert!(log.iter().any(|e| matches!(&e.content, Content::Note { text } if text == "要贷款") && !e.for_contact()));
}

/// Scenario 15.
async fn a_colleague_who_declines_or_does_not_answer_leaves_it_where_it_was(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 2, &["service"]).await;
    let (wang, session) = served(&desk, &li).await;
    let epoch = desk.session(wang.conv).await.control_epoch;
    let zhao = desk.ready("zhao", 2, &["loan"]).await;
    let to = Target::Agent(client_agent(&zhao));
    desk.core.transfer(&li, session, to.clone(), None).await.unwrap();
    let offer = desk.only_offer(&zhao).await;
    assert_eq!(offer.transfer_from, Some(client_agent(&li)));
    desk.core.offer_reject(&zhao, offer.assignment, offer.token, None).await.unwrap();
    assert_eq!(desk.session(wang.conv).await.transfer, None);
    desk.core.transfer(&li, session, to.clone(), None).await.unwrap();
    desk.pass(21).await;
    assert_eq!(desk.session(wang.conv).await.transfer, None);
    desk.core.transfer(&li, session, to, None).await.unwrap();
    let offer = desk.only_offer(&zhao).await;
    desk.core.transfer_cancel(&li, session).await.unwrap();
    assert_eq!(code(desk.core.offer_accept(&zhao, offer.assignment, offer.token).await), Code::OfferGone);
    assert_eq!(code(desk.core.transfer_cancel(&li, session).await), Code::Conflict);
    assert_eq!(holder(&desk, wang.conv).await, Holder::Agent(client_agent(&li)));
    desk.answers(&li, wang.conv, "还是我", Some(epoch)).await.unwrap();
    assert_eq!(desk.person(&zhao).await.presence.load, 0);
    let failed = desk.events().await.into_iter().filter(|kind| kind == "transfer.failed").count();
    assert_eq!(failed, 3);
}

/// Transfers to nowhere.
async fn impossible_transfers_are_refused_each_with_its_code(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 2, &["service"]).await;
    let (wang, session) = served(&desk, &li).await;
    let zhao = desk.hire("zhao", 2, &["loan"]).await;
    let to = |name: &str| Target::Agent(AgentId::parse(name).unwrap());
    let queue = |name: &str| Target::Queue(queue_id(name));
    for (target, expected) in [
        (to("li"), Code::BadRequest),
        (to("zhao"), Code::NoAgent),
        (to("of-another-tenant"), Code::NotFound),
        (queue("nowhere"), Code::NotFound),
        (queue("loan"), Code::NoAgent),
        (queue("service"), Code::NoAgent),
    ] {
        assert_eq!(code(desk.core.transfer(&li, session, target.clone(), None).await), expected, "{target:?}");
    }
    assert_eq!(code(desk.core.transfer(&zhao, session, to("li"), None).await), Code::NotFound, "never theirs");
    let unknown = SessionId::generate(desk.clock.now());
    assert_eq!(code(desk.core.transfer(&li, unknown, to("zhao"), None).await), Code::NotFound);
    assert_eq!(desk.session(wang.conv).await.transfer, None);
    assert_eq!(desk.person(&li).await.presence.load, 1);
}

async fn the_end_of_the_session_ends_the_transfer(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 2, &["service"]).await;
    let (wang, session) = served(&desk, &li).await;
    let zhao = desk.ready("zhao", 2, &["loan"]).await;
    desk.core.transfer(&li, session, Target::Agent(client_agent(&zhao)), None).await.unwrap();
    desk.core.end(&wang.client, None, None).await.unwrap();
    assert!(desk.offers(&zhao).await.is_empty());
    assert_eq!(desk.person(&zhao).await.presence.load, 0);
    assert_eq!(desk.person(&li).await.presence.load, 0);
}

async fn a_transfer_that_nobody_of_the_queue_takes_comes_back_in_time(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 2, &["service"]).await;
    let (wang, session) = served(&desk, &li).await;
    let zhao = desk.hire("zhao", 2, &["loan"]).await;
    desk.core.attached(&zhao).await.unwrap();
    desk.core.transfer(&li, session, Target::Queue(queue_id("loan")), None).await.unwrap();
    desk.pass(301).await;
    let back = desk.session(wang.conv).await;
    assert_eq!((back.transfer, back.holder), (None, Holder::Agent(client_agent(&li))));
    desk.choose(&zhao, "ready").await;
    desk.route().await;
    assert!(desk.offers(&zhao).await.is_empty());
}

async fn what_is_passed_on_is_not_picked_back_by_hand(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 2, &["service", "loan"]).await;
    let (_, session) = served(&desk, &li).await;
    let zhao = desk.hire("zhao", 2, &["loan"]).await;
    desk.core.attached(&zhao).await.unwrap();
    desk.core.transfer(&li, session, Target::Queue(queue_id("loan")), None).await.unwrap();
    assert_eq!(code(desk.core.pull(&li, queue_id("loan")).await), Code::NotFound);
    assert_eq!(desk.core.pull(&zhao, queue_id("loan")).await.unwrap().session.unwrap().session, session);
}
