//! The supervisor's promises, with parts that misbehave.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use super::*;

const LIMIT: Duration = Duration::from_secs(10);

fn supervisor() -> (Supervisor, Stop, Stop) {
    let (stop, abort) = (Stop::new(), Stop::new());
    let delays = Backoff::new(Duration::from_millis(1), Duration::from_millis(2));
    (Supervisor::new(stop.clone(), abort.clone()).restart_delays(delays), stop, abort)
}

async fn run(supervisor: Supervisor, deadline: Duration) -> Result<(), Error> {
    tokio::time::timeout(LIMIT, supervisor.run(deadline)).await.expect("the supervisor must end")
}

#[tokio::test]
async fn stops_stage_after_stage() {
    let (mut supervisor, stop, _) = supervisor();
    let order = Arc::new(Mutex::new(Vec::new()));
    for (name, stage) in [("writer", Stage::Ground), ("http", Stage::Door), ("deliver", Stage::Work)] {
        let order = Arc::clone(&order);
        supervisor.add(name, stage, move |stop| {
            let order = Arc::clone(&order);
            async move {
                stop.cancelled().await;
                tokio::task::yield_now().await;
                order.lock().unwrap().push(name);
                Ok(())
            }
        });
    }
    stop.cancel();
    run(supervisor, LIMIT).await.unwrap();
    assert_eq!(*order.lock().unwrap(), ["http", "deliver", "writer"]);
}

#[tokio::test]
async fn a_panic_restarts_the_part() {
    let (mut supervisor, stop, _) = supervisor();
    let starts = Arc::new(AtomicU32::new(0));
    let (seen, done) = (Arc::clone(&starts), stop.clone());
    supervisor.add("shaky", Stage::Work, move |stop| {
        let (seen, done) = (Arc::clone(&seen), done.clone());
        async move {
            assert!(seen.fetch_add(1, Ordering::SeqCst) >= 2, "on purpose");
            done.cancel();
            stop.cancelled().await;
            Ok(())
        }
    });
    run(supervisor, LIMIT).await.unwrap();
    assert_eq!(starts.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn endless_panics_end_the_process() {
    let (mut supervisor, ..) = supervisor();
    supervisor.add("broken", Stage::Work, |_| async { panic!("on purpose") });
    assert!(matches!(run(supervisor, LIMIT).await, Err(Error::Panics("broken"))));
}

#[tokio::test]
async fn an_error_stops_everything_and_is_reported() {
    let (mut supervisor, stop, _) = supervisor();
    supervisor.add("relay", Stage::Work, |_| async { Err(anyhow::anyhow!("disk full")) });
    supervisor.add("http", Stage::Door, |stop| async move {
        stop.cancelled().await;
        Ok(())
    });
    let error = run(supervisor, LIMIT).await.unwrap_err();
    assert!(matches!(&error, Error::Failed { name: "relay", source } if source.to_string() == "disk full"), "{error}");
    assert!(stop.is_cancelled());
}

#[tokio::test]
async fn a_part_may_not_leave_by_itself() {
    let (mut supervisor, ..) = supervisor();
    supervisor.add("http", Stage::Door, |_| async { Ok(()) });
    assert!(matches!(run(supervisor, LIMIT).await, Err(Error::Ended("http"))));
}

#[tokio::test]
async fn the_deadline_names_who_is_late() {
    let (mut supervisor, stop, _) = supervisor();
    supervisor.add("stuck", Stage::Work, |_| std::future::pending());
    stop.cancel();
    let error = run(supervisor, Duration::from_millis(20)).await.unwrap_err();
    assert!(matches!(&error, Error::Deadline(names) if names == &["stuck"]), "{error}");
}

#[tokio::test]
async fn abort_does_not_wait() {
    let (mut supervisor, stop, abort) = supervisor();
    supervisor.add("stuck", Stage::Work, |_| std::future::pending());
    stop.cancel();
    abort.cancel();
    assert!(matches!(run(supervisor, LIMIT).await, Err(Error::Aborted)));
}
