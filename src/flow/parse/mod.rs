//! Reads a flow from its file and reports everything that is wrong with it at once. Knows no folder and no tenant.

mod head;
mod question;
mod reader;
mod step;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::definition::Definition;
use super::graph;
use super::problem::{Position, Problems};
use super::yaml::{self, Kind, Node};
use reader::Reader;

pub(super) use reader::literal;

/// Most steps of a flow.
const STEPS_MAX: usize = 200;

/// The keys of a flow.
const KEYS: [&str; 10] =
    ["flow", "version", "lang", "trigger", "ttl", "step_ttl", "escape", "inputs", "texts", "steps"];

impl Definition {
    /// Reads a flow.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place.
    pub fn parse(source: &str) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let Some(root) = yaml::load(source, &mut problems) else { return Err(problems) };
        let definition = read(&root, source, &mut problems);
        match definition {
            Some(definition) if problems.is_empty() => Ok(definition),
            _ => Err(problems),
        }
    }
}

fn read(root: &Node, source: &str, problems: &mut Problems) -> Option<Definition> {
    let listed = listed(root.get("steps"));
    let labels = labels(listed, problems);
    let mut r = Reader { problems, labels: &labels, escapes: &[], step: 0, uses: Vec::new() };
    let fields = r.fields(root, &KEYS);
    let escapes = head::escapes(&mut r, fields.get("escape"));
    let head = head::read(&mut r, &fields);
    r.escapes = &escapes;
    if let Some(node) = r.need(&fields, "steps")
        && listed.is_empty()
    {
        r.wrong(node.at, "steps 应为至少一步的列表", "steps must be a list of at least one step");
    }
    if let Some(over) = listed.get(STEPS_MAX) {
        r.wrong(
            over.at,
            format_args!("流程超过 {STEPS_MAX} 步，请拆分"),
            format_args!("over {STEPS_MAX} steps; split the flow"),
        );
    }
    let mut steps = Vec::new();
    for (index, yaml) in listed.iter().take(STEPS_MAX).enumerate() {
        r.step = index;
        steps.push(step::step(&mut r, yaml));
    }
    let uses = std::mem::take(&mut r.uses);
    if !steps.is_empty() && listed.len() <= STEPS_MAX {
        graph::check(&steps, &uses, &head.inputs, r.problems);
    }
    Some(Definition {
        name: head.name?,
        version: head.version,
        digest: hexadecimal(&Sha256::digest(source.as_bytes())),
        triggers: head.triggers,
        ttl: head.ttl,
        step_ttl: head.step_ttl,
        escapes,
        notices: head.notices,
        steps,
    })
}

fn listed(steps: Option<&Node>) -> &[Node] {
    match steps.map(|node| &node.kind) {
        Some(Kind::List(items)) => items,
        _ => &[],
    }
}

/// The labels of the steps, read before the steps so that a goto may lead forward.
fn labels(steps: &[Node], problems: &mut Problems) -> HashMap<String, usize> {
    let mut labels: HashMap<String, usize> = HashMap::new();
    let mut places: HashMap<&str, Position> = HashMap::new();
    for (index, step) in steps.iter().enumerate() {
        let Some(node) = step.get("label") else { continue };
        let Some(label) = node.scalar().map(str::trim).filter(|label| !label.is_empty()) else {
            problems.push(node.at, "label 应为文本", "a label must be a text");
            continue;
        };
        if reader::resort(label).is_some() {
            problems.push(
                node.at,
                format_args!("{label} 是保留词，请换一个标签"),
                format_args!("{label} means something else here; take another label"),
            );
        }
        if let Some(first) = places.get(label) {
            problems.push(
                node.at,
                format_args!("标签 {label} 已用于 {first}，请换一个"),
                format_args!("the label {label} is already that of {first}; take another one"),
            );
            continue;
        }
        places.insert(label, node.at);
        labels.insert(label.to_owned(), index);
    }
    labels
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
