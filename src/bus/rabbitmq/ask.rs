//! Questions out: one connection and one channel for all of them, because the broker sends answers without a queue only
//! to the channel that asked.
//!
//! Invariants: a connection that fails is thrown away with everybody who waits on it, and the next question opens
//! another, at growing distances as long as none works; a question that comes back from the broker ends at once.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex as Lock, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use lapin::message::{BasicReturnMessage, DeliveryResult};
use lapin::options::{BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, Consumer};
use serde_json::Value;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::link::Address;
use super::waiting::{Ticket, Waiting, Word};
use super::{link, topology};
use crate::bus::Error;
use crate::bus::ask::{self, Ask, AskError, BYTES_MAX, Question};
use crate::bus::breaker::{Admission, Breaker, Verdict};
use crate::runtime::Backoff;

/// Questions that wait for their answers at the same time.
const PLACES: usize = 1_024;
/// Between attempts to connect.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
/// The broker's name for "to the channel that asks".
const REPLY_TO: &str = "amq.rabbitmq.reply-to";

/// Where questions go out.
pub(super) struct Asking {
    places: Semaphore,
    breaker: Lock<Breaker>,
    way: Mutex<Way>,
}

/// The connection, or when to try again.
#[derive(Default)]
struct Way {
    line: Option<Arc<Line>>,
    /// Attempts in vain since a connection worked.
    failures: u32,
    /// Until when nobody tries, and why.
    pause: Option<(Instant, String)>,
}

/// An open connection.
struct Line {
    connection: Connection,
    channel: Channel,
    /// Ends with its value.
    _answers: Consumer,
    waiting: Arc<Waiting>,
    /// Held while a message gets its number.
    numbering: Lock<()>,
    /// Whether the broker has ever taken a question on it.
    works: AtomicBool,
}

/// A question that was let out. What it says about the service is noted at its end, whatever that is.
struct Turn<'a> {
    breaker: &'a Lock<Breaker>,
    service: &'a str,
    admission: Admission,
    verdict: Verdict,
}

impl Asking {
    pub(super) fn new() -> Self {
        Self { places: Semaphore::new(PLACES), breaker: Lock::default(), way: Mutex::default() }
    }

    pub(super) async fn ask(&self, address: &Address, request: Ask) -> Result<Value, AskError> {
        let until = Instant::now() + request.timeout.min(ask::TIMEOUT_MAX);
        let question = Question::of(request)?;
        let _place = self.places.try_acquire().map_err(|_full| AskError::Busy)?;
        let mut turn = Turn::take(&self.breaker, &question.service)?;
        let line = self.line(address, until).await?;
        let outcome = line.ask(&question, until).await;
        turn.verdict = verdict(&outcome);
        outcome
    }

    /// The connection: the one that is there, or a new one.
    async fn line(&self, address: &Address, until: Instant) -> Result<Arc<Line>, AskError> {
        let late = |_elapsed| Error::Away("no connection in time".into());
        let mut way = timeout_at(until, self.way.lock()).await.map_err(late).map_err(|error| away(&error))?;
        if let Some(line) = way.line.take_if(|line| !line.is_usable()) {
            way.failures = if line.works.load(Ordering::Relaxed) { 0 } else { way.failures.saturating_add(1) };
        }
        if let Some(line) = &way.line {
            return Ok(Arc::clone(line));
        }
        if let Some((_, why)) = way.pause.as_ref().filter(|(over, _)| Instant::now() < *over) {
            return Err(AskError::Away(why.clone()));
        }
        let opened = timeout_at(until, Box::pin(Line::open(address))).await;
        let opened = opened.unwrap_or_else(|elapsed| Err(late(elapsed)));
        // A connection that was opened has yet to show that it is good for something: the broker may close it at the
        // first question.
        let pause = BACKOFF.draw(way.failures);
        match opened {
            Ok(line) => {
                let line = Arc::new(line);
                way.pause = Some((Instant::now() + pause, "the connection was lost at once".into()));
                way.line = Some(Arc::clone(&line));
                Ok(line)
            }
            Err(error) => {
                tracing::warn!(error = %error, "other modules cannot be asked");
                way.failures = way.failures.saturating_add(1);
                way.pause = Some((Instant::now() + pause, error.to_string()));
                Err(away(&error))
            }
        }
    }
}

impl<'a> Turn<'a> {
    fn take(breaker: &'a Lock<Breaker>, service: &'a str) -> Result<Self, AskError> {
        let admission = held(breaker).admit(service, Instant::now());
        let rests =
            || AskError::Away(format!("'{service}' did not answer again and again and is left alone for a while"));
        Ok(Self { breaker, service, admission: admission.ok_or_else(rests)?, verdict: Verdict::Open })
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if held(self.breaker).note(self.service, self.admission, self.verdict, Instant::now()) {
            tracing::warn!(
                service = self.service,
                "a service does not answer again and again: it is left alone for 10 s"
            );
        }
    }
}

fn held<T>(lock: &Lock<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

fn away(error: &Error) -> AskError {
    AskError::Away(error.to_string())
}

/// What an outcome says about the service. That nobody serves costs nobody any time, and ends the moment somebody does.
fn verdict(outcome: &Result<Value, AskError>) -> Verdict {
    match outcome {
        Ok(_) | Err(AskError::Refused { .. } | AskError::TooLarge) => Verdict::Well,
        Err(AskError::Timeout | AskError::Garbled | AskError::Busy) => Verdict::Failed,
        Err(AskError::NoService | AskError::Away(_)) => Verdict::Open,
    }
}

impl Line {
    async fn open(address: &Address) -> Result<Self, Error> {
        let connection = address.connect("yizhan questions").await?;
        let channel = link::within(connection.create_channel()).await?;
        link::within(channel.confirm_select(ConfirmSelectOptions::default())).await?;
        link::within(topology::declare_questions(&channel)).await?;
        let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
        let answers = channel.basic_consume(REPLY_TO.into(), "".into(), options, FieldTable::default());
        let answers = link::within(answers).await?;
        let waiting = Arc::new(Waiting::default());
        answers.set_delegate({
            let waiting = Arc::clone(&waiting);
            move |delivery: DeliveryResult| {
                hear(&waiting, delivery);
                std::future::ready(())
            }
        });
        let (numbering, works) = (Lock::default(), AtomicBool::new(false));
        Ok(Self { connection, channel, _answers: answers, waiting, numbering, works })
    }

    fn is_usable(&self) -> bool {
        self.connection.status().connected() && self.channel.status().connected() && !self.waiting.is_closed()
    }

    async fn ask(&self, question: &Question, until: Instant) -> Result<Value, AskError> {
        self.sweep();
        if self.connection.status().blocked() {
            return Err(away(&Error::Blocked));
        }
        let ticket = self.waiting.enter()?;
        match timeout_at(until, self.word(question, ticket, until)).await {
            Ok(word) => ask::read(&word?),
            Err(_elapsed) if self.connection.status().blocked() => Err(away(&Error::Blocked)),
            Err(_elapsed) => Err(AskError::Timeout),
        }
    }

    async fn word(&self, question: &Question, mut ticket: Ticket, until: Instant) -> Word {
        let sent = self.send(question, ticket.correlation(), until);
        let confirmed = tokio::select! {
            biased;
            word = ticket.word() => return word,
            confirmed = sent => confirmed,
        };
        self.settle(confirmed)?;
        ticket.word().await
    }

    /// Sends a question and waits for the broker's confirm.
    async fn send(&self, question: &Question, correlation: String, until: Instant) -> lapin::Result<Confirmation> {
        let options = BasicPublishOptions { mandatory: true, immediate: false };
        let key = question.route.as_str().into();
        let properties = properties(question, correlation, until);
        let written = self.channel.basic_publish(topology::QUESTIONS.into(), key, options, &question.body, properties);
        let mut written = pin!(written);
        // The client counts a message first and queues it then. Two at a time could be queued in another order than they
        // were counted, and each take the other's confirm for its own.
        let confirm = poll_fn(|context| {
            let _numbering = held(&self.numbering);
            written.as_mut().poll(context)
        });
        confirm.await?.await
    }

    fn settle(&self, confirmed: lapin::Result<Confirmation>) -> Result<(), AskError> {
        let (taken, back) = match confirmed {
            Ok(Confirmation::Ack(back)) => (true, back),
            Ok(Confirmation::Nack(back)) => (false, back),
            Ok(Confirmation::NotRequested) => (true, None),
            Err(error) => return Err(away(&link::diagnose(&error))),
        };
        self.works.store(true, Ordering::Relaxed);
        if let Some(back) = back {
            self.return_to_sender(&back);
        }
        self.sweep();
        if taken { Ok(()) } else { Err(AskError::Busy) }
    }

    /// The client hands a message that came back to whichever confirm comes next, perhaps to one that nobody waits for
    /// any more because the answer was faster. Those are collected here.
    fn sweep(&self) {
        let left = {
            let _numbering = held(&self.numbering);
            // The first call may find the last message unconfirmed, which it forgets; the second then does not wait.
            let collect = || self.channel.wait_for_confirms().now_or_never();
            collect().or_else(collect)
        };
        // An error ends the connection too, and that is noticed elsewhere.
        for back in left.and_then(Result::ok).unwrap_or_default() {
            self.return_to_sender(&back);
        }
    }

    fn return_to_sender(&self, back: &BasicReturnMessage) {
        if let Some(correlation) = back.properties.correlation_id() {
            self.waiting.tell(correlation.as_str(), Err(AskError::NoService));
        }
    }
}

/// Takes an answer to whoever waits for it. Runs where the connection is read: it must not wait.
fn hear(waiting: &Waiting, delivery: DeliveryResult) {
    let answer = match delivery {
        Ok(Some(answer)) => answer,
        Ok(None) => return waiting.close(&AskError::Away("the connection was closed".into())),
        Err(error) => return waiting.close(&away(&link::diagnose(&error))),
    };
    let Some(correlation) = answer.properties.correlation_id() else {
        return tracing::warn!("an answer without a correlation_id came in: a service does not keep to the contract");
    };
    let word = if answer.data.len() > BYTES_MAX { Err(AskError::TooLarge) } else { Ok(answer.data) };
    if !waiting.tell(correlation.as_str(), word) {
        tracing::debug!(correlation = correlation.as_str(), "an answer came that nobody waits for any more");
    }
}

fn properties(question: &Question, correlation: String, until: Instant) -> BasicProperties {
    let mut headers = FieldTable::default();
    headers.insert("tenant".into(), AMQPValue::LongString(question.tenant.as_str().into()));
    // Nobody waits for it any longer: a queue need not keep it. Zero would mean "now or never".
    let left = until.saturating_duration_since(Instant::now()).as_millis().max(1);
    BasicProperties::default()
        .with_content_type("application/json".into())
        .with_app_id("yizhan".into())
        .with_message_id(question.id.as_str().into())
        .with_correlation_id(correlation.into())
        .with_reply_to(REPLY_TO.into())
        .with_expiration(left.to_string().into())
        .with_headers(headers)
}
