//! Replays the fuzz corpus on the ordinary toolchain.

use crate as yizhan;

#[path = "../../../fuzz/exercise/callback.rs"]
mod callback;
#[path = "../../../fuzz/exercise/decrypt.rs"]
mod decrypt;

/// Runs every file of a corpus folder and says how many there were.
fn replay(target: &str, run: fn(&[u8])) -> usize {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.map(|path| run(&std::fs::read(path).unwrap())).count()
}

#[test]
fn the_callback_corpus_holds() {
    assert!(replay("callback", callback::run) >= 40);
}

#[test]
fn the_decrypt_corpus_holds() {
    assert!(replay("decrypt", decrypt::run) >= 40);
}

proptest::proptest! {
    #[test]
    fn any_delivery_is_answered(kind in "[uxjp]", data in proptest::collection::vec(proptest::num::u8::ANY, 0..500)) {
        callback::run(&[kind.as_bytes(), &data].concat());
        decrypt::run(&data);
    }

    #[test]
    fn anything_like_a_document_is_answered(kind in "[xjp]", soup in "(<xml>)?([<>/!\\[\\]CDATA&#;x \"{}:,0-9]|ToUserName|MsgType|<Event>){0,60}(</xml>)?") {
        callback::run(format!("{kind}{soup}").as_bytes());
    }
}
