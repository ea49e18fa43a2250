//! What has to be known of RFC 6455 beside the library's own codec: a guard in front of it, and messages in fragments
//! behind it. Knows no I/O, no JSON and no actix.

mod fragment;
mod guard;

pub use fragment::{Fragments, Whole};
pub use guard::{End, Guard};

/// The status code with which a broken client is sent away, RFC 6455 §7.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Violation(pub u16);

impl Violation {
    /// Frames that the protocol does not allow.
    pub const PROTOCOL: Self = Self(1002);
    /// A kind of message that this endpoint does not take.
    pub const UNSUPPORTED: Self = Self(1003);
    /// Text that is not UTF-8.
    pub const ENCODING: Self = Self(1007);
    /// More fragments than a sane client sends.
    pub const POLICY: Self = Self(1008);
    /// A frame or message above the limit.
    pub const SIZE: Self = Self(1009);
}
