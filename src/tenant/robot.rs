//! `[robot]`: who answers first, how sure it must be, and when a person takes over. Data only; no adapter is known here.

use std::time::Duration;

use crate::config::reader::Reader;
use crate::model::dialogue::Limits;
use crate::model::robot::{DifySetting, OpenAiSetting, RasaSetting, RobotSetting, ScriptSetting, WebhookSetting};
use crate::model::secret::Secret;

/// Who answers.
#[derive(Debug, Clone)]
pub enum Adapter {
    /// The built-in question base.
    Faq,
    /// Somebody else, or fixed rules.
    Outside(RobotSetting),
}

impl Adapter {
    /// The written form.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Faq => "faq",
            Self::Outside(RobotSetting::OpenAi(_)) => "openai",
            Self::Outside(RobotSetting::Rasa(_)) => "rasa",
            Self::Outside(RobotSetting::Dify(_)) => "dify",
            Self::Outside(RobotSetting::Webhook(_)) => "webhook",
            Self::Outside(RobotSetting::Script(_)) => "script",
        }
    }

    /// Its secrets by key.
    pub(super) fn secrets(&self) -> Vec<(&'static str, &Secret)> {
        let all: [(&'static str, Option<&Secret>); 2] = match self {
            Self::Outside(RobotSetting::OpenAi(setting)) => [("key", setting.key.as_ref()), ("", None)],
            Self::Outside(RobotSetting::Rasa(setting)) => [("key", setting.token.as_ref()), ("", None)],
            Self::Outside(RobotSetting::Dify(setting)) => [("key", Some(&setting.key)), ("", None)],
            Self::Outside(RobotSetting::Webhook(setting)) => {
                [("secret", Some(&setting.secret)), ("secret_previous", setting.secret_previous.as_ref())]
            }
            Self::Faq | Self::Outside(RobotSetting::Script(_)) => [("", None), ("", None)],
        };
        all.into_iter().filter_map(|(key, secret)| Some((key, secret?))).collect()
    }
}

/// How sure the question base must be, as probabilities.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sureness {
    /// From here on it answers.
    pub direct: f64,
    /// From here on it asks what was meant.
    pub clarify: f64,
    /// So much surer of the first than of the second.
    pub margin: f64,
    /// From here on it is small talk.
    pub chitchat: f64,
}

/// A tenant's robot.
#[derive(Debug, Clone)]
pub struct Robot {
    /// What customers read.
    pub name: String,
    /// Who answers.
    pub adapter: Adapter,
    /// How sure the question base must be.
    pub sureness: Sureness,
    /// Lines to choose from on the web.
    pub list_web: usize,
    /// Lines to choose from on WeChat.
    pub list_wechat: usize,
    /// A list is forgotten after this time.
    pub list_life: Duration,
    /// How long a customer waits for an adapter.
    pub timeout: Duration,
    /// When a person takes over.
    pub limits: Limits,
    /// Words with which customers ask for a person, besides the usual ones; normalised.
    pub handoff_words: Vec<String>,
    /// A person takes over at once when one of these is said; normalised.
    pub sensitive_words: Vec<String>,
    /// The same for words of anger.
    pub angry_words: Vec<String>,
    /// Whether the customer is asked first when nobody has asked for a person.
    pub confirm: bool,
    /// Whether agents are shown answers while they serve.
    pub copilot: bool,
}

impl Robot {
    pub(super) fn read(r: &Reader<'_>) -> Option<Self> {
        let timeout = r.millis("timeout_ms", 8_000, 200..=60_000);
        let adapter = adapter(r, timeout);
        let count = |key, default, range| u32::try_from(r.int(key, default, range)).unwrap_or(u32::MAX);
        let limits = Limits {
            missed_in_row: count("missed_in_row", 2, 1..=20),
            missed: count("missed", 4, 1..=100),
            unhelpful: count("unhelpful", 2, 1..=20),
            failed_in_row: count("failed_in_row", 2, 1..=20),
            ..Limits::default()
        };
        let words = |key| r.texts(key).into_iter().map(|word: &str| word.trim().to_lowercase()).collect();
        let this = Self {
            name: r.maybe_text("name").unwrap_or("智能助手").to_owned(),
            adapter: adapter?,
            sureness: Sureness {
                direct: r.ratio("direct", 0.8),
                clarify: r.ratio("clarify", 0.35),
                margin: r.ratio("margin", 0.08),
                chitchat: r.ratio("chitchat", 0.8),
            },
            list_web: r.count("list_web", 5, 1..=10),
            list_wechat: r.count("list_wechat", 3, 1..=10),
            list_life: r.seconds("list_life_s", 600, 10..=86_400),
            timeout,
            limits,
            handoff_words: words("handoff_words"),
            sensitive_words: words("sensitive_words"),
            angry_words: words("angry_words"),
            confirm: r.flag("confirm", false),
            copilot: r.flag("copilot", true),
        };
        if this.sureness.clarify > this.sureness.direct {
            r.problem("clarify", "must not be greater than direct");
        }
        Some(this)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Faq,
    OpenAi,
    Rasa,
    Dify,
    Webhook,
    Script,
}

const KINDS: [(&str, Kind); 6] = [
    ("faq", Kind::Faq),
    ("openai", Kind::OpenAi),
    ("rasa", Kind::Rasa),
    ("dify", Kind::Dify),
    ("webhook", Kind::Webhook),
    ("script", Kind::Script),
];

fn adapter(r: &Reader<'_>, timeout: Duration) -> Option<Adapter> {
    let kind = r.choice("adapter", &KINDS)?;
    let setting = match kind {
        Kind::Faq => return Some(Adapter::Faq),
        Kind::OpenAi => RobotSetting::OpenAi(OpenAiSetting {
            url: r.text("url").to_owned(),
            model: r.text("model").to_owned(),
            key: r.secret("key"),
            prompt: r.maybe_text("prompt").unwrap_or_default().to_owned(),
            require_context: r.flag("require_context", true),
            temperature: r.has("temperature").then(|| r.ratio("temperature", 0.2)),
            max_tokens: r.has("max_tokens").then(|| tokens(r)),
            timeout,
        }),
        Kind::Rasa => RobotSetting::Rasa(RasaSetting {
            url: r.text("url").to_owned(),
            channel: r.maybe_text("channel").unwrap_or("rest").to_owned(),
            token: r.secret("key"),
            timeout,
        }),
        Kind::Dify => RobotSetting::Dify(DifySetting {
            url: r.text("url").to_owned(),
            key: required(r, "key")?,
            inputs: r.section("inputs").map(|inputs| inputs.all_texts()).unwrap_or_default(),
            handoff_variable: r.maybe_text("handoff_variable").unwrap_or("handoff").to_owned(),
            timeout,
        }),
        Kind::Webhook => RobotSetting::Webhook(WebhookSetting {
            url: r.text("url").to_owned(),
            secret: required(r, "secret")?,
            secret_previous: r.secret("secret_previous"),
            timeout,
        }),
        Kind::Script => RobotSetting::Script(ScriptSetting { rules: r.text("rules").to_owned() }),
    };
    Some(Adapter::Outside(setting))
}

fn tokens(r: &Reader<'_>) -> u32 {
    u32::try_from(r.int("max_tokens", 500, 1..=32_000)).unwrap_or(500)
}

fn required(r: &Reader<'_>, key: &'static str) -> Option<Secret> {
    if !r.has(key) {
        r.problem(key, "is required by this adapter");
    }
    r.secret(key)
}
