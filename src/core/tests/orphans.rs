//! A node that dies, or only stands still, in the middle of a call or a download.

use bytes::Bytes;
use futures_util::stream;
use tokio::task::JoinHandle;

use super::fetches::{arrives, bank_of, waits};
use super::platform::{Platform, Question};
use super::*;
use crate::core::leases::WORK;
use crate::model::content;
use crate::model::delivery::DeliveryState;
use crate::model::id::MediaId;
use crate::model::window::{Trigger, Window};
use crate::runtime::Stop;
use crate::store::delivery;

/// What happens at once has happened before; who looks each second has looked.
const PATIENCE: Duration = Duration::from_secs(5);
const PICTURE: &[u8] = b"\xff\xd8\xff\xe0 a picture";
const TAKEN: &str = r#"{"errcode":0,"errmsg":"ok"}"#;
const UPLOADED: &str = r#"{"type":"image","media_id":"m1","created_at":1795392073}"#;

on_both! {
    what_took_long_while_the_node_was_well_is_sent
    a_download_of_a_dead_node_begins_again
}

/// An agent and a customer of the official account, at a platform that two nodes call.
struct Stage {
    desk: Desk,
    platform: Platform,
    li: Client,
    conv: ConversationId,
}

/// A node that sends what waits.
struct Sending {
    core: Core,
    stop: Stop,
    running: JoinHandle<()>,
}

impl Sending {
    /// Dies in the middle of whatever it does.
    fn dies(self) {
        self.running.abort();
    }

    /// Finishes what is under way.
    async fn ends(self) {
        self.stop.cancel();
        tokio::time::timeout(PATIENCE, self.running).await.expect("it is still at it").unwrap();
    }
}

impl Stage {
    async fn open(on: Trial) -> Self {
        let (desk, platform) = (Desk::open(on), Platform::start().await);
        let li = desk.ready("li", 1, &["service"]).await;
        let customer = desk.customer("o1", ChannelKind::Wechat).await;
        let (conv, window) = (customer.conv, Window::default().granted(Trigger::Message, desk.clock.now()));
        desk.says(&customer, "你好").await;
        desk.route().await;
        desk.accept(&li).await;
        let open = move |tx: &mut Tx<'_>| Ok::<_, Error>(conversation::set_window(tx, conv, window)?);
        desk.core.scope(&desk.tenant).write(open).await.unwrap();
        // What the house says by itself is none of these stories' business.
        let away = move |tx: &mut Tx<'_>| {
            for item in delivery::unfinished(tx, conv, 8)? {
                delivery::save(
                    tx,
                    &delivery::Delivery { state: DeliveryState::Delivered, next_at: Millis(i64::MAX), ..item },
                )?;
            }
            Ok::<_, Error>(())
        };
        desk.core.scope(&desk.tenant).write(away).await.unwrap();
        Self { desk, platform, li, conv }
    }

    fn node(&self) -> Core {
        self.platform.core(&self.desk, [bank_of(&self.desk)])
    }

    /// A node that has given a sign of life and sends.
    async fn sending(&self) -> Sending {
        let (core, stop) = (self.node(), Stop::new());
        core.give_sign().await.unwrap();
        let running = tokio::spawn({
            let (core, stop) = (core.clone(), stop.clone());
            async move { core.run_deliveries(stop).await }
        });
        Sending { core, stop, running }
    }

    /// So long gives no other node a sign; this one looks.
    async fn miss_the_others(&self, by: &Core) {
        self.desk.clock.turn(WORK + Duration::from_secs(1));
        by.give_sign().await.unwrap();
        by.bury_leases().await.unwrap();
    }

    async fn says(&self, text: &str) -> i64 {
        self.desk.answers(&self.li, self.conv, text, None).await.unwrap();
        self.desk.log(self.conv).await.last().unwrap().seq
    }

    async fn shows_a_picture(&self) -> i64 {
        let (id, tenant) = (MediaId::generate(self.desk.clock.now()), &self.desk.tenant);
        let bytes = stream::iter([Ok::<_, std::convert::Infallible>(Bytes::from_static(PICTURE))]);
        self.desk.core.inner.parts.media.put(tenant, id, bytes).await.unwrap();
        let (mime, size) = ("image/jpeg".to_owned(), Some(13));
        let media = content::Media { id, mime, size, name: None, duration_ms: None, url: None };
        self.desk.shows(&self.li, self.conv, Content::Image { media }, None).await.unwrap();
        self.desk.log(self.conv).await.last().unwrap().seq
    }

    async fn state(&self, seq: i64) -> DeliveryState {
        let conv = self.conv;
        self.desk.read(move |tx| Ok(delivery::between(tx, conv, seq, seq)?)).await.remove(0).state
    }

    async fn becomes(&self, seq: i64, state: DeliveryState) {
        let reached = async {
            while self.state(seq).await != state {
                tokio::task::yield_now().await;
            }
        };
        let reached = tokio::time::timeout(PATIENCE, reached).await;
        assert!(reached.is_ok(), "message {seq} is {:?}, not {state:?}", self.state(seq).await);
    }
}

// On PostgreSQL alone: a process that begins on SQLite knows that there is no other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_of_a_dead_node_is_uncertain_within_ten_seconds_and_the_next_leaves() {
    let mut stage = Stage::open(Trial::Postgres).await;
    let dead = stage.sending().await;
    let first = stage.says("一").await;
    let _call = stage.platform.unanswered().await;
    let second = stage.says("二").await;
    dead.dies();
    let well = stage.sending().await;
    well.core.bury_leases().await.unwrap();
    assert_eq!(stage.state(first).await, DeliveryState::Sending, "nobody misses a node at once");
    stage.miss_the_others(&well.core).await;
    stage.becomes(first, DeliveryState::Uncertain).await;
    let next = stage.platform.unanswered().await;
    assert!(String::from_utf8_lossy(&next.body).contains('二'), "and nobody repeats the first");
    next.gets(TAKEN);
    stage.becomes(second, DeliveryState::Delivered).await;
    well.ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_only_stood_still_says_that_its_call_arrived() {
    let (still, well, call, stage, first) = taken_for_dead().await;
    call.gets(TAKEN);
    stage.becomes(first, DeliveryState::Delivered).await;
    still.ends().await;
    well.ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_that_who_stood_still_hears_of_too_late_changes_nothing() {
    let (still, well, call, stage, first) = taken_for_dead().await;
    call.gets(r#"{"errcode":-1,"errmsg":"busy"}"#);
    still.ends().await;
    well.ends().await;
    assert_eq!(stage.state(first).await, DeliveryState::Uncertain, "what came behind it may have left");
    assert!(stage.platform.is_left_alone(), "nobody repeats it");
}

/// A node that makes a call and gives no sign of life meanwhile, and another that has said so.
async fn taken_for_dead() -> (Sending, Sending, Question, Stage, i64) {
    let mut stage = Stage::open(Trial::Postgres).await;
    let still = stage.sending().await;
    let first = stage.says("一").await;
    let call = stage.platform.unanswered().await;
    let well = stage.sending().await;
    stage.miss_the_others(&well.core).await;
    stage.becomes(first, DeliveryState::Uncertain).await;
    (still, well, call, stage, first)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stood_still_before_a_call_does_not_make_it_any_more() {
    let mut stage = Stage::open(Trial::Postgres).await;
    let still = stage.sending().await;
    let first = stage.shows_a_picture().await;
    let upload = stage.platform.unanswered().await;
    let well = stage.sending().await;
    stage.miss_the_others(&well.core).await;
    stage.becomes(first, DeliveryState::Uncertain).await;
    upload.gets(UPLOADED);
    still.ends().await;
    well.ends().await;
    assert!(stage.platform.is_left_alone(), "it went up and was not sent");
    assert_eq!(stage.state(first).await, DeliveryState::Uncertain);
}

async fn what_took_long_while_the_node_was_well_is_sent(on: Trial) {
    let mut stage = Stage::open(on).await;
    let well = stage.sending().await;
    let first = stage.shows_a_picture().await;
    let upload = stage.platform.unanswered().await;
    stage.miss_the_others(&well.core).await;
    upload.gets(UPLOADED);
    let call = stage.platform.unanswered().await;
    assert!(call.line.contains("/custom/send"), "{}", call.line);
    call.gets(TAKEN);
    stage.becomes(first, DeliveryState::Delivered).await;
    well.ends().await;
}

async fn a_download_of_a_dead_node_begins_again(on: Trial) {
    let mut stage = Stage::open(on).await;
    let (dead, now) = (stage.node(), stage.desk.clock.now());
    dead.give_sign().await.unwrap();
    let blob = waits(&dead, &stage.desk.tenant, "slow", now).await;
    let running = tokio::spawn({
        let dead = dead.clone();
        async move { dead.run_fetches(Stop::new()).await }
    });
    assert!(stage.platform.unanswered().await.line.contains("media_id=slow"));
    running.abort();
    let (well, stop) = (stage.node(), Stop::new());
    stage.miss_the_others(&well).await;
    let running = tokio::spawn({
        let (well, stop) = (well.clone(), stop.clone());
        async move { well.run_fetches(stop).await }
    });
    stage.platform.unanswered().await.gets("%PDF-1.7 slow");
    arrives(&well, &stage.desk.tenant, blob).await;
    stop.cancel();
    running.await.unwrap();
}
