//! The texts that customers see: their names and the variables that each may use.

use std::collections::HashSet;

use minijinja::context;
use minijinja::value::Value;
use serde::{Deserialize, Serialize};

/// A language that every text exists in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lang {
    /// Chinese, simplified.
    #[default]
    Zh,
    /// English.
    En,
}

impl Lang {
    /// Every language.
    pub const ALL: [Self; 2] = [Self::Zh, Self::En];

    /// The folder's name, and the written form everywhere else.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Zh => "zh",
            Self::En => "en",
        }
    }
}

/// A text with what it tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prompt<'a> {
    /// The first words of a conversation.
    Greeting,
    /// The place in the queue, 1 for the next.
    QueueNotice {
        /// 1 for the next.
        position: u64,
    },
    /// An agent has taken the session.
    Connected {
        /// The agent's name as customers see it.
        agent: &'a str,
    },
    /// The session goes to somebody else.
    Transferred {
        /// An agent's or a queue's name as customers see it.
        to: &'a str,
    },
    /// The agent's connection is gone for good; the session waits again.
    AgentLost,
    /// Out of hours; what the customer writes now is a message to leave.
    Closed,
    /// The message was left.
    LeaveMessageAck,
    /// The queue is at its maximum length.
    QueueFull,
    /// Nobody could take it in time.
    NoAgent,
    /// The session has ended.
    Ended,
    /// The customer is silent.
    ContactIdleWarn {
        /// Minutes until the session ends.
        minutes: u64,
    },
    /// The session has ended because the customer was silent.
    ContactIdleClose,
    /// The first words of a conversation that a robot answers.
    RobotGreeting {
        /// The robot's name.
        robot: &'a str,
    },
    /// The robot has not understood.
    RobotFallback,
    /// Above a list of questions, one of which may be meant.
    RobotClarify,
    /// The line of a list for whoever means none of the others.
    RobotNone,
    /// The line of a list for whoever wants a person.
    RobotPerson,
    /// Asks whether a person shall take over.
    RobotConfirm,
    /// The customer does not want a person.
    RobotGoesOn,
    /// An agent has passed the session back to the robot.
    RobotBack {
        /// The robot's name.
        robot: &'a str,
    },
    /// The customer has ended a session with the robot.
    RobotEnded,
    /// Asks what the customer thought of the service.
    Survey,
    /// The best answer.
    SurveyGood,
    /// The answer in the middle.
    SurveyFair,
    /// The worst answer.
    SurveyPoor,
    /// The customer has rated the service.
    SurveyThanks,
    /// The title of a link to a call.
    CallVoice,
    /// The title of a link to a call with pictures.
    CallVideo,
    /// What stands below it.
    CallHint {
        /// How long it can be opened.
        minutes: u64,
    },
}

impl Prompt<'static> {
    /// One of each, with harmless values: what every template is tried with when it is loaded.
    pub const SAMPLES: [Self; 29] = [
        Self::Greeting,
        Self::QueueNotice { position: 3 },
        Self::Connected { agent: "小李" },
        Self::Transferred { to: "小王" },
        Self::AgentLost,
        Self::Closed,
        Self::LeaveMessageAck,
        Self::QueueFull,
        Self::NoAgent,
        Self::Ended,
        Self::ContactIdleWarn { minutes: 2 },
        Self::ContactIdleClose,
        Self::RobotGreeting { robot: "小驿" },
        Self::RobotFallback,
        Self::RobotClarify,
        Self::RobotNone,
        Self::RobotPerson,
        Self::RobotConfirm,
        Self::RobotGoesOn,
        Self::RobotBack { robot: "小驿" },
        Self::RobotEnded,
        Self::Survey,
        Self::SurveyGood,
        Self::SurveyFair,
        Self::SurveyPoor,
        Self::SurveyThanks,
        Self::CallVoice,
        Self::CallVideo,
        Self::CallHint { minutes: 15 },
    ];
}

impl Prompt<'_> {
    /// The file's name without `.txt`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Greeting => "greeting",
            Self::QueueNotice { .. } => "queue_notice",
            Self::Connected { .. } => "connected",
            Self::Transferred { .. } => "transferred",
            Self::AgentLost => "agent_lost",
            Self::Closed => "closed",
            Self::LeaveMessageAck => "leave_message_ack",
            Self::QueueFull => "queue_full",
            Self::NoAgent => "no_agent",
            Self::Ended => "ended",
            Self::ContactIdleWarn { .. } => "contact_idle_warn",
            Self::ContactIdleClose => "contact_idle_close",
            Self::RobotGreeting { .. } => "robot_greeting",
            Self::RobotFallback => "robot_fallback",
            Self::RobotClarify => "robot_clarify",
            Self::RobotNone => "robot_none",
            Self::RobotPerson => "robot_person",
            Self::RobotConfirm => "robot_confirm",
            Self::RobotGoesOn => "robot_goes_on",
            Self::RobotBack { .. } => "robot_back",
            Self::RobotEnded => "robot_ended",
            Self::Survey => "survey",
            Self::SurveyGood => "survey_good",
            Self::SurveyFair => "survey_fair",
            Self::SurveyPoor => "survey_poor",
            Self::SurveyThanks => "survey_thanks",
            Self::CallVoice => "call_voice",
            Self::CallVideo => "call_video",
            Self::CallHint { .. } => "call_hint",
        }
    }

    /// The variables of the text; `tenant` is the enterprise's name.
    pub(super) fn variables(&self, tenant: &str) -> Value {
        match *self {
            Self::QueueNotice { position } => context! { tenant, position },
            Self::Connected { agent } => context! { tenant, agent },
            Self::Transferred { to } => context! { tenant, to },
            Self::ContactIdleWarn { minutes } | Self::CallHint { minutes } => context! { tenant, minutes },
            Self::RobotGreeting { robot } => context! { tenant, robot },
            Self::RobotBack { robot } => context! { tenant, robot },
            _ => context! { tenant },
        }
    }

    /// The names of [`Prompt::variables`].
    pub(super) fn variable_names(&self) -> HashSet<String> {
        let variables = self.variables("");
        variables.try_iter().map(|names| names.map(|name| name.to_string()).collect()).unwrap_or_default()
    }

    /// The built-in text.
    pub(super) fn built_in(&self, lang: Lang) -> &'static str {
        macro_rules! text {
            ($name:literal) => {
                match lang {
                    Lang::Zh => include_str!(concat!("../../templates/default/zh/", $name, ".txt")),
                    Lang::En => include_str!(concat!("../../templates/default/en/", $name, ".txt")),
                }
            };
        }
        match self {
            Self::Greeting => text!("greeting"),
            Self::QueueNotice { .. } => text!("queue_notice"),
            Self::Connected { .. } => text!("connected"),
            Self::Transferred { .. } => text!("transferred"),
            Self::AgentLost => text!("agent_lost"),
            Self::Closed => text!("closed"),
            Self::LeaveMessageAck => text!("leave_message_ack"),
            Self::QueueFull => text!("queue_full"),
            Self::NoAgent => text!("no_agent"),
            Self::Ended => text!("ended"),
            Self::ContactIdleWarn { .. } => text!("contact_idle_warn"),
            Self::ContactIdleClose => text!("contact_idle_close"),
            Self::RobotGreeting { .. } => text!("robot_greeting"),
            Self::RobotFallback => text!("robot_fallback"),
            Self::RobotClarify => text!("robot_clarify"),
            Self::RobotNone => text!("robot_none"),
            Self::RobotPerson => text!("robot_person"),
            Self::RobotConfirm => text!("robot_confirm"),
            Self::RobotGoesOn => text!("robot_goes_on"),
            Self::RobotBack { .. } => text!("robot_back"),
            Self::RobotEnded => text!("robot_ended"),
            Self::Survey => text!("survey"),
            Self::SurveyGood => text!("survey_good"),
            Self::SurveyFair => text!("survey_fair"),
            Self::SurveyPoor => text!("survey_poor"),
            Self::SurveyThanks => text!("survey_thanks"),
            Self::CallVoice => text!("call_voice"),
            Self::CallVideo => text!("call_video"),
            Self::CallHint { .. } => text!("call_hint"),
        }
    }
}
