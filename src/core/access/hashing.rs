//! Hashing passwords away from the asynchronous threads, a bounded number at a time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::too_often;
use crate::core::Error;

/// Passwords that are checked at a time, and those that may wait for it.
const AT_ONCE: usize = 2;
const WAITING: usize = 64;
/// When to try again if too many wait.
const LATER: Duration = Duration::from_secs(2);

/// Who may hash, and who may wait for it.
#[derive(Debug)]
pub(super) struct Hashing {
    turns: Arc<Semaphore>,
    places: Semaphore,
}

impl Default for Hashing {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)), places: Semaphore::new(WAITING) }
    }
}

impl Hashing {
    /// Does this when its turn has come. Whoever goes away while waiting leaves a place to others; what has begun is done
    /// all the same, and its turn ends with it.
    ///
    /// # Errors
    /// `rate_limited` when too many wait.
    pub(super) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let place = self.places.try_acquire().map_err(|_full| too_often(LATER))?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(Error::internal)?;
        drop(place);
        let hashed = tokio::task::spawn_blocking(move || {
            let hashed = work();
            drop(turn);
            hashed
        });
        hashed.await.map_err(Error::internal)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures_util::FutureExt as _;

    use super::*;
    use crate::model::code::Code;

    #[tokio::test]
    async fn whoever_goes_away_takes_no_place_along_and_ends_no_turn() {
        let hashing = Hashing::default();
        // Hashing takes until somebody listens.
        let (done, heard) = mpsc::sync_channel(0);
        let ask = || {
            let done = done.clone();
            hashing.run(move || done.send(()).unwrap())
        };
        let mut asked: Vec<_> = (0..AT_ONCE + WAITING).map(|_| Box::pin(ask())).collect();
        assert!(asked.iter_mut().all(|one| one.as_mut().now_or_never().is_none()), "they hash or wait");
        let refused = ask().now_or_never().expect("an answer at once").unwrap_err();
        assert_eq!(refused.code, Code::RateLimited);
        drop(asked);
        assert!(ask().now_or_never().is_none(), "those who have begun still hash");
        for _ in 0..AT_ONCE {
            heard.recv().unwrap();
        }
        hashing.run(|| ()).await.unwrap();
    }
}
