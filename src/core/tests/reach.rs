//! Calls come to agents who can take them, and to nobody else: at a console that is open, of somebody who is called at all.

use serde_json::json;

use super::calls::{ask, connected, in_talks};
use super::*;
use crate::core::request::Target;
use crate::model::call::Media as Carries;
use crate::model::session::State;
use crate::store::call::{self as rows, wish};

on_both! {
    who_is_on_xmpp_only_is_not_called
    who_is_on_xmpp_only_is_offered_no_call_whichever_queue_it_waits_in
    a_call_is_not_taken_where_there_are_none
    who_talks_takes_no_call_out_of_a_queue_by_hand
    a_call_does_not_go_along_to_where_there_are_none
}

/// The second queue is meant for calls, and calls there are.
const CALLS: &str = "media = \"video\"\n[call]\n";

/// The same agent on XMPP.
fn on_xmpp(desk: &Desk, agent: &Client) -> Client {
    desk.client(agent.party.clone(), "xmpp")
}

/// A customer who waits for a call.
async fn waiting(desk: &Desk, queue: Option<&str>) -> Customer {
    let customer = desk.visitor("wang").await;
    desk.core.attached(&customer.client).await.unwrap();
    let wish = json!({ "media": { "audio": true, "video": false }, "queue": queue });
    ask(desk, &customer.client, "call.request", wish).await.unwrap();
    customer
}

/// What an agent's try to take the only offer of a colleague's device comes to.
async fn tried(desk: &Desk, client: &Client) -> Result<ConversationId, Error> {
    let offer = desk.only_offer(client).await;
    desk.core.offer_accept(client, offer.assignment, offer.token).await.map(|taken| taken.conv)
}

async fn who_is_on_xmpp_only_is_not_called(on: Trial) {
    let desk = Desk::open_with(on, CALLS);
    let (li, customer) = in_talks(&desk).await;
    let phone = on_xmpp(&desk, &li);
    desk.core.attached(&phone).await.unwrap();
    desk.core.detached(&li).await;
    let invite = json!({ "media": { "audio": true, "video": false } });
    assert_eq!(code(ask(&desk, &customer.client, "call.invite", invite.clone()).await), Code::NoAgent);
    let none = desk.read(|tx| Ok(rows::live(tx, 10)?)).await;
    assert!(none.is_empty(), "it rings for nobody: {none:?}");
    desk.core.attached(&li).await.unwrap();
    ask(&desk, &customer.client, "call.invite", invite).await.unwrap();
}

async fn who_is_on_xmpp_only_is_offered_no_call_whichever_queue_it_waits_in(on: Trial) {
    for queue in [None, Some("service")] {
        let desk = Desk::open_with(on, CALLS);
        let li = desk.hire("li", 5, &["service", "loan"]).await;
        let phone = on_xmpp(&desk, &li);
        desk.core.attached(&phone).await.unwrap();
        desk.choose(&phone, "ready").await;
        let customer = waiting(&desk, queue).await;
        desk.route().await;
        assert!(desk.offers(&phone).await.is_empty(), "of {queue:?}");
        // A chat is another matter.
        let writer = desk.writer("zhang").await;
        desk.route().await;
        assert_eq!(tried(&desk, &phone).await.unwrap(), writer.conv);
        desk.core.attached(&li).await.unwrap();
        desk.route().await;
        assert_eq!(tried(&desk, &li).await.unwrap(), customer.conv);
        assert_eq!(desk.read(|tx| Ok(rows::live(tx, 10)?)).await.len(), 1);
    }
}

async fn a_call_is_not_taken_where_there_are_none(on: Trial) {
    let desk = Desk::open_with(on, CALLS);
    let li = desk.ready("li", 5, &["loan"]).await;
    let phone = on_xmpp(&desk, &li);
    desk.core.attached(&phone).await.unwrap();
    let customer = waiting(&desk, None).await;
    desk.route().await;
    assert_eq!(code(tried(&desk, &phone).await), Code::NoAgent);
    assert_eq!(desk.session(customer.conv).await.state, State::Queued, "the customer waits on");
    assert_eq!(tried(&desk, &li).await.unwrap(), customer.conv, "the offer stands");
    let call = desk.read(|tx| Ok(rows::live(tx, 10)?)).await.remove(0);
    assert_eq!(call.life.devices.agent, Some(li.device.clone()));
}

async fn who_talks_takes_no_call_out_of_a_queue_by_hand(on: Trial) {
    let desk = Desk::open_with(on, CALLS);
    let (li, first) = in_talks(&desk).await;
    let id = connected(&desk, &li, &first).await;
    let second = desk.visitor("zhang").await;
    desk.core.attached(&second.client).await.unwrap();
    let wish = json!({ "media": { "audio": true, "video": false }, "queue": "service" });
    ask(&desk, &second.client, "call.request", wish).await.unwrap();
    desk.route().await;
    assert!(desk.offers(&li).await.is_empty(), "nor is it offered");
    assert_eq!(code(desk.core.pull(&li, queue_id("service")).await), Code::CallBusy);
    let session = desk.session(second.conv).await;
    assert_eq!(session.state, State::Queued);
    let kept = desk.read(move |tx| Ok(wish::find(tx, session.session)?)).await;
    assert_eq!(kept.map(|(_, media)| media), Some(Carries::AUDIO), "what the customer wishes is kept");
    ask(&desk, &li, "call.hangup", json!({ "call_id": id })).await.unwrap();
    desk.route().await;
    assert_eq!(tried(&desk, &li).await.unwrap(), second.conv);
    assert_eq!(desk.read(|tx| Ok(rows::live(tx, 10)?)).await.len(), 1, "the call is there");
}

async fn a_call_does_not_go_along_to_where_there_are_none(on: Trial) {
    let desk = Desk::open_with(on, CALLS);
    let (li, customer) = in_talks(&desk).await;
    let id = connected(&desk, &li, &customer).await;
    let zhao = desk.hire("zhao", 5, &["service"]).await;
    let phone = on_xmpp(&desk, &zhao);
    desk.core.attached(&phone).await.unwrap();
    desk.choose(&phone, "ready").await;
    let to = json!({ "call_id": id, "to": { "agent": "zhao" } });
    assert_eq!(code(ask(&desk, &li, "call.transfer", to).await), Code::NoAgent);
    let session = desk.session(customer.conv).await.session;
    desk.core.transfer(&li, session, Target::Agent(client_agent(&zhao)), None).await.unwrap();
    assert_eq!(tried(&desk, &phone).await.unwrap(), customer.conv);
    let seen = ask(&desk, &customer.client, "call.state", json!({ "call_id": id })).await.unwrap();
    assert_eq!((&seen["state"], &seen["end"]["reason"]), (&json!("ended"), &json!("replaced")));
}
