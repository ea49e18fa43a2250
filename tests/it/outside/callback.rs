//! Callbacks as the WeChat platform makes them, and as an attacker would.

use aes::Aes256;
use aes::cipher::block_padding::NoPadding;
use aes::cipher::{BlockModeEncrypt, KeyIvInit};
use base64::Engine;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD, STANDARD};
use yizhan::channel::wechat::crypto::{Key, sign};

/// What the owner of an account configured on the platform.
#[derive(Debug, Clone)]
pub struct Account {
    /// The last part of the callback address.
    pub path: String,
    pub appid: String,
    pub gh_id: String,
    pub token: String,
    pub key: String,
}

impl Account {
    /// The WeChat account of `tests/fixture/demo.toml`.
    pub fn demo() -> Self {
        Self {
            path: "demo.oa".into(),
            appid: "wx0123456789abcdef".into(),
            gh_id: "gh_0123456789ab".into(),
            token: "yizhandemotoken".into(),
            key: "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG".into(),
        }
    }

    /// A delivery in safe mode.
    pub fn safe(&self, payload: &[u8], timestamp: &str, nonce: &str) -> Callback {
        let encrypt = self.encrypt(payload);
        let envelope = format!(
            "<xml><ToUserName><![CDATA[{}]]></ToUserName><Encrypt><![CDATA[{encrypt}]]></Encrypt></xml>",
            self.gh_id
        );
        Callback { query: self.encrypted_query(&encrypt, timestamp, nonce), body: envelope.into_bytes() }
    }

    /// A delivery in plaintext mode.
    pub fn plain(&self, payload: &[u8], timestamp: &str, nonce: &str) -> Callback {
        Callback { query: self.plain_query(timestamp, nonce), body: payload.to_vec() }
    }

    /// The ciphertext of a payload.
    pub fn encrypt(&self, payload: &[u8]) -> String {
        Key::parse(&self.key).unwrap().encrypt(*b"a8eedb185eb2fecf", payload, &self.appid)
    }

    /// The parameters of a delivery that is not encrypted.
    pub fn plain_query(&self, timestamp: &str, nonce: &str) -> Query {
        Query(vec![
            ("signature".into(), sign(&[&self.token, timestamp, nonce])),
            ("timestamp".into(), timestamp.into()),
            ("nonce".into(), nonce.into()),
        ])
    }

    /// The parameters that sign a ciphertext.
    pub fn encrypted_query(&self, encrypt: &str, timestamp: &str, nonce: &str) -> Query {
        let mut query = self.plain_query(timestamp, nonce);
        query.0.push(("encrypt_type".into(), "aes".into()));
        query.0.push(("msg_signature".into(), sign(&[&self.token, timestamp, nonce, encrypt])));
        query
    }

    /// Where the platform delivers to.
    pub fn target(&self, query: &Query) -> String {
        format!("/wechat/{}?{}", self.path, query.text())
    }
}

/// Parameters in order, perhaps twice.
#[derive(Debug, Clone, Default)]
pub struct Query(pub Vec<(String, String)>);

impl Query {
    /// As it stands in the address.
    pub fn text(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }

    /// A parameter's value, to be changed.
    pub fn value(&mut self, name: &str) -> &mut String {
        let found = self.0.iter_mut().find(|(known, _)| known == name);
        &mut found.unwrap_or_else(|| panic!("no parameter {name}")).1
    }
}

/// Parameters and body of a POST.
#[derive(Debug, Clone)]
pub struct Callback {
    pub query: Query,
    pub body: Vec<u8>,
}

impl Callback {
    /// The whole request to the account's address.
    pub fn request(&self, account: &Account) -> Vec<u8> {
        let headers = [("Content-Type", "text/xml")];
        super::http::request("POST", &account.target(&self.query), &headers, &self.body)
    }
}

/// A text message as the platform writes it.
pub fn text(account: &Account, from: &str, id: u64, content: &str) -> String {
    format!(
        "<xml><ToUserName><![CDATA[{}]]></ToUserName><FromUserName><![CDATA[{from}]]></FromUserName>\
         <CreateTime>1795392073</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[{content}]]></Content>\
         <MsgId>{id}</MsgId></xml>",
        account.gh_id
    )
}

/// Encrypts as an attacker who has the key may: any length field, any padding.
pub fn encrypt_oddly(key: &str, payload: &[u8], appid: &[u8], length: u32, padding: Option<u8>) -> String {
    let decoder = GeneralPurpose::new(&ALPHABET, NO_PAD.with_decode_allow_trailing_bits(true));
    let key: [u8; 32] = decoder.decode(key).unwrap().try_into().unwrap();
    let mut clear = b"a8eedb185eb2fecf".to_vec();
    clear.extend_from_slice(&length.to_be_bytes());
    clear.extend_from_slice(payload);
    clear.extend_from_slice(appid);
    let fill = 32 - clear.len() % 32;
    let byte = padding.unwrap_or(u8::try_from(fill).unwrap());
    clear.resize(clear.len() + fill, byte);
    let iv: [u8; 16] = key[..16].try_into().unwrap();
    let len = clear.len();
    let cipher = cbc::Encryptor::<Aes256>::new(&key.into(), &iv.into());
    STANDARD.encode(cipher.encrypt_padded::<NoPadding>(&mut clear, len).unwrap())
}
