//! A flow that was read and found sound: what starts it, how long it may take, its steps. Knows no run and no file.

use std::time::Duration;

use regex::Regex;
use serde_json::Value;

use super::expression::Expression;
use super::text::Text;
use super::words::Choice;
use crate::model::id::QueueId;

/// A multi-step form. Made by [`Definition::parse`] alone, so that what runs was checked.
#[derive(Debug)]
pub struct Definition {
    /// Its name inside a tenant.
    pub name: String,
    /// Raised by its author with every change; runs stay with the one they started with.
    pub version: u32,
    /// SHA-256 of its source, hexadecimal: tells whether two files of one version are the same.
    pub digest: String,
    /// What starts it.
    pub triggers: Vec<Trigger>,
    /// The longest run.
    pub ttl: Duration,
    /// The longest wait for one answer.
    pub step_ttl: Duration,
    /// Words that leave it from wherever it stands.
    pub escapes: Vec<(String, Escape)>,
    /// What it says of itself.
    pub(super) notices: Notices,
    /// At least one; no path leads past the last.
    pub(super) steps: Vec<Step>,
}

/// What starts a flow.
#[derive(Debug)]
pub enum Trigger {
    /// A click on the WeChat menu's key.
    Menu(String),
    /// A session is in this state.
    State(State),
    /// The customer's words match.
    Text(Regex),
    /// A QR code's scene.
    Scene(String),
    /// The customer follows the account.
    Subscribe,
}

/// A state of service that starts a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Somebody is wanted outside business hours.
    ClosedHours,
    /// Somebody is wanted and nobody is signed in.
    NoAgent,
    /// A session has started.
    Entry,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::ClosedHours, Self::NoAgent, Self::Entry];

    /// The written form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClosedHours => "closed_hours",
            Self::NoAgent => "no_agent",
            Self::Entry => "entry",
        }
    }
}

/// What an escape word does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escape {
    /// Ends the run.
    Cancel,
    /// Ends the run and asks for a person.
    Handoff,
}

/// What a flow says without a step of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Notices {
    /// An answer does not fit.
    pub(super) error: String,
    /// The answer chooses no option.
    pub(super) choice: String,
    /// An answer did not fit too often.
    pub(super) failed: String,
    /// The customer left it.
    pub(super) cancelled: String,
    /// No answer came in time.
    pub(super) expired: String,
    /// A service failed.
    pub(super) trouble: String,
    /// A service failed where the flow says that it goes on later.
    pub(super) later: String,
    /// Words came while the customer is on a page.
    pub(super) link: String,
}

/// A step of a flow.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) node: Node,
    /// Where a run goes on: the step's place in the file.
    pub(super) at: super::problem::Position,
}

/// What a step does.
#[derive(Debug)]
pub(super) enum Node {
    /// Says something.
    Say(Text),
    /// Asks for words.
    Ask(Ask),
    /// Asks to choose.
    Menu(Menu),
    /// Goes elsewhere, when the condition holds (always without one).
    Branch { condition: Option<Expression>, goto: usize, otherwise: Option<usize> },
    /// Sets variables.
    Set(Vec<(String, Setting)>),
    /// Asks a service.
    Call(Call),
    /// Proves by a code that somebody holds a telephone number.
    Verify(Verify),
    /// Asks for a picture, a voice, a place.
    Media(Media),
    /// Sends the customer to a page and waits for the way back.
    Link(Link),
    /// Asks for a person; ends the run.
    Handoff { queue: Option<QueueId>, reason: String, text: Option<Text> },
    /// Gives the turn to the robot; ends the run.
    Robot,
    /// Has the service rated.
    Survey { save: Option<String> },
    /// Ends the run.
    End { reason: String, text: Option<Text> },
}

/// A value given to a variable or to a service.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Setting {
    /// A number or a truth value.
    Value(Value),
    /// A text with variables.
    Text(Text),
}

/// What a question does when its answers do not fit.
#[derive(Debug)]
pub(super) struct Patience {
    /// How often it is asked again.
    pub(super) retries: u32,
    /// What is said before it is asked again; the flow's own words without.
    pub(super) error: Option<Text>,
    /// What happens when they are used up.
    pub(super) on_fail: Resort,
}

/// What happens when a step cannot do its part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resort {
    /// Ends the run and says so.
    Cancel,
    /// Ends the run and asks for a person.
    Handoff,
    /// Ends the run and says that it cannot be done now.
    Later,
    /// The next step, as if it had been done.
    Continue,
    /// That step.
    Goto(usize),
}

#[derive(Debug)]
pub(super) struct Ask {
    pub(super) var: String,
    pub(super) prompt: Text,
    pub(super) rules: Rules,
    pub(super) patience: Patience,
    /// Words that leave the variable empty.
    pub(super) skip: Vec<String>,
    /// Kept out of the summary that agents read.
    pub(super) secret: bool,
}

/// What an answer in words must look like.
#[derive(Debug)]
pub(super) struct Rules {
    /// Fewest and most characters.
    pub(super) length: (usize, usize),
    pub(super) regex: Option<Regex>,
    /// One of these, compared as options are.
    pub(super) one_of: Vec<String>,
    /// A number not under the first and not over the second.
    pub(super) range: Option<(f64, f64)>,
}

#[derive(Debug)]
pub(super) struct Menu {
    pub(super) var: Option<String>,
    pub(super) prompt: Text,
    pub(super) options: Vec<Choosable>,
    pub(super) patience: Patience,
}

/// An option of a menu.
#[derive(Debug)]
pub(super) struct Choosable {
    pub(super) key: String,
    pub(super) text: String,
    /// What the variable holds once it is chosen.
    pub(super) value: Value,
    pub(super) goto: Option<usize>,
}

impl Choosable {
    pub(super) fn choice(&self) -> Choice<'_> {
        Choice { key: &self.key, text: &self.text }
    }
}

#[derive(Debug)]
pub(super) struct Call {
    pub(super) service: String,
    pub(super) op: String,
    pub(super) args: Vec<(String, Setting)>,
    pub(super) timeout: Duration,
    pub(super) save: Option<String>,
    pub(super) on_error: Resort,
}

#[derive(Debug)]
pub(super) struct Verify {
    pub(super) service: String,
    /// The operation that sends a code to `to`.
    pub(super) send: String,
    /// The operation that says whether a code is the one that was sent.
    pub(super) check: String,
    pub(super) to: Text,
    pub(super) prompt: Text,
    /// Words that have another code sent.
    pub(super) resend: Vec<String>,
    pub(super) timeout: Duration,
    pub(super) save: Option<String>,
    pub(super) patience: Patience,
    pub(super) on_error: Resort,
}

/// What can be asked for besides words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaKind {
    /// A picture.
    Image,
    /// A voice recording.
    Voice,
    /// A video.
    Video,
    /// Any other file.
    File,
    /// A place on the map.
    Location,
}

impl MediaKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Image, Self::Voice, Self::Video, Self::File, Self::Location];

    /// The written form, as of [`Content::kind`](crate::model::content::Content::kind).
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Voice => "voice",
            Self::Video => "video",
            Self::File => "file",
            Self::Location => "location",
        }
    }
}

#[derive(Debug)]
pub(super) struct Media {
    pub(super) var: String,
    pub(super) prompt: Text,
    pub(super) kinds: Vec<MediaKind>,
    pub(super) patience: Patience,
}

#[derive(Debug)]
pub(super) struct Link {
    pub(super) url: Text,
    pub(super) prompt: Text,
    pub(super) save: Option<String>,
}

impl Definition {
    /// What an escape word among the customer's words does.
    #[must_use]
    pub fn escape(&self, words: &str) -> Option<Escape> {
        self.escapes.iter().find(|(word, _)| super::words::same(words, word)).map(|(_, escape)| *escape)
    }

    /// How many steps it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Never: a flow without steps is refused.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}
