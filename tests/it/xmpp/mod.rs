//! Agents and customers on XMPP: real servers, an independent client, real visitors.

mod agent;
mod cluster;
mod customer;
mod link;
mod oversight;
mod presence;
mod workgroup;

use serde_json::Value;

use crate::support::service::{Kind, Service};
use crate::support::xmpp::declared;
use crate::support::{Agent, Person, TestApp};

/// The address of the first queue.
const SERVICE: &str = "service@desk.localhost";

/// A server of `scripts/service`, where the agents have accounts.
async fn server(kind: Kind) -> Service {
    server_with(kind, &[]).await
}

/// The same with further lines of its configuration.
async fn server_with(kind: Kind, lines: &'static [&'static str]) -> Service {
    let start = move || {
        let server = Service::start(kind, lines);
        for agent in ["li", "wang"] {
            Person::connects(&server, agent, &["register"]).dies();
        }
        server
    };
    tokio::task::spawn_blocking(start).await.expect("the server starts")
}

/// A gateway that serves a server's component.
async fn desk(kind: Kind) -> (Service, TestApp) {
    desk_of(server(kind).await).await
}

async fn desk_of(server: Service) -> (Service, TestApp) {
    let app = TestApp::with().declared(declared(&server)).start().await;
    (server, app)
}

/// A colleague sees how an agent is.
async fn sees(colleague: &mut Agent, agent: &str, how: impl Fn(&Value) -> bool) -> Value {
    colleague.socket.push("presence", |frame| frame["d"]["agent"] == agent && how(&frame["d"])).await
}
