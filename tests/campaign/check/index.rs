//! A campaign's records, arranged for the checks: operations, logs, views, times of harm.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::super::history::dump::Message;
use super::super::history::{Kind, Line, Mint, Records, Token, What};

/// How an operation ended, as far as its author knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Yes, first heard at this time.
    Ok(u64),
    /// No.
    Fail,
    /// Nobody knows.
    Info,
}

/// One operation of one author, over all its tries.
#[derive(Debug, Clone)]
pub struct Op<'a> {
    /// The first invocation.
    pub line: &'a Line,
    /// The mark of its payload.
    pub token: Option<Token>,
    /// How it ended.
    pub outcome: Outcome,
    /// All answers of yes.
    pub oks: Vec<&'a Line>,
}

/// What one life of a client showed of one conversation, in its order.
pub type Shown<'a> = Vec<&'a Line>;

/// The records of a campaign, arranged.
#[derive(Debug)]
pub struct Index<'a> {
    /// The records.
    pub records: &'a Records,
    /// Finds marks.
    pub mint: Mint,
    /// Operations by their first invocation.
    pub ops: Vec<Op<'a>>,
    /// Operations by mark.
    pub by_token: HashMap<Token, usize>,
    /// Where each mark is stored.
    pub stored: HashMap<Token, Vec<usize>>,
    /// Messages of each log in order, by tenant and conversation.
    pub logs: BTreeMap<(&'a str, &'a str), Vec<&'a Message>>,
    /// What clients showed, by client, life and conversation.
    pub shown: BTreeMap<(&'a str, u64, &'a str), Shown<'a>>,
    /// Everybody with a socket.
    pub clients: BTreeSet<&'a str>,
    /// In which life each client read everything at the end.
    pub drained: BTreeMap<&'a str, u64>,
    /// When the system was harmed, until it was healed.
    pub harm: Vec<(u64, u64)>,
}

impl<'a> Index<'a> {
    /// Arranges records.
    pub fn of(records: &'a Records) -> Self {
        let mint = Mint::new(records.plan.seed);
        let ops = operations(records, &mint);
        let by_token = ops.iter().enumerate().filter_map(|(n, op)| op.token.map(|token| (token, n))).collect();
        let mut stored: HashMap<Token, Vec<usize>> = HashMap::new();
        for (n, message) in records.dump.messages.iter().enumerate() {
            mint.ours(&message.content).into_iter().for_each(|token| stored.entry(token).or_default().push(n));
        }
        let mut logs: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for message in &records.dump.messages {
            logs.entry((message.tenant.as_str(), message.conv.as_str())).or_default().push(message);
        }
        let mut shown: BTreeMap<_, Shown<'_>> = BTreeMap::new();
        for line in records.lines.iter().filter(|line| line.is(Kind::Recv, What::Msg) && line.shown) {
            let conv = line.conv.as_deref().unwrap_or_default();
            shown.entry((line.p.as_str(), line.life, conv)).or_default().push(line);
        }
        let sockets = records.lines.iter().filter(|line| line.f == What::Socket);
        let drained = records.lines.iter().filter(|line| line.f == What::Phase && line.arg == "drained");
        let drained = drained.map(|line| (line.p.as_str(), line.life)).collect();
        let clients = sockets.map(|line| line.p.as_str()).collect();
        let harm = harm(&records.lines);
        Self { records, mint, ops, by_token, stored, logs, shown, clients, drained, harm }
    }

    /// The operation that said this.
    pub fn op(&self, token: Token) -> Option<&Op<'a>> {
        self.by_token.get(&token).and_then(|n| self.ops.get(*n))
    }

    /// The marks of a line.
    pub fn tokens(&self, line: &Line) -> Vec<Token> {
        line.tok.iter().flat_map(|text| self.mint.ours(text)).collect()
    }

    /// The stored messages that hold a mark.
    pub fn rows(&self, token: Token) -> impl Iterator<Item = &'a Message> {
        let rows = self.stored.get(&token).map(Vec::as_slice).unwrap_or_default();
        rows.iter().filter_map(|n| self.records.dump.messages.get(*n))
    }

    /// The marks of a stored message.
    pub fn marks_of(&self, message: &Message) -> Vec<Token> {
        self.mint.ours(&message.content)
    }

    /// Whether the system is harmed at this time, or was until `after` nanoseconds ago.
    pub fn harmed(&self, t: u64, after: u64) -> bool {
        self.harm.iter().any(|(from, to)| *from <= t && t <= to.saturating_add(after))
    }
}

/// The agent behind a client's name, `agent:TENANT:AGENT` with `#DEVICE` perhaps.
pub fn agent_of(client: &str) -> Option<&str> {
    let rest = client.strip_prefix("agent:")?.split_once(':')?.1;
    Some(rest.split('#').next().unwrap_or(rest))
}

fn operations<'a>(records: &'a Records, mint: &Mint) -> Vec<Op<'a>> {
    let mut ops: Vec<Op<'a>> = Vec::new();
    let mut places: HashMap<(&str, u64), usize> = HashMap::new();
    let mut unsure = HashSet::new();
    for line in records.lines.iter().filter(|line| line.op > 0) {
        let key = (line.p.as_str(), line.op);
        if line.k == Kind::Invoke {
            places.entry(key).or_insert_with(|| {
                let token = line.tok.first().and_then(|text| mint.ours(text).first().copied());
                ops.push(Op { line, token, outcome: Outcome::Info, oks: Vec::new() });
                ops.len() - 1
            });
        }
        let Some(op) = places.get(&key).and_then(|n| ops.get_mut(*n)) else { continue };
        match (line.k, op.outcome) {
            (Kind::Ok, _) => {
                op.oks.push(line);
                if op.oks.len() == 1 {
                    op.outcome = Outcome::Ok(line.t);
                }
            }
            (Kind::Info, _) => drop(unsure.insert(key)),
            // A refusal says nothing about an earlier try whose answer was lost.
            (Kind::Fail, Outcome::Info) if !unsure.contains(&key) => op.outcome = Outcome::Fail,
            _ => {}
        }
    }
    ops
}

/// Spans of harm: from the first that goes wrong until nothing is wrong any more. What is not healed lasts.
fn harm(lines: &[Line]) -> Vec<(u64, u64)> {
    let mut spans: Vec<(u64, u64)> = Vec::new();
    let (mut since, mut wrong) = (0, 0_u32);
    for line in lines.iter().filter(|line| line.k == Kind::Fault) {
        match line.f {
            What::Start => {
                since = if wrong == 0 { line.t } else { since };
                wrong += 1;
            }
            What::Heal if wrong > 0 => {
                wrong -= 1;
                spans.extend((wrong == 0).then_some((since, line.t)));
            }
            _ => {}
        }
    }
    spans.extend((wrong > 0).then_some((since, u64::MAX)));
    spans
}
