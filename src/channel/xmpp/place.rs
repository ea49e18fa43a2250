//! What the addresses of our domain stand for, and the ids of the messages that we send. Pure.
//!
//! Both carry what they mean, so that another node understands them without having made them.

use crate::model::id::ConversationId;
use crate::model::jid::Jid;

/// The first characters of a conversation's local part. No queue's name can have the dot.
const CONVERSATION: &str = "c.";

/// What an address of our domain stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The domain itself.
    Desk,
    /// A queue, by the lower-case form of its name; whether there is one is not known here.
    Queue(String),
    /// One customer's conversation.
    Conversation(ConversationId),
    /// Nothing.
    Nothing,
}

impl Place {
    /// What `jid` stands for on `domain`.
    #[must_use]
    pub fn of(jid: &Jid, domain: &str) -> Self {
        if jid.domain() != domain {
            return Self::Nothing;
        }
        match jid.local() {
            None => Self::Desk,
            Some(local) => match local.strip_prefix(CONVERSATION) {
                Some(id) => unfolded(id).map_or(Self::Nothing, Self::Conversation),
                None => Self::Queue(local.to_owned()),
            },
        }
    }
}

/// Addresses are lower-case, ids upper-case.
fn unfolded(id: &str) -> Option<ConversationId> {
    ConversationId::parse(&format!("c_{}", id.to_ascii_uppercase())).ok()
}

fn folded(conv: ConversationId) -> String {
    conv.to_string().trim_start_matches("c_").to_ascii_lowercase()
}

/// The local part of a conversation's address.
#[must_use]
pub fn local_of(conv: ConversationId) -> String {
    format!("{CONVERSATION}{}", folded(conv))
}

/// The id of the stanza that carries a message of a log.
#[must_use]
pub fn stanza_id(conv: ConversationId, seq: i64) -> String {
    format!("m{seq}.{}", folded(conv))
}

/// The message that a stanza's id names.
#[must_use]
pub fn marked(id: &str) -> Option<(ConversationId, i64)> {
    let (seq, conv) = id.strip_prefix('m')?.split_once('.')?;
    Some((unfolded(conv)?, seq.parse().ok().filter(|seq| *seq > 0)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_conversation_a_queue_or_the_desk() {
        let conv = ConversationId::parse("c_01ARZ3NDEKTSV4RRFFQ69G5FAV").unwrap();
        let jid = Jid::at(&local_of(conv), "desk.example.com").unwrap();
        assert_eq!(jid.to_string(), "c.01arz3ndektsv4rrffq69g5fav@desk.example.com");
        assert_eq!(Place::of(&jid, "desk.example.com"), Place::Conversation(conv));
        let of = |text| Place::of(&Jid::parse(text).unwrap(), "desk.example.com");
        assert_eq!(of("Service@desk.example.com/x"), Place::Queue("service".into()));
        assert_eq!(of("desk.example.com"), Place::Desk);
        assert_eq!(of("c.nobody@desk.example.com"), Place::Nothing);
        assert_eq!(of("service@elsewhere.example.com"), Place::Nothing);
    }

    #[test]
    fn an_id_says_which_message_it_carries() {
        let conv = ConversationId::parse("c_01ARZ3NDEKTSV4RRFFQ69G5FAV").unwrap();
        assert_eq!(marked(&stanza_id(conv, 17)), Some((conv, 17)));
        for wrong in ["", "m", "m1", "m0.01arz3ndektsv4rrffq69g5fav", "m-3.01arz3ndektsv4rrffq69g5fav", "m1.x", "17.c"]
        {
            assert_eq!(marked(wrong), None, "{wrong}");
        }
    }
}
