//! The details of events of the gateway's processes. They belong to no tenant: theirs is `_`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::id::NodeId;

/// A process of the gateway serves.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "NodeUp")]
pub struct Up {
    /// The process; its name until it ends.
    pub node: NodeId,
    /// Its version.
    pub version: String,
}

/// A process of the gateway lets nothing more in and ends soon.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "NodeDraining")]
pub struct Draining {
    /// The process.
    pub node: NodeId,
}
