//! Signatures and message encryption of WeChat callbacks. Knows keys and bytes, no XML, JSON or HTTP.
//!
//! Source: the message encryption page of the platform's documentation
//! (<https://developers.weixin.qq.com/doc/subscription/guide/dev/push/encryption.md>).

mod key;
mod signature;

pub use key::Key;
pub use signature::{Signature, sign};

/// Why a callback's cryptography does not hold. For logs and counters only: the answer outside is always the same.
///
/// Codes −40003, −40006, −40009 and −40011 of the official sample belong to steps that cannot fail here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CryptoError {
    /// The signature is not the one that the token gives.
    #[error("signature does not match")]
    Signature,
    /// The envelope cannot be read or carries no ciphertext.
    #[error("envelope cannot be read")]
    Envelope,
    /// The EncodingAESKey is not 43 characters of base 64.
    #[error("EncodingAESKey must be 43 letters and digits")]
    Key,
    /// The rest after the message is not the expected id.
    #[error("message is for another account")]
    ReceiveId,
    /// The ciphertext is empty or no multiple of 32 bytes.
    #[error("ciphertext has an impossible length")]
    Length,
    /// The padding is not `n` bytes of value `n`, 1 to 32.
    #[error("padding is inconsistent")]
    Padding,
    /// Fewer than 20 bytes are left after the padding.
    #[error("plaintext is too short")]
    Framing,
    /// The length field points beyond the plaintext.
    #[error("length field exceeds the plaintext")]
    LengthPrefix,
    /// The message is not UTF-8.
    #[error("message is not UTF-8")]
    Utf8,
    /// The ciphertext is not standard base 64.
    #[error("ciphertext is not base 64")]
    Base64,
}

impl CryptoError {
    /// The code of the official sample library, as operators know it.
    #[must_use]
    pub fn code(self) -> i32 {
        match self {
            Self::Signature => -40001,
            Self::Envelope => -40002,
            Self::Key => -40004,
            Self::ReceiveId => -40005,
            Self::Length => -40007,
            Self::Padding | Self::Framing | Self::LengthPrefix | Self::Utf8 => -40008,
            Self::Base64 => -40010,
        }
    }

    /// The step that failed, a stable word for metrics.
    #[must_use]
    pub fn stage(self) -> &'static str {
        match self {
            Self::Signature => "signature",
            Self::Envelope => "envelope",
            Self::Key => "key",
            Self::ReceiveId => "appid",
            Self::Length => "length",
            Self::Padding => "padding",
            Self::Framing => "framing",
            Self::LengthPrefix => "length prefix",
            Self::Utf8 => "utf8",
            Self::Base64 => "base64",
        }
    }
}

#[cfg(test)]
mod tests;
