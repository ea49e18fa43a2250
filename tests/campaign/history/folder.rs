//! A campaign's folder: reads everything that a verdict is made of. What cannot be read is listed, never skipped silently.

use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Dump, Line, Plan};

/// Everything that is known about a campaign.
#[derive(Debug, Clone, Default)]
pub struct Records {
    /// What was intended.
    pub plan: Plan,
    /// All histories, by time.
    pub lines: Vec<Line>,
    /// The store at the end.
    pub dump: Dump,
    /// What else was seen of the system: keys of Redis, answers to callbacks.
    pub captures: Vec<Capture>,
    /// Log lines of nodes.
    pub logs: Vec<String>,
    /// What could not be read: then nothing is known for sure.
    pub broken: Vec<String>,
}

/// A text that the system let out somewhere else than to a client.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Capture {
    /// Where.
    pub place: String,
    /// The tenant whose words may stand in it; none may when it is empty.
    pub ten: String,
    /// The text.
    pub text: String,
}

impl Records {
    /// Reads a folder.
    pub fn read(folder: &Path) -> Self {
        let mut records = Self::default();
        match fs::read_to_string(folder.join("plan.json")).map(|text| serde_json::from_str(&text)) {
            Ok(Ok(plan)) => records.plan = plan,
            Ok(Err(error)) => records.broken.push(format!("plan.json: {error}")),
            Err(error) => records.broken.push(format!("plan.json: {error}")),
        }
        for name in files(&folder.join("history"), &mut records.broken) {
            let lines = rows(&name, &mut records.broken);
            records.lines.extend(lines);
        }
        records.lines.sort_by_key(|line: &Line| line.t);
        let dump = folder.join("dump");
        records.dump = Dump {
            messages: rows(&dump.join("message.jsonl"), &mut records.broken),
            conversations: rows(&dump.join("conversation.jsonl"), &mut records.broken),
            assignments: rows(&dump.join("assignment.jsonl"), &mut records.broken),
            deliveries: rows(&dump.join("delivery.jsonl"), &mut records.broken),
            agents: rows(&dump.join("agent.jsonl"), &mut records.broken),
            outbox: rows(&dump.join("outbox.jsonl"), &mut records.broken),
        };
        records.dump.messages.sort_by(|a, b| (&a.tenant, &a.conv, a.seq).cmp(&(&b.tenant, &b.conv, b.seq)));
        records.captures = rows(&dump.join("capture.jsonl"), &mut records.broken);
        for name in files(&folder.join("log"), &mut records.broken) {
            match fs::read(&name) {
                Ok(bytes) => records.logs.extend(String::from_utf8_lossy(&bytes).lines().map(ToOwned::to_owned)),
                Err(error) => records.broken.push(format!("{}: {error}", name.display())),
            }
        }
        records
    }
}

fn files(folder: &Path, broken: &mut Vec<String>) -> Vec<std::path::PathBuf> {
    match fs::read_dir(folder) {
        Ok(entries) => {
            let mut names: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
            names.sort();
            names
        }
        Err(error) => {
            broken.push(format!("{}: {error}", folder.display()));
            Vec::new()
        }
    }
}

/// The rows of a file. A line that is cut off or is none makes the file broken.
fn rows<T: DeserializeOwned>(file: &Path, broken: &mut Vec<String>) -> Vec<T> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => {
            broken.push(format!("{}: {error}", file.display()));
            return Vec::new();
        }
    };
    if !text.is_empty() && !text.ends_with('\n') {
        broken.push(format!("{}: the last line is cut off", file.display()));
    }
    let mut rows = Vec::new();
    for (n, line) in text.lines().enumerate() {
        match serde_json::from_str(line) {
            Ok(row) => rows.push(row),
            Err(error) => broken.push(format!("{}:{}: {error}", file.display(), n + 1)),
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, What};
    use super::*;

    #[test]
    fn a_folder_is_read_by_time_and_what_is_cut_off_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let line = |t| serde_json::to_string(&Line::new(t, "wx-1", Kind::Invoke, What::WxIn)).unwrap();
        write("plan.json", &serde_json::to_string(&Plan { seed: 7, ..Plan::default() }).unwrap());
        write("history/a.jsonl", &format!("{}\n", line(5)));
        write("history/b.jsonl", &format!("{}\n{}\n", line(3), line(9)));
        write("log/node.log", "a\nb\n");
        for name in ["message", "conversation", "assignment", "delivery", "agent", "outbox", "capture"] {
            write(&format!("dump/{name}.jsonl"), "");
        }
        let records = Records::read(dir.path());
        assert!(records.broken.is_empty(), "{:?}", records.broken);
        assert_eq!(records.lines.iter().map(|line| line.t).collect::<Vec<_>>(), [3, 5, 9]);
        assert_eq!((records.plan.seed, records.logs.len()), (7, 2));

        let cut: String = line(3).chars().take(20).collect();
        write("history/b.jsonl", &cut);
        fs::remove_file(dir.path().join("dump/agent.jsonl")).unwrap();
        let broken = Records::read(dir.path()).broken;
        assert_eq!(broken.len(), 3, "{broken:?}");
    }
}
