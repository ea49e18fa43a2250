//! Bugs on purpose, which the fault campaign has to catch (`docs/RELIABILITY.md`). Only a debug build with the feature
//! `planted` can have one, and only if its environment names it; everywhere else [`planted`] is a constant `false`.

/// A bug on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// Yes is said before the commit.
    AnswerBeforeCommit,
    /// A delivery that came before is taken for a new one.
    DedupeForgotten,
    /// The id of a delivery is read as a floating-point number.
    MsgIdAsFloat,
    /// A client's repeated message is taken for a new one.
    CidIgnored,
    /// A recovery leaves out the first message that is missing.
    ResumeSkipsOne,
    /// A recovery begins with the message that the client has.
    ResumeRepeatsOne,
    /// An agent may speak under an old epoch.
    StaleEpoch,
    /// The place of a session that has ended stays taken.
    PlaceNotGivenBack,
    /// Sockets are found by the agent's id without the tenant.
    HubWithoutTenant,
    /// Some messages are announced to nobody.
    HintForgotten,
    /// Nobody looks for what no hint announced.
    SweepOff,
    /// A send whose answer was lost is repeated.
    UncertainRepeated,
    /// The newest waiting reply goes first.
    NewestFirst,
    /// An attempt is not on disk before its call.
    AttemptNotNoted,
    /// Some replies count as sent without a call.
    SentWithoutCall,
    /// Nobody is told what became of a reply.
    ReceiptNotTold,
    /// A refused token is replaced as often as it is refused.
    TokenStorm,
    /// The way to a slow reader is unbounded.
    OutboxUnbounded,
    /// A panic in the handler of some frames.
    PanicInFrame,
    /// SIGTERM ends the process at once.
    NoDrain,
    /// Events are forgotten although the broker did not take them.
    EventsForgotten,
    /// A publish counts before it is confirmed.
    ConfirmIgnored,
    /// A log line holds what a customer said.
    WordsInLog,
    /// A log line holds an access token.
    TokenInLog,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 24] = [
        Self::AnswerBeforeCommit,
        Self::DedupeForgotten,
        Self::MsgIdAsFloat,
        Self::CidIgnored,
        Self::ResumeSkipsOne,
        Self::ResumeRepeatsOne,
        Self::StaleEpoch,
        Self::PlaceNotGivenBack,
        Self::HubWithoutTenant,
        Self::HintForgotten,
        Self::SweepOff,
        Self::UncertainRepeated,
        Self::NewestFirst,
        Self::AttemptNotNoted,
        Self::SentWithoutCall,
        Self::ReceiptNotTold,
        Self::TokenStorm,
        Self::OutboxUnbounded,
        Self::PanicInFrame,
        Self::NoDrain,
        Self::EventsForgotten,
        Self::ConfirmIgnored,
        Self::WordsInLog,
        Self::TokenInLog,
    ];

    /// Its name, as the environment gives it in `YIZHAN_PLANTED`.
    #[must_use]
    pub fn name(self) -> String {
        format!("{self:?}")
    }
}

/// Whether this process has the bug.
#[cfg(feature = "planted")]
#[expect(clippy::disallowed_methods, reason = "this is the configuration of a build that is never deployed")]
#[must_use]
pub fn planted(bug: Bug) -> bool {
    std::env::var("YIZHAN_PLANTED").is_ok_and(|name| name == bug.name())
}

/// Whether this process has the bug: never.
#[cfg(not(feature = "planted"))]
#[must_use]
pub const fn planted(_: Bug) -> bool {
    false
}
