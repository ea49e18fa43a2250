//! Encryption and decryption under an EncodingAESKey. Knows no signature.

use std::fmt;

use aes::Aes256;
use aes::cipher::block_padding::NoPadding;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD, STANDARD};
use zeroize::Zeroizing;

use super::CryptoError;

/// Padding unit of the platform: 32, twice the block size of AES.
const PAD: usize = 32;
/// Bytes before the message: 16 random ones and the message's length.
const HEADER: usize = 20;
/// Length of an EncodingAESKey as text.
const KEY_CHARS: usize = 43;

/// 43 characters carry 258 bits: the last one may have non-zero bits beyond the 256th, and the platform's own sample
/// key has them.
const KEY_BASE64: GeneralPurpose =
    GeneralPurpose::new(&alphabet::STANDARD, NO_PAD.with_decode_allow_trailing_bits(true));

/// A decoded EncodingAESKey. Wiped from memory when dropped; never printed, never compared.
#[derive(Clone)]
pub struct Key(Zeroizing<[u8; 32]>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(••••)")
    }
}

impl Key {
    /// Decodes the 43 characters that the account's owner configured.
    ///
    /// # Errors
    /// [`CryptoError::Key`] for any other length or alphabet.
    pub fn parse(text: &str) -> Result<Self, CryptoError> {
        if text.len() != KEY_CHARS {
            return Err(CryptoError::Key);
        }
        let mut key = Zeroizing::new([0; 32]);
        match KEY_BASE64.decode_slice(text, key.as_mut_slice()) {
            Ok(32) => Ok(Self(key)),
            _ => Err(CryptoError::Key),
        }
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// The initial vector is the first half of the key.
    fn iv(&self) -> [u8; 16] {
        let mut iv = [0; 16];
        iv.iter_mut().zip(self.0.iter()).for_each(|(to, from)| *to = *from);
        iv
    }

    /// Encrypts `msg` for `receive_id` (the AppID) into base 64. `random` must be fresh for every message.
    #[must_use]
    pub fn encrypt(&self, random: [u8; 16], msg: &[u8], receive_id: &str) -> String {
        let used = HEADER + msg.len() + receive_id.len();
        let pad = PAD - used % PAD;
        let mut buf = Vec::with_capacity(used + pad);
        buf.extend_from_slice(&random);
        buf.extend_from_slice(&u32::try_from(msg.len()).unwrap_or(u32::MAX).to_be_bytes());
        buf.extend_from_slice(msg);
        buf.extend_from_slice(receive_id.as_bytes());
        buf.resize(used + pad, u8::try_from(pad).unwrap_or(0));
        let cipher = cbc::Encryptor::<Aes256>::new((&*self.0).into(), (&self.iv()).into());
        let len = buf.len();
        match cipher.encrypt_padded::<NoPadding>(&mut buf, len) {
            Ok(ciphertext) => STANDARD.encode(ciphertext),
            // Not reached: the buffer is a multiple of 32 bytes. An empty text would fail every check of a receiver.
            Err(_) => String::new(),
        }
    }

    /// Decrypts base 64 as it stands in the envelope into the message, whose trailing id must be `receive_id`.
    ///
    /// # Errors
    /// The first check that fails, in the order of the platform's procedure. Nothing is allocated by a number that the
    /// sender claims.
    pub fn decrypt(&self, encrypt_b64: &str, receive_id: &str) -> Result<Vec<u8>, CryptoError> {
        self.decrypt_text(encrypt_b64, receive_id).map(String::into_bytes)
    }

    /// [`Key::decrypt`], as text.
    ///
    /// # Errors
    /// As [`Key::decrypt`].
    pub fn decrypt_text(&self, encrypt_b64: &str, receive_id: &str) -> Result<String, CryptoError> {
        let mut buf = STANDARD.decode(encrypt_b64).map_err(|_malformed| CryptoError::Base64)?;
        if buf.is_empty() || !buf.len().is_multiple_of(PAD) {
            return Err(CryptoError::Length);
        }
        let cipher = cbc::Decryptor::<Aes256>::new((&*self.0).into(), (&self.iv()).into());
        cipher.decrypt_padded::<NoPadding>(&mut buf).map_err(|_ragged| CryptoError::Length)?;
        unframe(buf, receive_id)
    }
}

/// Takes padding, random bytes, length field and trailing id off a decrypted buffer.
pub(super) fn unframe(mut buf: Vec<u8>, receive_id: &str) -> Result<String, CryptoError> {
    let last = buf.last().copied().ok_or(CryptoError::Padding)?;
    let pad = usize::from(last);
    let (text, padding) = buf.split_at_checked(buf.len().wrapping_sub(pad)).ok_or(CryptoError::Padding)?;
    if !(1..=PAD).contains(&pad) || padding.iter().any(|&byte| byte != last) {
        return Err(CryptoError::Padding);
    }
    let (header, rest) = text.split_at_checked(HEADER).ok_or(CryptoError::Framing)?;
    let length = header.last_chunk::<4>().ok_or(CryptoError::Framing)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_too_large| CryptoError::LengthPrefix)?;
    let (message, id) = rest.split_at_checked(length).ok_or(CryptoError::LengthPrefix)?;
    if id != receive_id.as_bytes() {
        return Err(CryptoError::ReceiveId);
    }
    let length = message.len();
    buf.truncate(HEADER + length);
    buf.drain(..HEADER);
    String::from_utf8(buf).map_err(|_malformed| CryptoError::Utf8)
}
