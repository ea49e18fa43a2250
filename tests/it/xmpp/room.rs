//! Rooms of sessions: they outlive the link that made them, and agents invite colleagues into them.

use std::time::Duration;

use serde_json::{Value, json};

use super::workgroup::{WORKGROUP, attribute};
use super::{SERVICE, arrives_busy, desk_with, lists, put_on_record, server};
use crate::support::service::{Kind, Service};
use crate::support::xmpp::declared;
use crate::support::{Cluster, Person, TestApp, Visitor};

/// The link is on this node, the only one that runs: somebody answers at the queue.
async fn has_the_link(app: &TestApp, li: &mut Person) {
    app.within(Duration::from_secs(30), "somebody answers", async || {
        li.says(SERVICE, "/help");
        li.has_text("命令 commands").then_some(())
    })
    .await;
}

/// The invitation into a room; its address.
fn is_invited(who: &mut Person) -> String {
    let invitation = who.expects("an invitation", |seen| {
        seen["kind"] == "message" && seen["xml"].as_str().is_some_and(|xml| xml.contains("<invite"))
    });
    invitation["from"].as_str().expect("a room").to_owned()
}

fn comes_in(who: &mut Person, room: &str, name: &str) {
    who.writes(&format!("<presence to='{room}/{name}'><x xmlns='http://jabber.org/protocol/muc'/></presence>"));
    let own = format!("{room}/{name}");
    who.expects("to be in the room", |seen| seen["kind"] == "presence" && seen["from"] == own);
}

fn hears(who: &mut Person, room: &str, text: &str) {
    who.expects(&format!("{text} in {room}"), |seen| in_room(seen, room, text));
}

fn in_room(seen: &Value, room: &str, text: &str) -> bool {
    seen["kind"] == "message"
        && seen["type"] == "groupchat"
        && seen["from"].as_str().is_some_and(|from| from.starts_with(room))
        && seen["body"].as_str().is_some_and(|body| body.contains(text))
}

/// A message of before. In a chat it may come once more, and says that it is of before; in a room it may not.
fn told_again(seen: &Value, text: &str) -> bool {
    let of_before = seen["type"] == "chat" && seen["xml"].as_str().is_some_and(|xml| xml.contains("urn:xmpp:delay"));
    seen["kind"] == "message" && seen["body"].as_str().is_some_and(|body| body.contains(text)) && !of_before
}

fn nothing_is_told_twice(people: [&mut Person; 2]) {
    for who in people {
        for text in ["断线时问", "答一", "问一", "问二", "问三"] {
            assert!(!who.has(|seen| told_again(seen, text)), "told twice: {text}: {who:?}");
        }
    }
}

/// The customers' and the agent's words before the link moves.
async fn talk(visitor: &mut Visitor, li: &mut Person, (to, kind): (&str, &str), text: &str) {
    visitor.says(&format!("问{text}")).await;
    li.expects_text(&format!("问{text}"));
    li.sends(json!({ "to": to, "type": kind, "body": format!("答{text}") }));
    visitor.expects_text(&format!("答{text}")).await;
}

/// A rich client's agent takes an offer as XEP-0142 has it, and comes into the room of the session.
fn takes_into_room(li: &mut Person) -> String {
    let offer = li.expects("an offer", |seen| {
        seen["kind"] == "iq" && seen["xml"].as_str().is_some_and(|xml| xml.contains("<offer "))
    });
    let id = attribute(offer["xml"].as_str().expect("xml"), "offer", "id");
    li.writes(&format!("<iq type='set' id='a{id}' to='{SERVICE}'><offer-accept xmlns='{WORKGROUP}' id='{id}'/></iq>"));
    let room = is_invited(li);
    comes_in(li, &room, "li");
    room
}

/// Two nodes, the first of which has the link, and an agent.
async fn with_the_link_on_node_1(server: &Service) -> (Cluster, Person) {
    let mut cluster = Cluster::with().declared(declared(server)).start().await;
    cluster.kill(2).await;
    let mut li = Person::at_work(server, cluster.node(1), "li").await;
    has_the_link(cluster.node(1), &mut li).await;
    cluster.revive(2).await;
    (cluster, li)
}

/// 59, 60: the node with the link dies while an agent, a guest and somebody who watches are in three rooms. All three go
/// on, what is said meanwhile arrives, and nothing is told twice.
async fn rooms_outlive_the_link(kind: Kind) {
    let server = server(kind).await;
    let (mut cluster, mut li) = with_the_link_on_node_1(&server).await;
    li.writes(&format!("<presence><agent-status xmlns='{WORKGROUP}'/></presence>"));
    let mut wang = arrives_busy(&server, cluster.node(2)).await;
    // The agent answers in the room of the first session.
    let mut rich = Visitor::arrives(cluster.node(2), "w1").await;
    rich.says("第一位").await;
    let first = takes_into_room(&mut li);
    talk(&mut rich, &mut li, (&first, "groupchat"), "一").await;
    // In the second the agent answers in the chat, and a colleague reads along.
    let mut guest = Visitor::arrives(cluster.node(2), "w2").await;
    guest.says("第二位").await;
    let second_chat = li.takes_offer_of("第二位");
    li.says(&second_chat, "/invite @wang");
    let second = is_invited(&mut wang);
    comes_in(&mut wang, &second, "wang");
    talk(&mut guest, &mut li, (&second_chat, "chat"), "二").await;
    hears(&mut wang, &second, "问二");
    hears(&mut wang, &second, "答二");
    // The third is watched.
    let mut watched = Visitor::arrives(cluster.node(2), "w3").await;
    watched.says("第三位").await;
    let third_chat = li.takes_offer_of("第三位");
    talk(&mut watched, &mut li, (&third_chat, "chat"), "三").await;
    assert!(lists(&mut wang, 3).starts_with("1. "));
    wang.says(SERVICE, "/watch 1");
    let third = is_invited(&mut wang);
    comes_in(&mut wang, &third, "班长");
    hears(&mut wang, &third, "答三");
    li.forgets();
    wang.forgets();
    cluster.kill(1).await;
    // Nobody has the link: the room itself takes what is said in it.
    li.sends(json!({ "to": first, "type": "groupchat", "body": "断线时说的", "id": "gap1" }));
    hears(&mut li, &first, "断线时说的");
    for (visitor, text) in [(&mut rich, "断线时问一"), (&mut guest, "断线时问二"), (&mut watched, "断线时问三")]
    {
        visitor.says(text).await;
    }
    rich.expects_text("断线时说的").await;
    hears(&mut li, &first, "断线时问一");
    hears(&mut wang, &second, "断线时问二");
    hears(&mut wang, &third, "断线时问三");
    assert_eq!(li.expects_text("断线时问二")["from"], *second_chat);
    assert_eq!(li.expects_text("断线时问三")["from"], *third_chat);
    // All three go on.
    talk(&mut rich, &mut li, (&first, "groupchat"), "后一").await;
    talk(&mut guest, &mut li, (&second_chat, "chat"), "后二").await;
    talk(&mut watched, &mut li, (&third_chat, "chat"), "后三").await;
    hears(&mut wang, &second, "答后二");
    hears(&mut wang, &third, "答后三");
    wang.sends(json!({ "to": second, "type": "groupchat", "body": "/note 核实过了" }));
    li.expects_text("[内部]");
    nothing_is_told_twice([&mut li, &mut wang]);
    let heard = rich.socket.seen("msg").iter().filter(|frame| frame["d"]["body"]["text"] == "断线时说的").count();
    assert_eq!(heard, 0, "the customer has heard it once");
    li.writes(&format!("<message type='groupchat' to='{first}' id='end'><body>/end</body></message>"));
    rich.socket.push("session", |frame| frame["d"]["state"] == "ended").await;
    is_closed(&mut li, &format!("{first}/li"));
}

fn is_closed(who: &mut Person, own: &str) {
    who.expects("the room to be closed", |seen| {
        seen["kind"] == "presence" && seen["type"] == "unavailable" && seen["from"] == own
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_outlive_the_link_through_prosody() {
    rooms_outlive_the_link(Kind::Prosody).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_outlive_the_link_through_ejabberd() {
    rooms_outlive_the_link(Kind::Ejabberd).await;
}

/// Declares a colleague of another queue, and one without an XMPP account.
fn with_colleagues(text: String) -> String {
    let agent = |id: &str, name: &str, more: &str| {
        format!(
            "[[agent]]\nid = \"{id}\"\nlogin = \"{id}\"\nname = \"{name}\"\npassword = \"correct horse battery\"\n\
             role = \"agent\"\ncapacity = 5\n{more}"
        )
    };
    let sun = agent("sun", "小孙", "queues = [\"vip\"]\nxmpp = \"sun@localhost\"\n");
    let zhou = agent("zhou", "小周", "queues = [\"service\"]\n");
    text.replacen("[[agent]]", &format!("{sun}{zhou}[[agent]]"), 1)
}

/// `/invite` lets a colleague read along in a room: those who may look at the session, and nobody else. No customer hears
/// what the colleague says there; the agent does.
async fn an_agent_invites_a_colleague(kind: Kind) {
    let (server, app) = desk_with(server(kind).await, with_colleagues).await;
    let mut li = Person::at_work(&server, &app, "li").await;
    let mut wang = arrives_busy(&server, &app).await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("这笔费用不对").await;
    let chat = li.takes_offer();
    li.says(SERVICE, "/invite @wang");
    li.expects_text("请在客户的会话里使用此命令");
    for (colleague, refusal) in [
        ("@nobody", "没有这个队列或坐席"),
        ("小周", "没有 XMPP 地址"),
        ("@sun", "本队列的同事"),
        ("@li", "不能邀请自己"),
    ] {
        li.says(&chat, &format!("/invite {colleague}"));
        li.expects_text(refusal);
    }
    li.says(&chat, "/invite 小王");
    li.expects_text("已邀请 小王");
    let room = is_invited(&mut wang);
    comes_in(&mut wang, &room, "wang");
    visitor.says("上个月的").await;
    hears(&mut wang, &room, "上个月的");
    li.expects_text("上个月的");
    li.says(&chat, "我看一下");
    hears(&mut wang, &room, "我看一下");
    visitor.expects_text("我看一下").await;
    // The agent stays in the chat, and is told there.
    wang.sends(json!({ "to": room, "type": "groupchat", "body": "给他退了吧" }));
    wang.expects_text("您在旁听");
    assert_eq!(li.expects_text("[会议室] 小王：给他退了吧")["from"], *chat);
    wang.sends(json!({ "to": room, "type": "groupchat", "body": "/note 已授权退费" }));
    li.expects_text("已授权退费");
    // Or comes into the room, where the agent's words go to the customer.
    assert_eq!(is_invited(&mut li), room);
    comes_in(&mut li, &room, "li");
    li.sends(json!({ "to": room, "type": "groupchat", "body": "已为您退费" }));
    visitor.expects_text("已为您退费").await;
    li.sends(json!({ "to": room, "type": "groupchat", "body": "/not 不是命令" }));
    li.expects_text("没有命令 /not");
    let record = put_on_record(&app, "invite").await;
    assert!(record.iter().any(|line| line == "agent:li ok"), "{record:?}");
    assert!(record.iter().any(|line| line == "agent:li forbidden"), "{record:?}");
    li.says(&chat, "/end");
    visitor.socket.push("session", |frame| frame["d"]["state"] == "ended").await;
    is_closed(&mut wang, &format!("{room}/wang"));
    for frame in visitor.socket.seen("msg") {
        let text = frame["d"]["fallback"].as_str().unwrap_or_default();
        assert!(!["退了吧", "已授权", "不是命令"].iter().any(|said| text.contains(said)), "{frame}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_invites_a_colleague_through_prosody() {
    an_agent_invites_a_colleague(Kind::Prosody).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_invites_a_colleague_through_ejabberd() {
    an_agent_invites_a_colleague(Kind::Ejabberd).await;
}

/// The same by a button: at the chat only the colleague has to be chosen, at the queue the chat, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_colleague_is_invited_by_a_button() {
    let (server, app) = desk_with(server(Kind::Prosody).await, with_colleagues).await;
    let mut li = Person::at_work(&server, &app, "li").await;
    let mut wang = arrives_busy(&server, &app).await;
    let mut chats = Vec::new();
    for name in ["w1", "w2"] {
        Visitor::arrives(&app, name).await.says("你好").await;
        chats.push(li.takes_offer());
    }
    let bare = chats[0].split('/').next().expect("an address").to_owned();
    let press = |id: &str, to: &str, form: &str| {
        format!(
            "<iq type='set' id='{id}' to='{to}'><command xmlns='http://jabber.org/protocol/commands' node='invite'>{form}</command></iq>"
        )
    };
    let has = |seen: &Value, id: &str, part: &str| {
        seen["kind"] == "iq" && seen["id"] == id && seen["xml"].as_str().is_some_and(|xml| xml.contains(part))
    };
    li.writes(&press("i1", SERVICE, ""));
    let form = li.expects("a form", |seen| has(seen, "i1", "executing"));
    let xml = form["xml"].as_str().expect("xml");
    assert!(
        xml.contains("var=\"chat\"") && xml.contains("小王") && !xml.contains("小孙") && !xml.contains("小周"),
        "{xml}"
    );
    li.writes(&press("i2", &bare, ""));
    let form = li.expects("a form", |seen| has(seen, "i2", "executing"));
    let xml = form["xml"].as_str().expect("xml");
    assert!(!xml.contains("var=\"chat\"") && xml.contains("var=\"colleague\""), "{xml}");
    let chosen = "<x xmlns='jabber:x:data' type='submit'><field var='colleague'><value>wang</value></field></x>";
    li.writes(&press("i3", &bare, chosen));
    li.expects("it is done", |seen| has(seen, "i3", "completed"));
    let room = is_invited(&mut wang);
    comes_in(&mut wang, &room, "wang");
    li.says(&chats[0], "同事来了");
    hears(&mut wang, &room, "同事来了");
}

/// The server goes away with all its rooms: they are made anew, everybody is invited again, and the log goes on.
#[tokio::test(flavor = "multi_thread")]
async fn rooms_are_made_anew_when_the_server_restarts() {
    let (mut server, app) = desk_with(server(Kind::Prosody).await, |text| text).await;
    let mut li = Person::at_work(&server, &app, "li").await;
    let mut wang = arrives_busy(&server, &app).await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    visitor.says("你好").await;
    let chat = li.takes_offer();
    li.says(&chat, "/invite @wang");
    li.expects_text("已邀请 小王");
    let room = is_invited(&mut wang);
    comes_in(&mut wang, &room, "wang");
    visitor.says("重启之前").await;
    hears(&mut wang, &room, "重启之前");
    // The server first: an agent who goes before would close the room.
    server.kill();
    li.dies();
    wang.dies();
    visitor.says("重启期间").await;
    let again = tokio::task::spawn_blocking(move || {
        server.resume();
        let mut wang = Person::connects(&server, "wang", &["approve"]);
        wang.shows(json!({ "show": "dnd" }));
        let mut li = Person::connects(&server, "li", &["approve"]);
        li.shows(json!({}));
        li.expects_text("重启期间");
        (server, li, wang)
    });
    let (_server, mut li, mut wang) = again.await.expect("the server comes back");
    assert_eq!(is_invited(&mut wang), room);
    comes_in(&mut wang, &room, "wang");
    visitor.says("重启之后").await;
    hears(&mut wang, &room, "重启之后");
    li.expects_text("重启之后");
    li.says(&chat, "我们继续");
    hears(&mut wang, &room, "我们继续");
    assert!(!wang.has_text("重启之前"), "what was told is not told again");
}
