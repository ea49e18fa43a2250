//! Agents and customers on XMPP: real servers, an independent client, real visitors.

mod agent;
mod cluster;
mod customer;
mod facts;
mod link;
mod oversight;
mod presence;
mod room;
mod workgroup;

use serde_json::{Value, json};
use yizhan::model::id::TenantId;
use yizhan::store::{Backend, Settings, Store, audit};

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
    desk_with(server, |text| text).await
}

/// A gateway with a changed declaration.
async fn desk_with(server: Service, change: impl FnOnce(String) -> String) -> (Service, TestApp) {
    let declared = declared(&server);
    let app = TestApp::with().declared(|text| change(declared(text))).start().await;
    (server, app)
}

/// A supervisor, who is asked to serve nobody.
async fn arrives_busy(server: &Service, app: &TestApp) -> Person {
    let mut wang = Person::at_work(server, app, "wang").await;
    wang.shows(json!({ "show": "dnd" }));
    wang
}

/// The list of who is served, once it names so many.
fn lists(overseer: &mut Person, served: usize) -> String {
    for _ in 0..50 {
        overseer.says(SERVICE, "/watch");
        let answer = overseer.expects("an answer", |seen| {
            seen["kind"] == "message" && seen["from"] == SERVICE && seen["body"].as_str().is_some_and(|b| !b.is_empty())
        });
        let body = answer["body"].as_str().expect("a text").to_owned();
        if body.matches("小李").count() >= served {
            return body;
        }
        std::thread::yield_now();
    }
    panic!("nobody is served");
}

/// Who did this, and what came of it.
async fn put_on_record(app: &TestApp, action: &str) -> Vec<String> {
    let backend = Backend::Sqlite { path: app.dir().join("yizhan.db") };
    let store = Store::open(&Settings { backend, readers: 1, group_max: 1 }).expect("the store");
    let tenant = store.tenant(&TenantId::parse("demo").unwrap());
    let lines = tenant.read(|tx| audit::latest(tx, 100)).await.expect("the audit");
    let done = lines.into_iter().filter(|line| line.action == action);
    done.map(|line| format!("{} {}", line.actor, line.outcome)).collect()
}

/// A colleague sees how an agent is.
async fn sees(colleague: &mut Agent, agent: &str, how: impl Fn(&Value) -> bool) -> Value {
    colleague.socket.push("presence", |frame| frame["d"]["agent"] == agent && how(&frame["d"])).await
}
