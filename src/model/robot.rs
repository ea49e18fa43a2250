//! The settings of a tenant's robot, as they are declared. Knows no protocol step; addresses are judged by the guard.

use std::collections::BTreeMap;
use std::time::Duration;

use super::secret::Secret;

/// How long a robot may take when nothing else is declared.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// The settings by kind of robot. The built-in question index is not among them: it is part of the gateway.
#[derive(Debug, Clone)]
pub enum RobotSetting {
    /// A server with the OpenAI API: a language model.
    OpenAi(OpenAiSetting),
    /// A Rasa assistant.
    Rasa(RasaSetting),
    /// An application on Dify.
    Dify(DifySetting),
    /// A program of the tenant's own.
    Webhook(WebhookSetting),
    /// Written rules.
    Script(ScriptSetting),
}

/// A language model.
#[derive(Debug, Clone)]
pub struct OpenAiSetting {
    /// The base address with its version, for example `https://api.deepseek.com/v1`.
    pub url: String,
    /// The model's name.
    pub model: String,
    /// The key, if the server wants one.
    pub key: Option<Secret>,
    /// What the robot is told about itself, before the rules that every robot gets.
    pub prompt: String,
    /// Whether it is asked only when the index found something to answer from.
    pub require_context: bool,
    /// From 0 to 2; absent leaves it to the server.
    pub temperature: Option<f64>,
    /// Longest answer in tokens; absent leaves it to the server.
    pub max_tokens: Option<u32>,
    /// Until the answer is complete.
    pub timeout: Duration,
}

/// A Rasa assistant with its REST channel.
#[derive(Debug, Clone)]
pub struct RasaSetting {
    /// Where the server is, for example `http://rasa.internal:5005`.
    pub url: String,
    /// The channel's name in the address: `rest`, or the name of a channel like it.
    pub channel: String,
    /// The server's `auth_token`, if it has one.
    pub token: Option<Secret>,
    /// Until the answer is complete.
    pub timeout: Duration,
}

/// An application on Dify: a chat assistant, an agent or a chat flow.
#[derive(Debug, Clone)]
pub struct DifySetting {
    /// The base address with its version, for example `https://api.dify.ai/v1`.
    pub url: String,
    /// The application's key.
    pub key: Secret,
    /// Values of the application's variables.
    pub inputs: BTreeMap<String, String>,
    /// The output variable of a flow that asks for a person.
    pub handoff_variable: String,
    /// Until the answer is complete.
    pub timeout: Duration,
}

/// A program of the tenant's own.
#[derive(Debug, Clone)]
pub struct WebhookSetting {
    /// Where turns are posted.
    pub url: String,
    /// Signs what is posted and what comes back: `whsec_` and 24 to 64 bytes in base64.
    pub secret: Secret,
    /// The secret before the last change: signs beside the current one, and is accepted.
    pub secret_previous: Option<Secret>,
    /// Until the answer is complete.
    pub timeout: Duration,
}

/// Written rules.
#[derive(Debug, Clone)]
pub struct ScriptSetting {
    /// The rules, in TOML.
    pub rules: String,
}
