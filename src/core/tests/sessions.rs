//! From the customer's first word to the end and back again.

use super::*;
use crate::core::request::Position;
use crate::model::delivery::DeliveryState;
use crate::model::session::{Holder, State};
use crate::store::delivery::{self, Delivery};

/// Closed for good: every day is a holiday of sorts.
const CLOSED: &str = "[hours]\nmon = []\n";

on_both! {
    a_first_word_is_greeted_queued_offered_answered_and_ended
    the_third_of_three_waits_for_the_first_place_that_is_free
    without_anybody_signed_in_the_next_word_is_a_message_left
    outside_business_hours_nobody_waits
    a_full_queue_sends_on_and_a_long_wait_ends_in_a_message
    who_cancels_while_offered_cannot_be_accepted_any_more
    the_word_for_cancel_cancels
    who_comes_back_in_time_is_offered_to_the_same_agent
    what_was_meant_for_the_last_session_is_not_said_in_the_next
    a_silent_customer_is_asked_once_and_then_let_go
    who_leaves_the_account_stops_waiting_or_is_reported_to_the_agent
    an_agent_who_comes_back_hears_what_became_of_replies_that_are_on_the_screen_already
    a_visitor_who_goes_away_while_waiting_is_given_up_after_a_while
    labels_are_kept_and_hidden_from_the_customer
}

async fn a_first_word_is_greeted_queued_offered_answered_and_ended(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 2, &["service"]).await;
    let (_hold, mut ear) = desk.listen(&li);
    let wang = desk.writer("wang").await;
    assert_eq!(desk.session(wang.conv).await.state, State::Queued);
    let offer = desk.only_offer(&li).await;
    assert_eq!((offer.summary.as_str(), offer.conv), ("您好", wang.conv));
    assert_eq!(desk.accept(&li).await, wang.conv);
    let active = desk.session(wang.conv).await;
    assert_eq!((active.state, &active.holder), (State::Active, &Holder::Agent(client_agent(&li))));
    assert_eq!(active.control_epoch, 2, "nobody, queue, agent");
    desk.answers(&li, wang.conv, "请讲", Some(2)).await.unwrap();
    assert!(desk.session(wang.conv).await.first_reply_at.is_some());
    desk.core.end(&li, Some(active.session), None).await.unwrap();
    let ended = desk.session(wang.conv).await;
    let end = ended.ended.clone().unwrap();
    assert_eq!((end.by.as_str(), end.reason.as_str(), ended.control_epoch), ("agent", "resolved", 3));
    assert_eq!(code(desk.answers(&li, wang.conv, "再见", None).await), Code::SessionEnded);
    let texts = desk.texts(wang.conv).await;
    assert!(texts[0] == "您好" && texts[1].contains("示例银行") && texts[2].contains("转接"), "{texts:?}");
    assert!(texts[3].contains("客服li") && texts[4] == "请讲" && texts[5].contains("已结束"), "{texts:?}");
    let told = frames(&mut ear);
    for op in ["offer", "conv", "session", "offer.revoke"] {
        assert!(ops(&told).contains(&op), "{op} was not pushed");
    }
    let events = desk.events().await;
    for kind in ["session.created", "session.queued", "assignment.offered", "session.connected", "session.ended"] {
        assert_eq!(events.iter().filter(|seen| *seen == kind).count(), 1, "{kind}: {events:?}");
    }
}

/// Scenario 6.
async fn the_third_of_three_waits_for_the_first_place_that_is_free(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 2, &["service"]).await;
    let mut customers = Vec::new();
    for name in ["a", "b"] {
        customers.push(desk.writer(name).await);
        desk.accept(&li).await;
    }
    let third = desk.writer("c").await;
    let fourth = desk.writer("d").await;
    assert!(desk.offers(&li).await.is_empty());
    assert_eq!((desk.place(&third).await, desk.place(&fourth).await), (Some(1), Some(2)));
    let first = desk.session(customers[0].conv).await.session;
    desk.core.end(&li, Some(first), None).await.unwrap();
    desk.route().await;
    assert_eq!(desk.accept(&li).await, third.conv);
    assert_eq!((desk.place(&third).await, desk.place(&fourth).await), (None, Some(1)));
    assert_eq!(desk.person(&li).await.presence.load, 2);
}

/// Scenario 4.
async fn without_anybody_signed_in_the_next_word_is_a_message_left(on: Trial) {
    let desk = Desk::open(on);
    desk.hire("li", 2, &["service"]).await;
    let wang = desk.writer("wang").await;
    let asked = desk.session(wang.conv).await;
    assert_eq!((asked.state, &asked.holder), (State::Bot, &Holder::LeaveMessage));
    desk.says(&wang, "请回电 13800000000").await;
    let left = desk.session(wang.conv).await;
    assert_eq!(left.session, asked.session);
    assert_eq!(left.ended.unwrap().reason, "left_message");
    assert!(desk.texts(wang.conv).await.last().unwrap().contains("留言已收到"));
    assert_eq!(desk.events().await.iter().filter(|kind| *kind == "ticket.created").count(), 1);
}

/// Scenario 5.
async fn outside_business_hours_nobody_waits(on: Trial) {
    let desk = Desk::open_with(on, CLOSED);
    let li = desk.ready("li", 2, &["service"]).await;
    let wang = desk.writer("wang").await;
    assert_eq!(desk.session(wang.conv).await.holder, Holder::LeaveMessage);
    assert_eq!(desk.place(&wang).await, None);
    assert!(desk.offers(&li).await.is_empty());
    assert!(desk.texts(wang.conv).await.last().unwrap().contains("非服务时间"));
}

/// Scenarios 7 and 8.
async fn a_full_queue_sends_on_and_a_long_wait_ends_in_a_message(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.hire("li", 1, &["service"]).await;
    let zhao = desk.hire("zhao", 1, &["loan"]).await;
    for client in [&li, &zhao] {
        desk.core.attached(client).await.unwrap();
    }
    let mut waiting = Vec::new();
    for name in ["a", "b", "c", "d"] {
        waiting.push(desk.writer(name).await);
    }
    assert_eq!(desk.session(waiting[2].conv).await.queue, Some(queue_id("service")));
    assert_eq!(desk.session(waiting[3].conv).await.queue, Some(queue_id("loan")));
    desk.choose(&zhao, "ready").await;
    desk.route().await;
    assert_eq!(desk.accept(&zhao).await, waiting[3].conv);
    desk.pass(301).await;
    let moved = desk.session(waiting[0].conv).await;
    assert_eq!((moved.state, moved.queue), (State::Queued, Some(queue_id("loan"))));
    assert!(desk.events().await.contains(&"queue.overflowed".to_owned()));
    desk.pass(301).await;
    assert_eq!(desk.session(waiting[0].conv).await.holder, Holder::LeaveMessage);
}

/// Scenario 9.
async fn who_cancels_while_offered_cannot_be_accepted_any_more(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 2, &["service"]).await;
    let (_hold, mut ear) = desk.listen(&li);
    let wang = desk.writer("wang").await;
    let offer = desk.only_offer(&li).await;
    desk.core.cancel_queue(&wang.client).await.unwrap();
    let late = desk.core.offer_accept(&li, offer.assignment, offer.token).await;
    assert_eq!(code(late), Code::OfferGone);
    assert_eq!(desk.session(wang.conv).await.ended.unwrap().reason, "cancelled");
    assert!(desk.shares(&li).await.is_empty());
    assert_eq!(desk.person(&li).await.presence.load, 0);
    assert!(ops(&frames(&mut ear)).contains(&"offer.revoke"));
    assert_eq!(code(desk.core.cancel_queue(&wang.client).await), Code::SessionEnded);
}

async fn the_word_for_cancel_cancels(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 2, &["service"]).await;
    let wang = desk.writer("wang").await;
    desk.says(&wang, "我想问一下").await;
    assert_eq!(desk.session(wang.conv).await.state, State::Queued);
    desk.says(&wang, " 取消 ").await;
    assert_eq!(desk.session(wang.conv).await.ended.unwrap().by, "contact");
    assert!(desk.offers(&li).await.is_empty());
}

/// Scenario 13.
async fn who_comes_back_in_time_is_offered_to_the_same_agent(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 5, &["service"]).await;
    let wang = desk.writer("wang").await;
    desk.accept(&li).await;
    desk.writer("other").await;
    desk.accept(&li).await;
    let zhao = desk.ready("zhao", 5, &["service"]).await;
    let before = desk.session(wang.conv).await.session;
    desk.core.end(&wang.client, None, None).await.unwrap();
    desk.turn(60);
    desk.says(&wang, "还有一个问题").await;
    desk.route().await;
    let again = desk.session(wang.conv).await;
    assert_eq!(again.reopened_from, Some(before));
    assert_eq!(desk.only_offer(&li).await.conv, wang.conv, "the less loaded colleague got it");
    desk.core.end(&wang.client, None, None).await.unwrap();
    desk.choose(&li, "break").await;
    desk.says(&wang, "最后一个").await;
    desk.route().await;
    assert_eq!(desk.accept(&zhao).await, wang.conv);
    desk.core.end(&wang.client, None, None).await.unwrap();
    desk.turn(31 * 60);
    desk.says(&wang, "第二天").await;
    assert_eq!(desk.session(wang.conv).await.reopened_from, None);
}

async fn what_was_meant_for_the_last_session_is_not_said_in_the_next(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 1, &["service"]).await;
    let wang = desk.writer("wang").await;
    desk.accept(&li).await;
    let old = desk.session(wang.conv).await;
    desk.core.end(&li, Some(old.session), None).await.unwrap();
    desk.pass(600).await;
    desk.core.attached(&li).await.unwrap();
    desk.choose(&li, "ready").await;
    desk.says(&wang, "还有一事").await;
    desk.route().await;
    desk.accept(&li).await;
    let new = desk.session(wang.conv).await;
    assert_ne!(new.session, old.session);
    let late = desk.answers(&li, wang.conv, "上一次的回答", Some(old.control_epoch)).await;
    assert_eq!(code(late), Code::StaleEpoch, "the same agent has it, but it is another one");
    desk.answers(&li, wang.conv, "请讲", Some(new.control_epoch)).await.unwrap();
}

/// Scenario 21.
async fn a_silent_customer_is_asked_once_and_then_let_go(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 2, &["service"]).await;
    let wang = desk.writer("wang").await;
    desk.accept(&li).await;
    desk.answers(&li, wang.conv, "请讲", None).await.unwrap();
    desk.pass(170).await;
    desk.says(&wang, "稍等").await;
    desk.pass(200).await;
    assert_eq!(desk.session(wang.conv).await.state, State::Active, "it is the agent's turn");
    desk.answers(&li, wang.conv, "好的", None).await.unwrap();
    desk.pass(181).await;
    assert!(desk.texts(wang.conv).await.last().unwrap().contains("2 分钟"));
    desk.pass(121).await;
    let end = desk.session(wang.conv).await.ended.unwrap();
    assert_eq!((end.by.as_str(), end.reason.as_str()), ("timer", "contact_idle"));
}

/// Scenario 53.
async fn who_leaves_the_account_stops_waiting_or_is_reported_to_the_agent(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 2, &["service"]).await;
    let queued = desk.customer("o-queued", ChannelKind::Wechat).await;
    desk.says(&queued, "在吗").await;
    desk.route().await;
    desk.unfollow(queued.conv).await;
    assert_eq!(desk.session(queued.conv).await.ended.unwrap().reason, "unsubscribed");
    assert!(desk.offers(&li).await.is_empty());
    let served = desk.customer("o-served", ChannelKind::Wechat).await;
    desk.says(&served, "在吗").await;
    desk.route().await;
    desk.accept(&li).await;
    desk.unfollow(served.conv).await;
    assert_eq!(desk.session(served.conv).await.state, State::Active);
    let log = desk.log(served.conv).await;
    let told = log.last().unwrap();
    assert!(matches!(&told.content, Content::Event { name, .. } if name == "contact.gone"));
    assert!(!told.for_contact());
}

async fn an_agent_who_comes_back_hears_what_became_of_replies_that_are_on_the_screen_already(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 1, &["service"]).await;
    let customer = desk.customer("o-served", ChannelKind::Wechat).await;
    desk.says(&customer, "在吗").await;
    desk.route().await;
    let conv = desk.accept(&li).await;
    desk.answers(&li, conv, "您好", None).await.unwrap();
    let reply = desk.log(conv).await.pop().unwrap();
    let (account, next_at, seq) = (AccountId::parse("oa").unwrap(), desk.clock.now(), reply.seq);
    let state = DeliveryState::Delivered;
    let sent = Delivery { conv, seq, account, state, part: 1, attempts: 1, next_at, code: None, detail: None };
    desk.core.scope(&desk.tenant).write(move |tx| delivery::save(tx, &sent)).await.unwrap();
    let epoch = desk.read(move |tx| Ok(conversation::find(tx, conv)?.unwrap().epoch)).await;
    let synced = desk.core.sync(&li, vec![Position { conv, epoch, seq }]).await.unwrap().remove(0);
    assert!(synced.recovered && synced.msgs.is_empty());
    let told: Vec<_> = synced.receipts.iter().map(|receipt| (receipt.id, receipt.state)).collect();
    assert_eq!(told.last(), Some(&(Some(reply.id), Some("delivered"))));
}

async fn a_visitor_who_goes_away_while_waiting_is_given_up_after_a_while(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.hire("li", 1, &["service"]).await;
    desk.core.attached(&li).await.unwrap();
    let (stays, goes) = (desk.visitor("stays").await, desk.visitor("goes").await);
    for customer in [&stays, &goes] {
        desk.core.attached(&customer.client).await.unwrap();
        desk.says(customer, "您好").await;
        desk.core.detached(&customer.client).await;
    }
    desk.turn(30);
    desk.core.attached(&stays.client).await.unwrap();
    desk.pass(31).await;
    assert_eq!(desk.session(stays.conv).await.state, State::Queued);
    assert_eq!(desk.session(goes.conv).await.ended.unwrap().reason, "abandoned");
}

async fn labels_are_kept_and_hidden_from_the_customer(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 2, &["service"]).await;
    let other = desk.ready("zhao", 2, &["loan"]).await;
    let wang = desk.writer("wang").await;
    desk.accept(&li).await;
    let session = desk.session(wang.conv).await.session;
    let (_hold, mut ear) = desk.listen(&wang.client);
    desk.core.tag(&li, session, vec!["贷款".into()]).await.unwrap();
    assert_eq!(desk.session(wang.conv).await.tags, ["贷款"]);
    let told = frames(&mut ear);
    assert_eq!(told.last().unwrap()["d"]["tags"], serde_json::json!([]));
    assert_eq!(code(desk.core.tag(&other, session, vec![]).await), Code::NotFound);
    assert_eq!(code(desk.core.tag(&li, session, vec![String::new()]).await), Code::BadRequest);
}
