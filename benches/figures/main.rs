//! The figures of `docs/BENCHMARKS.md`: `cargo bench --bench figures -- callback|delay|socket|store|postgres [--busy] …`.
//!
//! Every command measures its baseline in the same run, repeats in random order and prints medians with the smallest and
//! the largest. A run that lost or doubled a message fails.
#![expect(clippy::print_stdout, reason = "printing figures is what this program is for")]
#![expect(clippy::indexing_slicing, reason = "only JSON is indexed, by name: what is not there is null")]
#![expect(clippy::disallowed_methods, reason = "processes are looked at from outside, at intervals")]

mod bare;
mod callback;
mod delay;
mod gateway;
mod measure;
mod peer;
mod platform;
mod postgres;
mod process;
mod socket;
mod store;

use measure::Plan;
use yizhan::bench::{http, ws};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "\
usage: cargo bench --bench figures -- COMMAND [OPTION VALUE]...
  callback   deliveries per second beside a bare handler, Node by hand and co-wechat
  delay      delays at 400 deliveries per second
  socket     KB per idle socket, thousands cut at once, a process at rest, start-up (--only idle|cut|rest|start)
  store      group commit against one commit for each message
  postgres   the store on PostgreSQL beside a bare loop that writes the same rows (--only 8x128)
options: --repeats 3  --requests 20000  --seconds 10  --sockets 10000  --cut 3000  --workers 1  --seed 42
         --only WORD  --busy";

fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.split_first() {
        Some((command, rest)) if command == "server" => bare::serve(rest),
        Some((command, rest)) if command == "callback" => callback::run(&Plan::read(rest)?),
        Some((command, rest)) if command == "delay" => delay::run(&Plan::read(rest)?),
        Some((command, rest)) if command == "socket" => socket::run(&Plan::read(rest)?),
        Some((command, rest)) if command == "store" => store::run(&Plan::read(rest)?),
        Some((command, rest)) if command == "postgres" => postgres::run(&Plan::read(rest)?),
        // Also when all targets are run as tests: nothing is measured unasked.
        _ => {
            println!("{USAGE}");
            Ok(())
        }
    }
}
