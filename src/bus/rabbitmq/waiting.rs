//! Who waits for which answer on one connection. Knows neither the broker nor what was asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::bus::ask::AskError;

/// What comes to somebody who waits: the answer as it was sent, or why there is none.
pub(super) type Word = Result<Vec<u8>, AskError>;

/// Those who wait. How many may is the caller's affair.
#[derive(Default)]
pub(super) struct Waiting {
    seats: Mutex<Seats>,
}

#[derive(Default)]
struct Seats {
    taken: HashMap<u128, oneshot::Sender<Word>>,
    /// Why nothing comes any more.
    lost: Option<AskError>,
}

/// A place among those who wait. It is free again when this is dropped.
pub(super) struct Ticket {
    waiting: Arc<Waiting>,
    correlation: u128,
    word: oneshot::Receiver<Word>,
}

impl Waiting {
    /// Takes a place.
    ///
    /// # Errors
    /// The reason for which nothing comes any more.
    pub(super) fn enter(self: &Arc<Self>) -> Result<Ticket, AskError> {
        let mut seats = self.seats();
        if let Some(lost) = &seats.lost {
            return Err(lost.clone());
        }
        let (tell, word) = oneshot::channel();
        let correlation = rand::random();
        seats.taken.insert(correlation, tell);
        Ok(Ticket { waiting: Arc::clone(self), correlation, word })
    }

    /// Tells one who waits. Whether there still is one.
    pub(super) fn tell(&self, correlation: &str, word: Word) -> bool {
        let Ok(correlation) = u128::from_str_radix(correlation, 16) else { return false };
        let seat = self.seats().taken.remove(&correlation);
        seat.is_some_and(|seat| seat.send(word).is_ok())
    }

    /// Tells all that nothing comes any more, and whoever comes later too.
    pub(super) fn close(&self, why: &AskError) {
        let mut seats = self.seats();
        seats.lost.get_or_insert_with(|| why.clone());
        let told = std::mem::take(&mut seats.taken);
        drop(seats);
        for seat in told.into_values() {
            // Whoever has gone meanwhile need not be told.
            drop(seat.send(Err(why.clone())));
        }
    }

    /// Whether nothing comes any more.
    pub(super) fn is_closed(&self) -> bool {
        self.seats().lost.is_some()
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// What an answer has to carry to come here.
    pub(super) fn correlation(&self) -> String {
        format!("{:032x}", self.correlation)
    }

    /// Waits for the word. Dropping the future loses nothing; after the word nothing more comes.
    pub(super) async fn word(&mut self) -> Word {
        let dropped = |_error| Err(AskError::Away("the connection was given up".into()));
        (&mut self.word).await.unwrap_or_else(dropped)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.waiting.seats().taken.remove(&self.correlation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost() -> AskError {
        AskError::Away("lost".into())
    }

    #[tokio::test]
    async fn everybody_gets_the_word_meant_for_him_and_the_place_is_free() {
        let waiting = Arc::new(Waiting::default());
        let (mut first, mut second) = (waiting.enter().unwrap(), waiting.enter().unwrap());
        assert!(waiting.tell(&second.correlation(), Ok(b"2".to_vec())));
        assert!(waiting.tell(&first.correlation(), Err(AskError::NoService)));
        assert_eq!((first.word().await, second.word().await), (Err(AskError::NoService), Ok(b"2".to_vec())));
        let gone = waiting.enter().unwrap();
        let late = gone.correlation();
        drop(gone);
        assert!(waiting.seats().taken.is_empty());
        for nobody in [late.as_str(), "", "x", "-1"] {
            assert!(!waiting.tell(nobody, Ok(Vec::new())), "{nobody}");
        }
    }

    #[tokio::test]
    async fn when_nothing_comes_any_more_all_are_told() {
        let waiting = Arc::new(Waiting::default());
        let mut early = waiting.enter().unwrap();
        waiting.close(&lost());
        waiting.close(&AskError::Busy);
        assert_eq!(early.word().await, Err(lost()));
        assert_eq!(waiting.enter().err(), Some(lost()), "the first reason");
        assert!(waiting.is_closed());
    }
}
