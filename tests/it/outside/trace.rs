//! A system-call trace of `strace -f -yy`, with interrupted calls put together again.

use std::collections::BTreeMap;

/// One call. Line numbers are places in time: the tracer writes lines in the order in which it sees things happen.
#[derive(Debug)]
pub struct Call<'t> {
    /// The line in which it began.
    pub begin: usize,
    /// The line in which it had returned.
    pub end: usize,
    /// Everything before the place where the line was interrupted, if it was.
    head: &'t str,
    /// The rest.
    tail: &'t str,
}

impl<'t> Call<'t> {
    /// Whether it is a call of this name.
    pub fn is(&self, name: &str) -> bool {
        self.head.strip_prefix(name).is_some_and(|rest| rest.starts_with('('))
    }

    /// What the first argument is, such as a path or both ends of a connection.
    pub fn file(&self) -> &'t str {
        let Some((_, rest)) = self.head.split_once('<') else { return "" };
        match rest.split_once(">)").or(rest.split_once(">,")) {
            Some((file, _)) => file,
            // A call with one argument that was interrupted ends with it.
            None => rest.trim_end().strip_suffix('>').unwrap_or_default(),
        }
    }

    /// Whether its arguments show this text.
    pub fn shows(&self, text: &str) -> bool {
        self.head.contains(text) || self.tail.contains(text)
    }

    /// Whether it returned zero.
    pub fn returned_zero(&self) -> bool {
        let end = if self.tail.is_empty() { self.head } else { self.tail };
        end.trim_end().ends_with("= 0")
    }
}

/// The calls of a trace that have returned, in the order of their beginnings.
pub fn calls(trace: &str) -> Vec<Call<'_>> {
    let mut running: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    let mut calls = Vec::new();
    for (number, line) in trace.lines().enumerate() {
        let Some((thread, text)) = line.split_once(' ') else { continue };
        let text = text.trim_start();
        if let Some(head) = text.strip_suffix("<unfinished ...>") {
            running.insert(thread, (number, head));
        } else if let Some(tail) = text.strip_prefix("<... ").and_then(|text| text.split_once(" resumed>")) {
            if let Some((begin, head)) = running.remove(thread) {
                calls.push(Call { begin, end: number, head, tail: tail.1 });
            }
        } else {
            calls.push(Call { begin: number, end: number, head: text, tail: "" });
        }
    }
    calls.sort_by_key(|call| call.begin);
    calls
}
