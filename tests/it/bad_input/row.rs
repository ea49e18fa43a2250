//! One line of a table: a request, described by how it differs from a good one, and its exact answer.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// A table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    pub row: Vec<Row>,
}

/// One request and its answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The id of the catalogue.
    pub id: String,
    /// Which of several inputs of that id.
    pub case: String,
    /// The account it goes to: the last part of its path key.
    #[serde(default = "oa")]
    pub account: String,
    /// The path key as it is, instead of an account's.
    pub path: Option<String>,
    pub method: Option<String>,
    /// How the document is made.
    #[serde(default)]
    pub document: Document,
    /// How it is encrypted and wrapped.
    #[serde(default)]
    pub envelope: Envelope,
    /// How the address is signed.
    #[serde(default)]
    pub address: Address,
    /// More header lines.
    #[serde(default)]
    pub header: BTreeMap<String, String>,
    /// How the bytes travel, if not as usual.
    pub transfer: Option<Transfer>,
    pub answer: Expected,
}

fn oa() -> String {
    "oa".to_owned()
}

/// The document that the platform would encrypt. `{from}`, `{to}`, `{id}` and `{trap}` are filled in; `{trap}` is the
/// address of a listener that nobody may connect to.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// The whole document; a text message if left out.
    pub text: Option<String>,
    /// The whole document as bytes.
    pub base64: Option<String>,
    /// The document in UTF-16 with a mark.
    #[serde(default)]
    pub utf16: bool,
    /// The content of the text message.
    pub content: Option<String>,
    /// Repeats this part of the text.
    pub repeat: Option<Repeat>,
    /// The sender; a fresh one if left out.
    pub from: Option<String>,
    /// The message id; a fresh one if left out.
    pub msg_id: Option<u64>,
}

/// Replaces `mark` by `times` copies of `by`, where `{i}` is the number of the copy.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    pub mark: String,
    pub by: String,
    pub times: usize,
}

/// Encryption and wrapping.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// Whether the document travels as it is. Accounts in plaintext mode always do this.
    #[serde(default)]
    pub clear: bool,
    /// The EncodingAESKey, if not the account's.
    pub key: Option<String>,
    /// The trailing id, if not the account's.
    pub appid: Option<String>,
    /// Every byte of the padding.
    pub padding: Option<u8>,
    /// The length field.
    pub length: Option<u32>,
    /// The ciphertext, instead of any.
    pub ciphertext: Option<String>,
    /// `xml` or `json`, if not the account's format.
    pub format: Option<String>,
    /// Fields beside `Encrypt`.
    #[serde(default)]
    pub beside: String,
}

/// What is wrong with the parameters.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Address {
    pub timestamp: Option<String>,
    pub nonce: Option<String>,
    /// Signed with this token instead of the account's.
    pub token: Option<String>,
    /// Sent on GET.
    pub echostr: Option<String>,
    /// Length of an `echostr` of the letter `e`.
    pub echostr_length: Option<usize>,
    /// Changes the last digit of this parameter.
    pub spoil: Option<String>,
    /// Writes this parameter in capitals.
    pub upper: Option<String>,
    /// Cuts the last character of this parameter off.
    pub shorten: Option<String>,
    /// Adds a `0` to this parameter.
    pub lengthen: Option<String>,
    /// Leaves this parameter out.
    pub without: Option<String>,
    /// Sets parameters.
    #[serde(default)]
    pub set: BTreeMap<String, String>,
    /// Adds a parameter that is there already.
    #[serde(default)]
    pub again: BTreeMap<String, String>,
}

/// Unusual ways for bytes to travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transfer {
    /// Chunks without end.
    EndlessChunks,
    /// `Content-Length` beside `Transfer-Encoding`.
    LengthAndChunks,
    /// Two lengths that differ.
    TwoLengths,
    /// The head, one byte, and silence.
    Stalls,
    /// 97 header lines.
    ManyHeaders,
    /// 132 kB of header lines.
    LargeHeaders,
}

/// The exact answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    pub status: u16,
    /// The body; empty if left out. `{echostr}` is what was sent.
    #[serde(default)]
    pub body: String,
    /// The counter of rejections that goes up by one; none if left out.
    pub reason: Option<String>,
    /// Header lines that must be there.
    #[serde(default)]
    pub header: BTreeMap<String, String>,
    /// Whether the connection ends.
    #[serde(default)]
    pub closed: bool,
    /// What is stored, as rows per table; nothing if left out.
    #[serde(default)]
    pub stored: BTreeMap<String, i64>,
    /// The content of the last stored message of the sender.
    pub content: Option<Value>,
    /// The stored id of the channel.
    pub ext_id: Option<String>,
    /// The stored type name of the channel.
    pub raw_type: Option<String>,
    /// The length of the stored text.
    pub content_length: Option<usize>,
    /// The length of the stored title.
    pub title_length: Option<usize>,
}
