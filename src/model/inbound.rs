//! What a channel hands to the core, and what it may get back at once. Knows no protocol.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::content::Content;
use super::id::{MediaId, RemoteId};
use super::time::Millis;
use super::window::Trigger;

/// One message or event from a customer, verified and translated by its channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Inbound {
    /// Unique per channel account: the same delivery again has the same key, nothing else has.
    pub dedupe: String,
    /// Who wrote it, as the channel knows them.
    pub from: RemoteId,
    /// When the channel says it was written. Shown, never used for order.
    pub sent_at: Millis,
    /// What it is.
    pub kind: InboundKind,
    /// The channel's own type name.
    pub raw_type: String,
    /// The channel's own message id.
    pub ext_id: Option<String>,
    /// What it allows us to send, if the channel counts.
    pub opens: Option<Trigger>,
    /// Blobs that have to be fetched from the channel before it forgets them.
    pub fetch: Vec<Fetch>,
}

/// The two kinds of inbound.
#[derive(Debug, Clone, PartialEq)]
pub enum InboundKind {
    /// Something the customer said.
    Message(Content),
    /// Something the customer did, or the channel reports.
    Event(ChannelEvent),
}

/// What a channel reports besides messages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "name", content = "data", rename_all = "snake_case")]
pub enum ChannelEvent {
    /// The customer followed the account, perhaps through a code with a scene.
    Followed {
        /// The scene of the code, without prefix.
        scene: Option<String>,
    },
    /// The customer left the account: nothing may be sent any more.
    Unfollowed,
    /// A follower scanned a code.
    Scanned {
        /// The scene of the code.
        scene: String,
    },
    /// The customer tapped a menu button with a key.
    MenuClicked {
        /// The button's key.
        key: String,
    },
    /// The channel's report of the customer's position.
    Position {
        /// Latitude in degrees.
        lat: Option<f64>,
        /// Longitude in degrees.
        lon: Option<f64>,
    },
    /// The final state of something sent earlier, or any other report: kept, not acted on.
    Reported {
        /// The channel's own event name.
        event: String,
        /// The channel's own fields.
        fields: serde_json::Value,
    },
}

/// A blob to be fetched from the channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetch {
    /// The id under which the message already refers to it.
    pub media: MediaId,
    /// The channel's own id of the blob.
    pub remote: String,
}

/// What a channel can put into the answer to a delivery.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Accepted, nothing to say.
    Accepted,
    /// Accepted, and this in the free passive slot.
    Passive(Box<Content>),
    /// Accepted; a machine may still put its answer into the passive slot.
    Open {
        /// Not after that.
        until: Millis,
        /// What rides in it already; nothing if it is empty.
        text: String,
    },
}
