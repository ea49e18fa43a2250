//! What the sweep of one node finds of what happened on another when every hint between them is lost.

use serde_json::{Value, json};

use super::*;
use crate::config::{Hub as Where, Redis};
use crate::core::sweep::{Memory, Round};
use crate::model::delivery::DeliveryState;
use crate::model::secret::Secret;
use crate::store::delivery::{self, Delivery};

on_both! {
    an_agent_elsewhere_learns_of_offers_conversations_messages_and_their_ends
    a_reply_that_arrived_before_the_first_look_is_told_all_the_same
    an_offer_that_was_taken_back_is_taken_back_elsewhere
    a_visitor_elsewhere_learns_of_messages_and_of_the_session
    a_socket_whose_device_came_back_elsewhere_checks_itself
    a_socket_that_was_replaced_does_not_move_the_cursor_any_more
    idle_visitors_cost_a_statement_for_fifty_of_them
    what_is_said_on_the_web_costs_no_statement_each
    a_node_without_anybody_counts_its_rounds_all_the_same
    that_it_rings_elsewhere_is_found_once
    a_lost_question_for_recording_and_its_answer_are_found
}

/// Another node on the tables of a desk. Its hub leads to a server that is not there: nothing is heard of others.
pub(super) struct Elsewhere {
    pub(super) core: Core,
    memory: Memory,
}

impl Elsewhere {
    pub(super) fn of(desk: &Desk) -> Self {
        Self::by(desk, desk.clock.clone())
    }

    /// A node that goes by another clock.
    pub(super) fn by(desk: &Desk, clock: Clock) -> Self {
        let redis = Redis {
            url: Secret::new("redis://127.0.0.1:9".into()),
            cluster: false,
            prefix: "yizhan".into(),
            ca_file: None,
        };
        let registry = Registry::new([(*desk.core.tenants().tenant(&desk.tenant).unwrap()).clone()]);
        let parts = parts(desk.core.store().clone(), clock, registry, desk.ground.folder());
        let hub = Hub::open(&Where::Redis(redis), parts.node).unwrap();
        Self { core: Core::new(Parts { hub, ..parts }), memory: Memory::default() }
    }

    /// Opens a socket here, as a connection does, and looks once.
    async fn joined(&mut self, client: &Client) -> (Attachment, Inlet) {
        let to = match &client.party {
            Party::Agent { agent, .. } => {
                vec![Recipient::Agent(client.tenant.clone(), agent.clone()), Recipient::Agents(client.tenant.clone())]
            }
            Party::Contact { contact, .. } => vec![Recipient::Contact(client.tenant.clone(), *contact)],
        };
        let attached = self.core.hub().attach(client.connection, to, 256);
        self.core.attached(client).await.unwrap();
        self.core.sweep_fresh(&mut self.memory).await.unwrap();
        self.core.tell_swept(&mut self.memory, Duration::ZERO);
        attached
    }

    /// A round of the sweep, without the pauses between its steps.
    pub(super) async fn whole_round(&mut self) {
        let mut round = self.core.begin_round(&mut self.memory);
        while !round.is_over() {
            self.core.look_on(&mut round, &mut self.memory).await.unwrap();
        }
        self.core.tell_swept(&mut self.memory, Duration::ZERO);
    }

    /// What a round of the sweep tells this socket.
    async fn round(&mut self, inlet: &mut Inlet) -> Vec<Hint> {
        self.whole_round().await;
        std::iter::from_fn(|| inlet.hints.try_recv().ok()).collect()
    }
}

fn swept(hints: &[Hint], op: &str) -> Vec<Value> {
    let frames = hints.iter().filter_map(|hint| match hint {
        Hint::Swept(frame) => Some(serde_json::from_str::<Value>(&frame.text).unwrap()),
        _ => None,
    });
    frames.filter(|frame| frame["op"] == op).map(|frame| frame["d"].clone()).collect()
}

fn heads(hints: &[Hint]) -> Vec<(ConversationId, i64)> {
    let head = |hint: &Hint| if let Hint::Head(head) = hint { Some((head.conv, head.seq)) } else { None };
    hints.iter().filter_map(head).collect()
}

async fn an_agent_elsewhere_learns_of_offers_conversations_messages_and_their_ends(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 2, &["service"]).await;
    let mut there = Elsewhere::of(&desk);
    let (_socket, mut inlet) = there.joined(&li).await;
    there.round(&mut inlet).await;
    assert!(there.round(&mut inlet).await.is_empty(), "nothing happened, nothing is told");

    let customer = desk.writer("zhang").await;
    let told = there.round(&mut inlet).await;
    let offer = &swept(&told, "offer")[0];
    assert_eq!(swept(&told, "presence")[0]["load"], 1);
    assert!(swept(&there.round(&mut inlet).await, "offer").is_empty(), "an offer is told once");

    let conv = desk.accept(&li).await;
    let told = there.round(&mut inlet).await;
    assert_eq!(swept(&told, "offer.revoke")[0]["assignment"], offer["assignment"]);
    assert_eq!(swept(&told, "conv")[0]["conv"], conv.to_string());
    assert_eq!(swept(&told, "session")[0]["state"], "active");

    desk.says(&customer, "在吗").await;
    let seq = i64::try_from(desk.log(conv).await.len()).unwrap();
    let told = there.round(&mut inlet).await;
    assert_eq!(heads(&told), [(conv, seq)]);
    assert!(swept(&told, "conv").is_empty());

    let session = desk.session(conv).await.session;
    desk.core.end(&li, Some(session), None).await.unwrap();
    let told = there.round(&mut inlet).await;
    assert_eq!(swept(&told, "session")[0]["state"], "ended");
    desk.pass(600).await;
    desk.core.attached(&li).await.unwrap();
    let told = there.round(&mut inlet).await;
    assert_eq!(swept(&told, "conv.gone")[0]["conv"], conv.to_string());
}

async fn a_reply_that_arrived_before_the_first_look_is_told_all_the_same(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 1, &["service"]).await;
    let mut there = Elsewhere::of(&desk);
    let (_socket, mut inlet) = there.joined(&li).await;
    there.round(&mut inlet).await;
    let customer = desk.customer("o-1", ChannelKind::Wechat).await;
    desk.says(&customer, "在吗").await;
    desk.route().await;
    let conv = desk.accept(&li).await;
    desk.answers(&li, conv, "您好", None).await.unwrap();
    let seq = desk.log(conv).await.pop().unwrap().seq;
    let (account, next_at, state) = (AccountId::parse("oa").unwrap(), desk.clock.now(), DeliveryState::Delivered);
    let sent = Delivery { conv, seq, account, state, part: 1, attempts: 1, next_at, code: None, detail: None };
    desk.core.scope(&desk.tenant).write(move |tx| delivery::save(tx, &sent)).await.unwrap();
    let arrived = |hints: &[Hint]| {
        swept(hints, "receipt").iter().any(|receipt| receipt["seq"] == seq && receipt["state"] == "delivered")
    };
    assert!(arrived(&there.round(&mut inlet).await));
    assert!(!arrived(&there.round(&mut inlet).await), "once");
}

async fn an_offer_that_was_taken_back_is_taken_back_elsewhere(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 1, &["service"]).await;
    let mut there = Elsewhere::of(&desk);
    let (_socket, mut inlet) = there.joined(&li).await;
    desk.writer("zhang").await;
    assert_eq!(swept(&there.round(&mut inlet).await, "offer").len(), 1);
    desk.choose(&li, "break").await;
    assert_eq!(swept(&there.round(&mut inlet).await, "offer.revoke")[0]["reason"], "cancelled");
}

async fn a_visitor_elsewhere_learns_of_messages_and_of_the_session(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 1, &["service"]).await;
    let customer = desk.writer("zhang").await;
    let mut there = Elsewhere::of(&desk);
    let (_socket, mut inlet) = there.joined(&customer.client).await;
    there.round(&mut inlet).await;
    assert!(there.round(&mut inlet).await.is_empty());
    let conv = desk.accept(&li).await;
    let told = there.round(&mut inlet).await;
    assert_eq!((swept(&told, "session")[0]["state"].as_str(), heads(&told).len()), (Some("active"), 1));
    desk.answers(&li, conv, "您好", None).await.unwrap();
    let seq = i64::try_from(desk.log(conv).await.len()).unwrap();
    assert_eq!(heads(&there.round(&mut inlet).await), [(conv, seq)]);
    desk.core.end(&li, Some(desk.session(conv).await.session), None).await.unwrap();
    assert_eq!(swept(&there.round(&mut inlet).await, "session")[0]["state"], "ended");
}

async fn a_socket_whose_device_came_back_elsewhere_checks_itself(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.hire("li", 1, &["service"]).await;
    let mut there = Elsewhere::of(&desk);
    let (_socket, mut inlet) = there.joined(&li).await;
    desk.turn(4);
    there.round(&mut inlet).await;
    // The same device, on this node.
    let newer = Client { connection: ConnectionId::generate(desk.clock.now()), ..li.clone() };
    desk.core.attached(&newer).await.unwrap();
    let told = there.round(&mut inlet).await;
    assert!(told.iter().any(|hint| matches!(hint, Hint::SignedOut)), "{told:?}");
    assert_eq!(there.core.holds(&li).await.unwrap(), crate::core::Holds::Another);
    assert_eq!(there.core.holds(&newer).await.unwrap(), crate::core::Holds::This);
}

async fn a_socket_that_was_replaced_does_not_move_the_cursor_any_more(on: Trial) {
    let desk = Desk::open(on);
    let customer = desk.writer("zhang").await;
    desk.core.attached(&customer.client).await.unwrap();
    let newer = Client { connection: ConnectionId::generate(desk.clock.now()), ..customer.client.clone() };
    desk.core.attached(&newer).await.unwrap();
    let read = async |client: &Client| {
        let (conv, participant) = (customer.conv, client.participant());
        desk.core.mark(client, crate::core::request::Mark { conv, seq: 1 }, true).await.unwrap();
        desk.read(move |tx| Ok(crate::store::cursor::of_participant(tx, conv, &participant)?)).await.seen
    };
    assert_eq!(read(&customer.client).await, 0, "the old socket speaks for nobody");
    assert_eq!(read(&newer).await, 1);
}

async fn idle_visitors_cost_a_statement_for_fifty_of_them(on: Trial) {
    let desk = Desk::open(on);
    let mut there = Elsewhere::of(&desk);
    let mut sockets = Vec::new();
    for i in 0..2_000 {
        let customer = desk.visitor(&format!("visitor-{i}")).await;
        let Party::Contact { contact, .. } = customer.client.party else { panic!("not a customer") };
        let to = vec![Recipient::Contact(desk.tenant.clone(), contact)];
        sockets.push(there.core.hub().attach(customer.client.connection, to, 8));
    }
    there.whole_round().await;
    for (_, inlet) in &mut sockets {
        while inlet.hints.try_recv().is_ok() {}
    }
    there.whole_round().await;
    assert_eq!(there.memory.statements, 1 + 2_000 / 50);
    // Their leases are missing here, which they are asked to check; of news there is nothing.
    let mut told = sockets.iter_mut().flat_map(|(_, inlet)| std::iter::from_fn(|| inlet.hints.try_recv().ok()));
    assert!(told.all(|hint| matches!(hint, Hint::SignedOut)));
}

async fn what_is_said_on_the_web_costs_no_statement_each(on: Trial) {
    let desk = Desk::open(on);
    let li = desk.ready("li", 5, &["service"]).await;
    let mut there = Elsewhere::of(&desk);
    let (_socket, mut inlet) = there.joined(&li).await;
    let mut customers = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        customers.push(desk.writer(name).await);
        desk.accept(&li).await;
    }
    for _ in 0..2 {
        there.round(&mut inlet).await;
    }
    let mut statements = Vec::new();
    for speaking in [&customers[..1], &customers[..]] {
        for customer in speaking {
            desk.says(customer, "在吗").await;
        }
        assert_eq!(heads(&there.round(&mut inlet).await).len(), speaking.len());
        statements.push(there.memory.statements);
    }
    assert_eq!(statements[0], statements[1]);
}

async fn a_node_without_anybody_counts_its_rounds_all_the_same(on: Trial) {
    let desk = Desk::open(on);
    let mut there = Elsewhere::of(&desk);
    let mut round = Round::default();
    for step in [0, 1, 2, 0] {
        there.core.sweep_step(step, &mut round, &mut there.memory).await.unwrap();
    }
    assert_eq!(there.core.swept().rounds, 2);
}

async fn that_it_rings_elsewhere_is_found_once(on: Trial) {
    let desk = Desk::open_with(on, "[call]\n");
    let (li, customer) = calls::in_talks(&desk).await;
    let mut elsewhere = Elsewhere::of(&desk);
    let (_socket, mut inlet) = elsewhere.joined(&li).await;
    elsewhere.round(&mut inlet).await;
    let wish = json!({ "media": { "audio": true, "video": false } });
    calls::ask(&desk, &customer.client, "call.invite", wish).await.unwrap();
    let found = elsewhere.round(&mut inlet).await;
    assert_eq!(swept(&found, "call.ring").len(), 1);
    assert!(swept(&elsewhere.round(&mut inlet).await, "call.ring").is_empty(), "once");
}

/// The pushes about a recording are lost: the question is found on the customer's side, and what is to be recorded by the
/// agent's browser, and by no other one.
async fn a_lost_question_for_recording_and_its_answer_are_found(on: Trial) {
    let desk = Desk::open_with(on, "[call]\nrecord = \"client\"\n");
    let (li, customer) = calls::in_talks(&desk).await;
    let id = calls::connected(&desk, &li, &customer).await;
    let mut elsewhere = Elsewhere::of(&desk);
    let (_theirs, mut tab) = elsewhere.joined(&customer.client).await;
    elsewhere.round(&mut tab).await;
    calls::ask(&desk, &li, "call.record", json!({ "call_id": id, "on": true })).await.unwrap();
    let found = elsewhere.round(&mut tab).await;
    let asked = swept(&found, "call.state");
    assert_eq!((asked.len(), &asked[0]["record_asked"]), (1, &json!(true)));
    assert_eq!((&asked[0]["recording"], &asked[0]["recording_id"]), (&json!(false), &Value::Null));
    // A socket takes from a sweep what has another mark than what it was told last.
    let marked = |hints: &[Hint]| {
        let mark = |hint: &Hint| if let Hint::Swept(frame) = hint { frame.mark } else { None };
        hints.iter().find_map(mark).expect("a mark")
    };
    calls::ask(&desk, &li, "call.record", json!({ "call_id": id, "on": false })).await.unwrap();
    let withdrawn = elsewhere.round(&mut tab).await;
    assert_ne!(marked(&found), marked(&withdrawn), "that it is asked is news");
    calls::ask(&desk, &li, "call.record", json!({ "call_id": id, "on": true })).await.unwrap();
    elsewhere.round(&mut tab).await;

    let mut there = Elsewhere::of(&desk);
    let (_mine, mut console) = there.joined(&li).await;
    there.round(&mut console).await;
    calls::ask(&desk, &customer.client, "call.consent", json!({ "call_id": id, "ok": true })).await.unwrap();
    there.whole_round().await;
    let mut told = Vec::new();
    while let Ok(hint) = console.hints.try_recv() {
        if let Hint::Swept(frame) = hint {
            let text: Value = serde_json::from_str(&frame.text).unwrap();
            if text["op"] == "call.state" {
                told.push((frame.audience.clone(), text["d"].clone()));
            }
        }
    }
    assert_eq!(told.len(), 2, "{told:?}");
    for (audience, state) in told {
        let own = audience == crate::hub::Audience::Only(li.device.clone());
        assert_eq!(
            (own, state["recording"].as_bool()),
            (state["recording_id"].is_string(), Some(true)),
            "{audience:?}: {state}"
        );
    }
    let theirs = swept(&elsewhere.round(&mut tab).await, "call.state");
    assert_eq!((&theirs[0]["recording"], &theirs[0]["recording_id"]), (&json!(true), &Value::Null));
}
