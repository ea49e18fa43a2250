//! The echo for conformance suites: not there unless asked for; with it, kosoku where it is installed.

use std::process::Command;

use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_echo_by_itself() {
    let app = TestApp::start().await;
    assert_eq!(app.get("/ws/echo").send().await.unwrap().status(), 404);
}

/// Runs the suite of `YIZHAN_KOSOKU` (a path to the program) against the transport of real sockets. Without it the
/// hand-written frames of [`super::frame`] are all there is. Performance (9.*) and compression (12.*, 13.*) are left
/// out: no extension is ever accepted.
#[tokio::test(flavor = "multi_thread")]
async fn kosoku_finds_nothing() {
    let Some(kosoku) = std::env::var_os("YIZHAN_KOSOKU") else {
        eprintln!("YIZHAN_KOSOKU is not set: the suite is not run");
        return;
    };
    let app = TestApp::with().conformance().start().await;
    let (address, out) = (format!("ws://{}/ws/echo", app.address()), app.dir().join("kosoku"));
    let run = tokio::task::spawn_blocking(move || {
        let mut command = Command::new(kosoku);
        command.args(["--parallelism", "4", "--exclude", "9.*", "--exclude", "12.*", "--exclude", "13.*"]);
        command.arg("--outdir").arg(out).arg(address).output()
    });
    let output = run.await.unwrap().expect("kosoku runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    eprintln!("{text}");
}
