//! C8: one owner of a session at every instant. Clients' accepts, sends and ends are checked for linearizability against a
//! register with epochs; the rows, for overlapping shares, for epochs with two voices, and for places that do not add up.

use std::collections::{BTreeMap, HashMap};

use super::super::history::dump::Assignment;
use super::super::history::{Line, What};
use super::index::{Index, Op, Outcome, agent_of};
use super::linear::{self, Linear, Timed};
use super::{Check, Finding};

/// Times of rows are taken before their transaction has its turn; so much may they seem to overlap, milliseconds.
const TURN: i64 = 5_000;

pub(super) fn findings(index: &Index<'_>) -> Vec<Finding> {
    let mut found = register(index);
    found.extend(epochs(index));
    found.extend(shares(index));
    found.extend(places(index));
    found
}

/// Who holds a session, since which epoch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Held {
    epoch: i64,
    by: Option<String>,
}

#[derive(Debug, Clone)]
enum Deed {
    Accept(String, i64),
    Speak(String, i64),
    End,
}

/// The gateway may take a session away at any time (an agent was lost, a timer fired), which clients do not see. So a
/// newer epoch may begin unseen, but never an older one return, and an epoch has one agent.
fn step(held: &Held, deed: &Deed) -> Option<Held> {
    let newer = |agent: &String, epoch: i64| Some(Held { epoch, by: Some(agent.clone()) });
    match deed {
        Deed::Accept(agent, epoch) => (*epoch > held.epoch).then(|| newer(agent, *epoch)).flatten(),
        Deed::Speak(agent, epoch) if *epoch > held.epoch => newer(agent, *epoch),
        Deed::Speak(agent, epoch) => (*epoch == held.epoch && held.by.as_ref() == Some(agent)).then(|| held.clone()),
        Deed::End => Some(Held { epoch: i64::MAX, by: None }),
    }
}

fn deed(op: &Op<'_>, ok: &Line) -> Option<(String, Timed<Deed>)> {
    let Outcome::Ok(done) = op.outcome else { return None };
    let agent = agent_of(&op.line.p).map(str::to_owned);
    let session = ok.sess.clone().or_else(|| op.line.sess.clone())?;
    let deed = match op.line.f {
        What::Accept => Deed::Accept(agent?, ok.epoch?),
        What::Send => Deed::Speak(agent?, op.line.epoch?),
        What::End => Deed::End,
        _ => return None,
    };
    Some((format!("{}/{session}", op.line.ten), Timed { begun: op.line.t, done, op: deed }))
}

fn register(index: &Index<'_>) -> Vec<Finding> {
    let mut sessions: BTreeMap<String, Vec<Timed<Deed>>> = BTreeMap::new();
    for op in &index.ops {
        if let Some((session, timed)) = op.oks.first().and_then(|ok| deed(op, ok)) {
            sessions.entry(session).or_default().push(timed);
        }
    }
    let mut found = Vec::new();
    for (session, mut history) in sessions {
        history.sort_by_key(|timed| (timed.begun, timed.done));
        match linear::check(Held { epoch: i64::MIN, by: None }, history.clone(), step) {
            Linear::Yes => {}
            Linear::No(at) => {
                let near: Vec<_> = history.iter().skip(at.saturating_sub(2)).take(5).map(|timed| &timed.op).collect();
                found.push(Finding::of(Check::Owner, None, format!("session {session}: no order allows {near:?}")));
            }
            Linear::Undecided => {
                let what = format!("session {session}: {} operations overlap too much", history.len());
                found.push(Finding::of(Check::Owner, None, what));
            }
        }
    }
    found
}

/// In the log, an epoch of a session has one agent's voice, and the epochs of what agents say do not fall.
fn epochs(index: &Index<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for log in index.logs.values() {
        let mut voices: HashMap<(&str, i64), &str> = HashMap::new();
        let mut newest: HashMap<&str, i64> = HashMap::new();
        for message in log {
            let Some(session) = message.session.as_deref() else { continue };
            let token = index.marks_of(message).first().copied();
            // Only an agent speaks under an epoch; what a customer says belongs to whoever answers next.
            if message.role != "agent" || message.visibility != "all" {
                continue;
            }
            let newest = newest.entry(session).or_insert(message.control_epoch);
            if message.control_epoch < *newest {
                let what = format!("session {session} went back from epoch {newest} to {}", message.control_epoch);
                found.push(Finding::of(Check::Owner, token, what));
            }
            *newest = message.control_epoch.max(*newest);
            let voice = voices.entry((session, message.control_epoch)).or_insert(&message.sender);
            if *voice != message.sender {
                let (epoch, other) = (message.control_epoch, &message.sender);
                let what = format!("epoch {epoch} of session {session} has two voices: {voice} and {other}");
                found.push(Finding::of(Check::Owner, token, what));
            }
        }
    }
    found
}

/// When a share was live: from its acceptance to its end, which the rows may place a little too early or late.
fn live(share: &Assignment) -> Option<(i64, i64)> {
    let from = share.accepted_at?;
    let to = share.ended_at.unwrap_or(i64::MAX);
    (from < to).then_some((from, to))
}

/// No session has two live shares at a time.
fn shares(index: &Index<'_>) -> Vec<Finding> {
    let mut sessions: BTreeMap<(&str, &str), Vec<&Assignment>> = BTreeMap::new();
    for share in &index.records.dump.assignments {
        sessions.entry((&share.tenant, &share.session)).or_default().push(share);
    }
    let mut found = Vec::new();
    for ((_, session), mut list) in sessions {
        list.retain(|share| live(share).is_some());
        list.sort_by_key(|share| live(share));
        for pair in list.windows(2) {
            let [one, two] = pair else { continue };
            let (Some((_, ended)), Some((begun, _))) = (live(one), live(two)) else { continue };
            if begun.saturating_add(TURN) < ended {
                let what = format!("session {session}: {} took it while {} had it", two.agent, one.agent);
                found.push(Finding::of(Check::Owner, None, what));
            }
        }
    }
    found
}

/// An agent's load is the number of shares that take a place, and within the capacity.
fn places(index: &Index<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for agent in &index.records.dump.agents {
        let held = |share: &&Assignment| share.tenant == agent.tenant && share.agent == agent.agent;
        let taken = index.records.dump.assignments.iter().filter(held);
        let taken = taken.filter(|share| matches!(share.state.as_str(), "offered" | "active")).count();
        let taken = i64::try_from(taken).unwrap_or(i64::MAX);
        if taken != agent.load || taken > agent.capacity {
            let (name, load, capacity) = (&agent.agent, agent.load, agent.capacity);
            let what = format!("{name} has {taken} shares, a load of {load} and room for {capacity}");
            found.push(Finding::of(Check::Owner, None, what));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::judge;
    use super::super::sample::Sample;
    use super::*;

    fn found(sample: &Sample) -> Vec<String> {
        judge(&sample.records()).findings.into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn an_epoch_passes_on_and_never_comes_back() {
        let held = Held { epoch: 2, by: Some("a1".to_owned()) };
        assert!(step(&held, &Deed::Accept("a2".to_owned(), 3)).is_some());
        assert!(step(&held, &Deed::Accept("a2".to_owned(), 2)).is_none());
        assert!(step(&held, &Deed::Speak("a1".to_owned(), 2)).is_some());
        assert!(step(&held, &Deed::Speak("a2".to_owned(), 2)).is_none());
        assert!(step(&held, &Deed::Speak("a1".to_owned(), 1)).is_none());
        let over = step(&held, &Deed::End).unwrap();
        assert!(step(&over, &Deed::Speak("a1".to_owned(), 2)).is_none());
    }

    #[test]
    fn an_agent_who_speaks_after_the_session_passed_on_is_a_double_owner() {
        let mut sample = Sample::new();
        sample.accepts("agent:acme:a2", "s1", 3, 100, 110);
        assert_eq!(found(&sample), Vec::<String>::new(), "taken over after the last word");
        let mut sample = Sample::new();
        sample.accepts("agent:acme:a2", "s1", 3, 31, 32);
        let found = found(&sample);
        assert!(found.len() == 1 && found[0].contains("no order allows"), "{found:?}");
    }

    #[test]
    fn an_epoch_with_two_voices_and_one_that_falls_are_found_in_the_log() {
        let mut sample = Sample::new();
        let mut other = sample.message("agent says").clone();
        (other.seq, other.id, other.sender, other.content) = (5, "m5".into(), "a2".into(), "{}".into());
        sample.dump.messages.push(other.clone());
        assert!(found(&sample).iter().any(|what| what.contains("two voices")));
        let last = sample.dump.messages.len() - 1;
        sample.dump.messages[last].control_epoch = 1;
        assert!(found(&sample).iter().any(|what| what.contains("went back")));
    }

    #[test]
    fn two_live_shares_of_one_session_are_found() {
        let mut sample = Sample::new();
        let mut second = sample.dump.assignments[0].clone();
        (second.agent, second.accepted_at) = ("a2".to_owned(), Some(900_000));
        sample.dump.assignments.push(second.clone());
        assert!(found(&sample).iter().any(|what| what.contains("took it while")));
        let last = sample.dump.assignments.len() - 1;
        sample.dump.assignments[0].ended_at = Some(900_400);
        sample.dump.assignments[0].state = "done".to_owned();
        sample.dump.assignments[last].state = "active".to_owned();
        assert!(!found(&sample).iter().any(|what| what.contains("took it while")));
    }

    #[test]
    fn a_load_that_does_not_add_up_or_exceeds_the_capacity_is_found() {
        let mut sample = Sample::new();
        sample.dump.agents[0].load = 2;
        assert!(found(&sample)[0].contains("has 1 shares, a load of 2"));
        (sample.dump.agents[0].load, sample.dump.agents[0].capacity) = (1, 0);
        assert!(found(&sample)[0].contains("room for 0"));
    }
}
