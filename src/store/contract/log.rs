//! The log of a conversation: contiguous whoever writes, and once for each message of a client.

use super::{append, customer, log, scope};
use crate::store::trial::{Trial, on_both};
use crate::store::{Course, Error, Scope, message};

on_both! {
    two_nodes_append_to_one_conversation_without_a_hole
    the_same_message_of_a_client_from_two_nodes_is_stored_once
    a_second_row_under_the_same_client_id_is_refused
    what_a_failed_job_did_is_gone_and_its_neighbours_stay
    jobs_that_share_a_savepoint_are_run_again_when_a_neighbour_fails
    what_is_read_is_what_was_written
}

async fn two_nodes_append_to_one_conversation_without_a_hole(on: Trial) {
    let ground = on.ground();
    let nodes = [ground.store(), ground.store()].map(|store| scope(&store));
    let conv = customer(&nodes[0], "o1").await.conv;
    let writers = (0..8_usize).map(|n| {
        let node = nodes[n % 2].clone();
        tokio::spawn(async move {
            for turn in 0..25 {
                node.write(move |tx| append(tx, conv, &format!("{n}.{turn}"), None)).await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let log = log(&nodes[0], conv).await;
    let seqs: Vec<i64> = log.iter().map(|envelope| envelope.seq).collect();
    assert_eq!(seqs, (1..=200).collect::<Vec<_>>());
    for n in 0..8 {
        let turns: Vec<&str> = log.iter().filter_map(|e| e.fallback.strip_prefix(&format!("{n}."))).collect();
        let expected: Vec<String> = (0..25).map(|turn| turn.to_string()).collect();
        assert_eq!(turns, expected, "each writer's messages keep their order");
    }
}

/// As `core` does it: look first, then write, in one job.
async fn send_once(node: Scope, conv: crate::model::id::ConversationId, cid: String) -> i64 {
    node.write(move |tx| {
        let origin = crate::store::conversation::find(tx, conv)?.expect("a conversation").origin(tx);
        if let Some(earlier) = message::by_cid(tx, &origin, "tab", &cid)? {
            return Ok::<_, Error>(earlier.seq);
        }
        append(tx, conv, &cid, Some(("tab", &cid)))
    })
    .await
    .unwrap()
}

async fn the_same_message_of_a_client_from_two_nodes_is_stored_once(on: Trial) {
    let ground = on.ground();
    let nodes = [ground.store(), ground.store()].map(|store| scope(&store));
    let conv = customer(&nodes[0], "o1").await.conv;
    for turn in 0..20 {
        let cid = format!("c-{turn}");
        let [here, there] = nodes.clone().map(|node| tokio::spawn(send_once(node, conv, cid.clone())));
        assert_eq!(here.await.unwrap(), there.await.unwrap(), "both hear the same");
    }
    assert_eq!(log(&nodes[1], conv).await.len(), 20);
}

async fn a_second_row_under_the_same_client_id_is_refused(on: Trial) {
    let ground = on.ground();
    let node = scope(&ground.store());
    let conv = customer(&node, "o1").await.conv;
    let send = move |tx: &mut crate::store::Tx<'_>| append(tx, conv, "x", Some(("tab", "c-1")));
    node.write(send).await.unwrap();
    node.write(send).await.unwrap_err();
    assert_eq!(log(&node, conv).await.len(), 1, "the unique key has the last word");
    node.write(move |tx| append(tx, conv, "y", Some(("tab", "c-2")))).await.unwrap();
    assert_eq!(log(&node, conv).await.last().map(|last| last.seq), Some(2), "the refused one took no number");
}

async fn what_a_failed_job_did_is_gone_and_its_neighbours_stay(on: Trial) {
    let ground = on.ground();
    let node = scope(&ground.store());
    let conv = customer(&node, "o1").await.conv;
    let jobs = (0..60).map(|n| {
        let node = node.clone();
        tokio::spawn(async move {
            node.write(move |tx| {
                append(tx, conv, &n.to_string(), None)?;
                // A third thinks better of it, a third stumbles.
                match n % 3 {
                    0 => Ok(true),
                    1 => Err(Error::Unavailable),
                    _ => panic!("this job stumbles on purpose"),
                }
            })
            .await
        })
    });
    let mut good = 0;
    for job in jobs.collect::<Vec<_>>() {
        good += usize::from(job.await.unwrap().is_ok());
    }
    assert_eq!(good, 20);
    let log = log(&node, conv).await;
    assert_eq!(log.len(), 20);
    assert!(log.iter().zip(1..).all(|(envelope, seq)| envelope.seq == seq), "no number is lost");
    assert!(log.iter().all(|envelope| envelope.fallback.parse::<i32>().unwrap() % 3 == 0));
}

/// Jobs of both kinds, mixed: whoever is taken along by a neighbour's failure is there in the end, exactly once, and hears
/// the number under which it is.
async fn jobs_that_share_a_savepoint_are_run_again_when_a_neighbour_fails(on: Trial) {
    let ground = on.ground();
    let node = scope(&ground.store());
    let conv = customer(&node, "o1").await.conv;
    let jobs = (0..120).map(|n| {
        let node = node.clone();
        tokio::spawn(async move {
            let work = move |tx: &mut crate::store::Tx<'_>| {
                let seq = append(tx, conv, &n.to_string(), None)?;
                match n % 8 {
                    5 => Err(Error::Unavailable),
                    6 => panic!("this job stumbles on purpose"),
                    _ => Ok(seq),
                }
            };
            let done = if n % 8 == 3 { node.write(work).await } else { node.repeat(Course::Lane, None, work).await };
            (n, done)
        })
    });
    let mut told = Vec::new();
    for job in jobs.collect::<Vec<_>>() {
        let (n, done) = job.await.unwrap();
        assert_eq!(done.is_ok(), !matches!(n % 8, 5 | 6), "{n}: {done:?}");
        told.extend(done.ok().map(|seq| (seq, n.to_string())));
    }
    told.sort();
    let stored: Vec<(i64, String)> = log(&node, conv).await.into_iter().map(|m| (m.seq, m.fallback)).collect();
    assert_eq!(stored, told);
    assert!(stored.iter().zip(1..).all(|((seq, _), n)| *seq == n), "no number is lost");
}

async fn what_is_read_is_what_was_written(on: Trial) {
    let ground = on.ground();
    let node = scope(&ground.store());
    let conv = customer(&node, "o-文字").await.conv;
    let texts = ["", "😀 ‍ \u{FFFD}", "a'b\"c\\d;--", "𠮷野家\r\n\t", "\u{1}\u{7f}\u{85}", "ＡＢＣ ß İ"];
    for text in texts {
        node.write(move |tx| append(tx, conv, text, None)).await.unwrap();
    }
    let read: Vec<String> = log(&node, conv).await.into_iter().map(|envelope| envelope.fallback).collect();
    assert_eq!(read, texts);
}
