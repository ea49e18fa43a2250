//! Colleagues with oversight who read along in a room of the session.

use serde_json::{Value, json};

use super::{SERVICE, arrives_busy, desk, lists, put_on_record};
use crate::support::service::Kind;
use crate::support::{Person, Visitor};

fn in_room(seen: &Value, room: &str, text: &str) -> bool {
    seen["kind"] == "message"
        && seen["type"] == "groupchat"
        && seen["from"].as_str().is_some_and(|from| from.starts_with(room))
        && seen["body"].as_str().is_some_and(|body| body.contains(text))
}

/// A supervisor is invited into the session's room, reads what both sides say, and is heard by colleagues only.
async fn a_supervisor_reads_along(kind: Kind) {
    let (server, app) = desk(kind).await;
    let mut li = Person::at_work(&server, &app, "li").await;
    let mut wang = arrives_busy(&server, &app).await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("我想查余额").await;
    let chat = li.takes_offer();
    li.says(&chat, "好的，请稍等");
    visitor.expects_text("好的，请稍等").await;
    li.says(SERVICE, "/watch");
    li.expects_text("仅限班长");
    assert!(lists(&mut wang, 1).starts_with("1. "));
    wang.says(SERVICE, "/watch 7");
    wang.expects_text("没有这个序号");
    wang.says(SERVICE, "/watch 1");
    let invitation = wang.expects("an invitation", |seen| {
        seen["kind"] == "message" && seen["xml"].as_str().is_some_and(|xml| xml.contains("<invite"))
    });
    let room = invitation["from"].as_str().expect("a room").to_owned();
    assert!(room.starts_with("s.") && room.ends_with("@rooms.localhost"), "{room}");
    wang.writes(&format!("<presence to='{room}/班长'><x xmlns='http://jabber.org/protocol/muc'/></presence>"));
    wang.expects("the customer's words", |seen| in_room(seen, &room, "我想查余额"));
    wang.expects("the agent's words", |seen| in_room(seen, &room, "[小李] 好的，请稍等"));
    // What is said in the room reaches no customer; a note reaches the agent.
    wang.sends(json!({ "to": room, "type": "groupchat", "body": "客户听得到吗" }));
    wang.expects_text("您在旁听");
    wang.sends(json!({ "to": room, "type": "groupchat", "body": "/note 请先核实身份" }));
    li.expects_text("[内部] 小王：请先核实身份");
    visitor.says("还在吗").await;
    wang.expects("the customer's words", |seen| in_room(seen, &room, "还在吗"));
    li.expects_text("还在吗");
    assert!(!li.has_text("客户听得到吗"));
    let watched = put_on_record(&app, "watch").await;
    assert_eq!(watched, ["agent:wang ok"], "who watches is on record");
    li.says(&chat, "/end");
    wang.expects("the end", |seen| in_room(seen, &room, "会话已结束"));
    visitor.socket.push("session", |frame| frame["d"]["state"] == "ended").await;
    for frame in visitor.socket.seen("msg") {
        let text = frame["d"]["fallback"].as_str().unwrap_or_default();
        assert!(!text.contains("客户听得到吗") && !text.contains("请先核实身份"), "{frame}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_reads_along_through_prosody() {
    a_supervisor_reads_along(Kind::Prosody).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_reads_along_through_ejabberd() {
    a_supervisor_reads_along(Kind::Ejabberd).await;
}
