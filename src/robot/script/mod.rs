//! Robots out of written rules: the same question always gets the same answer. For trials and tests; knows no network.
//!
//! ```toml
//! [[rule]]
//! when = "^(你好|hi)"        # a regular expression; without it the rule always matches
//! delay_ms = 300
//! say = ["您好", "请问有什么可以帮您？"]
//! clarify = { prompt = "您想问哪一个？", options = ["贷款", "信用卡"] }
//! handoff = { reason = "要求人工", queue = "loan", summary = "……" }
//! end = "再见"
//! ```
//! The first rule that matches answers; if none does, the robot has nothing to say.

use std::time::Duration;

use regex::{Regex, RegexBuilder};
use serde::Deserialize;

use crate::model::robot::ScriptSetting;

use super::compose::Composer;
use super::error::{RobotError, SettingError};
use super::line::Line;
use super::turn::{Choice, Finish, Turn};
use super::webhook::Transfer;

/// Largest script, bytes.
const MAX_SCRIPT: usize = 64 * 1024;
const MAX_RULES: usize = 200;
/// Memory that one expression may take, bytes. Matching takes time in proportion to the text, never more.
const MAX_PATTERN: usize = 256 * 1024;
const MAX_DELAY_MS: u64 = 60_000;

/// A script.
#[derive(Debug)]
pub struct Script {
    rules: Vec<(Option<Regex>, Rule)>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    rule: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    when: Option<String>,
    #[serde(default)]
    delay_ms: u64,
    #[serde(default)]
    say: Vec<String>,
    clarify: Option<Question>,
    handoff: Option<Transfer>,
    end: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    prompt: String,
    options: Vec<String>,
}

impl Script {
    pub(super) fn new(setting: &ScriptSetting) -> Result<Self, SettingError> {
        let wrong = |problem: String| SettingError::new("rules", problem);
        if setting.rules.len() > MAX_SCRIPT {
            return Err(wrong(format!("are longer than {MAX_SCRIPT} bytes")));
        }
        let written: Written = toml::from_str(&setting.rules).map_err(|error| wrong(error.message().to_owned()))?;
        if written.rule.len() > MAX_RULES {
            return Err(wrong(format!("are more than {MAX_RULES}")));
        }
        let mut rules = Vec::with_capacity(written.rule.len());
        for (rule, number) in written.rule.into_iter().zip(1..) {
            if rule.delay_ms > MAX_DELAY_MS {
                return Err(wrong(format!("number {number}: delay_ms is more than {MAX_DELAY_MS}")));
            }
            let pattern = rule.when.as_deref().map(compile).transpose();
            let pattern = pattern.map_err(|error| wrong(format!("number {number}: {error}")))?;
            rules.push((pattern, rule));
        }
        Ok(Self { rules })
    }

    pub(super) async fn turn(&self, turn: &Turn, mut line: Line<'_>) -> Result<Finish, RobotError> {
        let matches = |pattern: &Option<Regex>| pattern.as_ref().is_none_or(|pattern| pattern.is_match(&turn.text));
        let Some((_, rule)) = self.rules.iter().find(|(pattern, _)| matches(pattern)) else {
            return Ok(line.finish(None));
        };
        line.typing().await?;
        if rule.delay_ms > 0 {
            line.run(tokio::time::sleep(Duration::from_millis(rule.delay_ms))).await?;
        }
        for text in &rule.say {
            line.delta(text).await?;
        }
        line.say(&rule.say).await?;
        if let Some(question) = &rule.clarify {
            let choice = |label: &String| Choice { key: label.clone(), label: label.clone() };
            line.clarify(&question.prompt, question.options.iter().map(choice).collect()).await?;
        }
        if let Some(transfer) = &rule.handoff {
            line.hand_over(transfer.clone().wish()).await?;
        }
        if let Some(reason) = &rule.end {
            line.tell(Composer::end(reason)).await?;
        }
        Ok(line.finish(None))
    }
}

fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).size_limit(MAX_PATTERN).build()
}

#[cfg(test)]
mod tests;
