//! Files that wait at the platform, its lists of addresses, and clearing away: what takes long keeps neither others waiting
//! nor the end of the process.

use futures_util::FutureExt as _;
use tokio::task::JoinHandle;

use super::held::{busy, hold};
use super::platform::Platform;
use super::*;
use crate::model::account::ChannelSettings;
use crate::model::id::MediaId;
use crate::runtime::Stop;
use crate::store::fetch::{self, Order};
use crate::store::media;
use crate::tenant::Tenant;

/// What happens at once has happened before.
const PATIENCE: Duration = Duration::from_secs(5);

on_both! {
    downloads_that_hang_keep_neither_others_waiting_nor_the_end
}

pub(super) fn bank_of(desk: &Desk) -> Tenant {
    (*desk.core.tenants().tenant(&desk.tenant).unwrap()).clone()
}

/// A core of the bank and of a shop that has the same account.
fn core_of_two(desk: &Desk, platform: &Platform) -> (Core, [TenantId; 2]) {
    let bank = bank_of(desk);
    let shop = Tenant { id: TenantId::parse("shop").unwrap(), ..bank.clone() };
    let ids = [bank.id.clone(), shop.id.clone()];
    (platform.core(desk, [bank, shop]), ids)
}

/// A blob that waits at the platform under this id since then.
pub(super) async fn waits(core: &Core, tenant: &TenantId, remote: &'static str, since: Millis) -> MediaId {
    let media = MediaId::generate(since);
    let order = move |tx: &mut Tx<'_>| {
        let (conv, account) = (ConversationId::generate(since), AccountId::parse("oa").unwrap());
        let order = Order { media, mime: "image/jpeg", conv, seq: 1, account: &account, remote };
        Ok::<_, Error>(fetch::order(tx, &order, since)?)
    };
    core.scope(tenant).write(order).await.unwrap();
    media
}

async fn state(core: &Core, tenant: &TenantId, id: MediaId) -> String {
    let found = core.scope(tenant).read(move |tx| Ok::<_, Error>(media::find(tx, id)?)).await.unwrap();
    found.unwrap().state
}

/// Waits until the blob is here.
pub(super) async fn arrives(core: &Core, tenant: &TenantId, id: MediaId) {
    let arrived = async {
        while state(core, tenant, id).await != "ready" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, arrived).await.expect("it was not fetched");
}

fn fetching(core: &Core, stop: &Stop) -> JoinHandle<()> {
    let (core, stop) = (core.clone(), stop.clone());
    tokio::spawn(async move { core.run_fetches(stop).await })
}

/// Tells it to stop, which it does at once.
async fn ends(running: JoinHandle<()>, stop: &Stop) {
    stop.cancel();
    tokio::time::timeout(PATIENCE, running).await.expect("it did not hear that it has to stop").unwrap();
}

async fn downloads_that_hang_keep_neither_others_waiting_nor_the_end(on: Trial) {
    let (desk, mut platform) = (Desk::open(on), Platform::start().await);
    let (core, [bank, shop]) = core_of_two(&desk, &platform);
    let now = desk.clock.now();
    let mut hanging = Vec::new();
    for _ in 0..20 {
        hanging.push(waits(&core, &bank, "never", now.minus(Duration::from_secs(1))).await);
    }
    let here = waits(&core, &shop, "here", now).await;
    let stop = Stop::new();
    let fetching = fetching(&core, &stop);
    arrives(&core, &shop, here).await;
    assert!(platform.unanswered().await.line.contains("media_id=never"));
    ends(fetching, &stop).await;
    for id in hanging {
        assert_eq!(state(&core, &bank, id).await, "pending", "left to whoever comes next");
    }
}

/// On PostgreSQL alone: there tenants have writers of their own, and another node may hold one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_a_tenant_whose_writer_is_held_keep_no_others_waiting() {
    let (desk, platform) = (Desk::open(Trial::Postgres), Platform::start().await);
    let (core, [bank, shop]) = core_of_two(&desk, &platform);
    let now = desk.clock.now();
    let first = waits(&core, &bank, "here", now.minus(Duration::from_secs(1))).await;
    let second = waits(&core, &shop, "here", now).await;
    let (let_go, holding) = hold(desk.ground.store().tenant(&bank), busy).await;
    let stop = Stop::new();
    let fetching = fetching(&core, &stop);
    arrives(&core, &shop, second).await;
    assert_eq!(state(&core, &bank, first).await, "pending");
    let_go.send(()).unwrap();
    holding.await.unwrap().unwrap();
    arrives(&core, &bank, first).await;
    ends(fetching, &stop).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_platform_that_keeps_its_addresses_to_itself_does_not_keep_the_end_waiting() {
    let (desk, mut platform) = (Desk::open(Trial::Sqlite), Platform::start().await);
    let mut bank = bank_of(&desk);
    for account in &mut bank.accounts {
        if let ChannelSettings::Wechat(settings) = &mut Arc::make_mut(account).channel {
            settings.enforce_sources = true;
        }
    }
    let core = platform.core(&desk, [bank]);
    let stop = Stop::new();
    let asking = tokio::spawn({
        let stop = stop.clone();
        async move { core.run_sources(stop).await }
    });
    assert!(platform.unanswered().await.line.contains("getcallbackip"));
    ends(asking, &stop).await;
}

/// On SQLite alone: there whoever clears away waits for the only writer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clearing_away_that_waits_for_its_turn_does_not_keep_the_end_waiting() {
    let desk = Desk::open(Trial::Sqlite);
    let (let_go, holding) = hold(desk.core.scope(&desk.tenant), busy).await;
    let stop = Stop::new();
    let mut cleaning = Box::pin(desk.core.run_cleaning(stop.clone()));
    assert!(cleaning.as_mut().now_or_never().is_none());
    stop.cancel();
    tokio::time::timeout(PATIENCE, cleaning).await.expect("it did not hear that it has to stop");
    let_go.send(()).unwrap();
    holding.await.unwrap().unwrap();
}
