//! C12: every accepted reply reaches WeChat once and in order; a copy too many belongs to an answer that was lost on the
//! way; and the agent knows what became of it.

use std::collections::{BTreeMap, HashMap};

use super::super::history::dump::{Delivery, Message};
use super::super::history::{Kind, Line, Token, What};
use super::index::Index;
use super::{Check, Finding};

/// How replies stand, by tenant, conversation and place.
type Rows<'a> = HashMap<(&'a str, &'a str, i64), &'a Delivery>;

pub(super) fn findings(index: &Index<'_>) -> Vec<Finding> {
    let reached = |line: &&Line| line.is(Kind::Recv, What::WxOut) && line.code == "0";
    let mut copies: HashMap<Token, Vec<&Line>> = HashMap::new();
    for line in index.records.lines.iter().filter(reached) {
        index.tokens(line).into_iter().for_each(|token| copies.entry(token).or_default().push(line));
    }
    let mut found = Vec::new();
    let rows = index.records.dump.deliveries.iter();
    let rows: Rows<'_> = rows.map(|row| ((row.tenant.as_str(), row.conv.as_str(), row.seq), row)).collect();
    let told = told(index);
    for message in wechat_replies(index) {
        let Some(token) = index.marks_of(message).first().copied() else { continue };
        let copies = copies.get(&token).map(Vec::as_slice).unwrap_or_default();
        let row = rows.get(&(message.tenant.as_str(), message.conv.as_str(), message.seq)).copied();
        found.extend(one(token, copies, row));
        if let Some(row) = row {
            let client = format!("agent:{}:{}", message.tenant, message.sender);
            let heard = told.get(&(client.as_str(), message.id.as_str())).copied();
            if heard != Some(row.state.as_str()) {
                let what = format!("is {}, and the last that {client} heard of it is {heard:?}", row.state);
                found.push(Finding::of(Check::Wechat, Some(token), what));
            }
        }
    }
    found.extend(order(index, &copies, &rows));
    found
}

/// Replies of agents that have to leave through WeChat.
fn wechat_replies<'a>(index: &Index<'a>) -> Vec<&'a Message> {
    let wechat = index.records.dump.conversations.iter().filter(|conversation| conversation.kind == "wechat");
    let wechat: Vec<_> =
        wechat.map(|conversation| (conversation.tenant.as_str(), conversation.conv.as_str())).collect();
    let logs = wechat.iter().filter_map(|key| index.logs.get(key));
    logs.flatten().copied().filter(|message| message.role == "agent" && message.for_contact()).collect()
}

/// The last that each client heard of each message that it sent.
fn told<'a>(index: &Index<'a>) -> HashMap<(&'a str, &'a str), &'a str> {
    let receipts = index.records.lines.iter().filter(|line| line.is(Kind::Recv, What::Receipt));
    receipts.filter_map(|line| Some(((line.p.as_str(), line.id.as_deref()?), line.code.as_str()))).collect()
}

fn one(token: Token, copies: &[&Line], row: Option<&Delivery>) -> Option<Finding> {
    let what = match (row.map_or("", |row| row.state.as_str()), copies.len()) {
        ("delivered", 1) | ("uncertain", 0 | 1) => return None,
        ("failed", 0) if row.is_some_and(|row| row.code.is_some()) => return None,
        ("", _) => "was never meant to leave for WeChat".to_owned(),
        ("delivered", 0) => "counts as delivered, and WeChat never got it".to_owned(),
        ("failed", 1) => "counts as failed, and WeChat has it".to_owned(),
        // Whoever repeats a message may do so only if the answer to an earlier one never came.
        (_, n) if n > 1 && copies.iter().take(n - 1).any(|line| line.via == "cut") => return None,
        (state, n) if n > 1 => format!("reached WeChat {n} times; it is {state}"),
        (state, _) => format!("is {state} after the end"),
    };
    Some(Finding::of(Check::Wechat, Some(token), what))
}

/// First copies arrive in the order of the log. One whose answer never came may still be on the wire, and arrive after
/// those that did not wait for it.
fn order(index: &Index<'_>, copies: &HashMap<Token, Vec<&Line>>, rows: &Rows<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut newest: BTreeMap<(&str, &str), (u64, i64)> = BTreeMap::new();
    for message in wechat_replies(index) {
        let Some(token) = index.marks_of(message).first().copied() else { continue };
        let Some(first) = copies.get(&token).and_then(|lines| lines.first()) else { continue };
        let place = newest.entry((&message.tenant, &message.conv)).or_insert((0, 0));
        if first.t < place.0 {
            let what = format!("reached WeChat before {}/{}, which it follows", message.conv, place.1);
            found.push(Finding::of(Check::Wechat, Some(token), what));
        }
        let row = rows.get(&(message.tenant.as_str(), message.conv.as_str(), message.seq));
        if row.is_none_or(|row| row.state != "uncertain") {
            *place = (*place).max((first.t, message.seq));
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

    fn wx_out(line: &Line) -> bool {
        line.f == What::WxOut
    }

    #[test]
    fn a_reply_that_wechat_never_got_is_lost() {
        let mut sample = Sample::new();
        sample.lines.retain(|line| !wx_out(line));
        assert!(found(&sample)[0].contains("never got it"));
        sample.dump.deliveries.clear();
        assert!(found(&sample)[0].contains("never meant to leave"));
    }

    #[test]
    fn an_uncertain_reply_may_be_there_or_not_and_the_agent_knows() {
        let mut sample = Sample::new();
        sample.dump.deliveries[0].state = "uncertain".to_owned();
        assert!(found(&sample)[0].contains("the last that agent:acme:a1 heard"));
        sample.lines.iter_mut().filter(|line| line.f == What::Receipt).for_each(|line| line.code = "uncertain".into());
        assert_eq!(found(&sample), Vec::<String>::new());
        sample.lines.retain(|line| !wx_out(line));
        assert_eq!(found(&sample), Vec::<String>::new());
    }

    #[test]
    fn a_second_copy_needs_an_answer_that_was_lost() {
        let mut sample = Sample::new();
        let mut again = sample.lines.iter().find(|line| wx_out(line)).unwrap().clone();
        again.t += 1;
        sample.lines.push(again);
        assert!(found(&sample)[0].contains("2 times"));
        sample.lines.iter_mut().find(|line| wx_out(line)).unwrap().via = "cut".to_owned();
        assert_eq!(found(&sample), Vec::<String>::new());
    }

    #[test]
    fn what_never_settled_and_what_arrived_although_it_failed_are_found() {
        let mut sample = Sample::new();
        sample.dump.deliveries[0].state = "pending".to_owned();
        assert!(found(&sample)[0].contains("pending after the end"));
        sample.dump.deliveries[0].state = "failed".to_owned();
        assert!(found(&sample)[0].contains("WeChat has it"));
    }

    #[test]
    fn replies_arrive_in_the_order_of_the_log() {
        let mut sample = Sample::new();
        sample.second_reply();
        assert_eq!(found(&sample), Vec::<String>::new());
        let first = sample.lines.iter().position(wx_out).unwrap();
        sample.lines[first].t += 1_000;
        assert!(found(&sample)[0].contains("reached WeChat before"));
        sample.dump.deliveries[0].state = "uncertain".to_owned();
        sample.lines.iter_mut().rfind(|line| line.f == What::Receipt).unwrap().code = "uncertain".to_owned();
        assert_eq!(found(&sample).iter().filter(|what| what.contains("before")).count(), 0, "it was late on the wire");
    }
}
