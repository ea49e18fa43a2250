//! The experiments of `yizhan bench`, small, with real servers and real nodes; and what is said when something is missing.

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;
use yizhan::bench::Report;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A quick run, with what it keeps in a folder of its own.
fn bench(words: &[&str]) -> Output {
    let folder = TempDir::new().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_yizhan"));
    command.current_dir(root()).arg("bench").args(words).args(["--quick", "--busy", "--cache"]).arg(folder.path());
    command.output().unwrap()
}

fn told(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "{out}\n{err}");
    out
}

#[test]
fn lists_are_measured_lose_with_their_consumers_and_reliable_ones_double() {
    let parts = ["--part", "latency", "--part", "consumer"];
    let report = told(&bench(&[&["queue", "--only", "list.memory"], parts.as_slice()].concat()));
    for said in ["| Redis 列表 list |", "| Redis 可靠列表 reliable list |", "丢失 lost", "p99.9"] {
        assert!(report.contains(said), "{said} in {report}");
    }
}

#[test]
fn what_is_synced_survives_the_death_of_its_broker() {
    let report = told(&bench(&["queue", "--only", "list.synced", "--part", "broker"]));
    assert!(report.contains("SIGKILL"), "{report}");
}

#[test]
fn messages_reach_agents_through_a_node_that_was_started_for_it() {
    let report = told(&bench(&["relay", "--only", "embedded", "--visitors", "800", "--rates", "50"]));
    assert!(report.contains("Delays at 50/s"), "{report}");
}

#[test]
fn calls_are_set_up_by_a_node_that_was_started_for_it() {
    let report = told(&bench(&["call", "--only", "embedded", "--visitors", "200", "--rates", "20"]));
    assert!(report.contains("At 20 calls a second"), "{report}");
}

#[test]
fn prosody_alone_carries_messages_that_are_acknowledged() {
    let report = told(&bench(&["architecture", "--only", "x5.x1.acked", "--idle", "20", "--rates", "50"]));
    for said in ["| X5 Prosody TCP |", "Sending time at 50/s", "20 idle connections"] {
        assert!(report.contains(said), "{said} in {report}");
    }
}

#[test]
fn without_the_script_it_is_said_what_to_do() {
    let output = bench(&["queue", "--service", "no/such/script"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("--service"), "{said}");
}

#[test]
fn the_document_has_a_place_for_each_experiment() {
    for name in ["bench queue", "bench relay", "bench architecture", "bench call"] {
        Report::has_place(root(), name).unwrap();
    }
}
