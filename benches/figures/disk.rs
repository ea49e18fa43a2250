//! What the disk can do: the floor under everything that is committed.

use std::io::Write as _;
use std::time::Instant;

use super::process::folder;

/// Syncs of one small append, as a sentence.
pub(crate) fn speed() -> anyhow::Result<String> {
    let dir = folder()?;
    let mut file = std::fs::File::create(dir.path().join("disk"))?;
    let mut times = Vec::new();
    for _ in 0..200 {
        file.write_all(&[7; 4096])?;
        let begin = Instant::now();
        file.sync_all()?;
        times.push(begin.elapsed());
    }
    times.sort();
    let at = |n: usize| times.get(n).map_or(0.0, |time| time.as_secs_f64() * 1_000.0);
    Ok(format!("append of 4 KB + fsync takes {:.2} ms (median), {:.2} ms (p99)", at(100), at(198)))
}
