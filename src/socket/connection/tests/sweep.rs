//! What a sweep says: news only to whoever was not told by a hint.

use super::*;
use crate::hub::{Audience, Frame, Head, Mark};

fn told(op: &str, value: u64) -> Arc<Frame> {
    let text = format!(r#"{{"op":"{op}","d":{{"value":{value}}}}}"#);
    Arc::new(Frame { text: text.into(), mark: Some(Mark::of(op, value)), place: None, audience: Audience::All })
}

fn head(conv: ConversationId, seq: i64, base: i64) -> Hint {
    Hint::Head(Arc::new(Head { conv, seq, base }))
}

#[test]
fn a_state_that_a_hint_told_is_not_told_again_and_another_one_is() {
    let mut bench = Bench::signed_in(Endpoint::Agent, Vec::new());
    bench.hint(&Hint::Frame(told("presence", 1)));
    bench.hint(&Hint::Swept(told("presence", 1)));
    assert_eq!(bench.said.len(), 1);
    bench.hint(&Hint::Swept(told("presence", 2)));
    bench.hint(&Hint::Swept(told("presence", 2)));
    assert_eq!(bench.said.len(), 2);
    // A hint is passed on whatever it says: only the sweep repeats itself.
    bench.hint(&Hint::Frame(told("presence", 2)));
    assert_eq!(bench.said.len(), 3);
}

#[test]
fn what_the_answer_to_the_sign_in_told_is_known() {
    let mut bench = Bench::signed_in_with(Endpoint::Agent, Vec::new(), vec![Mark::of("queue", 3_u64)]);
    bench.hint(&Hint::Swept(told("queue", 3)));
    assert!(bench.said.is_empty());
}

#[test]
fn a_log_that_has_grown_is_read_and_one_that_has_not_is_left() {
    let mut bench = Bench::signed_in(Endpoint::Agent, vec![(conv(1), 3)]);
    assert!(bench.hint(&head(conv(1), 3, 0)).is_empty());
    assert!(matches!(bench.hint(&head(conv(1), 5, 3))[..], [Work::Read { after: 3, .. }]));
}

#[test]
fn a_conversation_that_a_frame_showed_goes_on_from_there() {
    let mut bench = Bench::signed_in(Endpoint::Agent, Vec::new());
    let shown = Frame { place: Some((conv(1), 7)), ..Frame::clone(&told("conv", 1)) };
    bench.hint(&Hint::Swept(Arc::new(shown)));
    assert!(bench.hint(&head(conv(1), 7, 7)).is_empty());
    assert!(matches!(bench.hint(&head(conv(1), 8, 7))[..], [Work::Read { after: 7, .. }]));
}

#[test]
fn a_conversation_that_nothing_showed_goes_on_from_the_base() {
    let mut bench = Bench::signed_in(Endpoint::Agent, Vec::new());
    assert!(matches!(bench.hint(&head(conv(2), 4, 2))[..], [Work::Read { after: 2, .. }]));
}

#[test]
fn a_visitor_checks_its_lease_only_when_told_to() {
    let mut bench = Bench::signed_in(Endpoint::Visitor, vec![(conv(1), 0)]);
    let far = u64::try_from(Settings::default().recheck.as_millis()).unwrap() + 1;
    assert!(!bench.pass(far.min(60_000)).iter().any(|work| matches!(work, Work::Recheck)));
    assert!(matches!(bench.hint(&Hint::SignedOut)[..], [Work::Recheck]));
    bench.done(Done::Refused(Close::REPLACED));
    assert_eq!(bench.code(), Some(4003));
}
