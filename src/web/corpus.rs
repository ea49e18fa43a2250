//! Replays the fuzz corpus of frames on the ordinary toolchain.

use crate as yizhan;

#[path = "../../fuzz/exercise/frames.rs"]
mod frames;

#[test]
fn the_frames_corpus_holds() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/frames");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    assert!(files.map(|path| frames::run(&std::fs::read(path).unwrap())).count() >= 60);
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_answered(step: u8, data in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
        frames::run(&[&[b'b', step], &*data].concat());
    }
}
