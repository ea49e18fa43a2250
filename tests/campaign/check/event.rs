//! C11: every committed change leaves as an event at least once, and no event tells of what was not committed.

use std::collections::HashSet;

use super::super::history::{Kind, What};
use super::index::Index;
use super::{Check, Finding};

pub(super) fn findings(index: &Index<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let waiting = index.records.dump.outbox.len();
    if waiting > 0 {
        found.push(Finding::of(Check::Event, None, format!("{waiting} events still wait after the drain")));
    }
    if !index.records.plan.events {
        return found;
    }
    let events = index.records.lines.iter().filter(|line| line.is(Kind::Recv, What::Event));
    let events: Vec<_> = events.filter_map(|line| Some((line.ten.as_str(), line.id.as_deref()?, line))).collect();
    let consumed: HashSet<_> = events.iter().map(|(tenant, id, _)| (*tenant, *id)).collect();
    let messages = &index.records.dump.messages;
    let stored: HashSet<_> = messages.iter().map(|message| (message.tenant.as_str(), message.id.as_str())).collect();
    for message in messages.iter().filter(|message| !consumed.contains(&(&*message.tenant, &*message.id))) {
        let token = index.marks_of(message).first().copied();
        let what = format!("nobody heard of {}/{} on the bus", message.conv, message.seq);
        found.push(Finding::of(Check::Event, token, what));
    }
    for (tenant, id, line) in events {
        if line.arg.contains("message.accepted") && !stored.contains(&(tenant, id)) {
            let token = index.tokens(line).first().copied();
            found.push(Finding::of(Check::Event, token, format!("the bus tells of message {id}, which is not stored")));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::super::history::dump::Event;
    use super::super::judge;
    use super::super::sample::Sample;
    use super::*;

    fn found(sample: &Sample) -> Vec<String> {
        judge(&sample.records()).findings.into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn what_nobody_heard_of_is_lost_and_what_never_was_is_an_invention() {
        let mut sample = Sample::new();
        sample.plan.events = true;
        sample.events();
        assert_eq!(found(&sample), Vec::<String>::new());
        let last = sample.lines.iter().rposition(|line| line.f == What::Event).unwrap();
        sample.lines[last].id = Some("never".to_owned());
        let found = found(&sample);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("nobody heard") && found[1].contains("not stored"));
    }

    #[test]
    fn an_event_may_come_twice() {
        let mut sample = Sample::new();
        sample.plan.events = true;
        sample.events();
        let again: Vec<_> = sample.lines.iter().filter(|line| line.f == What::Event).cloned().collect();
        sample.lines.extend(again);
        assert_eq!(found(&sample), Vec::<String>::new());
    }

    #[test]
    fn events_that_still_wait_are_found() {
        let mut sample = Sample::new();
        sample.dump.outbox.push(Event::default());
        assert_eq!(found(&sample).len(), 1);
    }
}
