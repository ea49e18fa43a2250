//! Reads the steps that ask: for words, for a choice, for a picture; and what is done about answers that do not fit.

use serde_json::Value;

use super::reader::{Fields, Reader, literal};
use crate::flow::definition::{Ask, Choosable, Media, MediaKind, Menu, Patience, Resort, Rules};
use crate::flow::words::{chosen, same};
use crate::flow::yaml::{Kind, Node as Yaml};

/// How often a question is asked again unless the step says otherwise.
const RETRIES: u32 = 3;
/// Most repetitions of a question.
const RETRIES_MAX: u32 = 10;
/// Longest answer unless the step says otherwise, characters.
const ANSWER_DEFAULT: usize = 500;
/// Longest answer at all, characters.
const ANSWER_MAX: u32 = 4000;
/// Most options of a menu.
const OPTIONS_MAX: usize = 20;
/// Longest key of an option, characters.
const KEY_MAX: usize = 20;

pub(super) fn patience(r: &mut Reader<'_>, fields: &Fields<'_>) -> Patience {
    Patience {
        retries: r.number(fields.get("retries"), 0, RETRIES_MAX).unwrap_or(RETRIES),
        error: r.text(fields.get("error")),
        on_fail: r.resort(fields.get("on_fail"), Resort::Cancel),
    }
}

pub(super) fn ask(r: &mut Reader<'_>, yaml: &Yaml) -> Ask {
    let known = ["var", "prompt", "validate", "retries", "error", "on_fail", "skip", "secret"];
    let fields = r.fields(yaml, &known);
    let (var, prompt) = (r.need(&fields, "var"), r.need(&fields, "prompt"));
    Ask {
        var: r.name(var).unwrap_or_default(),
        prompt: r.text(prompt).unwrap_or_default(),
        rules: rules(r, fields.get("validate")),
        patience: patience(r, &fields),
        skip: r.words(fields.get("skip")),
        secret: r.flag(fields.get("secret")).unwrap_or(false),
    }
}

fn rules(r: &mut Reader<'_>, yaml: Option<&Yaml>) -> Rules {
    let mut rules = Rules { length: (1, ANSWER_DEFAULT), regex: None, one_of: Vec::new(), range: None };
    let Some(yaml) = yaml else { return rules };
    let fields = r.fields(yaml, &["len", "regex", "one_of", "range"]);
    if let Some(len) = fields.get("len") {
        rules.length = length(r, len).unwrap_or(rules.length);
    }
    rules.regex = r.regex(fields.get("regex"));
    rules.one_of = r.words(fields.get("one_of"));
    rules.range = r.pair(fields.get("range"));
    rules
}

fn length(r: &mut Reader<'_>, yaml: &Yaml) -> Option<(usize, usize)> {
    let numbers: Vec<u32> = match &yaml.kind {
        Kind::List(items) => items.iter().filter_map(|item| item.scalar()?.parse().ok()).collect(),
        _ => Vec::new(),
    };
    if let [least, most] = numbers[..]
        && (1..=ANSWER_MAX).contains(&most)
        && least <= most
    {
        return usize::try_from(least).ok().zip(usize::try_from(most).ok());
    }
    r.wrong(
        yaml.at,
        format_args!("应为 [最少, 最多] 两个字数，最多不超过 {ANSWER_MAX}"),
        format_args!("must be two numbers of characters: [least, most], most at most {ANSWER_MAX}"),
    );
    None
}

pub(super) fn menu(r: &mut Reader<'_>, yaml: &Yaml) -> Menu {
    let fields = r.fields(yaml, &["var", "prompt", "options", "retries", "error", "on_fail"]);
    let prompt = r.need(&fields, "prompt");
    let options = r.need(&fields, "options");
    Menu {
        var: r.name(fields.get("var")),
        prompt: r.text(prompt).unwrap_or_default(),
        options: options.map(|yaml| choosables(r, yaml)).unwrap_or_default(),
        patience: patience(r, &fields),
    }
}

/// `{1: 存款, 2: {text: 贷款, goto: loan}}`, or a list, which is numbered from 1.
fn choosables(r: &mut Reader<'_>, yaml: &Yaml) -> Vec<Choosable> {
    let mut listed: Vec<(String, &Yaml, &Yaml)> = Vec::new();
    match &yaml.kind {
        Kind::List(items) => {
            listed.extend(items.iter().enumerate().map(|(index, item)| ((index + 1).to_string(), item, item)));
        }
        _ => listed.extend(r.entries(yaml).into_iter().map(|(at, key, value)| (key.trim().to_owned(), at, value))),
    }
    if listed.is_empty() {
        r.wrong(yaml.at, "菜单没有选项，请至少写一个", "a menu without options; write at least one");
    }
    if listed.len() > OPTIONS_MAX {
        r.wrong(
            yaml.at,
            format_args!("菜单选项超过 {OPTIONS_MAX} 个，请分成两级"),
            format_args!("more than {OPTIONS_MAX} options; split the menu in two"),
        );
    }
    let mut options: Vec<Choosable> = Vec::new();
    for (key, at, value) in listed {
        let Some(option) = choosable(r, key, value) else { continue };
        clash(r, &option, at, &options);
        options.push(option);
    }
    options
}

fn choosable(r: &mut Reader<'_>, key: String, yaml: &Yaml) -> Option<Choosable> {
    if !matches!(yaml.kind, Kind::Map(_)) {
        let text = r.word(Some(yaml))?;
        return Some(Choosable { key, value: Value::from(text.as_str()), text, goto: None });
    }
    let fields = r.fields(yaml, &["text", "value", "goto"]);
    let text = r.need(&fields, "text");
    let text = r.word(text);
    let goto = r.goto(fields.get("goto"));
    let value = fields.get("value").and_then(|node| {
        let word = r.word(Some(node))?;
        Some(literal(&word).unwrap_or_else(|| Value::from(word)))
    });
    let text = text?;
    Some(Choosable { value: value.unwrap_or_else(|| Value::from(text.as_str())), key, text, goto })
}

/// An option that can never be chosen, because something before it takes the words.
fn clash(r: &mut Reader<'_>, option: &Choosable, at: &Yaml, before: &[Choosable]) {
    let key = &option.key;
    if let Some((word, _)) = r.escapes.iter().find(|(word, _)| same(key, word) || same(&option.text, word)) {
        r.wrong(
            at.at,
            format_args!("退出词 {word} 会先于此选项生效，请改选项或 escape"),
            format_args!("the escape word {word} takes effect before this option; change one of them"),
        );
    }
    let earlier = chosen(before.iter().map(Choosable::choice), key);
    let shadowed = earlier.is_some() || chosen(std::iter::once(option.choice()), key).is_none();
    if shadowed || chosen(before.iter().map(Choosable::choice), &option.text).is_some() {
        r.wrong(
            at.at,
            format_args!("选项 {key} 与前面的选项无法区分，请换一个编号或文字"),
            format_args!("the option {key} cannot be told from one before it; give it another key or text"),
        );
    }
    if key.chars().nth(KEY_MAX).is_some() {
        r.wrong(at.at, "选项编号超过 20 字，请缩短", "the option's key is over 20 characters; shorten it");
    }
}

pub(super) fn media(r: &mut Reader<'_>, yaml: &Yaml) -> Media {
    let fields = r.fields(yaml, &["var", "prompt", "kinds", "retries", "error", "on_fail"]);
    let (var, prompt) = (r.need(&fields, "var"), r.need(&fields, "prompt"));
    let mut kinds = Vec::new();
    for word in r.words(fields.get("kinds")) {
        match MediaKind::ALL.into_iter().find(|kind| kind.as_str() == word) {
            Some(kind) => kinds.push(kind),
            None => {
                let at = fields.get("kinds").map_or(fields.at, |node| node.at);
                let known = MediaKind::ALL.map(MediaKind::as_str).join(", ");
                r.wrong(
                    at,
                    format_args!("未知的媒体 {word}，可用：{known}"),
                    format_args!("unknown kind {word}; known are {known}"),
                );
            }
        }
    }
    if kinds.is_empty() {
        kinds.push(MediaKind::Image);
    }
    Media {
        var: r.name(var).unwrap_or_default(),
        prompt: r.text(prompt).unwrap_or_default(),
        kinds,
        patience: patience(r, &fields),
    }
}
