//! C4 of the logs themselves, C5: contiguous from 1, in the order of real time, the same for everybody.

use std::collections::HashMap;

use super::super::history::{Kind, What};
use super::index::{Index, Outcome};
use super::{Check, Finding};

pub(super) fn findings(index: &Index<'_>) -> Vec<Finding> {
    let mut found = contiguous(index);
    found.extend(real_time(index));
    found.extend(agreement(index));
    found
}

fn contiguous(index: &Index<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let heads: HashMap<_, _> = index
        .records
        .dump
        .conversations
        .iter()
        .map(|conversation| ((conversation.tenant.as_str(), conversation.conv.as_str()), conversation.last_seq))
        .collect();
    for ((tenant, conv), log) in &index.logs {
        let gap = log.iter().zip(1_i64..).find(|(message, seq)| message.seq != *seq);
        if let Some((message, seq)) = gap {
            let what = format!("the log of {tenant}/{conv} has {} where {seq} belongs", message.seq);
            found.push(Finding::of(Check::Order, index.marks_of(message).first().copied(), what));
        }
        let last = log.last().map_or(0, |message| message.seq);
        let head = heads.get(&(*tenant, *conv)).copied();
        if head != Some(last) {
            let what = format!("the log of {tenant}/{conv} ends at {last}, its head says {head:?}");
            found.push(Finding::of(Check::Order, None, what));
        }
    }
    found
}

/// Whoever heard yes before another began stands before it. Sweeps with the latest beginning so far.
fn real_time(index: &Index<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for log in index.logs.values() {
        let mut latest: Option<(u64, String)> = None;
        for message in log {
            for token in index.marks_of(message) {
                let Some(op) = index.op(token) else { continue };
                if let (Outcome::Ok(done), Some((begun, earlier))) = (op.outcome, &latest)
                    && done < *begun
                {
                    let what = format!("stands behind {earlier}, which began after this one was accepted");
                    found.push(Finding::of(Check::Order, Some(token), what));
                }
                if latest.as_ref().is_none_or(|(begun, _)| op.line.t > *begun) {
                    latest = Some((op.line.t, token.to_string()));
                }
            }
        }
    }
    found
}

fn agreement(index: &Index<'_>) -> Vec<Finding> {
    let mut logs: HashMap<(&str, &str, i64), (&str, Vec<_>)> = HashMap::new();
    for message in &index.records.dump.messages {
        let place = (message.tenant.as_str(), message.conv.as_str(), message.seq);
        logs.insert(place, (message.id.as_str(), index.marks_of(message)));
    }
    let mut found = Vec::new();
    for line in index.records.lines.iter().filter(|line| line.is(Kind::Recv, What::Msg)) {
        let (Some(conv), Some(seq), Some(id)) = (line.conv.as_deref(), line.seq, line.id.as_deref()) else { continue };
        let tokens = index.tokens(line);
        let wrong = match logs.get(&(line.ten.as_str(), conv, seq)) {
            None => Some("nothing".to_owned()),
            Some((stored, marks)) if *stored != id || *marks != tokens => Some(format!("{stored} with {marks:?}")),
            Some(_) => None,
        };
        if let Some(stored) = wrong {
            let what = format!("{} saw {id} at {conv}/{seq}, the store has {stored}", line.p);
            found.push(Finding::of(Check::Agreement, tokens.first().copied(), what));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::sample::Sample;
    use super::super::{Check, judge};
    use super::*;

    fn found(sample: &Sample) -> Vec<Check> {
        let mut checks: Vec<_> = judge(&sample.records()).findings.iter().map(|finding| finding.check).collect();
        checks.dedup();
        checks
    }

    #[test]
    fn a_hole_in_a_log_is_found_and_a_head_that_disagrees() {
        let mut sample = Sample::new();
        sample.dump.messages.retain(|message| message.seq != 1 || message.conv != "c1");
        assert!(found(&sample).contains(&Check::Order));
        let mut sample = Sample::new();
        sample.dump.conversations[0].last_seq = 17;
        assert_eq!(found(&sample), [Check::Order]);
    }

    #[test]
    fn who_was_accepted_first_stands_first() {
        let mut sample = Sample::new();
        // The agent began to write only after this; turn the two around in the store and everywhere.
        let (a, b) = (sample.message("contact writes").content.clone(), sample.message("agent says").content.clone());
        sample.message("contact writes").content = b;
        let swapped = sample.dump.messages.iter_mut().rfind(|message| message.conv == "c1").unwrap();
        swapped.content = a;
        assert!(found(&sample).contains(&Check::Order));
    }

    #[test]
    fn a_client_that_saw_another_log_disagrees() {
        let mut sample = Sample::new();
        let seen = sample.lines.iter_mut().find(|line| line.is(Kind::Recv, What::Msg) && !line.tok.is_empty()).unwrap();
        seen.id = Some("another".to_owned());
        assert_eq!(found(&sample), [Check::Agreement]);
    }
}
