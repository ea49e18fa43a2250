//! C9: no word of a tenant is anywhere in another's hands, no agent sees a conversation that was never theirs.

use std::collections::HashSet;

use super::super::history::{Kind, What};
use super::index::{Index, agent_of};
use super::{Check, Finding};

pub(super) fn findings(index: &Index<'_>) -> Vec<Finding> {
    let mut found = foreign(index);
    found.extend(strangers(index));
    found
}

fn foreign(index: &Index<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut look = |place: &str, tenant: &str, text: &str| {
        for token in index.mint.ours(text) {
            if index.records.plan.tenant(token.tenant) != Some(tenant) {
                let what = format!("is in the hands of {place}, which belongs to '{tenant}'");
                found.push(Finding::of(Check::Isolation, Some(token), what));
            }
        }
    };
    for line in index.records.lines.iter().filter(|line| line.k == Kind::Recv) {
        line.tok.iter().for_each(|text| look(&line.p, &line.ten, text));
    }
    for message in &index.records.dump.messages {
        look("the store", &message.tenant, &message.content);
    }
    for capture in &index.records.captures {
        look(&capture.place, &capture.ten, &capture.text);
    }
    found
}

/// Agents read the conversations that they had a share of, and visitors their own.
fn strangers(index: &Index<'_>) -> Vec<Finding> {
    let shares = index.records.dump.assignments.iter();
    let theirs: HashSet<_> = shares.map(|share| (&*share.tenant, &*share.agent, &*share.conv)).collect();
    let listed = index.records.lines.iter().filter(|line| line.f == What::Listed);
    let own: HashSet<_> = listed.filter_map(|line| Some((line.p.as_str(), line.conv.as_deref()?))).collect();
    let mut found = Vec::new();
    for (client, life, conv) in index.shown.keys() {
        let allowed = match agent_of(client) {
            Some(agent) => theirs.contains(&(client.split(':').nth(1).unwrap_or_default(), agent, *conv)),
            None => own.contains(&(*client, *conv)),
        };
        if !allowed {
            let what = format!("{client} (life {life}) showed {conv}, which was never theirs");
            found.push(Finding::of(Check::Isolation, None, what));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::super::history::folder::Capture;
    use super::super::judge;
    use super::super::sample::Sample;
    use super::*;

    fn found(sample: &Sample) -> Vec<Check> {
        let mut checks: Vec<_> = judge(&sample.records()).findings.iter().map(|finding| finding.check).collect();
        checks.dedup();
        checks
    }

    #[test]
    fn another_tenants_words_are_a_leak_wherever_they_turn_up() {
        let mut sample = Sample::new();
        let words = sample.lines.iter().find_map(|line| line.tok.first().cloned()).unwrap();
        sample.capture(Capture { place: "redis".into(), ten: "acme".into(), text: format!("x{words}y") });
        assert_eq!(found(&sample), []);
        sample.capture(Capture { place: "redis".into(), ten: "bank".into(), text: words.clone() });
        assert_eq!(found(&sample), [Check::Isolation]);

        let mut sample = Sample::new();
        sample.receipt("agent:bank:b1", "bank", &words);
        assert!(found(&sample).contains(&Check::Isolation));
    }

    #[test]
    fn an_agent_who_never_had_a_share_sees_nothing() {
        let mut sample = Sample::new();
        sample.dump.assignments[0].agent = "a2".to_owned();
        assert!(found(&sample).contains(&Check::Isolation));
    }
}
