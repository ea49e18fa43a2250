//! Reads one step of each kind. Knows the keys of every kind; the reader knows the types.

use std::time::Duration;

use super::question;
use super::reader::Reader;
use crate::flow::definition::{Call, Link, Node, Resort, Setting, Step, Verify};
use crate::flow::text::Text;
use crate::flow::yaml::{Kind, Node as Yaml};
use crate::model::id::QueueId;

/// Every kind of step, as it is written.
pub(super) const KINDS: [&str; 13] =
    ["say", "ask", "menu", "branch", "set", "call", "verify", "media", "link", "handoff", "robot", "survey", "end"];
/// How long a service may take unless the step says otherwise.
const CALL_DEFAULT: Duration = Duration::from_secs(3);
/// Most arguments of a call and most variables of a `set`.
const SETTINGS_MAX: usize = 50;

/// Reads a step; what is wrong with it is reported, and a step stands in for what cannot be read.
pub(super) fn step(r: &mut Reader<'_>, yaml: &Yaml) -> Step {
    let mut kind = None;
    for (key, name, value) in r.entries(yaml) {
        if name == "label" {
            continue;
        }
        if !KINDS.contains(&name) {
            let known = KINDS.join(", ");
            r.wrong(
                key.at,
                format_args!("未知的步骤 {name}，可用：{known}"),
                format_args!("unknown step {name}; known are {known}"),
            );
        } else if kind.is_some() {
            r.wrong(
                key.at,
                format_args!("一步只能有一种类型，请把 {name} 写成下一步（- {name}:）"),
                format_args!("one step is of one kind; write {name} as the next step (- {name}:)"),
            );
        } else {
            kind = Some((name, value));
        }
    }
    let node = match kind {
        Some((name, value)) => node(r, name, value),
        None => {
            if matches!(&yaml.kind, Kind::Map(entries) if entries.iter().all(|(key, _)| key.scalar() == Some("label")))
            {
                let known = KINDS.join(", ");
                r.wrong(
                    yaml.at,
                    format_args!("此步没有类型，请加上一种：{known}"),
                    format_args!("this step does nothing; give it one of {known}"),
                );
            }
            stand_in(yaml)
        }
    };
    Step { node, at: yaml.at }
}

/// A step in place of one of an unknown kind: it sets whatever that one may have set.
fn stand_in(yaml: &Yaml) -> Node {
    let Kind::Map(entries) = &yaml.kind else { return Node::Set(Vec::new()) };
    let names = entries.iter().flat_map(|(_, value)| [value.get("var"), value.get("save")]).flatten();
    let empty = |name: &Yaml| Some((name.scalar()?.to_owned(), Setting::Text(Text::default())));
    Node::Set(names.filter_map(empty).collect())
}

fn node(r: &mut Reader<'_>, kind: &str, yaml: &Yaml) -> Node {
    match kind {
        "say" => Node::Say(say(r, yaml)),
        "ask" => Node::Ask(question::ask(r, yaml)),
        "menu" => Node::Menu(question::menu(r, yaml)),
        "branch" => branch(r, yaml),
        "set" => Node::Set(settings(r, Some(yaml))),
        "call" => Node::Call(call(r, yaml)),
        "verify" => Node::Verify(verify(r, yaml)),
        "media" => Node::Media(question::media(r, yaml)),
        "link" => Node::Link(link(r, yaml)),
        "handoff" => handoff(r, yaml),
        "robot" => {
            r.fields(yaml, &[]);
            Node::Robot
        }
        "survey" => {
            let fields = r.fields(yaml, &["save"]);
            Node::Survey { save: r.name(fields.get("save")) }
        }
        _ => {
            let fields = r.fields(yaml, &["reason", "text"]);
            let reason = r.word(fields.get("reason")).unwrap_or_else(|| "done".to_owned());
            Node::End { reason, text: r.text(fields.get("text")) }
        }
    }
}

/// `say: 文本` or `say: {text: 文本}`.
fn say(r: &mut Reader<'_>, yaml: &Yaml) -> Text {
    let text = match &yaml.kind {
        Kind::Map(_) => {
            let fields = r.fields(yaml, &["text"]);
            r.need(&fields, "text")
        }
        _ => Some(yaml),
    };
    r.text(text).unwrap_or_default()
}

fn branch(r: &mut Reader<'_>, yaml: &Yaml) -> Node {
    let fields = r.fields(yaml, &["if", "goto", "else"]);
    let condition = r.condition(fields.get("if"));
    // A condition that was not understood is one nevertheless: the way past it exists.
    let otherwise = r.goto(fields.get("else"));
    if fields.get("if").is_none()
        && let Some(node) = fields.get("else")
    {
        r.wrong(node.at, "没有 if 就不会走到 else，请补上 if 或删去 else", "else without if is never taken; add an if");
    }
    let goto = r.need(&fields, "goto");
    let goto = r.goto(goto).unwrap_or(crate::flow::graph::NOWHERE);
    let condition = match (condition, fields.get("if")) {
        (None, Some(_)) => crate::flow::expression::Expression::parse("false").ok(),
        (condition, _) => condition,
    };
    Node::Branch { condition, goto, otherwise }
}

/// A map of names and values.
fn settings(r: &mut Reader<'_>, yaml: Option<&Yaml>) -> Vec<(String, Setting)> {
    let Some(yaml) = yaml else { return Vec::new() };
    let mut settings = Vec::new();
    for (key, _, value) in r.entries(yaml) {
        let name = r.name(Some(key));
        let setting = r.setting(value);
        settings.extend(name.zip(setting));
    }
    if settings.len() > SETTINGS_MAX {
        r.wrong(yaml.at, format_args!("超过 {SETTINGS_MAX} 个值"), format_args!("more than {SETTINGS_MAX} values"));
    }
    settings
}

fn call(r: &mut Reader<'_>, yaml: &Yaml) -> Call {
    let fields = r.fields(yaml, &["service", "op", "args", "timeout", "save", "on_error"]);
    let (service, op) = (r.need(&fields, "service"), r.need(&fields, "op"));
    Call {
        service: r.word(service).unwrap_or_default(),
        op: r.word(op).unwrap_or_default(),
        args: settings(r, fields.get("args")),
        timeout: r.duration(fields.get("timeout"), crate::flow::CALL_MAX).unwrap_or(CALL_DEFAULT),
        save: r.name(fields.get("save")),
        on_error: r.resort(fields.get("on_error"), Resort::Cancel),
    }
}

fn verify(r: &mut Reader<'_>, yaml: &Yaml) -> Verify {
    let known = [
        "service", "send", "check", "to", "prompt", "resend", "timeout", "save", "retries", "error", "on_fail",
        "on_error",
    ];
    let fields = r.fields(yaml, &known);
    let (service, to, prompt) = (r.need(&fields, "service"), r.need(&fields, "to"), r.need(&fields, "prompt"));
    for node in [fields.get("on_fail"), fields.get("on_error")].into_iter().flatten() {
        if node.scalar() == Some("continue") {
            let (zh, en) = (
                "验证不可跳过，请改为 cancel、handoff 或标签",
                "a proof cannot be skipped; take cancel, handoff or a label",
            );
            r.wrong(node.at, zh, en);
        }
    }
    Verify {
        service: r.word(service).unwrap_or_default(),
        send: r.word(fields.get("send")).unwrap_or_else(|| "sms.send".to_owned()),
        check: r.word(fields.get("check")).unwrap_or_else(|| "sms.check".to_owned()),
        to: r.text(to).unwrap_or_default(),
        prompt: r.text(prompt).unwrap_or_default(),
        resend: r.words(fields.get("resend")),
        timeout: r.duration(fields.get("timeout"), crate::flow::CALL_MAX).unwrap_or(CALL_DEFAULT),
        save: r.name(fields.get("save")),
        patience: question::patience(r, &fields),
        on_error: r.resort(fields.get("on_error"), Resort::Cancel),
    }
}

fn link(r: &mut Reader<'_>, yaml: &Yaml) -> Link {
    let fields = r.fields(yaml, &["url", "prompt", "save"]);
    let (url, prompt) = (r.need(&fields, "url"), r.need(&fields, "prompt"));
    if let Some(url) = url
        && !url.scalar().is_some_and(|text| text.starts_with("https://") || text.starts_with("http://"))
    {
        r.wrong(url.at, "地址应以 https:// 开头", "the address must begin with https://");
    }
    Link {
        url: r.text(url).unwrap_or_default(),
        prompt: r.text(prompt).unwrap_or_default(),
        save: r.name(fields.get("save")),
    }
}

fn handoff(r: &mut Reader<'_>, yaml: &Yaml) -> Node {
    let fields = r.fields(yaml, &["queue", "reason", "text"]);
    let queue = fields.get("queue").and_then(|node| {
        let word = r.word(Some(node))?;
        match QueueId::parse(&word) {
            Ok(queue) => Some(queue),
            Err(_unfit) => {
                let (zh, en) =
                    ("队列标识应为 1–64 个字母、数字、_ 或 -", "a queue is named by 1 to 64 letters, digits, _ or -");
                r.wrong(node.at, zh, en);
                None
            }
        }
    });
    let reason = r.word(fields.get("reason")).unwrap_or_else(|| "flow".to_owned());
    Node::Handoff { queue, reason, text: r.text(fields.get("text")) }
}
