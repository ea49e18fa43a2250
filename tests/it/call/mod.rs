//! Calls between an agent and a customer, told over real sockets: what the gateway says, not what browsers make of it.

pub mod during;
mod egress;
mod flood;
mod link;
mod nodes;
mod order;
mod record;
pub mod recording;
mod refusal;
mod relay;
mod routing;
mod setup;

use serde_json::{Value, json};

use crate::support::{Agent, Socket, TestApp, Visitor};

/// Sound and pictures.
fn video() -> Value {
    json!({ "audio": true, "video": true })
}

/// Sound alone.
fn audio() -> Value {
    json!({ "audio": true, "video": false })
}

/// An agent on one node serves a visitor on another; the session is the third.
pub async fn in_talks(here: &TestApp, there: &TestApp) -> (Agent, Visitor, Value) {
    let mut li = Agent::ready(here, "li").await;
    let mut visitor = Visitor::arrives(there, "tab").await;
    visitor.says("您好").await;
    let conv = li.takes_offer().await;
    visitor.socket.push("session", |frame| frame["d"]["state"] == "active").await;
    (li, visitor, conv["session"]["session"].clone())
}

/// The first push of calls with this `op`.
async fn hears(socket: &mut Socket, op: &str) -> Value {
    socket.push(op, |_| true).await["d"].clone()
}

/// The call once it stands like this.
async fn stands(socket: &mut Socket, state: &str) -> Value {
    socket.push("call.state", |frame| frame["d"]["state"] == state).await["d"].clone()
}

/// The visitor calls and the agent accepts: the start that both were told.
async fn accepted(li: &mut Agent, visitor: &mut Visitor, media: Value) -> (Value, Value) {
    let invited = visitor.socket.request("call.invite", json!({ "media": media })).await.expect("call.invite");
    let id = invited["call"]["call_id"].clone();
    let ring = hears(&mut li.socket, "call.ring").await;
    assert_eq!(ring["call"]["call_id"], id);
    li.socket.request("call.ringing", json!({ "call_id": id })).await.expect("call.ringing");
    assert_eq!(hears(&mut visitor.socket, "call.ringing").await["call_id"], id);
    li.socket.request("call.accept", json!({ "call_id": id, "media": media })).await.expect("call.accept");
    (hears(&mut li.socket, "call.start").await, hears(&mut visitor.socket, "call.start").await)
}

/// Both have found the way: the call's id.
pub async fn connected(li: &mut Agent, visitor: &mut Visitor) -> Value {
    let (start, _) = accepted(li, visitor, video()).await;
    let id = start["call"]["call_id"].clone();
    link(&mut li.socket, &id, 1).await;
    link(&mut visitor.socket, &id, 1).await;
    stands(&mut li.socket, "connected").await;
    stands(&mut visitor.socket, "connected").await;
    id
}

/// A device says that it has found the way.
async fn link(socket: &mut Socket, id: &Value, leg: i64) {
    socket.request("call.connected", json!({ "call_id": id, "leg": leg })).await.expect("call.connected");
}

/// How the call ended, as one side reads it.
pub async fn end(socket: &mut Socket) -> Value {
    stands(socket, "ended").await["end"].clone()
}
