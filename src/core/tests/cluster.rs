//! Two nodes on the same tables: what both try at once is done once.

use super::*;
use crate::core::directory::Entrance;
use crate::model::inbound::{Answer, Inbound, InboundKind};
use crate::model::window::Trigger;

on_both! {
    a_delivery_that_comes_to_two_nodes_is_one_message_with_one_answer
    two_nodes_that_route_at_once_offer_each_session_once
    two_agents_who_take_the_same_offer_on_two_nodes_are_told_apart
    customers_and_agents_on_two_nodes_write_one_log
}

fn delivery(name: &str, key: &str, text: &str, now: Millis) -> Inbound {
    Inbound {
        dedupe: key.into(),
        from: RemoteId::parse(name).unwrap(),
        sent_at: now,
        kind: InboundKind::Message(Content::text(text)),
        raw_type: "text".into(),
        ext_id: Some(key.into()),
        opens: Some(Trigger::Message),
        fetch: Vec::new(),
    }
}

impl Desk {
    fn entrance(&self) -> Entrance {
        let account = AccountId::parse("oa").unwrap();
        Entrance { tenant: self.tenant.clone(), account, kind: ChannelKind::Wechat }
    }
}

async fn a_delivery_that_comes_to_two_nodes_is_one_message_with_one_answer(on: Trial) {
    let desk = Desk::open(on);
    let other = desk.another_node();
    let now = desk.clock.now();
    for turn in 0..10 {
        let inbound = delivery(&format!("o{turn}"), &format!("{turn}"), "在吗", now);
        let (here, there) =
            tokio::join!(desk.core.take_in(desk.entrance(), inbound.clone()), other.take_in(desk.entrance(), inbound));
        let (here, there) = (here.unwrap(), there.unwrap());
        assert_eq!(here, there, "the platform may deliver again and hears the same");
        assert!(matches!(here, Answer::Passive(_)), "the greeting rides in the passive slot");
    }
    let accepted = desk.events().await.into_iter().filter(|kind| kind == "session.created").count();
    assert_eq!(accepted, 10);
}

async fn two_nodes_that_route_at_once_offer_each_session_once(on: Trial) {
    let desk = Desk::open(on);
    let other = desk.another_node();
    let mut agents = Vec::new();
    for n in 0..4 {
        agents.push(desk.ready(&format!("agent{n}"), 2, &["service", "loan"]).await);
    }
    for n in 0..6 {
        let visitor = desk.visitor(&format!("visitor{n}")).await;
        desk.says(&visitor, "您好").await;
    }
    let (here, there) = tokio::join!(desk.core.route(&desk.tenant), other.route(&desk.tenant));
    here.and(there).unwrap();
    let mut sessions = Vec::new();
    for agent in &agents {
        let offers = desk.offers(agent).await;
        assert!(offers.len() <= 2, "nobody gets more than they can take");
        sessions.extend(offers.into_iter().map(|offer| offer.session));
    }
    sessions.sort();
    sessions.dedup();
    assert_eq!(sessions.len(), 6, "each session is offered, to one agent");
}

async fn two_agents_who_take_the_same_offer_on_two_nodes_are_told_apart(on: Trial) {
    let desk = Desk::open(on);
    let other = desk.another_node();
    let li = desk.ready("li", 1, &["service"]).await;
    desk.writer("wang").await;
    let offer = desk.only_offer(&li).await;
    let again = Client { connection: ConnectionId::generate(desk.clock.now()), ..li.clone() };
    let (here, there) = tokio::join!(
        desk.core.offer_accept(&li, offer.assignment, offer.token.clone()),
        other.offer_accept(&again, offer.assignment, offer.token.clone()),
    );
    assert!(here.is_ok() || there.is_ok());
    assert_eq!(desk.shares(&li).await.len(), 1);
    let connected = desk.events().await.into_iter().filter(|kind| kind == "session.connected").count();
    assert_eq!(connected, 1, "the session was connected once");
}

async fn customers_and_agents_on_two_nodes_write_one_log(on: Trial) {
    let desk = Desk::open(on);
    let other = desk.another_node();
    let now = desk.clock.now();
    let li = desk.ready("li", 1, &["service"]).await;
    desk.core.take_in(desk.entrance(), delivery("o1", "first", "在吗", now)).await.unwrap();
    desk.route().await;
    let conv = desk.accept(&li).await;
    let customer = async {
        for n in 0..15 {
            let inbound = delivery("o1", &format!("k{n}"), &format!("in {n}"), now);
            other.take_in(desk.entrance(), inbound).await.unwrap();
        }
    };
    let agent = async {
        for n in 0..15 {
            desk.answers(&li, conv, &format!("out {n}"), None).await.unwrap();
        }
    };
    tokio::join!(customer, agent);
    let texts = desk.texts(conv).await;
    for way in ["in", "out"] {
        let said: Vec<&String> = texts.iter().filter(|text| text.starts_with(&format!("{way} "))).collect();
        let expected: Vec<String> = (0..15).map(|n| format!("{way} {n}")).collect();
        assert_eq!(said, expected.iter().collect::<Vec<_>>(), "in the order in which each of them wrote");
    }
}
