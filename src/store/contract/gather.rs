//! Rows that go to the server together: each is there for whoever looks, in its place, and none stays of a job that failed.

use futures_util::future::join_all;

use super::row::event;
use super::{NOW, append, customer, log, scope};
use crate::model::time::Millis;
use crate::store::trial::{Trial, on_both};
use crate::store::{Course, Error, conversation, message, outbox};

on_both! {
    a_job_sees_the_rows_that_it_has_just_added
    many_rows_of_one_job_keep_their_order
    of_a_job_that_fails_no_row_stays
    of_the_steps_of_a_conversation_the_last_one_counts
    a_row_that_is_refused_takes_no_neighbour_along
}

async fn a_job_sees_the_rows_that_it_has_just_added(on: Trial) {
    let ground = on.ground();
    let node = scope(&ground.store());
    let conv = customer(&node, "o1").await.conv;
    let job = move |tx: &mut crate::store::Tx<'_>| {
        append(tx, conv, "一", Some(("tab", "c-1")))?;
        let origin = conversation::find(tx, conv)?.expect("a conversation").origin(tx);
        let first = message::by_cid(tx, &origin, "tab", "c-1")?.expect("the message");
        append(tx, conv, "二", Some(("tab", "c-2")))?;
        let both = message::after(tx, &origin, conv, 0, 10)?;
        Ok::<_, Error>((first.fallback, both.len()))
    };
    assert_eq!(node.repeat(Course::Lane, None, job).await.unwrap(), ("一".into(), 2));
}

async fn many_rows_of_one_job_keep_their_order(on: Trial) {
    let ground = on.ground();
    let store = ground.store();
    let (node, count) = (scope(&store), 75);
    let conv = customer(&node, "o1").await.conv;
    let job = move |tx: &mut crate::store::Tx<'_>| {
        (0..count).try_for_each(|n| {
            append(tx, conv, &n.to_string(), None)?;
            outbox::add(tx, &event(&format!("id-{:03}", 999 - n)))
        })
    };
    node.repeat(Course::Lane, None, job).await.unwrap();
    let texts: Vec<String> = log(&node, conv).await.into_iter().map(|message| message.fallback).collect();
    assert_eq!(texts, (0..count).map(|n| n.to_string()).collect::<Vec<_>>());
    let pending = store.survey(|conn| outbox::pending(conn, 500)).await.unwrap();
    let ids: Vec<&str> = pending.iter().map(|row| row.event.id.as_str()).collect();
    assert_eq!(ids, (0..count).map(|n| format!("id-{:03}", 999 - n)).collect::<Vec<_>>());
}

async fn of_a_job_that_fails_no_row_stays(on: Trial) {
    let ground = on.ground();
    let store = ground.store();
    let node = scope(&store);
    let jobs = (0..40).map(|n| {
        node.repeat(Course::Lane, None, move |tx| {
            outbox::add(tx, &event(&format!("id-{n:03}")))?;
            if n % 7 == 3 { Err(Error::Unavailable) } else { Ok(()) }
        })
    });
    let good = join_all(jobs).await.into_iter().filter(Result::is_ok).count();
    let pending = store.survey(|conn| outbox::pending(conn, 500)).await.unwrap();
    assert_eq!((good, pending.len()), (34, 34));
    assert!(pending.iter().all(|row| row.event.at == NOW && !row.event.id.ends_with("003")));
}

async fn of_the_steps_of_a_conversation_the_last_one_counts(on: Trial) {
    let ground = on.ground();
    let node = scope(&ground.store());
    let mut convs = Vec::new();
    for n in 0..40 {
        convs.push(customer(&node, &format!("o{n}")).await.conv);
    }
    let jobs = convs.iter().enumerate().map(|(n, conv)| {
        let conv = *conv;
        node.repeat(Course::Lane, None, move |tx| {
            let mut read = conversation::find(tx, conv)?.expect("a conversation");
            for later in [1, 2] {
                conversation::step(tx, &mut read, Millis(NOW.0 + later))?;
            }
            // Whoever looks sees it, even within the job.
            let seen = conversation::find(tx, conv)?.expect("a conversation");
            if n % 7 == 3 { Err(Error::Unavailable) } else { Ok((seen.last_seq, seen.updated_at)) }
        })
    });
    let told = join_all(jobs).await;
    let stands =
        node.read(move |tx| convs.iter().map(|conv| conversation::find(tx, *conv)).collect::<Result<Vec<_>, _>>());
    for (told, stands) in told.into_iter().zip(stands.await.unwrap()) {
        let stands = stands.map(|found| (found.last_seq, found.updated_at)).unwrap();
        assert_eq!(stands, told.unwrap_or((0, NOW)));
    }
}

/// It cannot happen but by a fault of ours; then only whoever is at fault pays for it, at the latest at the second try.
async fn a_row_that_is_refused_takes_no_neighbour_along(on: Trial) {
    let ground = on.ground();
    let node = scope(&ground.store());
    let conv = customer(&node, "o1").await.conv;
    let job = |n: usize| {
        // The second takes the first one's client id.
        let cid = format!("c-{}", n.max(1));
        node.repeat(Course::Lane, None, move |tx| append(tx, conv, &n.to_string(), Some(("tab", &cid))))
    };
    let mut missing: Vec<usize> = (0..20).collect();
    for _ in 0..2 {
        let told = join_all(missing.iter().map(|n| job(*n))).await;
        missing = missing.into_iter().zip(told).filter_map(|(n, told)| told.is_err().then_some(n)).collect();
    }
    let mut stored: Vec<String> = log(&node, conv).await.into_iter().map(|message| message.fallback).collect();
    stored.sort_by_key(|text| text.parse::<usize>().unwrap());
    assert_eq!(missing.len(), 1, "{missing:?}");
    assert_eq!(stored.len(), 19, "{stored:?}");
    assert!(stored.iter().skip(1).zip(2..).all(|(text, n)| *text == n.to_string()), "{stored:?}");
}
