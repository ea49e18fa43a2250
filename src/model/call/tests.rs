//! Calls under every order of moves, and the stories that must come out right.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

const LIMITS: Limits = Limits {
    ring: Duration::from_secs(30),
    connecting: Duration::from_secs(15),
    reconnecting: Duration::from_secs(20),
    held: Duration::from_secs(300),
    max: Duration::from_secs(3_600),
};

fn device(name: &str) -> DeviceId {
    DeviceId::parse(name).unwrap()
}

fn call(caller: Side) -> Call {
    Call::invited(caller, device("caller"), Media::VIDEO, Millis(0))
}

/// A call in which both have said that they are connected, at second 2.
fn talking() -> Call {
    let mut call = call(Side::Contact);
    for (at, step) in [
        (1, Move::Accept(device("callee"), Media::AUDIO)),
        (2, Move::Linked(Side::Agent)),
        (2, Move::Linked(Side::Contact)),
    ] {
        assert_eq!(call.step(step, seconds(at), &LIMITS), Ok(true));
    }
    assert_eq!(call.state, State::Connected);
    call
}

fn recording() -> RecordingId {
    RecordingId::generate(Millis(7))
}

fn seconds(at: i64) -> Millis {
    Millis::from_seconds(at)
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Agent), Just(Side::Contact)]
}

fn any_move() -> impl Strategy<Value = Move> {
    let early = prop_oneof![
        Just(Move::Ring),
        any::<bool>().prop_map(|video| Move::Accept(device("callee"), Media { audio: true, video })),
        Just(Move::Reject(Reason::Declined)),
        Just(Move::Cancel),
    ];
    let way = prop_oneof![
        side().prop_map(Move::Linked),
        side().prop_map(Move::Trouble),
        side().prop_map(Move::Away),
        side().prop_map(Move::Back),
        Just(Move::Hold),
        Just(Move::Resume),
        Just(Move::HandOver(device("taker"))),
    ];
    let talk = prop_oneof![
        side().prop_map(Move::Upgrade),
        side().prop_map(Move::Agree),
        side().prop_map(Move::Deny),
        Just(Move::Downgrade),
        (side(), any::<bool>()).prop_map(|(side, video)| Move::Mute(side, Media { audio: true, video })),
        any::<bool>().prop_map(Move::Screen),
        Just(Move::AskRecord),
        Just(Move::Consent(recording())),
        Just(Move::NoConsent),
        Just(Move::StopRecord),
    ];
    prop_oneof![
        3 => early,
        12 => way,
        6 => talk,
        1 => side().prop_map(|side| Move::Hangup(side, None)),
        1 => Just(Move::Over(Reason::SessionEnded, Author::System)),
        4 => Just(Move::Tick),
    ]
}

/// What holds of every call at every moment.
fn is_sound(call: &Call) -> Result<(), TestCaseError> {
    prop_assert_eq!(call.end.is_some(), call.state == State::Ended);
    prop_assert_eq!(call.deadline(&LIMITS).is_some(), call.is_live(), "who lives has a deadline: {:?}", call);
    prop_assert!(call.connected_at.is_none_or(|at| call.accepted_at.is_some_and(|accepted| accepted <= at)));
    prop_assert_eq!(call.rings(), call.is_live() && call.accepted_at.is_none());
    if !call.rings() && call.accepted_at.is_some() {
        prop_assert!(Side::BOTH.iter().all(|side| call.devices.of(*side).is_some()), "both devices are known");
    }
    if matches!(call.state, State::Connected | State::Held) {
        prop_assert!(call.linked.both() && !call.away.any());
        prop_assert_eq!(call.state == State::Held, call.held_since.is_some());
    }
    prop_assert!(call.media.audio);
    prop_assert!(call.upgrade.is_none() || !call.media.video);
    if let Recording::Asked(until) = call.recording {
        let due = call.deadline(&LIMITS).map(|(at, _)| at);
        prop_assert!(due.is_some_and(|due| due <= until), "a question ends: {:?}", call);
    }
    prop_assert!(!matches!(call.recording, Recording::On(_)) || call.consent == Some(true), "recorded without consent");
    Ok(())
}

proptest! {
    #[test]
    fn any_order_of_moves_leaves_a_sound_call_and_its_end_is_final(
        caller in side(),
        moves in prop::collection::vec((any_move(), 0..40_i64), 0..60),
    ) {
        let mut at = call(caller);
        let mut now = 0;
        for (step, pause) in moves {
            now += pause;
            let before = at.clone();
            match at.step(step.clone(), seconds(now), &LIMITS) {
                Err(refused) => {
                    prop_assert_eq!(&at, &before, "a refusal changes nothing");
                    prop_assert!(before.is_live() || refused == Refused::Gone);
                }
                Ok(changed) => {
                    prop_assert!(before.is_live(), "{:?} happened to a call that was over", step);
                    prop_assert!(changed || at == before, "{:?} changed something in silence", step);
                    prop_assert!(at.leg == before.leg || matches!(step, Move::HandOver(_)));
                    prop_assert!(before.connected_at.is_none() || before.connected_at == at.connected_at);
                    prop_assert!(before.consent != Some(true) || at.consent == Some(true), "{:?} unsaid a yes", step);
                    if matches!(step, Move::NoConsent) {
                        prop_assert_eq!(at.recording, Recording::Off, "who says no is not recorded");
                    }
                }
            }
            is_sound(&at)?;
        }
        let (talk, hold) = (at.talk_ms(seconds(now)), at.held_ms(seconds(now)));
        let whole = at.connected_at.map_or(0, |from| span(from, at.end.map_or(seconds(now), |end| end.at)));
        prop_assert!(talk + hold <= whole.max(hold), "{talk} + {hold} of {whole}");
    }

    #[test]
    fn left_alone_every_call_ends_by_its_deadlines(
        caller in side(),
        moves in prop::collection::vec(any_move(), 0..40),
    ) {
        let mut at = call(caller);
        for step in moves {
            let _either = at.step(step, seconds(1), &LIMITS);
        }
        for _ in 0..4 {
            let Some((due, _)) = at.deadline(&LIMITS) else { break };
            prop_assert_eq!(at.step(Move::Tick, due, &LIMITS), Ok(true), "a deadline decides something");
        }
        prop_assert!(!at.is_live());
    }

    #[test]
    fn the_first_of_several_devices_has_the_call(devices in 2..6_usize) {
        let mut at = call(Side::Contact);
        let taken = (0..devices)
            .filter(|n| at.step(Move::Accept(device(&format!("d{n}")), Media::AUDIO), seconds(1), &LIMITS).is_ok());
        prop_assert_eq!(taken.count(), 1);
        prop_assert_eq!(at.devices.agent, Some(device("d0")));
    }
}

#[test]
fn nobody_answers() {
    let mut at = call(Side::Agent);
    at.step(Move::Ring, seconds(20), &LIMITS).unwrap();
    assert_eq!(at.step(Move::Tick, seconds(29), &LIMITS), Ok(false));
    assert_eq!(at.step(Move::Tick, seconds(30), &LIMITS), Ok(true), "counted from the invitation");
    assert_eq!(at.end.unwrap().reason, Reason::NoAnswer);
}

#[test]
fn a_lost_socket_ends_nothing_while_the_media_goes_on() {
    let mut at = talking();
    at.step(Move::Away(Side::Contact), seconds(10), &LIMITS).unwrap();
    assert_eq!(at.state, State::Reconnecting);
    at.step(Move::Back(Side::Contact), seconds(15), &LIMITS).unwrap();
    assert_eq!((at.state, at.restarts), (State::Connected, 0));
    at.step(Move::Away(Side::Contact), seconds(20), &LIMITS).unwrap();
    at.step(Move::Tick, seconds(40), &LIMITS).unwrap();
    assert_eq!(at.end.unwrap().reason, Reason::Lost);
}

#[test]
fn who_was_on_hold_is_on_hold_again() {
    let mut at = talking();
    at.step(Move::Hold, seconds(10), &LIMITS).unwrap();
    at.step(Move::Trouble(Side::Agent), seconds(12), &LIMITS).unwrap();
    assert_eq!(at.step(Move::Resume, seconds(13), &LIMITS), Err(Refused::NotNow(State::Reconnecting)));
    at.step(Move::Linked(Side::Agent), seconds(14), &LIMITS).unwrap();
    assert_eq!(at.state, State::Held);
    at.step(Move::Resume, seconds(20), &LIMITS).unwrap();
    at.step(Move::Hangup(Side::Agent, None), seconds(30), &LIMITS).unwrap();
    assert_eq!((at.held_ms(seconds(99)), at.talk_ms(seconds(99)), at.restarts), (10_000, 18_000, 1));
}

#[test]
fn both_ask_for_video_and_have_it() {
    let mut at = talking();
    assert!(!at.media.video, "the callee answered without a camera");
    at.step(Move::Upgrade(Side::Agent), seconds(10), &LIMITS).unwrap();
    assert_eq!(at.step(Move::Agree(Side::Agent), seconds(10), &LIMITS), Err(Refused::NotNow(State::Connected)));
    at.step(Move::Upgrade(Side::Contact), seconds(11), &LIMITS).unwrap();
    assert!(at.media.video);
    at.step(Move::Downgrade, seconds(12), &LIMITS).unwrap();
    at.step(Move::Upgrade(Side::Contact), seconds(13), &LIMITS).unwrap();
    at.step(Move::Tick, seconds(43), &LIMITS).unwrap();
    assert_eq!((at.upgrade, at.media.video, at.state), (None, false, State::Connected), "nobody answered");
}

#[test]
fn a_question_for_recording_is_put_again_withdrawn_or_over_by_itself() {
    let mut at = talking();
    at.step(Move::AskRecord, seconds(10), &LIMITS).unwrap();
    assert_eq!(at.step(Move::AskRecord, seconds(20), &LIMITS), Ok(true), "asked again");
    assert_eq!(at.step(Move::Tick, seconds(49), &LIMITS), Ok(false), "counted from the last time");
    assert_eq!(at.step(Move::Tick, seconds(50), &LIMITS), Ok(true));
    assert_eq!((at.recording, at.consent, at.refusals), (Recording::Off, None, 1), "a refusal without a word");
    assert_eq!(at.step(Move::Consent(recording()), seconds(51), &LIMITS), Err(Refused::NotNow(State::Connected)));
    at.step(Move::AskRecord, seconds(60), &LIMITS).unwrap();
    assert_eq!(at.step(Move::StopRecord, seconds(61), &LIMITS), Ok(true), "withdrawn");
    assert_eq!((at.recording, at.consent, at.refusals), (Recording::Off, None, 1));
    assert!(at.is_live());
}

#[test]
fn a_later_no_does_not_unsay_a_yes_and_a_yes_may_be_withdrawn() {
    let mut at = talking();
    for step in [Move::AskRecord, Move::Consent(recording()), Move::StopRecord, Move::AskRecord, Move::NoConsent] {
        assert_eq!(at.step(step, seconds(10), &LIMITS), Ok(true));
    }
    assert_eq!((at.recording, at.consent, at.refusals), (Recording::Off, Some(true), 1));
    for step in [Move::AskRecord, Move::Consent(recording()), Move::NoConsent] {
        assert_eq!(at.step(step, seconds(20), &LIMITS), Ok(true));
    }
    assert_eq!((at.recording, at.consent, at.refusals), (Recording::Off, Some(true), 2), "recorded no more");
    let mut other = talking();
    for step in [Move::AskRecord, Move::NoConsent] {
        assert_eq!(other.step(step, seconds(10), &LIMITS), Ok(true));
    }
    assert_eq!(other.consent, Some(false));
}

#[test]
fn another_agent_begins_a_new_leg() {
    let mut at = talking();
    at.step(Move::HandOver(device("taker")), seconds(10), &LIMITS).unwrap();
    assert_eq!((at.leg, at.state, at.linked.any()), (2, State::Connecting, false));
    at.step(Move::Tick, seconds(25), &LIMITS).unwrap();
    assert_eq!(at.end.unwrap().reason, Reason::IceFailed);
    assert_eq!(at.connected_at, Some(seconds(2)), "the first connection counts");
}

#[test]
fn who_hangs_up_while_it_rings_has_cancelled_or_declined() {
    for (who, reason) in [(Side::Agent, Reason::Declined), (Side::Contact, Reason::Cancelled)] {
        let mut at = call(Side::Contact);
        at.step(Move::Hangup(who, None), seconds(3), &LIMITS).unwrap();
        assert_eq!(at.end.unwrap().reason, reason);
        assert_eq!(at.step(Move::Hangup(who.other(), None), seconds(3), &LIMITS), Err(Refused::Gone));
    }
}

#[test]
fn written_forms_are_the_serialized_forms() {
    for reason in Reason::ALL {
        assert_eq!(serde_json::to_string(&reason).unwrap(), format!("\"{}\"", reason.as_str()));
    }
}
