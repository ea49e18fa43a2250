//! Where each step leads, what it sets and what it uses; and what follows from that for the flow as a whole. Knows no
//! YAML: places come with the steps.

use std::collections::BTreeSet;

use super::definition::{Node, Resort, Step};
use super::problem::{Position, Problems};

/// A way out of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Exit {
    to: usize,
    /// Whether the customer has to answer before it is taken.
    answered: bool,
}

/// Variables that every run has: who writes, to whom, and on which channel.
pub(super) const SEEDS: [&str; 3] = ["contact", "tenant", "channel"];

/// The target of a jump to a label that is not there. The problem was already reported: nothing follows from it.
pub(super) const NOWHERE: usize = usize::MAX;

fn exits(node: &Node, index: usize) -> Vec<Exit> {
    let next = index.saturating_add(1);
    let answered = |to| Exit { to, answered: true };
    let silent = |to| Exit { to, answered: false };
    let resort = |how: Resort, exit: &dyn Fn(usize) -> Exit| match how {
        Resort::Continue => Some(exit(next)),
        Resort::Goto(to) => Some(exit(to)),
        Resort::Cancel | Resort::Handoff | Resort::Later => None,
    };
    let mut exits = Vec::new();
    match node {
        Node::Say(_) | Node::Set(_) => exits.push(silent(next)),
        Node::Branch { condition, goto, otherwise } => {
            exits.push(silent(*goto));
            if condition.is_some() {
                exits.push(silent(otherwise.unwrap_or(next)));
            }
        }
        Node::Ask(ask) => {
            exits.push(answered(next));
            exits.extend(resort(ask.patience.on_fail, &answered));
        }
        Node::Menu(menu) => {
            exits.extend(menu.options.iter().map(|option| answered(option.goto.unwrap_or(next))));
            exits.extend(resort(menu.patience.on_fail, &answered));
        }
        Node::Media(media) => {
            exits.push(answered(next));
            exits.extend(resort(media.patience.on_fail, &answered));
        }
        Node::Call(call) => {
            exits.push(silent(next));
            exits.extend(resort(call.on_error, &silent));
        }
        Node::Verify(verify) => {
            exits.push(answered(next));
            exits.extend(resort(verify.patience.on_fail, &answered));
            exits.extend(resort(verify.on_error, &silent));
        }
        Node::Link(_) | Node::Survey { .. } => exits.push(answered(next)),
        Node::Handoff { .. } | Node::Robot | Node::End { .. } => {}
    }
    exits
}

/// The variables that the step sets.
pub(super) fn sets(node: &Node) -> Vec<&str> {
    match node {
        Node::Ask(ask) => vec![&ask.var],
        Node::Media(media) => vec![&media.var],
        Node::Menu(menu) => menu.var.iter().map(String::as_str).collect(),
        Node::Set(settings) => settings.iter().map(|(name, _)| name.as_str()).collect(),
        Node::Call(call) => call.save.iter().map(String::as_str).collect(),
        Node::Verify(verify) => verify.save.iter().map(String::as_str).collect(),
        Node::Link(link) => link.save.iter().map(String::as_str).collect(),
        Node::Survey { save } => save.iter().map(String::as_str).collect(),
        _ => Vec::new(),
    }
}

/// A variable that a step uses, and where.
pub(super) type Use = (usize, String, Position);

/// Reports what is wrong with the way through the steps.
pub(super) fn check(steps: &[Step], uses: &[Use], inputs: &[String], problems: &mut Problems) {
    let ways: Vec<Vec<Exit>> = steps.iter().enumerate().map(|(index, step)| exits(&step.node, index)).collect();
    // After a jump to nowhere nothing is known of what can be reached.
    let known = !ways.iter().flatten().any(|exit| exit.to == NOWHERE);
    let reached = reached(&ways);
    for (index, step) in steps.iter().enumerate() {
        if !reached.contains(&index) && known {
            problems.push(
                step.at,
                "没有任何路径到达此步，请删除或给它一个 goto",
                "no path reaches this step; remove it or lead a goto to it",
            );
        }
    }
    ends(steps, &ways, &reached, problems);
    loops(steps, &ways, problems);
    let reached_uses: Vec<&Use> = uses.iter().filter(|(index, ..)| reached.contains(index)).collect();
    variables(steps, &ways, &reached_uses, inputs, problems);
}

fn reached(ways: &[Vec<Exit>]) -> BTreeSet<usize> {
    let (mut reached, mut open) = (BTreeSet::new(), vec![0]);
    while let Some(index) = open.pop() {
        if let Some(exits) = ways.get(index)
            && reached.insert(index)
        {
            open.extend(exits.iter().map(|exit| exit.to));
        }
    }
    reached
}

/// A path that leads past the last step.
fn ends(steps: &[Step], ways: &[Vec<Exit>], reached: &BTreeSet<usize>, problems: &mut Problems) {
    for (index, exits) in ways.iter().enumerate().filter(|(index, _)| reached.contains(index)) {
        if let Some(step) = steps.get(index)
            && exits.iter().any(|exit| exit.to == steps.len())
        {
            problems.push(
                step.at,
                "此步之后流程没有结尾，请在最后加上 `- end: {}`（或 handoff、robot、branch）",
                "nothing follows this step; put `- end: {}` (or handoff, robot, branch) behind it",
            );
        }
    }
}

/// A ring of steps in which nobody is asked: it would run for ever.
fn loops(steps: &[Step], ways: &[Vec<Exit>], problems: &mut Problems) {
    // A step whose silent ways all lead to steps that are done is done; what is left at the end lies before a ring.
    let mut done = vec![false; ways.len()];
    loop {
        let is_done = |to: usize| done.get(to).copied().unwrap_or(true);
        let more: Vec<usize> = ways
            .iter()
            .enumerate()
            .filter(|(index, exits)| !is_done(*index) && exits.iter().all(|exit| exit.answered || is_done(exit.to)))
            .map(|(index, _)| index)
            .collect();
        if more.is_empty() {
            break;
        }
        for index in more {
            if let Some(done) = done.get_mut(index) {
                *done = true;
            }
        }
    }
    if let Some(step) = done.iter().position(|done| !done).and_then(|index| steps.get(index)) {
        problems.push(
            step.at,
            "从此步起会无休止地循环，其中没有等待客户回复的步骤，请在循环内加入 ask 或 menu，或改变 goto",
            "from here the flow goes round for ever without asking anybody; put an ask or a menu into the ring, or \
             change a goto",
        );
    }
}

/// Uses of variables that no path to the step has set.
fn variables(steps: &[Step], ways: &[Vec<Exit>], uses: &[&Use], inputs: &[String], problems: &mut Problems) {
    let seeds = SEEDS.into_iter().chain(inputs.iter().map(String::as_str));
    let mut before: Vec<BTreeSet<&str>> = vec![BTreeSet::new(); steps.len()];
    if let Some(first) = before.first_mut() {
        first.extend(seeds);
    }
    // Sets only grow, and each round lets them grow one step further: as many rounds as steps are enough.
    for _ in 0..steps.len() {
        let mut changed = false;
        for ((index, step), exits) in steps.iter().enumerate().zip(ways) {
            let mut after = before.get(index).cloned().unwrap_or_default();
            after.extend(sets(&step.node));
            for exit in exits {
                let Some(there) = before.get_mut(exit.to) else { continue };
                let size = there.len();
                there.extend(after.iter().copied());
                changed |= there.len() > size;
            }
        }
        if !changed {
            break;
        }
    }
    let known = !ways.iter().flatten().any(|exit| exit.to == NOWHERE);
    let anywhere: BTreeSet<&str> = steps.iter().flat_map(|step| sets(&step.node)).collect();
    for (index, name, at) in uses {
        let Some((step, before)) = steps.get(*index).zip(before.get(*index)) else { continue };
        // One value of a `set` may use another one of it.
        let own = matches!(&step.node, Node::Set(_)) && sets(&step.node).contains(&name.as_str());
        let is_set = before.contains(name.as_str()) || own || (!known && anywhere.contains(name.as_str()));
        if !is_set {
            problems.push(
                *at,
                format_args!("变量 {name} 在此之前没有赋值，请检查名称，或在 inputs 中声明"),
                format_args!("nothing before this sets the variable {name}; check its name or declare it in inputs"),
            );
        }
    }
}
