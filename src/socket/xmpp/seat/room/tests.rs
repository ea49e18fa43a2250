use super::*;
use crate::channel::xmpp::place::stanza_id;
use crate::channel::xmpp::show::Show;
use crate::model::id::{AgentId, ConversationId, SessionId};

const NOW: Millis = Millis(1_000_000);

fn jid(text: &str) -> Jid {
    Jid::parse(text).unwrap()
}

fn agent() -> Jid {
    jid("li@example.com")
}

fn room() -> Room {
    let kept = Kept {
        jid: jid("s.1@rooms.example.com"),
        agent: AgentId::parse("li").unwrap(),
        session: SessionId::generate(NOW),
        conv: ConversationId::generate(NOW),
        watched: false,
        channel: "web".into(),
        name: "张三".into(),
        nick: None,
        guests: Vec::new(),
    };
    Room::new(kept, jid("c.1@desk.example.com/web"), 4).unwrap()
}

fn presence(name: &str, who: Option<&str>, there: bool) -> Presence {
    let available = PresenceKind::Available { show: Show::Here, priority: 0, workgroup: false };
    Presence {
        from: jid(&format!("s.1@rooms.example.com/{name}")),
        to: jid("c.1@desk.example.com/web"),
        kind: if there { available } else { PresenceKind::Unavailable },
        own: name == "张三",
        made: false,
        real: who.map(jid),
    }
}

fn message(name: &str, id: &str, body: &str, before: bool) -> Message {
    let of = if name.is_empty() { String::new() } else { format!("/{name}") };
    Message {
        from: jid(&format!("s.1@rooms.example.com{of}")),
        to: jid("c.1@desk.example.com/web"),
        id: Some(id.to_owned()),
        kind: MessageKind::Room,
        body: Some(body.to_owned()).filter(|body| !body.is_empty()),
        origin_id: None,
        wants_receipt: false,
        received: None,
        displayed: None,
        typing: None,
        said_at: before.then_some(NOW),
        file: None,
        nick: None,
        condition: None,
        reason: None,
        subject: body.is_empty(),
    }
}

/// A room that is entered again, with the agent in it.
fn returned() -> Room {
    let mut room = room();
    assert!(room.enter_again(NOW).is_some());
    assert_eq!(room.sees(&presence("li", Some("li@example.com/phone"), true), &agent()), Seen::Agent);
    assert_eq!(room.sees(&presence("张三", None, true), &agent()), Seen::Back);
    room
}

#[test]
fn what_the_room_tells_of_before_says_where_to_go_on() {
    let mut room = returned();
    let conv = room.kept().conv;
    assert!(room.is_returning() && room.has_agent());
    assert_eq!(room.hears(&message("张三", &stanza_id(conv, 7), "旧", true)), Said::Echo(7));
    assert_eq!(room.hears(&message("li", "gap", "断线时", true)), Said::Agent("断线时".into(), true));
    assert_eq!(room.hears(&message("wang", "w", "旁听", true)), Said::Nothing);
    assert_eq!(room.hears(&message("", "", "", false)), Said::Now);
    assert!(room.is_open() && room.heard == 7);
    assert_eq!(room.hears(&message("li", "late", "早已说过", true)), Said::Nothing, "it is passed on once");
    assert_eq!(room.hears(&message("li", "now", "现在", false)), Said::Agent("现在".into(), false));
}

#[test]
fn whoever_takes_the_agents_name_does_not_speak_for_the_agent() {
    let mut room = returned();
    room.listened();
    assert_eq!(room.sees(&presence("li", Some("li@example.com/phone"), false), &agent()), Seen::Agent);
    assert!(!room.has_agent() && room.is_empty());
    assert_eq!(room.sees(&presence("li", Some("wang@example.com/pc"), true), &agent()), Seen::Agent);
    let said = Said::Guest { name: "li".into(), who: Some(jid("wang@example.com")), text: "是我".into() };
    assert_eq!(room.hears(&message("li", "x", "是我", false)), said);
}

#[test]
fn a_room_that_throws_us_out_is_left_after_some_tries() {
    let mut room = room();
    room.enter(NOW);
    let mut made = presence("张三", None, true);
    made.made = true;
    assert_eq!(room.sees(&made, &agent()), Seen::Made);
    for _ in 1..ENTRIES {
        assert_eq!(room.sees(&presence("张三", None, false), &agent()), Seen::Out);
        assert!(room.enter_again(NOW).is_some());
    }
    assert!(room.enter_again(NOW).is_none());
    assert!(room.enter_again(NOW.plus(AGAIN + ENTERING)).is_some(), "later is another matter");
}

#[test]
fn a_service_that_does_not_answer_is_not_waited_for() {
    let mut room = room();
    room.enter(NOW);
    assert_eq!(room.overdue(NOW), Seen::Nothing);
    assert_eq!(room.overdue(NOW.plus(ENTERING)), Seen::Refused);
    let returned = returned();
    assert_eq!(returned.overdue(NOW.plus(ENTERING)), Seen::Back, "nobody says that everything is told");
}

#[test]
fn what_was_not_taken_shows_that_we_are_not_in() {
    let mut room = returned();
    room.listened();
    let mut back = message("", &stanza_id(room.kept().conv, 9), "无", false);
    back.kind = MessageKind::Error;
    assert_eq!(room.hears(&back), Said::Out);
    back.id = Some("n1".into());
    assert_eq!(room.hears(&back), Said::Nothing);
}
