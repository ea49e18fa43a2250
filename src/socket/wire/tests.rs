use proptest::prelude::*;

use super::*;

const MASK: [u8; 4] = [1, 2, 3, 4];

/// A frame as a client sends it.
fn client(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    match payload.len() {
        short @ 0..=125 => out.push(0x80 | u8::try_from(short).unwrap()),
        medium @ 126..=65_535 => {
            out.push(0x80 | 126);
            out.extend(u16::try_from(medium).unwrap().to_be_bytes());
        }
        long => {
            out.push(0x80 | 127);
            out.extend(u64::try_from(long).unwrap().to_be_bytes());
        }
    }
    out.extend(MASK);
    let mut masked = payload.to_vec();
    unmask(&mut masked, MASK);
    out.extend(masked);
    out
}

fn run(chunks: &[Vec<u8>]) -> (Vec<Event>, Option<u16>) {
    let mut decoder = Decoder::new(65_536, false);
    let mut events = Vec::new();
    for chunk in chunks {
        decoder.feed(chunk);
        loop {
            match decoder.event() {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(Violation(code)) => return (events, Some(code)),
            }
        }
    }
    (events, None)
}

#[test]
fn violations_get_their_exact_code() {
    let cases: Vec<(&str, Vec<Vec<u8>>, u16)> = vec![
        ("unmasked", vec![vec![0x81, 0x01, b'a']], 1002),
        ("reserved bit", vec![client(0xC1, b"a")], 1002),
        ("opcode 3", vec![client(0x83, b"a")], 1002),
        ("opcode 11", vec![client(0x8B, b"a")], 1002),
        ("fragmented ping", vec![client(0x09, b"a")], 1002),
        ("long ping", vec![client(0x89, &[0; 126])], 1002),
        ("orphan continuation", vec![client(0x80, b"a")], 1002),
        ("text inside a fragmented message", vec![client(0x01, b"a"), client(0x81, b"b")], 1002),
        ("bad UTF-8", vec![client(0x81, &[0xFF])], 1007),
        ("bad UTF-8 in the first of two fragments", vec![client(0x01, &[0xCE, 0xBA, 0xED, 0xA0, 0x80])], 1007),
        ("UTF-8 cut off at the end", vec![client(0x01, &[0xE4, 0xBD]), client(0x80, b"")], 1007),
        ("binary", vec![client(0x82, b"a")], 1003),
        ("frame of 65,537 bytes, only announced", vec![vec![0x81, 0xFF, 0, 0, 0, 0, 0, 1, 0, 1, 1, 2, 3, 4]], 1009),
        ("message of 65,537 bytes in two frames", vec![client(0x01, &[b'a'; 65_536]), client(0x80, b"b")], 1009),
        ("length with the top bit", vec![vec![0x81, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0]], 1002),
        ("1-byte close body", vec![client(0x88, &[3])], 1002),
        ("bad UTF-8 close reason", vec![client(0x88, &[3, 232, 0xFF])], 1007),
    ];
    for (name, chunks, code) in cases {
        assert_eq!(run(&chunks).1, Some(code), "{name}");
    }
    for code in [999u16, 1004, 1005, 1006, 1015, 5000] {
        assert_eq!(run(&[client(0x88, &code.to_be_bytes())]).1, Some(1002), "close {code}");
    }
}

#[test]
fn many_empty_fragments_break_the_policy() {
    let mut chunks = vec![client(0x01, b"")];
    chunks.extend((0..10_000).map(|_| client(0x00, b"")));
    assert_eq!(run(&chunks), (vec![], Some(1008)));
}

#[test]
fn control_frames_may_come_between_fragments_and_earlier_messages_are_kept() {
    let bytes = [client(0x01, "你".as_bytes()), client(0x89, b"p"), client(0x80, b"!"), client(0xC1, b"")].concat();
    let (events, code) = run(&[bytes]);
    assert_eq!(events, [Event::Ping(b"p".to_vec()), Event::Text("你!".into())]);
    assert_eq!(code, Some(1002));
}

#[test]
fn an_idle_decoder_holds_no_memory() {
    let mut decoder = Decoder::new(65_536, false);
    decoder.feed(&client(0x81, &[b'a'; 60_000]));
    assert!(matches!(decoder.event(), Ok(Some(Event::Text(_)))));
    assert_eq!(decoder.event(), Ok(None));
    assert_eq!(decoder.received.capacity() + decoder.message.capacity(), 0);
}

proptest! {
    #[test]
    fn cutting_the_stream_anywhere_changes_nothing(
        texts in prop::collection::vec(".{0,40}", 1..6),
        pieces in 1_usize..7,
        cut in 1_usize..50,
    ) {
        let mut bytes = Vec::new();
        for text in &texts {
            let whole = text.as_bytes();
            let step = whole.len().div_ceil(pieces).max(1);
            let parts: Vec<&[u8]> = if whole.is_empty() { vec![whole] } else { whole.chunks(step).collect() };
            for (i, part) in parts.iter().enumerate() {
                let opcode = if i == 0 { 0x01 } else { 0x00 };
                let fin = if i + 1 == parts.len() { 0x80 } else { 0x00 };
                bytes.extend(client(fin | opcode, part));
            }
        }
        let chunks: Vec<Vec<u8>> = bytes.chunks(cut).map(<[u8]>::to_vec).collect();
        let (events, code) = run(&chunks);
        prop_assert_eq!(code, None);
        prop_assert_eq!(events, texts.into_iter().map(Event::Text).collect::<Vec<_>>());
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        run(&[bytes]);
    }
}
