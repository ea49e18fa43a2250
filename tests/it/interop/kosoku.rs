//! Autobahn's cases, run by kosoku against the echo socket, which uses the same transport as the real ones.

use super::python;
use crate::support::TestApp;

/// Groups that must pass: framing, pings, reserved bits, opcodes, fragments, UTF-8, closing, auto-fragmentation. 9
/// measures limits; 12 and 13 are about compression, which is not offered.
const GROUPS: [&str; 8] = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"];
/// How many cases these groups have in this version of kosoku.
const CASES: usize = 247;

#[tokio::test(flavor = "multi_thread")]
async fn every_case_of_groups_1_to_7_and_10_passes_with_the_right_close_code() {
    let app = TestApp::with().conformance().start().await;
    let url = format!("ws://{}/ws/echo", app.address());
    let mut arguments = vec![url.as_str()];
    arguments.extend(GROUPS);
    let results = python("conformance.py", &arguments).await;

    let good = ["OK", "NON-STRICT", "INFORMATIONAL"];
    let failed: Vec<String> = results
        .iter()
        .filter(|result| !["behavior", "close"].iter().all(|field| good.contains(&result[*field].as_str().unwrap())))
        .map(ToString::to_string)
        .collect();
    assert!(failed.is_empty(), "{} of {} cases:\n{}", failed.len(), results.len(), failed.join("\n"));
    assert_eq!(results.len(), CASES, "all of them were run");
    let strict = results.iter().filter(|result| result["behavior"] == "OK").count();
    println!("kosoku: {} cases, {strict} strictly", results.len());
}
