//! "Accepted means committed", seen from below: the disk has it before anybody hears yes, and a killed process comes back
//! with everything it said yes to.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use crate::outside::callback::{Account, Callback, text};
use crate::outside::database::Database;
use crate::outside::http::Connection;
use crate::outside::process::{Process, pause};
use crate::outside::trace::{Call, calls};
use crate::support::PATIENCE;

/// A customer's text, which is also the nonce of its delivery and its id.
fn callback(account: &Account, sender: usize, word: &str) -> Callback {
    let id = word.bytes().fold(7_u64, |id, byte| id.wrapping_mul(31).wrapping_add(byte.into()));
    account.safe(text(account, &format!("o-durable-{sender}"), id, word).as_bytes(), "1795392073", word)
}

fn words(sender: usize, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("durable-{sender}-{n}-end")).collect()
}

/// What a trace tells about one accepted word, as lines.
#[derive(Debug, Clone, Copy)]
struct Life {
    read: usize,
    written: usize,
    synced: usize,
    answered: usize,
}

/// Finds the life of a word: its request, its bytes in the write-ahead log, the end of the first sync that began after
/// them, and the answer on the connection of the request.
fn life(calls: &[Call<'_>], word: &str) -> Result<Life, &'static str> {
    let nonce = format!("nonce={word}&");
    let reads = ["read", "recvfrom", "readv"];
    let writes = ["write", "sendto", "writev", "sendmsg"];
    let one_of = |names: &[&str], call: &Call<'_>| names.iter().any(|name| call.is(name));
    let request = calls.iter().find(|call| one_of(&reads, call) && call.shows(&nonce)).ok_or("no request")?;
    let in_log = |call: &&Call<'_>| call.file().ends_with("-wal") && call.begin > request.end;
    let written =
        calls.iter().filter(in_log).find(|call| call.is("pwrite64") && call.shows(word)).ok_or("not written")?;
    let synced = calls
        .iter()
        .filter(in_log)
        .find(|call| one_of(&["fsync", "fdatasync"], call) && call.begin > written.end && call.returned_zero())
        .ok_or("not synced")?;
    let answer = |call: &&Call<'_>| one_of(&writes, call) && call.file() == request.file() && call.begin > request.end;
    let answer = calls.iter().find(answer).ok_or("not answered")?;
    if !answer.shows("HTTP/1.1 200") {
        return Err("another answer");
    }
    Ok(Life { read: request.end, written: written.end, synced: synced.end, answered: answer.begin })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sync_comes_before_the_answer() {
    let folder = TempDir::new().unwrap();
    let (data, trace) = (folder.path().join("data"), folder.path().join("trace"));
    let of_interest = "trace=fdatasync,fsync,pwrite64,write,writev,sendto,sendmsg,read,recvfrom,readv";
    // -D: the gateway is the child and strace watches from the side.
    let strace = ["strace", "-D", "-f", "-qq", "-yy", "-s", "4200", "-e", of_interest, "-o", trace.to_str().unwrap()];
    let process = Process::demo(&data, &strace).await;
    let mut senders = Vec::new();
    for sender in 0..8 {
        let address = process.address();
        senders.push(tokio::spawn(async move {
            let account = Account::demo();
            let mut connection = Connection::open(&address).await;
            for word in words(sender, 6) {
                connection.write(&callback(&account, sender, &word).request(&account)).await;
                assert_eq!(connection.answer().await.status, 200, "{word}");
            }
        }));
    }
    for sender in senders {
        sender.await.unwrap();
    }
    assert!(process.stops().await, "it ends in order");

    let text = std::fs::read_to_string(&trace).expect("strace (Debian package strace) has written its trace");
    let calls = calls(&text);
    let mut wrong = Vec::new();
    for word in (0..8).flat_map(|sender| words(sender, 6)) {
        match life(&calls, &word) {
            Ok(life) if life.read < life.written && life.written < life.synced && life.synced < life.answered => {}
            other => wrong.push(format!("{word}: {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "of 48 accepted messages {}:\n{}", wrong.len(), wrong.join("\n"));
}

/// Sends words of one customer until the gateway is gone; notes those that were answered.
async fn insist(address: String, sender: usize, answered: Arc<AtomicUsize>, log: Arc<Mutex<Log>>) {
    let account = Account::demo();
    let mut connection = Connection::open(&address).await;
    for word in words(sender, 100_000) {
        log.lock().unwrap().tried.push((sender, word.clone()));
        connection.write(&callback(&account, sender, &word).request(&account)).await;
        let Some(answer) = connection.try_answer().await else { return };
        assert_eq!(answer.status, 200, "{word}");
        log.lock().unwrap().accepted.push((sender, word));
        answered.fetch_add(1, Ordering::Relaxed);
    }
}

/// What senders know.
#[derive(Default)]
struct Log {
    tried: Vec<(usize, String)>,
    accepted: Vec<(usize, String)>,
}

/// How often a word of a sender is in the log.
fn copies(database: &mut Database, sender: usize, word: &str) -> usize {
    let messages = database.messages_of(&format!("o-durable-{sender}"));
    messages.iter().filter(|message| message.content()["body"]["text"] == word).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_survives_a_killed_process_once() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let log = Arc::new(Mutex::new(Log::default()));
    for round in 0..3 {
        let process = Process::demo(&data, &[]).await;
        let answered = Arc::new(AtomicUsize::new(0));
        let senders: Vec<_> = (round * 8..round * 8 + 8)
            .map(|sender| tokio::spawn(insist(process.address(), sender, Arc::clone(&answered), Arc::clone(&log))))
            .collect();
        let enough = async {
            while answered.load(Ordering::Relaxed) < 200 {
                pause().await;
            }
        };
        tokio::time::timeout(PATIENCE * 3, enough).await.expect("200 answers");
        process.dies().await;
        for sender in senders {
            sender.await.unwrap();
        }
    }

    let process = Process::demo(&data, &[]).await;
    let mut database = Database::open(&data);
    assert_eq!(database.integrity(), "ok");
    let (tried, accepted) = {
        let log = log.lock().unwrap();
        (log.tried.clone(), log.accepted.clone())
    };
    assert!(accepted.len() >= 600 && tried.len() > accepted.len(), "{} of {}", accepted.len(), tried.len());
    for (sender, word) in &accepted {
        assert_eq!(copies(&mut database, *sender, word), 1, "{word} was answered");
    }
    // The platform delivers again what was not answered, and sometimes what was.
    let account = Account::demo();
    let unanswered = tried.iter().filter(|word| !accepted.contains(word));
    for (sender, word) in unanswered.chain(accepted.iter().step_by(50)) {
        assert!(copies(&mut database, *sender, word) <= 1);
        let mut connection = Connection::open(&process.address()).await;
        connection.write(&callback(&account, *sender, word).request(&account)).await;
        assert_eq!(connection.answer().await.status, 200, "{word}");
        assert_eq!(copies(&mut database, *sender, word), 1, "{word} was delivered again");
    }
    for sender in 0..24 {
        let messages = database.messages_of(&format!("o-durable-{sender}"));
        assert!(messages.windows(2).all(|two| two[0].seq < two[1].seq), "in order");
    }
    contiguous(&mut database);
    assert!(process.stops().await, "it ends in order");
}

/// Every conversation counts 1, 2, 3 without a gap.
fn contiguous(database: &mut Database) {
    let mut last = (String::new(), 0);
    for message in database.messages() {
        let expected = if message.conv == last.0 { last.1 + 1 } else { 1 };
        assert_eq!(message.seq, expected, "in {}", message.conv);
        last = (message.conv, message.seq);
    }
}
