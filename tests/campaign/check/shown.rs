//! C2, C3, C4 of what clients showed: each view is a prefix of the log as its owner may see it, without hole or double,
//! and after the drain it is the whole of it.

use std::collections::{BTreeSet, HashMap};

use super::super::history::dump::Message;
use super::super::history::{Kind, What};
use super::index::{Index, Shown, agent_of};
use super::{Check, Finding};

pub(super) fn findings(index: &Index<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for ((client, life, conv), shown) in &index.shown {
        found.extend(prefix(index, (client, *life, conv), shown));
    }
    found.extend(pushes(index));
    found.extend(complete(index));
    found
}

/// What a client may see of a log.
fn visible<'a>(client: &str, log: &[&'a Message]) -> Vec<&'a Message> {
    let sees = |message: &Message| match agent_of(client) {
        Some(agent) => message.for_agent(agent),
        None => message.for_contact(),
    };
    log.iter().copied().filter(|message| sees(message)).collect()
}

/// Compares what one life showed of one conversation with the log.
fn prefix(index: &Index<'_>, view: (&str, u64, &str), shown: &Shown<'_>) -> Option<Finding> {
    let (client, life, conv) = view;
    let tenant = shown.first().map_or("", |line| line.ten.as_str());
    let log = index.logs.get(&(tenant, conv)).map(Vec::as_slice).unwrap_or_default();
    let wanted = visible(client, log);
    let mut seen = BTreeSet::new();
    for (n, line) in shown.iter().enumerate() {
        let seq = line.seq.unwrap_or_default();
        let token = index.tokens(line).first().copied();
        if !seen.insert(seq) {
            let what = format!("{client} (life {life}) showed {conv}/{seq} twice");
            return Some(Finding::of(Check::Once, token, what));
        }
        match wanted.get(n) {
            Some(message) if message.seq == seq => {}
            Some(message) => {
                let missing = index.marks_of(message).first().copied().or(token);
                let what = format!("{client} (life {life}) showed {conv}/{seq} where {} belongs", message.seq);
                return Some(Finding::of(Check::Order, missing, what));
            }
            None => {
                let what = format!("{client} (life {life}) showed {conv}/{seq}, which it may not see");
                return Some(Finding::of(Check::Isolation, token, what));
            }
        }
    }
    None
}

/// On one socket the gateway itself keeps the order, and a recovery gives only what was asked for.
fn pushes(index: &Index<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut pushed: HashMap<(&str, u64, &str), BTreeSet<i64>> = HashMap::new();
    for line in index.records.lines.iter().filter(|line| line.is(Kind::Recv, What::Msg)) {
        let (Some(conv), Some(seq)) = (line.conv.as_deref(), line.seq) else { continue };
        let token = index.tokens(line).first().copied();
        if line.via == "push" {
            let pushed = pushed.entry((line.p.as_str(), line.sock, conv)).or_default();
            let newest = pushed.last().copied().unwrap_or(0);
            let check = if pushed.insert(seq) { Check::Order } else { Check::Once };
            if seq <= newest {
                let what = format!("{conv}/{seq} was pushed to {} after {newest} on the same socket", line.p);
                found.push(Finding::of(check, token, what));
            }
        }
        if let (true, Some(from)) = (line.via == "recovery", line.from)
            && seq <= from
        {
            let what = format!("{} asked for {conv} from {from} and was given {seq} again", line.p);
            found.push(Finding::of(Check::Once, token, what));
        }
    }
    found.extend(recoveries(index));
    found
}

/// A recovery that calls itself complete has everything up to the newest that it brings, and all that its client could
/// not have missed.
fn recoveries(index: &Index<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let recovered =
        |line: &&super::super::history::Line| line.is(Kind::Recv, What::Recovery) && line.arg == "recovered";
    for line in index.records.lines.iter().filter(recovered) {
        let (Some(conv), Some(from), Some(head)) = (line.conv.as_deref(), line.from, line.seq) else { continue };
        let log = index.logs.get(&(line.ten.as_str(), conv)).map(Vec::as_slice).unwrap_or_default();
        let due = visible(&line.p, log).into_iter().filter(|message| message.seq > from && message.seq <= head);
        let (wanted, got) = (due.count(), usize::try_from(line.n.unwrap_or(0)).unwrap_or(0));
        if wanted != got {
            let what = format!("{} asked for {conv} after {from} and got {got} of {wanted} up to {head}", line.p);
            found.push(Finding::of(Check::Order, None, what));
        }
    }
    found
}

/// After the drain everybody has shown everything of the conversations that are theirs.
fn complete(index: &Index<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (client, life) in &index.drained {
        for (tenant, conv) in theirs(index, client) {
            let Some(log) = index.logs.get(&(tenant, conv)) else { continue };
            let shown = index.shown.get(&(*client, *life, conv));
            let seen: BTreeSet<_> = shown.into_iter().flatten().filter_map(|line| line.seq).collect();
            for message in visible(client, log).iter().filter(|message| !seen.contains(&message.seq)) {
                let token = index.marks_of(message).first().copied();
                let what = format!("{conv}/{} was never shown to {client} (life {life})", message.seq);
                found.push(Finding::of(Check::Shown, token, what));
            }
        }
    }
    found
}

/// The conversations of a client: a visitor's own, an agent's by the shares that were accepted.
fn theirs<'a>(index: &Index<'a>, client: &str) -> BTreeSet<(&'a str, &'a str)> {
    if let Some(agent) = agent_of(client) {
        let tenant = client.split(':').nth(1).unwrap_or_default();
        let shares = index.records.dump.assignments.iter();
        let shares =
            shares.filter(|share| share.agent == agent && share.tenant == tenant && share.accepted_at.is_some());
        return shares.map(|share| (share.tenant.as_str(), share.conv.as_str())).collect();
    }
    let listed = index.records.lines.iter().filter(|line| line.f == What::Listed && line.p == client);
    listed.filter_map(|line| Some((line.ten.as_str(), line.conv.as_deref()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::judge;
    use super::super::sample::Sample;
    use super::*;

    fn found(sample: &Sample) -> Vec<Check> {
        let mut checks: Vec<_> = judge(&sample.records()).findings.iter().map(|finding| finding.check).collect();
        checks.dedup();
        checks
    }

    fn shown_to_agent(line: &super::super::super::history::Line) -> bool {
        line.p == "agent:acme:a1" && line.is(Kind::Recv, What::Msg)
    }

    #[test]
    fn what_an_agent_never_saw_is_missing_after_the_drain() {
        let mut sample = Sample::new();
        let last = sample.lines.iter().rposition(shown_to_agent).unwrap();
        sample.lines.remove(last);
        assert_eq!(found(&sample), [Check::Shown]);
    }

    #[test]
    fn a_hole_in_a_view_is_out_of_order_even_when_it_is_filled_later() {
        let mut sample = Sample::new();
        let first = sample.lines.iter().position(shown_to_agent).unwrap();
        let second = sample.lines.iter().skip(first + 1).position(shown_to_agent).unwrap() + first + 1;
        let (a, b) = (sample.lines[first].t, sample.lines[second].t);
        (sample.lines[first].t, sample.lines[second].t) = (b, a);
        assert_eq!(found(&sample), [Check::Order]);
    }

    #[test]
    fn a_message_shown_twice_is_found() {
        let mut sample = Sample::new();
        let mut again = sample.lines.iter().rfind(|line| shown_to_agent(line)).unwrap().clone();
        again.via = "history".to_owned();
        sample.lines.push(again);
        assert_eq!(found(&sample), [Check::Once]);
    }

    #[test]
    fn a_crash_forgets_what_was_shown() {
        let mut sample = Sample::new();
        let mut again: Vec<_> = sample.lines.iter().filter(|line| shown_to_agent(line)).cloned().collect();
        for line in &mut again {
            (line.life, line.sock, line.t) = (2, 9, line.t + 1_000);
        }
        sample.lines.extend(again);
        for line in sample.lines.iter_mut().filter(|line| line.p == "agent:acme:a1" && line.arg == "drained") {
            line.life = 2;
        }
        assert_eq!(found(&sample), []);
    }

    #[test]
    fn the_gateway_pushes_nothing_twice_on_a_socket_even_if_the_client_would_drop_it() {
        let mut sample = Sample::new();
        let mut again = sample.lines.iter().find(|line| shown_to_agent(line) && line.via == "push").unwrap().clone();
        again.shown = false;
        sample.lines.push(again);
        assert_eq!(found(&sample), [Check::Once]);
    }

    #[test]
    fn a_recovery_gives_all_that_was_asked_for_and_nothing_else() {
        let mut sample = Sample::new();
        sample.recovery("agent:acme:a1", "c1", 1, 4, 3);
        assert_eq!(found(&sample), []);
        let mut hole = sample.clone();
        hole.recovery("agent:acme:a1", "c1", 1, 4, 2);
        assert_eq!(found(&hole), [Check::Order]);
        let mut again = sample.lines.iter().find(|line| shown_to_agent(line)).unwrap().clone();
        (again.via, again.from, again.shown) = ("recovery".to_owned(), again.seq, false);
        sample.lines.push(again);
        assert_eq!(found(&sample), [Check::Once]);
    }
}
