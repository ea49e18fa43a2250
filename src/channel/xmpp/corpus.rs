//! Replays the fuzz corpus on the ordinary toolchain.

use crate as yizhan;

#[path = "../../../fuzz/exercise/xmpp.rs"]
mod xmpp;

#[test]
fn the_xmpp_corpus_holds() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/xmpp");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    assert!(files.map(|path| xmpp::run(&std::fs::read(path).unwrap())).count() >= 5);
}

proptest::proptest! {
    #[test]
    fn anything_like_a_stream_is_read(kind in "[st]", soup in "([<>/!?'\"\\[\\]&#;x =:0-9]|<message |</message>|<body>|</body>|xmlns=|from='a@b'|to='c@d'){0,60}") {
        xmpp::run(format!("{kind}{soup}").as_bytes());
    }
}
