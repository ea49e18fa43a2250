//! What a pushed message or event allows: a passive reply of which size, and which sending window. Pure.

use crate::model::window::Trigger;
use crate::simulator::tree::Node;

/// What may be answered to a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passive {
    /// One message; of articles at most this many are shown.
    Articles(usize),
    /// Nothing: a reply is dropped, and a failure is not shown to the person.
    Ignored,
}

/// What may be answered to a body with these fields.
pub(crate) fn passive(fields: &Node) -> Passive {
    let msg_type = fields.str_of("MsgType").unwrap_or_default();
    if !msg_type.eq_ignore_ascii_case("event") {
        return Passive::Articles(1);
    }
    match fields.str_of("Event").unwrap_or_default().to_ascii_lowercase().as_str() {
        "subscribe" | "scan" | "click" | "scancode_waitmsg" | "kf_create_session" => Passive::Articles(8),
        _ => Passive::Ignored,
    }
}

/// What a body with these fields lets the account send.
///
/// Tapping an item of a menu message counts as a menu tap, not as a message
/// (<https://developers.weixin.qq.com/doc/offiaccount/Customer_Service/Customer_Service_Messages.html>).
pub(crate) fn opens(fields: &Node) -> Option<Trigger> {
    let msg_type = fields.str_of("MsgType")?;
    if !msg_type.eq_ignore_ascii_case("event") {
        return Some(if fields.get("bizmsgmenuid").is_some() { Trigger::Menu } else { Trigger::Message });
    }
    match fields.str_of("Event")?.to_ascii_lowercase().as_str() {
        "subscribe" if fields.str_of("EventKey").is_some_and(|key| !key.is_empty()) => Some(Trigger::Scan),
        "subscribe" => Some(Trigger::Follow),
        "scan" => Some(Trigger::Scan),
        "click" | "scancode_push" | "scancode_waitmsg" => Some(Trigger::Menu),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str) -> Node {
        Node::map([("MsgType", Node::text("event")), ("Event", Node::text(name))])
    }

    #[test]
    fn the_trigger_table() {
        let text = Node::map([("MsgType", Node::text("text"))]);
        let tap = Node::map([("MsgType", Node::text("text")), ("bizmsgmenuid", Node::text("1"))]);
        assert_eq!(opens(&text), Some(Trigger::Message));
        assert_eq!(opens(&tap), Some(Trigger::Menu));
        for (name, trigger) in [
            ("subscribe", Some(Trigger::Follow)),
            ("SCAN", Some(Trigger::Scan)),
            ("CLICK", Some(Trigger::Menu)),
            ("scancode_push", Some(Trigger::Menu)),
            ("VIEW", None),
            ("pic_weixin", None),
            ("location_select", None),
            ("LOCATION", None),
            ("unsubscribe", None),
            ("TEMPLATESENDJOBFINISH", None),
        ] {
            assert_eq!(opens(&event(name)), trigger, "{name}");
        }
    }

    #[test]
    fn what_may_be_answered() {
        assert_eq!(passive(&Node::map([("MsgType", Node::text("voice"))])), Passive::Articles(1));
        assert_eq!(passive(&event("CLICK")), Passive::Articles(8));
        assert_eq!(passive(&event("unsubscribe")), Passive::Ignored);
    }
}
