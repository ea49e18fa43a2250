//! Clients with buttons: XEP-0050 commands, XEP-0142 workgroups.

use serde_json::{Value, json};

use super::{SERVICE, desk, sees};
use crate::support::service::Kind;
use crate::support::{Agent, Person};

pub(super) const WORKGROUP: &str = "http://jabber.org/protocol/workgroup";

fn has(seen: &Value, id: &str, part: &str) -> bool {
    seen["kind"] == "iq" && seen["id"] == id && seen["xml"].as_str().is_some_and(|xml| xml.contains(part))
}

/// What stands in the attribute `name` of the element `element`.
pub(super) fn attribute(xml: &str, element: &str, name: &str) -> String {
    // Servers write attributes in any order, and one name may end like another.
    let tag = xml.split(&format!("<{element}")).nth(1).expect("the element").split('>').next().expect("a tag");
    let value = tag.split(&format!(" {name}=\"")).nth(1).expect("the attribute");
    value.split('"').next().expect("a value").to_owned()
}

/// Everything that has a button is done by it.
#[tokio::test(flavor = "multi_thread")]
async fn commands_have_buttons() {
    let (server, app) = desk(Kind::Prosody).await;
    let mut wang = Agent::arrive(&app, "wang").await;
    let mut li = Person::ready(&server, "li");
    sees(&mut wang, "li", |li| li["status"] == "ready").await;
    li.writes(&format!(
        "<iq type='get' id='d1' to='{SERVICE}'><query xmlns='http://jabber.org/protocol/disco#items' node='http://jabber.org/protocol/commands'/></iq>"
    ));
    li.expects("the list", |seen| has(seen, "d1", "node=\"take\""));
    li.writes(&format!(
        "<iq type='get' id='d2' to='{SERVICE}'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>"
    ));
    li.expects("what it is", |seen| has(seen, "d2", "type=\"workgroup\""));
    let press = |node: &str, id: &str| {
        format!(
            "<iq type='set' id='{id}' to='{SERVICE}'><command xmlns='http://jabber.org/protocol/commands' node='{node}' action='execute'/></iq>"
        )
    };
    li.writes(&press("busy", "c1"));
    li.expects("it is done", |seen| has(seen, "c1", "completed"));
    sees(&mut wang, "li", |li| li["status"] == "busy").await;
    li.writes(&press("ready", "c2"));
    sees(&mut wang, "li", |li| li["status"] == "ready").await;
    let mut visitors = Vec::new();
    for name in ["w1", "w2"] {
        let mut visitor = crate::support::Visitor::arrives(&app, name).await;
        visitor.says("你好").await;
        visitors.push(visitor);
        li.expects_offer();
    }
    li.writes(&press("take", "c3"));
    let form = li.expects("a choice", |seen| has(seen, "c3", "list-single"));
    let number = form["xml"].as_str().unwrap().split("<value>").nth(1).unwrap().split('<').next().unwrap().to_owned();
    li.writes(&format!(
        "<iq type='set' id='c4' to='{SERVICE}'><command xmlns='http://jabber.org/protocol/commands' node='take' sessionid='s'>\
         <x xmlns='jabber:x:data' type='submit'><field var='number'><value>{number}</value></field></x></command></iq>"
    ));
    li.expects("it is taken", |seen| has(seen, "c4", "completed"));
    li.expects_text("已接入");
}

/// 60: a customer joins and is told the place; the agent's client takes the offer as such and is invited to a room.
#[tokio::test(flavor = "multi_thread")]
async fn a_workgroup_serves_clients_that_know_it() {
    let (server, app) = desk(Kind::Prosody).await;
    let mut wang = Agent::arrive(&app, "wang").await;
    let mut li = Person::at_work(&server, &app, "li").await;
    li.shows(json!({ "show": "dnd" }));
    sees(&mut wang, "li", |li| li["status"] == "busy").await;
    let mut zhang = Person::connects(&server, "zhang", &["register"]);
    zhang.shows(json!({}));
    let join = |id: &str| {
        format!(
            "<iq type='set' id='{id}' to='{SERVICE}'><join-queue xmlns='{WORKGROUP}'><queue-notifications/></join-queue></iq>"
        )
    };
    zhang.writes(&join("j1"));
    zhang.expects("to be let in", |seen| seen["kind"] == "iq" && seen["id"] == "j1" && seen["type"] == "result");
    zhang.expects("the place", |seen| {
        seen["kind"] == "message" && seen["xml"].as_str().is_some_and(|xml| xml.contains("<position>1</position>"))
    });
    zhang.writes(&join("j2"));
    zhang.expects("a refusal", |seen| has(seen, "j2", "conflict"));
    zhang.writes(&format!("<iq type='set' id='j3' to='{SERVICE}'><depart-queue xmlns='{WORKGROUP}'/></iq>"));
    zhang.expects("to be let out", |seen| seen["kind"] == "iq" && seen["id"] == "j3" && seen["type"] == "result");
    zhang.writes(&join("j4"));
    zhang.expects("to be let in", |seen| seen["kind"] == "iq" && seen["id"] == "j4" && seen["type"] == "result");
    // Whoever comes behind is told how long the first has waited so far.
    let mut sun = Person::connects(&server, "sun", &["register"]);
    sun.writes(&join("s1"));
    sun.expects("the place and the time", |seen| {
        let xml = seen["xml"].as_str().unwrap_or_default();
        let time = xml.split("<time>").nth(1).and_then(|rest| rest.split('<').next());
        xml.contains("<position>2</position>") && time.and_then(|time| time.parse::<u32>().ok()).is_some_and(|s| s > 0)
    });
    sun.writes(&format!("<iq type='set' id='s2' to='{SERVICE}'><depart-queue xmlns='{WORKGROUP}'/></iq>"));
    sun.expects("to be let out", |seen| seen["kind"] == "iq" && seen["id"] == "s2" && seen["type"] == "result");
    li.writes(&format!(
        "<presence><agent-status xmlns='{WORKGROUP}'><max-chats>3</max-chats></agent-status></presence>"
    ));
    let offer = li.expects("an offer", |seen| {
        seen["kind"] == "iq" && seen["xml"].as_str().is_some_and(|xml| xml.contains("<offer "))
    });
    let id = attribute(offer["xml"].as_str().unwrap(), "offer", "id");
    li.writes(&format!("<iq type='set' id='a1' to='{SERVICE}'><offer-accept xmlns='{WORKGROUP}' id='{id}'/></iq>"));
    li.expects("it is taken", |seen| seen["kind"] == "iq" && seen["id"] == "a1" && seen["type"] == "result");
    zhang.expects("the wait to be over", |seen| seen["xml"].as_str().is_some_and(|xml| xml.contains("<depart-queue")));
    let invitation =
        li.expects("an invitation", |seen| seen["xml"].as_str().is_some_and(|xml| xml.contains("<invite")));
    let room = invitation["from"].as_str().unwrap().to_owned();
    assert!(room.ends_with("@rooms.localhost"), "{room}");
    li.writes(&format!("<presence to='{room}/li'><x xmlns='http://jabber.org/protocol/muc'/></presence>"));
    li.expects("to be in the room", |seen| seen["kind"] == "presence" && seen["from"] == format!("{room}/li"));
    zhang.says(SERVICE, "在房间里听得到吗");
    let heard = li.expects_text("在房间里听得到吗");
    assert_eq!(heard["type"], "groupchat");
    li.writes(&format!("<message type='groupchat' to='{room}' id='g1'><body>听得到</body></message>"));
    zhang.expects_text("听得到");
    li.writes(&format!("<iq type='set' id='a2' to='{SERVICE}'><offer-accept xmlns='{WORKGROUP}' id='{id}'/></iq>"));
    li.expects("a refusal", |seen| has(seen, "a2", "item-not-found"));
}
