//! The store on a PostgreSQL server that restarts, freezes, is full, or is set up wrongly. What it does when nothing is
//! wrong is tried beside its code, on each back end.

mod callback;
mod commit;
mod outage;
mod setup;
mod story;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;
use yizhan::model::content::Content;
use yizhan::model::envelope::{ChannelKind, ChannelRef, Envelope, Role, Sender, Visibility};
use yizhan::model::id::{AccountId, ConversationId, MessageId, RemoteId, TenantId};
use yizhan::model::time::Millis;
use yizhan::store::{Address, Backend, Error, Scope, Settings, Store, Tx, conversation, message};

const NOW: Millis = Millis(1_795_392_000_000);
/// Nobody waits longer than this for an answer, whatever the server does.
const ANSWER: Duration = Duration::from_millis(4_500);
/// The store is back this soon after the server.
const BACK: Duration = Duration::from_secs(2);

fn settings(url: &str) -> Settings {
    Settings { backend: Backend::Postgres(Box::new(Address::new(url))), readers: 2, group_max: 64 }
}

/// Opens the store away from the runtime, as it blocks.
async fn open(url: &str) -> Result<Store, Error> {
    let settings = settings(url);
    tokio::task::spawn_blocking(move || Store::open(&settings)).await.expect("no panic")
}

fn bank(store: &Store) -> Scope {
    store.tenant(&TenantId::parse("bank").unwrap())
}

async fn conversation(scope: &Scope, name: &str) -> ConversationId {
    let (account, external) = (AccountId::parse("oa").unwrap(), RemoteId::parse(name).unwrap());
    let create = move |tx: &mut Tx<'_>| conversation::create(tx, ChannelKind::Wechat, &account, &external, None, NOW);
    scope.write(create).await.unwrap().conv
}

async fn append(scope: &Scope, conv: ConversationId, text: String) -> Result<i64, Error> {
    let job = move |tx: &mut Tx<'_>| {
        let found = conversation::advance(tx, conv, NOW)?.expect("a conversation");
        let envelope = Envelope {
            v: 1,
            id: MessageId::generate(NOW),
            tenant: tx.tenant().clone(),
            conv,
            session: None,
            seq: found.last_seq,
            cid: None,
            ts: NOW,
            from: Sender { role: Role::Contact, id: found.contact.to_string(), name: None },
            visibility: Visibility::All,
            fallback: text.clone(),
            content: Content::Text { text },
            reply_to: None,
            replaces: None,
            channel: ChannelRef { kind: ChannelKind::Wechat, account: found.account, ext_id: None, raw_type: None },
            control_epoch: 0,
        };
        message::insert(tx, &envelope, None)?;
        Ok(envelope.seq)
    };
    scope.write(job).await
}

async fn texts(scope: &Scope, conv: ConversationId) -> Result<Vec<String>, Error> {
    let read = move |tx: &mut Tx<'_>| {
        let origin = conversation::find(tx, conv)?.expect("a conversation").origin(tx);
        let log = message::after(tx, &origin, conv, 0, 100_000)?;
        assert!(log.iter().zip(1..).all(|(envelope, seq)| envelope.seq == seq), "the log has a hole");
        Ok::<_, Error>(log.into_iter().map(|envelope| envelope.fallback).collect())
    };
    scope.read(read).await
}

/// A client past the store, for what somebody else would do. It ends with its value.
struct Other {
    client: tokio_postgres::Client,
    wire: AbortHandle,
}

impl Other {
    async fn connect(url: &str) -> Result<Self, tokio_postgres::Error> {
        let (client, wire) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
        let wire = tokio::spawn(async move { drop(wire.await) }).abort_handle();
        Ok(Self { client, wire })
    }

    async fn run(&self, sql: &str) {
        self.client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        self.wire.abort();
    }
}

/// Somebody who writes one message after the other and notes what was said about each.
#[derive(Default)]
struct Diary {
    stored: Vec<String>,
    refused: Vec<String>,
    unknown: Vec<String>,
    slowest: Duration,
}

impl Diary {
    /// Writes until `stop`, and checks that every refusal is one that passes.
    async fn keep(scope: Scope, conv: ConversationId, who: usize, shared: Arc<Shared>) -> Self {
        let mut diary = Self::default();
        for n in 0.. {
            if shared.stop.load(Ordering::SeqCst) {
                break;
            }
            let text = format!("{who}.{n}");
            let began = Instant::now();
            let outcome = append(&scope, conv, text.clone()).await;
            diary.slowest = diary.slowest.max(began.elapsed());
            match outcome {
                Ok(_) => {
                    diary.stored.push(text);
                    shared.stored.fetch_add(1, Ordering::SeqCst);
                }
                Err(Error::Unknown(_)) => diary.unknown.push(text),
                Err(error) if error.is_passing() => {
                    diary.refused.push(text);
                    shared.refused.fetch_add(1, Ordering::SeqCst);
                    // Whoever is refused comes again a little later.
                    moment().await;
                }
                Err(error) => panic!("{error:?}"),
            }
        }
        diary
    }
}

/// What those who keep diaries have in common.
#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    stored: AtomicUsize,
    refused: AtomicUsize,
}

/// Several diaries that are kept at the same time, each in a conversation of its own.
struct Diaries {
    scope: Scope,
    convs: Vec<ConversationId>,
    shared: Arc<Shared>,
    tasks: Vec<tokio::task::JoinHandle<Diary>>,
}

impl Diaries {
    async fn start(scope: &Scope, count: usize) -> Self {
        let shared = Arc::new(Shared::default());
        let (mut convs, mut tasks) = (Vec::new(), Vec::new());
        for who in 0..count {
            let conv = conversation(scope, &format!("o{who}")).await;
            convs.push(conv);
            tasks.push(tokio::spawn(Diary::keep(scope.clone(), conv, who, Arc::clone(&shared))));
        }
        Self { scope: scope.clone(), convs, shared, tasks }
    }

    /// Waits until more has been stored.
    async fn go_on(&self) {
        let (began, before) = (Instant::now(), self.shared.stored.load(Ordering::SeqCst));
        while self.shared.stored.load(Ordering::SeqCst) < before + 20 {
            assert!(began.elapsed() < Duration::from_secs(20), "nothing is stored any more");
            moment().await;
        }
    }

    /// Waits until somebody has been refused.
    async fn are_refused(&self) {
        let began = Instant::now();
        while self.shared.refused.load(Ordering::SeqCst) == 0 {
            assert!(began.elapsed() < Duration::from_secs(20), "nobody is refused");
            moment().await;
        }
    }

    /// Ends them and compares what was said with what is there. Returns how many messages were stored and refused.
    async fn compare(self) -> (usize, usize) {
        let mut counts = (0, 0);
        self.shared.stop.store(true, Ordering::SeqCst);
        for (task, conv) in self.tasks.into_iter().zip(self.convs) {
            let diary = task.await.expect("the diary is kept");
            assert!(diary.slowest < ANSWER, "somebody waited for {:?}", diary.slowest);
            let there = texts(&self.scope, conv).await.unwrap();
            let known = |text: &String| diary.stored.contains(text) || diary.unknown.contains(text);
            assert!(diary.stored.iter().all(|text| there.contains(text)), "something confirmed is lost");
            assert!(there.iter().all(known), "something that was certainly refused is stored");
            counts = (counts.0 + diary.stored.len(), counts.1 + diary.refused.len());
        }
        counts
    }
}

/// A moment between two looks at a condition that has a deadline.
async fn moment() {
    tokio::time::timeout(Duration::from_millis(20), std::future::pending::<()>()).await.unwrap_err();
}

/// Waits until a write goes through and says how long that took.
async fn until_back(scope: &Scope, conv: ConversationId) -> Duration {
    let began = Instant::now();
    while append(scope, conv, "back".into()).await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(20), "the store does not come back");
        moment().await;
    }
    began.elapsed()
}
