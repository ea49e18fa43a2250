//! The namespaces of the extensions that are spoken.

/// XEP-0085: typing.
pub const CHATSTATES: &str = "http://jabber.org/protocol/chatstates";
/// XEP-0184: receipts.
pub const RECEIPTS: &str = "urn:xmpp:receipts";
/// XEP-0333: seen.
pub const MARKERS: &str = "urn:xmpp:chat-markers:0";
/// XEP-0172: a name to show.
pub const NICK: &str = "http://jabber.org/protocol/nick";
/// XEP-0203: said earlier.
pub const DELAY: &str = "urn:xmpp:delay";
/// XEP-0066: an address of a file.
pub const OOB: &str = "jabber:x:oob";
/// XEP-0359: identifiers.
pub const SID: &str = "urn:xmpp:sid:0";
/// XEP-0334: hints to servers.
pub const HINTS: &str = "urn:xmpp:hints";
/// XEP-0297: forwarded stanzas, as carbons and archives use them.
pub const FORWARD: &str = "urn:xmpp:forward:0";
/// XEP-0280: carbons.
pub const CARBONS: &str = "urn:xmpp:carbons:2";
/// XEP-0313: archives.
pub const MAM: &str = "urn:xmpp:mam:2";
/// XEP-0199: are you there?
pub const PING: &str = "urn:xmpp:ping";
/// XEP-0030: what are you?
pub const DISCO_INFO: &str = "http://jabber.org/protocol/disco#info";
/// XEP-0030: what is there?
pub const DISCO_ITEMS: &str = "http://jabber.org/protocol/disco#items";
/// XEP-0050: commands.
pub const COMMANDS: &str = "http://jabber.org/protocol/commands";
/// XEP-0004: forms.
pub const DATA: &str = "jabber:x:data";
/// XEP-0142: workgroups.
pub const WORKGROUP: &str = "http://jabber.org/protocol/workgroup";
/// XEP-0045: rooms.
pub const MUC: &str = "http://jabber.org/protocol/muc";
/// XEP-0045: rooms, what users of them say.
pub const MUC_USER: &str = "http://jabber.org/protocol/muc#user";
/// XEP-0045: rooms, what owners of them set.
pub const MUC_OWNER: &str = "http://jabber.org/protocol/muc#owner";
/// XEP-0249: come into a room.
pub const CONFERENCE: &str = "jabber:x:conference";
/// RFC 6120: conditions of stanza errors.
pub const STANZAS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";
