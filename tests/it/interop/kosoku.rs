//! Autobahn's cases, run by kosoku against the echo socket, which uses the same transport as the real ones.

use std::collections::BTreeMap;

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use yizhan::app::{App, Options};
use yizhan::config::{self, Sources};

use super::python;

/// Groups that must pass: framing, pings, reserved bits, opcodes, fragments, UTF-8, closing, auto-fragmentation.
const GROUPS: [&str; 8] = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"];
/// How many cases these groups have in this version of kosoku.
const CASES: usize = 247;

/// A gateway with the echo socket; returns its address and what stops it.
async fn start(dir: &TempDir) -> (String, CancellationToken, std::thread::JoinHandle<()>) {
    drop(rustls::crypto::ring::default_provider().install_default());
    let (ready, started) = tokio::sync::oneshot::channel();
    let stop = CancellationToken::new();
    let preset = format!(
        "[data]\ndir = {:?}\n[secret]\ngenerate = true\n[http]\nbind = \"127.0.0.1:0\"\nworkers = 1\n[log]\nlevel = \"warn\"\n",
        dir.path()
    );
    let ending = stop.clone();
    let ended = std::thread::spawn(move || {
        let sources = Sources { file: None, preset: Some(preset), env: BTreeMap::new() };
        let config = config::load(&sources).unwrap_or_else(|problems| panic!("{problems}"));
        actix_web::rt::System::new().block_on(async move {
            let options = Options { conformance: true, ..Options::default() };
            let app = App::build(config, options).await.expect("the app builds");
            drop(ready.send(app.address().to_string()));
            app.run(ending, CancellationToken::new()).await.expect("the app ends in order");
        });
    });
    (started.await.expect("the app starts"), stop, ended)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_case_of_groups_1_to_7_and_10_passes_with_the_right_close_code() {
    let dir = TempDir::new().unwrap();
    let (address, stop, ended) = start(&dir).await;
    let url = format!("ws://{address}/ws/echo");
    let mut arguments = vec![url.as_str()];
    arguments.extend(GROUPS);
    let results = python("conformance.py", &arguments).await;
    stop.cancel();
    tokio::task::spawn_blocking(move || ended.join().expect("no panic")).await.unwrap();

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
