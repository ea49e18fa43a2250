//! What holds on every back end.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use yizhan::hub::{Audience, Frame, Head, Hint, Mark, Recipient};
use yizhan::model::id::{ConnectionId, ContactId, DeviceId};
use yizhan::model::time::Millis;

use super::stage::{Stage, agent, conversation, frame, heard, heard_text, message, tenant};

pub async fn hints_of_one_publisher_arrive_in_order_everywhere(stage: &Stage) {
    let [a, b, c] = stage.nodes().await;
    let (_here, mut here) = a.attach(&[agent("bank", "li")], &[&b, &c]).await;
    let (_there, mut there) = b.attach(&[agent("bank", "wu")], &[&a, &c]).await;
    let conv = conversation();
    for seq in 1..=500 {
        let hint = message(conv, seq);
        c.hub.publish(&agent("bank", "li"), &hint);
        c.hub.publish(&agent("bank", "wu"), &hint);
    }
    for inlet in [&mut here, &mut there] {
        for seq in 1..=500 {
            let Hint::Message(envelope) = heard(inlet).await else { panic!("a message") };
            assert_eq!((envelope.conv, envelope.seq), (conv, seq));
            assert_eq!(envelope.fallback, format!("您好 {seq}"));
        }
    }
}

pub async fn an_agent_on_two_nodes_hears_on_both(stage: &Stage) {
    let [a, b] = stage.nodes().await;
    let (_one, mut one) = a.attach(&[agent("bank", "li")], &[&b]).await;
    let (_two, mut two) = b.attach(&[agent("bank", "li")], &[&a]).await;
    a.hub.publish(&agent("bank", "li"), &frame("from a"));
    assert_eq!((heard_text(&mut one).await, heard_text(&mut two).await), ("from a".into(), "from a".into()));
    b.hub.publish(&agent("bank", "li"), &frame("from b"));
    assert_eq!((heard_text(&mut one).await, heard_text(&mut two).await), ("from b".into(), "from b".into()));
}

pub async fn a_tenant_hears_its_own_and_nobody_elses(stage: &Stage) {
    let [a, b] = stage.nodes().await;
    let all = |name: &str| Recipient::Agents(tenant(name));
    let (_li, mut li) = b.attach(&[agent("bank", "li"), all("bank")], &[&a]).await;
    let (_wu, mut wu) = b.attach(&[agent("bank", "wu"), all("bank")], &[&a]).await;
    // The same name in another enterprise is somebody else.
    let (_other, mut other) = b.attach(&[agent("shop", "li"), all("shop")], &[&a]).await;
    a.hub.publish(&all("bank"), &frame("to the bank"));
    a.hub.publish(&agent("bank", "li"), &frame("to li of the bank"));
    a.hub.publish(&all("shop"), &frame("to the shop"));
    assert_eq!((heard_text(&mut li).await, heard_text(&mut wu).await), ("to the bank".into(), "to the bank".into()));
    assert_eq!(heard_text(&mut li).await, "to li of the bank");
    assert_eq!(heard_text(&mut other).await, "to the shop");
    assert!(li.hints.try_recv().is_err() && wu.hints.try_recv().is_err() && other.hints.try_recv().is_err());
}

pub async fn whoever_left_is_told_nothing(stage: &Stage) {
    let [a, b] = stage.nodes().await;
    let (attachment, mut inlet) = b.attach(&[agent("bank", "li")], &[&a]).await;
    let (_wu, mut wu) = b.attach(&[agent("bank", "wu")], &[&a]).await;
    drop(attachment);
    a.eventually("the other node knows", |hub| !hub.hears_elsewhere(&agent("bank", "li"))).await;
    a.hub.publish(&agent("bank", "li"), &frame("too late"));
    a.hub.publish(&agent("bank", "wu"), &frame("in time"));
    assert_eq!(heard_text(&mut wu).await, "in time");
    assert!(inlet.hints.try_recv().is_err());
    let counts = a.hub.counts().unwrap();
    assert_eq!((counts.published, counts.dropped), (1, 0), "what nobody hears does not travel");
    // Who comes back is told again.
    let (_again, mut again) = b.attach(&[agent("bank", "li")], &[&a]).await;
    a.hub.publish(&agent("bank", "li"), &frame("again"));
    assert_eq!(heard_text(&mut again).await, "again");
}

pub async fn a_slow_socket_elsewhere_is_marked(stage: &Stage) {
    let [a, b] = stage.nodes().await;
    let (_quick, mut quick) = b.attach(&[agent("bank", "li")], &[&a]).await;
    let (_slow, slow) = b.attach_with(&[agent("bank", "li")], 1);
    for _ in 0..3 {
        a.hub.publish(&agent("bank", "li"), &frame("{}"));
    }
    for _ in 0..3 {
        heard(&mut quick).await;
    }
    assert!(slow.overrun.load(Ordering::Acquire));
}

pub async fn a_node_that_stops_is_forgotten(stage: &Stage) {
    let [a, b, c] = stage.nodes().await;
    let (_li, _inlet) = b.attach(&[agent("bank", "li")], &[&a, &c]).await;
    b.stop().await;
    for node in [&a, &c] {
        node.eventually("the node is forgotten", |hub| {
            hub.counts().is_some_and(|counts| counts.peers == 1 && counts.elsewhere == 0)
        })
        .await;
    }
    // One that comes later knows nothing of it.
    let late = stage.node().await;
    late.eventually("it knows those who are there", |hub| hub.counts().is_some_and(|counts| counts.peers == 2)).await;
    assert_eq!(late.hub.counts().unwrap().elsewhere, 0);
}

pub async fn everything_that_is_said_arrives_as_it_was_said(stage: &Stage) {
    let [a, b] = stage.nodes().await;
    let visitor = Recipient::Contact(tenant("bank"), ContactId::generate(Millis(7)));
    let (_visitor, mut inlet) = b.attach(std::slice::from_ref(&visitor), &[&a]).await;
    let (conv, connection) = (conversation(), ConnectionId::generate(Millis(3)));
    let audience = Audience::But(DeviceId::parse("tab").unwrap());
    let told = Frame { text: "{}".into(), mark: Some(Mark::of("session", 3)), place: Some((conv, 9)), audience };
    a.hub.publish(&visitor, &Hint::Frame(Arc::new(told.clone())));
    a.hub.publish(&visitor, &Hint::Replaced(connection));
    a.hub.publish(&visitor, &Hint::SignedOut);
    a.hub.publish(&visitor, &Hint::Head(Arc::new(Head { conv, seq: 4, base: 2 })));
    assert!(matches!(heard(&mut inlet).await, Hint::Frame(frame) if *frame == told));
    assert!(matches!(heard(&mut inlet).await, Hint::Replaced(old) if old == connection));
    assert!(matches!(heard(&mut inlet).await, Hint::SignedOut));
    assert!(matches!(heard(&mut inlet).await, Hint::Head(head) if *head == Head { conv, seq: 4, base: 2 }));
}

pub async fn ten_thousand_hints_arrive(stage: &Stage) {
    let [a, b] = stage.nodes().await;
    let (_li, mut inlet) = b.attach(&[agent("bank", "li")], &[&a]).await;
    let conv = conversation();
    for seq in 1..=10_000 {
        a.hub.publish(&agent("bank", "li"), &message(conv, seq));
    }
    for seq in 1..=10_000 {
        assert!(matches!(heard(&mut inlet).await, Hint::Message(envelope) if envelope.seq == seq));
    }
    assert_eq!(a.hub.counts().unwrap().dropped, 0);
    let commands = stage.commands();
    assert!(commands.is_none_or(|commands| commands < 1_000), "{commands:?} commands for 10,000 hints");
}
