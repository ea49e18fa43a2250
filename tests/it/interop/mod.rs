//! The gateway against programs that somebody else wrote.

mod ask;
mod bus;
mod dify;
mod kosoku;
mod rasa;
mod recorded;
mod robot;
mod wechatpy;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// The Python that has what `tests/interop/requirements.txt` names.
pub fn interpreter() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python =
        std::env::var_os("YIZHAN_TEST_PYTHON").map_or_else(|| root.join(".cache/python/bin/python"), PathBuf::from);
    assert!(
        python.exists(),
        "{} is not there: run `scripts/test unit` once, or\n  python3 -m venv .cache/python && .cache/python/bin/pip install -r tests/interop/requirements.txt",
        python.display()
    );
    python
}

/// Runs a script of `tests/interop`; returns the JSON objects that it prints, one per line.
async fn python(script: &str, arguments: &[&str]) -> Vec<Value> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new("timeout");
    command
        .arg("180")
        .arg(interpreter())
        .arg(root.join("tests/interop").join(script))
        .args(arguments)
        .stdin(Stdio::null());
    let run = tokio::task::spawn_blocking(move || command.output()).await.unwrap().expect("the script starts");
    let lines = String::from_utf8(run.stdout).unwrap();
    let (status, said) = (run.status, lines.lines().count());
    assert!(status.success(), "{script}: {status} after {said} lines: {}", String::from_utf8_lossy(&run.stderr));
    lines.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}
