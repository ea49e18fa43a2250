//! What a campaign writes down and how it is read again: tokens, lines, folders. Knows no check and no load.

pub mod dump;
pub mod folder;
pub mod line;
pub mod plan;
pub mod token;

pub use dump::Dump;
pub use folder::Records;
pub use line::{Kind, Line, What};
pub use plan::Plan;
pub use token::{Mint, Token};
