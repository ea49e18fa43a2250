//! The built-in answers to frequent questions: finds the question that was meant and says how sure that is. Pure: knows
//! no storage, no clock, no conversation.
//!
//! A text is normalised ([`text`]), taken apart ([`token`]), looked up ([`index`]), the hits are described by a few
//! figures that a logistic regression turns into a probability ([`calibrate`]), and thresholds make a decision of it
//! ([`mod@decide`]). Raw scores mean nothing: that of BM25 has no upper limit and depends on the questions.
//!
//! An index never changes; whoever changes a question builds another beside it and swaps them.

pub mod calibrate;
pub mod decide;
pub mod index;
mod lexicon;
pub mod mask;
mod posting;
pub mod text;
pub mod token;
mod traditional;

pub use calibrate::{Example, Features, Weights, fit};
pub use decide::{Decision, Thresholds, decide};
pub use index::{Hit, Index, Scratch};
pub use mask::mask;
pub use text::normalise;
pub use token::{Base, Vocabulary};

/// A question that has an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The standard wording, which is shown to choose from.
    pub text: String,
    /// Other wordings of the same question.
    pub similar: Vec<String>,
    /// What is answered, as plain text; may be empty. Its words count a little: they name what the question is about.
    pub answer: String,
    /// What it is for.
    pub kind: Kind,
}

/// What a question is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Business: something that a customer wants to know.
    #[default]
    Faq,
    /// Talk: a greeting, thanks, a joke. Never offered to choose from.
    Chitchat,
}
