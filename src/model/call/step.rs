//! What may happen to a call, and what it becomes. Every refusal leaves it as it was.

use super::{Author, Call, End, Limits, Media, Overdue, Reason, Recording, Side, State, Upgrade, span};
use crate::model::id::{DeviceId, RecordingId};
use crate::model::time::Millis;

/// Something that happens to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move {
    /// A device of the callee rings.
    Ring,
    /// A device of the callee accepts, with what it can send.
    Accept(DeviceId, Media),
    /// The callee would not: `declined`, `busy` or `media_denied`.
    Reject(Reason),
    /// The caller no longer wants to.
    Cancel,
    /// A side has found the way.
    Linked(Side),
    /// A side has lost the way and looks for a new one.
    Trouble(Side),
    /// A side's socket is lost.
    Away(Side),
    /// A side's socket is back.
    Back(Side),
    /// The agent puts the call on hold.
    Hold,
    /// The agent takes it up again.
    Resume,
    /// A side asks for video.
    Upgrade(Side),
    /// A side agrees to video.
    Agree(Side),
    /// A side would rather not.
    Deny(Side),
    /// A side goes back to sound alone.
    Downgrade,
    /// A side mutes or unmutes.
    Mute(Side, Media),
    /// The agent shows the screen, or stops.
    Screen(bool),
    /// The agent asks to record, for the first time or again.
    AskRecord,
    /// The contact agrees to be recorded, under this id.
    Consent(RecordingId),
    /// The contact does not, or no longer.
    NoConsent,
    /// The agent records no more, or asks no more.
    StopRecord,
    /// A side hangs up; the reason is `media_denied` or `ice_failed` where it could not do otherwise.
    Hangup(Side, Option<Reason>),
    /// Another agent's device takes the place of the agent's.
    HandOver(DeviceId),
    /// Somebody else ends it.
    Over(Reason, Author),
    /// Time passes.
    Tick,
}

/// Why a move is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The call is over, or somebody else was first.
    #[error("the call is over or was taken elsewhere")]
    Gone,
    /// Not in this state.
    #[error("not while the call is {}", .0.as_str())]
    NotNow(State),
}

impl Call {
    /// Lets something happen; `false` when it changes nothing.
    ///
    /// # Errors
    /// When it cannot happen now; then nothing has changed.
    pub fn step(&mut self, step: Move, now: Millis, limits: &Limits) -> Result<bool, Refused> {
        if !self.is_live() {
            return Err(Refused::Gone);
        }
        match step {
            Move::Ring | Move::Accept(..) | Move::Reject(_) | Move::Cancel => self.before(step, now),
            Move::Linked(_) | Move::Trouble(_) | Move::Away(_) | Move::Back(_) => self.way(&step, now),
            Move::Hold | Move::Resume => self.hold(step == Move::Hold, now),
            Move::Upgrade(side) => self.upgrade(side, now.plus(limits.ring)),
            Move::Agree(side) => self.answer(side, true),
            Move::Deny(side) => self.answer(side, false),
            Move::Downgrade => self.talking(|call| {
                call.upgrade = None;
                std::mem::replace(&mut call.media.video, false)
            }),
            Move::Mute(side, muted) => self.talking(|call| std::mem::replace(call.muted.of_mut(side), muted) != muted),
            Move::Screen(on) => self.talking(|call| std::mem::replace(&mut call.screen, on) != on),
            Move::AskRecord | Move::Consent(_) | Move::NoConsent | Move::StopRecord => {
                self.record(step, now.plus(limits.ring))
            }
            Move::Hangup(side, why) => Ok(self.hangup(side, why, now)),
            Move::HandOver(device) => self.hand_over(device, now),
            Move::Over(reason, by) => Ok(self.finish(reason, by, now)),
            Move::Tick => Ok(self.tick(now, limits)),
        }
    }

    fn not_now(&self) -> Refused {
        Refused::NotNow(self.state)
    }

    fn enter(&mut self, state: State, now: Millis) {
        self.state = state;
        self.since = now;
    }

    fn finish(&mut self, reason: Reason, by: Author, now: Millis) -> bool {
        self.hold_ms = self.held_ms(now);
        self.held_since = None;
        self.upgrade = None;
        self.screen = false;
        self.recording = Recording::Off;
        self.end = Some(End { reason, by, at: now });
        self.enter(State::Ended, now);
        true
    }

    /// What may happen until it is accepted.
    fn before(&mut self, step: Move, now: Millis) -> Result<bool, Refused> {
        let callee = self.caller.other();
        match step {
            Move::Ring if self.state == State::Ringing => Ok(false),
            Move::Ring if self.rings() => {
                self.ringing_at = Some(now);
                self.enter(State::Ringing, now);
                Ok(true)
            }
            Move::Accept(device, media) if self.rings() => {
                self.media = self.media.common(media);
                *self.devices.of_mut(callee) = Some(device);
                self.accepted_at = Some(now);
                self.enter(State::Connecting, now);
                Ok(true)
            }
            // Another device was faster.
            Move::Accept(..) | Move::Reject(_) => {
                if !self.rings() {
                    return Err(Refused::Gone);
                }
                let Move::Reject(reason) = step else { return Err(Refused::Gone) };
                Ok(self.finish(reason, callee.into(), now))
            }
            Move::Cancel if self.rings() => Ok(self.finish(Reason::Cancelled, self.caller.into(), now)),
            _ => Err(self.not_now()),
        }
    }

    /// The way between the devices, and the sockets beside it.
    fn way(&mut self, step: &Move, now: Millis) -> Result<bool, Refused> {
        let before = (self.state, self.linked, self.away);
        match *step {
            Move::Linked(_) | Move::Trouble(_) if self.rings() => return Err(self.not_now()),
            Move::Linked(side) => *self.linked.of_mut(side) = true,
            Move::Trouble(side) => {
                let had = std::mem::replace(self.linked.of_mut(side), false);
                self.restarts += u32::from(had && self.state != State::Connecting);
            }
            Move::Away(side) => *self.away.of_mut(side) = true,
            Move::Back(side) => *self.away.of_mut(side) = false,
            _ => {}
        }
        self.settle(now);
        Ok(before != (self.state, self.linked, self.away))
    }

    /// The state that follows from who has a way and who has a socket.
    fn settle(&mut self, now: Millis) {
        let well = self.linked.both() && !self.away.any();
        let back = if self.held_since.is_some() { State::Held } else { State::Connected };
        match self.state {
            // A socket is not needed any more to be connected for the first time: both have said so.
            State::Connecting if self.linked.both() => {
                self.connected_at.get_or_insert(now);
                self.enter(if well { back } else { State::Reconnecting }, now);
            }
            State::Reconnecting if well => self.enter(back, now),
            State::Connected | State::Held if !well => self.enter(State::Reconnecting, now),
            _ => {}
        }
    }

    fn hold(&mut self, on: bool, now: Millis) -> Result<bool, Refused> {
        match (self.state, on) {
            (State::Connected, true) => {
                self.held_since = Some(now);
                self.enter(State::Held, now);
            }
            (State::Held, false) => {
                self.hold_ms = self.held_ms(now);
                self.held_since = None;
                self.enter(State::Connected, now);
            }
            (State::Held, true) | (State::Connected, false) => return Ok(false),
            _ => return Err(self.not_now()),
        }
        Ok(true)
    }

    /// Something that needs two who can hear each other, or could a moment ago.
    fn talking(&mut self, change: impl FnOnce(&mut Self) -> bool) -> Result<bool, Refused> {
        if self.rings() { Err(self.not_now()) } else { Ok(change(self)) }
    }

    fn upgrade(&mut self, by: Side, until: Millis) -> Result<bool, Refused> {
        if self.state != State::Connected || self.media.video {
            return Err(self.not_now());
        }
        match self.upgrade {
            // Both ask: both agree.
            Some(asked) if asked.by != by => self.answer(by, true),
            _ => {
                self.upgrade = Some(Upgrade { by, until });
                Ok(true)
            }
        }
    }

    fn answer(&mut self, side: Side, yes: bool) -> Result<bool, Refused> {
        match self.upgrade {
            Some(asked) if asked.by != side => {
                self.upgrade = None;
                self.media.video = yes;
                Ok(true)
            }
            _ => Err(self.not_now()),
        }
    }

    fn record(&mut self, step: Move, until: Millis) -> Result<bool, Refused> {
        let next = match (step, self.recording) {
            (Move::AskRecord, Recording::Off) if self.state == State::Connected => Recording::Asked(until),
            // The question may have got lost: it is put again.
            (Move::AskRecord, Recording::Asked(_)) => Recording::Asked(until),
            (Move::AskRecord, Recording::On(_)) | (Move::StopRecord, Recording::Off) => return Ok(false),
            (Move::Consent(id), Recording::Asked(_)) => {
                self.consent = Some(true);
                Recording::On(id)
            }
            (Move::NoConsent, Recording::Asked(_) | Recording::On(_)) => {
                self.consent.get_or_insert(false);
                self.refusals += 1;
                Recording::Off
            }
            (Move::StopRecord, Recording::Asked(_) | Recording::On(_)) => Recording::Off,
            _ => return Err(self.not_now()),
        };
        self.recording = next;
        Ok(true)
    }

    fn hangup(&mut self, side: Side, why: Option<Reason>, now: Millis) -> bool {
        let forced = why.filter(|why| matches!(why, Reason::MediaDenied | Reason::IceFailed));
        let reason = forced.unwrap_or(match (self.rings(), side == self.caller) {
            (true, true) => Reason::Cancelled,
            (true, false) => Reason::Declined,
            (false, _) => Reason::hangup(side),
        });
        self.finish(reason, side.into(), now)
    }

    fn hand_over(&mut self, device: DeviceId, now: Millis) -> Result<bool, Refused> {
        if self.rings() {
            return Err(self.not_now());
        }
        self.hold_ms = self.held_since.map_or(self.hold_ms, |since| self.hold_ms + span(since, now));
        self.held_since = None;
        self.leg += 1;
        self.devices.agent = Some(device);
        self.linked = super::Pair::default();
        self.away.agent = false;
        self.muted = super::Pair::default();
        self.upgrade = None;
        self.screen = false;
        self.recording = Recording::Off;
        self.enter(State::Connecting, now);
        Ok(true)
    }

    fn tick(&mut self, now: Millis, limits: &Limits) -> bool {
        match self.overdue(now, limits) {
            None => false,
            Some(Overdue::End(reason)) => self.finish(reason, Author::System, now),
            Some(Overdue::Upgrade) => {
                self.upgrade = None;
                true
            }
            Some(Overdue::Record) => {
                self.refusals += 1;
                self.recording = Recording::Off;
                true
            }
        }
    }
}
