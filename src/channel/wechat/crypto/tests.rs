//! The published vectors and the properties of the cryptography.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde::Deserialize;

use super::key::unframe;
use super::*;

#[derive(Deserialize)]
struct Vectors {
    signature_vectors: Vec<Plain>,
    positive: Vec<Vector>,
    negative: Vec<Vector>,
}

#[derive(Deserialize)]
struct Plain {
    name: String,
    token: String,
    timestamp: String,
    nonce: String,
    signature: String,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    token: String,
    encoding_aes_key: String,
    receive_id: String,
    timestamp: String,
    nonce: String,
    encrypt: String,
    msg_signature: String,
    plaintext: Option<String>,
    random16_hex: Option<String>,
    aes_key_hex: Option<String>,
    expect_error: Option<i32>,
    stage: Option<String>,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../../../tests/fixture/wechat/vectors.json")).unwrap()
}

fn open(v: &Vector) -> Result<Vec<u8>, CryptoError> {
    let key = Key::parse(&v.encoding_aes_key)?;
    if !Signature::of([&v.token, &v.timestamp, &v.nonce, &v.encrypt]).matches(&v.msg_signature) {
        return Err(CryptoError::Signature);
    }
    key.decrypt(&v.encrypt, &v.receive_id)
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |b: u8| -> u8 { char::from(b).to_digit(16).unwrap().try_into().unwrap() };
    text.as_bytes().chunks(2).map(|pair| (digit(pair[0]) << 4) | digit(pair[1])).collect()
}

#[test]
fn plain_signatures_match() {
    let vectors = vectors().signature_vectors;
    assert_eq!(vectors.len(), 5);
    for v in vectors {
        assert_eq!(sign(&[&v.token, &v.timestamp, &v.nonce]), v.signature, "{}", v.name);
        assert!(Signature::of([&v.token, &v.timestamp, &v.nonce]).matches(&v.signature), "{}", v.name);
    }
}

#[test]
fn positive_vectors_decrypt_and_encrypt_to_the_same_bytes() {
    let vectors = vectors().positive;
    assert_eq!(vectors.len(), 17);
    for v in vectors {
        let plaintext = v.plaintext.clone().unwrap();
        assert_eq!(open(&v).unwrap(), plaintext.as_bytes(), "{}", v.name);
        let key = Key::parse(&v.encoding_aes_key).unwrap();
        assert_eq!(key.bytes(), unhex(v.aes_key_hex.as_deref().unwrap()), "{}", v.name);
        let random = unhex(v.random16_hex.as_deref().unwrap()).try_into().unwrap();
        assert_eq!(key.encrypt(random, plaintext.as_bytes(), &v.receive_id), v.encrypt, "{}", v.name);
    }
}

#[test]
fn negative_vectors_fail_at_their_stage_with_their_code() {
    let vectors = vectors().negative;
    assert_eq!(vectors.len(), 32);
    for v in vectors {
        let error = open(&v).unwrap_err();
        assert_eq!(Some(error.code()), v.expect_error, "{}", v.name);
        // A wrong key is not seen as such: what it gives fails the next check.
        let stage = if v.name == "wrong_key" { Some("padding") } else { v.stage.as_deref() };
        assert_eq!(Some(error.stage()), stage, "{}", v.name);
    }
}

#[test]
fn previous_key_opens_what_the_current_one_cannot() {
    let vectors = vectors().positive;
    let old = vectors.iter().find(|v| v.name == "gen_previous_key").unwrap();
    let current = vectors.iter().find(|v| v.encoding_aes_key != old.encoding_aes_key).unwrap();
    let current = Key::parse(&current.encoding_aes_key).unwrap();
    assert!(current.decrypt(&old.encrypt, &old.receive_id).is_err());
    assert!(open(old).is_ok());
}

#[test]
fn upper_case_digits_pass_only_where_asked_for() {
    let signature = Signature::of(["AAAAA", "1714037059", "486452656"]);
    let upper = signature.to_string().to_uppercase();
    assert!(signature.matches_any_case(&upper));
    assert!(!signature.matches(&upper));
    for bad in
        ["", "0", &"0".repeat(39), &format!("{upper}0"), &format!("{upper}00"), &"g".repeat(40), &"签".repeat(40)]
    {
        assert!(!signature.matches_any_case(bad), "{bad}");
    }
}

#[test]
fn nothing_secret_is_printed() {
    let key = Key::parse("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG").unwrap();
    assert_eq!(format!("{key:?}"), "Key(••••)");
    assert_eq!(format!("{:?}", Signature::of(["a"])), "Signature(…)");
}

proptest! {
    #[test]
    fn round_trip(random: [u8; 16], msg in ".{0,300}", id in "[a-z0-9]{0,40}", key in "[A-Za-z0-9]{43}") {
        let key = Key::parse(&key).unwrap();
        let encrypted = key.encrypt(random, msg.as_bytes(), &id);
        prop_assert_eq!(key.decrypt_text(&encrypted, &id).unwrap(), msg);
        let other = format!("{id}x");
        prop_assert_eq!(key.decrypt(&encrypted, &other), Err(CryptoError::ReceiveId));
    }

    #[test]
    fn any_bytes_are_refused_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let key = Key::parse("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG").unwrap();
        let text = STANDARD.encode(&bytes);
        prop_assert!(key.decrypt(&text, "wx").is_err());
        prop_assert!(unframe(bytes, "wx-never-there").is_err());
    }

    #[test]
    fn parts_are_signed_in_any_order(a in ".{0,20}", b in ".{0,20}", c in ".{0,20}") {
        prop_assert_eq!(sign(&[&a, &b, &c]), sign(&[&c, &a, &b]));
    }
}
