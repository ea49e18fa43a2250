//! What the hub announces: order, holes, visibility, addresses.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;

use super::*;

#[test]
fn a_contact_never_sees_what_is_for_agents_and_the_chain_stays_whole() {
    let mut bench = Bench::signed_in(Endpoint::Visitor, vec![(conv(1), 3)]);
    for (seq, visibility) in [(4, Visibility::All), (5, Visibility::Agents), (6, Visibility::All)] {
        bench.hint(&Hint::Message(envelope(conv(1), seq, visibility)));
    }
    assert_eq!(bench.pushed(), [(3, 4), (4, 6)]);
    bench.hint(&Hint::Message(envelope(conv(1), 5, Visibility::Agents)));
    bench.hint(&Hint::Frame(crate::hub::Frame::plain(r#"{"op":"typing","d":{}}"#)));
    assert_eq!(bench.said.pop().unwrap()["op"], "typing");
    assert!(bench.said.is_empty());
}

#[test]
fn a_log_that_cannot_be_read_ends_the_connection_unless_it_is_no_longer_ours() {
    let gap = |bench: &mut Bench| {
        let work = bench.hint(&Hint::Message(envelope(conv(1), 9, Visibility::All)));
        assert!(matches!(work[..], [Work::Read { after: 3, .. }]));
    };
    let page = |code| Done::Page { conv: conv(1), after: 3, page: Err(Error::new(code, "")) };
    let mut bench = Bench::signed_in(Endpoint::Agent, vec![(conv(1), 3)]);
    gap(&mut bench);
    bench.done(page(Code::NotFound));
    assert_eq!(bench.code(), None);
    let mut bench = Bench::signed_in(Endpoint::Agent, vec![(conv(1), 3)]);
    gap(&mut bench);
    bench.done(page(Code::DependencyUnavailable));
    assert_eq!(bench.code(), Some(4011));
}

#[test]
fn a_blob_that_is_here_gets_an_address() {
    let mut bench = Bench::signed_in(Endpoint::Agent, vec![(conv(1), 0)]);
    for (seq, size) in [(1, None), (2, Some(9))] {
        let mut picture = Envelope::clone(&envelope(conv(1), seq, Visibility::All));
        let media = Media {
            id: MediaId::generate(Millis(1)),
            mime: "image/png".into(),
            name: None,
            size,
            duration_ms: None,
            url: None,
        };
        picture.content = Content::Image { media };
        bench.hint(&Hint::Message(Arc::new(picture)));
    }
    let url = |push: &Value| push["d"]["body"]["media"]["url"].clone();
    assert_eq!(url(&bench.said[0]), Value::Null);
    assert!(url(&bench.said[1]).as_str().unwrap().starts_with("/media/m_"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Hints of several conversations in any order, doubled and with gaps, while pages arrive in between.
    #[test]
    fn any_hints_in_any_order_are_pushed_contiguously(
        lengths in prop::collection::vec(1_i64..30, 1..4),
        hints in prop::collection::vec((0_usize..4, 0_i64..30), 0..80),
        page in 1_i64..8,
        every in 1_usize..5,
    ) {
        let convs: Vec<ConversationId> = (1..).map(conv).take(lengths.len()).collect();
        let mut bench = Bench::signed_in(Endpoint::Agent, convs.iter().map(|conv| (*conv, 0)).collect());
        let mut hints: Vec<(usize, i64)> =
            hints.into_iter().map(|(c, s)| (c % lengths.len(), s % lengths[c % lengths.len()] + 1)).collect();
        hints.extend(lengths.iter().copied().enumerate());
        let mut reads: VecDeque<Work> = VecDeque::new();
        for (turn, (which, seq)) in hints.iter().enumerate() {
            reads.extend(bench.hint(&Hint::Message(envelope(convs[*which], *seq, Visibility::All))));
            while turn % every == 0 || turn + 1 == hints.len() {
                let Some(Work::Read { conv, after }) = reads.pop_front() else { break };
                let length = lengths[convs.iter().position(|c| *c == conv).unwrap()];
                let last_seq = (after + page).min(length);
                let envelopes = (after + 1..=last_seq).map(|seq| envelope(conv, seq, Visibility::All)).collect();
                reads.extend(bench.done(Done::Page { conv, after, page: Ok(LogPage { envelopes, last_seq }) }));
            }
        }
        let mut seen: BTreeMap<String, i64> = BTreeMap::new();
        for push in &bench.said {
            let last = seen.entry(push["d"]["conv"].as_str().unwrap().to_owned()).or_insert(0);
            prop_assert_eq!(push["prev"].as_i64().unwrap(), *last);
            prop_assert_eq!(push["d"]["seq"].as_i64().unwrap(), *last + 1);
            *last += 1;
        }
        prop_assert_eq!(seen.into_values().collect::<Vec<_>>(), lengths);
    }
}
