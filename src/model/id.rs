//! Identifiers. Declared things carry short names, things made at run time carry time-ordered random ids.
//!
//! An identifier of another system (openid, visitor key, JID) is a [`RemoteId`]: opaque outside its channel.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use ulid::Ulid;
use uuid::Uuid;

use super::time::Millis;

/// Why a text is not an identifier.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum IdError {
    /// A declared name must be 1 to 64 of `a-z A-Z 0-9 _ -`.
    #[error("must be 1 to 64 letters, digits, '_' or '-'")]
    Name,
    /// A generated id must carry its prefix and 26 characters of base 32.
    #[error("is not an id of this kind (expected '{0}' and 26 characters)")]
    Generated(&'static str),
    /// A remote id must be 1 to 2,047 bytes without control characters.
    #[error("must be 1 to 2047 bytes without control characters")]
    Remote,
}

fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// The form of a declared name.
const NAME: &str = "^[A-Za-z0-9_-]{1,64}$";

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $check:expr, $error:expr, $form:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the form and takes the text.
            ///
            /// # Errors
            /// When the text does not have the form of this kind of identifier.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                if $check(text) { Ok(Self(Arc::from(text))) } else { Err($error) }
            }

            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_made: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $form })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
            }
        }
    };
}

macro_rules! generated_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Ulid);

        impl $name {
            /// A new id; ids made later sort later (to the millisecond).
            #[must_use]
            pub fn generate(now: Millis) -> Self {
                Self(Ulid::from_parts(u64::try_from(now.0).unwrap_or(0), rand::random()))
            }

            /// When it was generated.
            #[must_use]
            pub fn made_at(self) -> Millis {
                Millis(i64::try_from(self.0.timestamp_ms()).unwrap_or(i64::MAX))
            }

            /// Reads the written form, prefix included.
            ///
            /// # Errors
            /// When the prefix or the 26 characters after it are not those of this kind.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                text.strip_prefix($prefix)
                    .and_then(|rest| Ulid::from_string(rest).ok())
                    .map(Self)
                    .ok_or(IdError::Generated($prefix))
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_made: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": concat!("^", $prefix, "[0-9A-HJKMNP-TV-Z]{26}$") })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
            }
        }
    };
}

text_id!(/// An enterprise: the unit of isolation.
    TenantId, is_name, IdError::Name, NAME);
text_id!(/// One public account, one widget key, one XMPP domain of a tenant.
    AccountId, is_name, IdError::Name, NAME);
text_id!(/// A person who answers customers.
    AgentId, is_name, IdError::Name, NAME);
text_id!(/// A routing target with waiting sessions.
    QueueId, is_name, IdError::Name, NAME);
text_id!(/// An entry of a tenant's question base.
    FaqId, is_name, IdError::Name, NAME);
text_id!(/// A multi-step form of a tenant.
    FlowId, is_name, IdError::Name, NAME);
text_id!(/// A program that uses a tenant's administrator API.
    ApiKeyId, is_name, IdError::Name, NAME);
text_id!(/// The stable client behind several connections of one participant.
    DeviceId, is_name, IdError::Name, NAME);
text_id!(/// The idempotency key that a client gives to a message.
    ClientId, is_name, IdError::Name, NAME);
text_id!(/// A customer's identifier on a channel: openid, visitor key, JID. Opaque outside the channel. As long as the longest
    /// address without a resource (RFC 7622 §3.1), which keys of both back ends still hold.
    RemoteId, |t: &str| (1..=2_047).contains(&t.len()) && !t.chars().any(char::is_control), IdError::Remote,
    "^[^\\u0000-\\u001f\\u007f-\\u009f]{1,2047}$");

impl DeviceId {
    /// A device under the name of the party that it belongs to. Devices name themselves, so two parties may choose
    /// the same name; joined they differ, because neither part may contain the `/` between them.
    #[must_use]
    pub fn joined(kind: &str, party: &str, device: &Self) -> Self {
        Self(Arc::from(format!("{kind}/{party}/{device}")))
    }
}

generated_id!(/// A customer.
    ContactId, "p_");
generated_id!(/// The endless ordered log of one contact on one channel account.
    ConversationId, "c_");
generated_id!(/// One service episode inside a conversation.
    SessionId, "s_");
generated_id!(/// One agent's share of a session, from offer to the end of wrap-up.
    AssignmentId, "g_");
generated_id!(/// A stored blob.
    MediaId, "m_");
generated_id!(/// One audio or video call of a session.
    CallId, "x_");
generated_id!(/// One recording of a call.
    RecordingId, "r_");
generated_id!(/// One socket connection.
    ConnectionId, "k_");
generated_id!(/// One process of the gateway, for its life.
    NodeId, "n_");

/// A message's identity: UUID version 7, made by the node that accepts it. Never used for order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(Uuid);

impl MessageId {
    /// A new id for a message accepted at `now`.
    #[must_use]
    pub fn generate(now: Millis) -> Self {
        let millis = u64::try_from(now.0).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &rand::random()).into_uuid())
    }

    /// Reads the hyphenated form.
    ///
    /// # Errors
    /// When the text is not a UUID.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        Uuid::parse_str(text).map(Self).map_err(|_source| IdError::Generated("uuid"))
    }
}

impl JsonSchema for MessageId {
    fn schema_name() -> Cow<'static, str> {
        "MessageId".into()
    }

    fn json_schema(_made: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "uuid" })
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        assert!(AgentId::parse("li-1").is_ok());
        for bad in ["", "a b", "李", "a/b", &"x".repeat(65)] {
            assert_eq!(AgentId::parse(bad), Err(IdError::Name), "{bad}");
        }
        assert!(RemoteId::parse("o9AgO5Kd5ggOC-bXrbNODIiE3bGY").is_ok());
        assert!(RemoteId::parse("o'%/ 😀").is_ok());
        assert_eq!(RemoteId::parse("a\nb"), Err(IdError::Remote));
        let address = format!("{}@{}", "a".repeat(1_023), "b".repeat(1_023));
        assert!(RemoteId::parse(&address).is_ok());
        assert_eq!(RemoteId::parse(&format!("{address}b")), Err(IdError::Remote));
    }

    #[test]
    fn generated_ids_round_trip_and_keep_their_kind() {
        let id = ConversationId::generate(Millis(1_795_392_073_482));
        assert_eq!(ConversationId::parse(&id.to_string()), Ok(id));
        assert_eq!(SessionId::parse(&id.to_string()), Err(IdError::Generated("s_")));
        let later = ConversationId::generate(Millis(1_795_392_073_483));
        assert!(later.to_string() > id.to_string());
        assert_eq!(later.made_at(), Millis(1_795_392_073_483));
    }
}
