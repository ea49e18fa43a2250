//! The channel contract and its kinds. A channel translates; it knows no routing.

pub mod wechat;
