//! Reads what stands above the steps: name, version, triggers, times, ways out, notices.

use std::time::Duration;

use super::reader::{Fields, Reader};
use crate::flow::definition::{Escape, Notices, State, Trigger};
use crate::flow::value::is_name;
use crate::flow::yaml::{Kind, Node};

const TTL_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
const TTL_DEFAULT: Duration = Duration::from_secs(30 * 60);
const STEP_TTL_DEFAULT: Duration = Duration::from_secs(5 * 60);
/// Most triggers, and most escape words.
const LISTED_MAX: usize = 50;

/// What a flow says of itself before its steps.
pub(super) struct Head {
    pub(super) name: Option<String>,
    pub(super) version: u32,
    pub(super) triggers: Vec<Trigger>,
    pub(super) ttl: Duration,
    pub(super) step_ttl: Duration,
    pub(super) inputs: Vec<String>,
    pub(super) notices: Notices,
}

pub(super) fn read(r: &mut Reader<'_>, fields: &Fields<'_>) -> Head {
    let name = r.need(fields, "flow");
    let ttl = r.duration(fields.get("ttl"), TTL_MAX).unwrap_or(TTL_DEFAULT);
    Head {
        name: r.name(name),
        version: r.number(fields.get("version"), 1, u32::MAX).unwrap_or(1),
        triggers: triggers(r, fields.get("trigger")),
        ttl,
        step_ttl: r.duration(fields.get("step_ttl"), ttl).unwrap_or(STEP_TTL_DEFAULT.min(ttl)),
        inputs: inputs(r, fields.get("inputs")),
        notices: notices(r, fields),
    }
}

fn inputs(r: &mut Reader<'_>, node: Option<&Node>) -> Vec<String> {
    let inputs = r.words(node);
    for name in inputs.iter().filter(|name| !is_name(name)) {
        let at = node.map_or(super::Position::START, |node| node.at);
        r.wrong(
            at,
            format_args!("{name} 不是变量名：只能用字母、数字与 _"),
            format_args!("{name} is no variable's name: letters, digits and _"),
        );
    }
    inputs
}

fn triggers(r: &mut Reader<'_>, node: Option<&Node>) -> Vec<Trigger> {
    let Some(node) = node else { return Vec::new() };
    let items = match &node.kind {
        Kind::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    if items.len() > LISTED_MAX {
        r.wrong(node.at, format_args!("触发条件超过 {LISTED_MAX} 个"), format_args!("more than {LISTED_MAX} triggers"));
    }
    let mut triggers = Vec::new();
    for item in items {
        // `- subscribe` and `- {subscribe: true}` are the same.
        if item.scalar() == Some("subscribe") {
            triggers.push(Trigger::Subscribe);
            continue;
        }
        let fields = r.fields(item, &["menu", "state", "text", "scene", "subscribe"]);
        triggers.extend(r.word(fields.get("menu")).map(Trigger::Menu));
        triggers.extend(r.word(fields.get("scene")).map(Trigger::Scene));
        triggers.extend(r.regex(fields.get("text")).map(Trigger::Text));
        triggers.extend(state(r, fields.get("state")).map(Trigger::State));
        triggers.extend(r.flag(fields.get("subscribe")).filter(|on| *on).map(|_on| Trigger::Subscribe));
    }
    triggers
}

fn state(r: &mut Reader<'_>, node: Option<&Node>) -> Option<State> {
    let node = node?;
    let word = r.word(Some(node))?;
    let state = State::ALL.into_iter().find(|state| state.as_str() == word);
    if state.is_none() {
        let known = State::ALL.map(State::as_str).join(", ");
        r.wrong(
            node.at,
            format_args!("未知的状态 {word}，可用：{known}"),
            format_args!("unknown state {word}; known are {known}"),
        );
    }
    state
}

/// The words that leave the flow. Without the key there are some; `escape: {}` has none.
pub(super) fn escapes(r: &mut Reader<'_>, node: Option<&Node>) -> Vec<(String, Escape)> {
    let Some(node) = node else {
        let words = [("取消", Escape::Cancel), ("cancel", Escape::Cancel), ("转人工", Escape::Handoff)];
        return words.map(|(word, escape)| (word.to_owned(), escape)).into();
    };
    let mut escapes = Vec::new();
    for (key, word, value) in r.entries(node) {
        let escape = match value.scalar() {
            Some("cancel") => Some(Escape::Cancel),
            Some("handoff") => Some(Escape::Handoff),
            _ => None,
        };
        if escape.is_none() {
            r.wrong(value.at, "应为 cancel 或 handoff", "must be cancel or handoff");
        }
        if !crate::flow::words::same(word, word) {
            r.wrong(key.at, "退出词不能为空或只有标点", "an escape word needs a letter or a digit");
        }
        escapes.extend(escape.map(|escape| (word.to_owned(), escape)));
    }
    if escapes.len() > LISTED_MAX {
        r.wrong(
            node.at,
            format_args!("退出词超过 {LISTED_MAX} 个"),
            format_args!("more than {LISTED_MAX} escape words"),
        );
    }
    escapes
}

fn notices(r: &mut Reader<'_>, fields: &Fields<'_>) -> Notices {
    let english = match fields.get("lang").map(|node| (node.at, node.scalar())) {
        None | Some((_, Some("zh"))) => false,
        Some((_, Some("en"))) => true,
        Some((at, _)) => {
            r.wrong(at, "语言应为 zh 或 en", "the language must be zh or en");
            false
        }
    };
    let mut notices = if english { english_notices() } else { chinese_notices() };
    let Some(node) = fields.get("texts") else { return notices };
    let known = ["error", "choice", "failed", "cancelled", "expired", "trouble", "later", "link"];
    let texts = r.fields(node, &known);
    let mut over = |key: &str, notice: &mut String| {
        if let Some(text) = r.notice(texts.get(key)) {
            *notice = text;
        }
    };
    over("error", &mut notices.error);
    over("choice", &mut notices.choice);
    over("failed", &mut notices.failed);
    over("cancelled", &mut notices.cancelled);
    over("expired", &mut notices.expired);
    over("trouble", &mut notices.trouble);
    over("later", &mut notices.later);
    over("link", &mut notices.link);
    notices
}

fn chinese_notices() -> Notices {
    Notices {
        error: "输入有误，请重新输入。".to_owned(),
        choice: "请回复选项前的编号。".to_owned(),
        failed: "多次输入有误，本次办理已取消。".to_owned(),
        cancelled: "已取消。".to_owned(),
        expired: "长时间未收到您的回复，本次办理已结束。".to_owned(),
        trouble: "系统繁忙，本次办理未能完成，请稍后再试。".to_owned(),
        later: "系统繁忙，暂时无法办理，请稍后再试。".to_owned(),
        link: "请点击上面的链接继续办理。".to_owned(),
    }
}

fn english_notices() -> Notices {
    Notices {
        error: "That does not fit. Please try again.".to_owned(),
        choice: "Please answer with the number of an option.".to_owned(),
        failed: "Too many answers did not fit; this has been cancelled.".to_owned(),
        cancelled: "Cancelled.".to_owned(),
        expired: "No answer came for a long time; this has ended.".to_owned(),
        trouble: "The system is busy and this could not be completed. Please try again later.".to_owned(),
        later: "The system is busy. Please come back later.".to_owned(),
        link: "Please open the link above to go on.".to_owned(),
    }
}
