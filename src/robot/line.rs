//! The line between one turn's robot and whoever asked it: until when, and what has been told. Knows no robot's form.

use std::future::Future;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::runtime::Stop;

use super::answer::{MAX_CHARS, head};
use super::compose::Composer;
use super::error::RobotError;
use super::turn::{Caps, Choice, Finish, Handoff, Outcome, RobotEvent, Turn};

/// Everything a robot says in a turn goes through here.
pub(super) struct Line<'a> {
    out: mpsc::Sender<RobotEvent>,
    stop: &'a Stop,
    until: Instant,
    composer: Composer,
    /// Characters told as deltas.
    shown: usize,
    outcome: Outcome,
}

impl<'a> Line<'a> {
    /// Opens the line for as long as the turn and the robot's own `timeout` allow.
    pub(super) fn open(turn: &Turn, out: mpsc::Sender<RobotEvent>, stop: &'a Stop, timeout: Duration) -> Self {
        let until = turn.deadline.min(Instant::now() + timeout);
        Self { out, stop, until, composer: Composer::new(turn.caps), shown: 0, outcome: Outcome::Nothing }
    }

    /// A line on which nothing is said; it only keeps the time. `out` must have a listener.
    pub(super) fn silent(out: mpsc::Sender<RobotEvent>, stop: &'a Stop, until: Instant) -> Self {
        let caps = Caps { streaming: false, rich: false, max_options: 0 };
        Self { out, stop, until, composer: Composer::new(caps), shown: 0, outcome: Outcome::Nothing }
    }

    /// Waits for something, but not longer than anybody wants the answer.
    pub(super) async fn run<T>(&self, work: impl Future<Output = T>) -> Result<T, RobotError> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(RobotError::Stopped),
            () = self.out.closed() => Err(RobotError::Stopped),
            done = tokio::time::timeout_at(self.until, work) => done.map_err(|_elapsed| RobotError::Late),
        }
    }

    /// The time that is left.
    pub(super) fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// What limits the events of this turn.
    pub(super) fn composer(&mut self) -> &mut Composer {
        &mut self.composer
    }

    /// Tells an event that the [`Composer`] made.
    pub(super) async fn tell(&mut self, event: RobotEvent) -> Result<(), RobotError> {
        let outcome = match &event {
            RobotEvent::Message(_) | RobotEvent::Clarify { .. } => Outcome::Answered,
            RobotEvent::Handoff(_) => Outcome::HandedOver,
            RobotEvent::End { .. } => Outcome::Ended,
            RobotEvent::Typing | RobotEvent::Delta(_) | RobotEvent::Memory(_) => Outcome::Nothing,
        };
        self.run(self.out.send(event)).await?.map_err(|_gone| RobotError::Stopped)?;
        // The weightiest thing that happened is what came of the turn.
        if weight(outcome) > weight(self.outcome) {
            self.outcome = outcome;
        }
        Ok(())
    }

    /// Says that the robot has started.
    pub(super) async fn typing(&mut self) -> Result<(), RobotError> {
        self.tell(RobotEvent::Typing).await
    }

    /// Shows more of a growing text, to those who can see it grow.
    pub(super) async fn delta(&mut self, text: &str) -> Result<(), RobotError> {
        if !self.composer.caps().streaming || self.shown >= MAX_CHARS {
            return Ok(());
        }
        let text = head(text, MAX_CHARS - self.shown);
        self.shown += text.chars().count();
        if text.is_empty() { Ok(()) } else { self.tell(RobotEvent::Delta(text)).await }
    }

    /// Says these texts, as far as they fit.
    pub(super) async fn say(&mut self, texts: impl IntoIterator<Item = impl AsRef<str>>) -> Result<(), RobotError> {
        match self.composer.say(texts) {
            Some(event) => self.tell(event).await,
            None => Ok(()),
        }
    }

    /// Asks a question with choices; without usable choices it is a text.
    pub(super) async fn clarify(&mut self, prompt: &str, options: Vec<Choice>) -> Result<(), RobotError> {
        match self.composer.clarify(prompt, options) {
            Some(event) => self.tell(event).await,
            None => Ok(()),
        }
    }

    /// Asks for a person.
    pub(super) async fn hand_over(&mut self, wish: Handoff) -> Result<(), RobotError> {
        self.tell(Composer::hand_over(wish)).await
    }

    /// Hands over what the robot wants to be reminded of.
    pub(super) async fn remember(&mut self, memory: &str) -> Result<(), RobotError> {
        match Composer::remember(memory) {
            Some(event) => self.tell(event).await,
            None => Ok(()),
        }
    }

    /// The end of the turn.
    pub(super) fn finish(self, tokens: Option<u64>) -> Finish {
        Finish { outcome: self.outcome, cut: self.composer.cut(), tokens }
    }

    /// The end of a turn that is answered by a call of the robot's own.
    pub(super) fn later(self) -> Finish {
        Finish { outcome: Outcome::Later, cut: false, tokens: None }
    }
}

fn weight(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Nothing | Outcome::Later => 0,
        Outcome::Answered => 1,
        Outcome::Ended => 2,
        Outcome::HandedOver => 3,
    }
}
