//! A whole gateway in this process: real SQLite in a folder of its own or a real PostgreSQL, real sockets on a free
//! port, a turnable clock, and the platform simulator on the other side.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;
use yizhan::app::{App, Options};
use yizhan::clock::Clock;
use yizhan::config::{self, Sources};
use yizhan::model::id::TenantId;
use yizhan::model::time::Millis;
use yizhan::simulator::{Actor, Platform};
use yizhan::store::faq::{self, Entry};
use yizhan::store::{self, Backend, Settings, Store, Tx};
use yizhan::tenant::Declaration;

use super::platform::TestPlatform;
use super::service::Service;
use super::socket::PATIENCE;

/// The appid of the WeChat account in `tests/fixture/demo.toml`.
pub const APPID: &str = "wx0123456789abcdef";

/// How an app is started.
pub struct Builder {
    dir: Option<TempDir>,
    beside: Option<PathBuf>,
    settings: String,
    declaration: String,
    conformance: bool,
    shared: Option<Shared>,
    knows: Vec<Entry>,
}

/// What a node of a cluster has in common with the others.
struct Shared {
    clock: Clock,
    platform: Platform,
    api_base: String,
    folder: PathBuf,
}

/// While it lives nobody writes to the store.
pub struct StoreLock(#[expect(dead_code, reason = "its end is what counts")] std::sync::mpsc::Sender<()>);

/// What gateways log, for whoever reads why a test has failed; `YIZHAN_TEST_LOG` has other levels than these.
const LOGGED: &str = "warn,yizhan=info,yizhan::socket::xmpp=debug";

/// Prints what the gateways of this process log, from now on.
fn listen() {
    let levels = EnvFilter::try_from_env("YIZHAN_TEST_LOG").unwrap_or_else(|_| EnvFilter::new(LOGGED));
    let printing = tracing_subscriber::fmt().with_env_filter(levels).with_ansi(false).with_test_writer();
    // Every gateway of the process asks for it; the first one has it.
    drop(printing.try_init());
}

/// A running gateway.
pub struct TestApp {
    pub clock: Clock,
    pub platform: Platform,
    address: std::net::SocketAddr,
    stop: CancellationToken,
    abort: CancellationToken,
    ended: Option<std::thread::JoinHandle<()>>,
    http: reqwest::Client,
    folder: PathBuf,
    dir: Option<TempDir>,
}

impl TestApp {
    /// Starts an app with the fixture's tenant.
    pub async fn start() -> Self {
        Self::with().start().await
    }

    /// An app to be set up.
    pub fn with() -> Builder {
        Builder {
            dir: None,
            beside: None,
            settings: String::new(),
            declaration: include_str!("../../fixture/demo.toml").to_owned(),
            conformance: false,
            shared: None,
            knows: Vec::new(),
        }
    }

    /// `host:port`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// `http://host:port`, which is also the pages' origin.
    pub fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The HTTP client of this test.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// A JSON request of a page of ours.
    pub fn post(&self, path: &str, body: &Value) -> reqwest::RequestBuilder {
        self.http.post(format!("{}{path}", self.base())).header("Origin", self.base()).json(body)
    }

    /// A request of a page of ours.
    pub fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.http.get(format!("{}{path}", self.base()))
    }

    /// The fixture's passwords.
    pub fn password(&self, _login: &str) -> &'static str {
        "correct horse battery"
    }

    /// A person with a phone; made when they are new.
    pub fn phone(&self, openid: &str) -> Actor {
        drop(self.platform.add_phone(APPID, Some(openid), Some(openid)));
        self.platform.actor(APPID, openid).expect("the phone exists")
    }

    /// Waits until `check` gives something.
    pub async fn eventually<T>(&self, what: &str, check: impl AsyncFnMut() -> Option<T>) -> T {
        self.within(PATIENCE, what, check).await
    }

    /// Waits longer, or less long, until `check` gives something.
    pub async fn within<T>(&self, patience: Duration, what: &str, mut check: impl AsyncFnMut() -> Option<T>) -> T {
        let search = async {
            loop {
                if let Some(found) = check().await {
                    return found;
                }
                tokio::task::yield_now().await;
                tokio::time::timeout(Duration::from_millis(20), std::future::pending::<()>()).await.unwrap_err();
            }
        };
        tokio::time::timeout(patience, search).await.unwrap_or_else(|_| panic!("{what} within {patience:?}"))
    }

    /// Lets time pass for everything that reads the clock.
    pub fn let_pass(&self, time: Duration) {
        self.clock.turn(time);
    }

    /// Stops in order, as on SIGTERM, and keeps the data for [`Builder::again`].
    pub async fn stop(mut self) -> TempDir {
        self.drains().await;
        self.dir.take().expect("a folder of its own, and not stopped before")
    }

    /// Stops in order, as on SIGTERM; what it shares with others stays.
    pub async fn drains(&mut self) {
        self.stop.cancel();
        self.ends().await;
    }

    /// Ends without a word to anybody: nothing is finished, every connection breaks. Gives back its folder, if it has one of
    /// its own, for [`Builder::again`].
    pub async fn dies(mut self) -> Option<TempDir> {
        self.abort.cancel();
        self.ends().await;
        self.dir.take()
    }

    /// Waits until it has ended by itself.
    pub async fn ends(&mut self) {
        let ended = self.ended.take().expect("not stopped before");
        tokio::task::spawn_blocking(move || ended.join().expect("the app ends without a panic")).await.unwrap();
    }

    /// Keeps everybody from writing until the returned value is dropped.
    pub async fn lock_the_store(&self) -> StoreLock {
        let backend = Backend::Sqlite { path: self.dir().join("yizhan.db") };
        let store = Store::open(&Settings { backend, readers: 1, group_max: 1 }).expect("the store");
        let (locked, mut begun) = tokio::sync::mpsc::unbounded_channel();
        let (release, released) = std::sync::mpsc::channel::<()>();
        tokio::spawn(async move {
            let hold = move |_conn: &mut store::Conn| {
                locked.send(()).expect("somebody waits");
                // Ends when the other half is dropped.
                let _ended = released.recv();
                Ok::<_, store::Error>(())
            };
            store.sweep(hold).await.expect("an empty transaction");
        });
        begun.recv().await.expect("the lock");
        StoreLock(release)
    }

    /// The value of a metric with its labels; 0 when there is none yet.
    pub async fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").send().await.unwrap().text().await.unwrap();
        let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        found.map_or(0.0, |value| value.parse().expect("a number"))
    }

    /// The folder with the data.
    pub fn dir(&self) -> &Path {
        &self.folder
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(ended) = self.ended.take()
            && ended.join().is_err()
            && !std::thread::panicking()
        {
            panic!("the app ended with a panic");
        }
    }
}

impl Builder {
    /// On the data of an app that was stopped.
    pub fn again(mut self, dir: TempDir) -> Self {
        self.dir = Some(dir);
        self
    }

    /// As another node on the store of one that runs.
    pub fn beside(mut self, app: &TestApp) -> Self {
        self.beside = Some(app.dir().to_owned());
        self
    }

    /// With other settings, as TOML.
    pub fn settings(mut self, toml: &str) -> Self {
        self.settings.push_str(toml);
        self
    }

    /// With the module bus on this broker.
    pub fn rabbitmq(self, broker: &Service) -> Self {
        let url = format!("amqp://guest:guest@127.0.0.1:{}/%2f", broker.port());
        self.settings(&format!("[bus]\nkind = \"rabbitmq\"\nurl = {url:?}\n"))
    }

    /// On the database of a PostgreSQL service. Apps that are given the same service are nodes on the same tables.
    pub fn postgres(self, service: &Service) -> Self {
        self.settings(&format!("[store]\nkind = \"postgres\"\nurl = {:?}\n", service.url()))
    }

    /// As one node of several that tell each other through this Redis. They also need one store.
    pub fn redis(self, service: &Service) -> Self {
        self.settings(&format!("[hub]\nkind = \"redis\"\nurl = \"{}\"\n", service.redis_url()))
    }

    /// With an answer to a question in the robot's base from the start.
    pub fn knows(mut self, id: &str, question: &str, answer: &str) -> Self {
        self.knows.push(entry(id, question, answer));
        self
    }

    /// With these entries in the robot's base from the start.
    pub fn knowing(mut self, entries: Vec<Entry>) -> Self {
        self.knows.extend(entries);
        self
    }

    /// The last known question leads there in place of an answer.
    pub fn leading(mut self, to: &str) -> Self {
        self.knows.last_mut().expect("a question").leads = Some(to.into());
        self
    }

    /// With the echo for conformance suites.
    pub fn conformance(mut self) -> Self {
        self.conformance = true;
        self
    }

    /// With a changed declaration.
    pub fn declared(mut self, change: impl FnOnce(String) -> String) -> Self {
        self.declaration = change(self.declaration);
        self
    }

    /// As a node of a cluster: on the same clock, platform and folder as the others.
    pub fn on(mut self, clock: &Clock, platform: &TestPlatform, folder: &Path) -> Self {
        let (clock, api_base) = (clock.clone(), platform.api_base());
        self.shared =
            Some(Shared { clock, platform: platform.platform().clone(), api_base, folder: folder.to_owned() });
        self
    }

    /// Starts it on a thread of its own, as a process would, and waits until it serves.
    pub async fn start(self) -> TestApp {
        let Self { dir, beside, settings, declaration, conformance, shared, knows } = self;
        drop(rustls::crypto::ring::default_provider().install_default());
        listen();
        let elsewhere = shared.as_ref().map(|shared| shared.folder.clone()).or(beside);
        let dir = dir.or_else(|| elsewhere.is_none().then(|| TempDir::new().expect("a folder")));
        let folder = elsewhere.unwrap_or_else(|| dir.as_ref().expect("a folder").path().to_owned());
        let (stop, abort) = (CancellationToken::new(), CancellationToken::new());
        let clock = shared.as_ref().map_or_else(Clock::system, |shared| shared.clock.clone());
        let (ready, started) = tokio::sync::oneshot::channel();
        let preset = format!(
            "[data]\ndir = {folder:?}\n[secret]\ngenerate = true\n[http]\nbind = \"127.0.0.1:0\"\nworkers = 1\n[log]\nlevel = \"warn\"\n{settings}"
        );
        let env = shared.iter().map(|shared| ("YIZHAN__WECHAT__API_BASE".to_owned(), shared.api_base.clone()));
        let sources = Sources { file: None, preset: Some(preset), env: env.collect() };
        if !knows.is_empty() {
            learn(&sources, knows).await;
        }
        let (ending, aborting, its_clock, simulator) = (stop.clone(), abort.clone(), clock.clone(), shared.is_none());
        let ended = std::thread::spawn(move || {
            let config = config::load(&sources).unwrap_or_else(|problems| panic!("{problems}"));
            actix_web::rt::System::new().block_on(async move {
                let declared = Declaration::parse("demo.toml", &declaration, &BTreeMap::new(), Path::new(""));
                let options = Options {
                    clock: its_clock,
                    declarations: vec![declared.unwrap_or_else(|problems| panic!("{problems}"))],
                    simulator,
                    conformance,
                    ..Options::default()
                };
                let app = App::build(config, options).await.expect("the app builds");
                let parts = (app.address(), app.platform().cloned());
                drop(ready.send(parts));
                let outcome = app.run(ending.clone(), aborting.clone()).await;
                assert!(outcome.is_ok() || aborting.is_cancelled(), "the app ends in order: {outcome:?}");
            });
        });
        let (address, inside) = started.await.expect("the app starts");
        let platform = inside.or_else(|| shared.map(|shared| shared.platform)).expect("a simulator");
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        TestApp { clock, platform, address, stop, abort, ended: Some(ended), http, folder, dir }
    }
}

/// An answer to a question, small talk if its name says so.
pub fn entry(id: &str, question: &str, answer: &str) -> Entry {
    Entry {
        faq: id.parse().expect("a name"),
        kind: if id.starts_with("chat-") { "chitchat" } else { "faq" }.into(),
        question: question.into(),
        similar: Vec::new(),
        answer: answer.into(),
        leads: None,
        category: String::new(),
        enabled: true,
        valid_from: None,
        valid_to: None,
        updated_at: Millis(0),
    }
}

/// Puts entries into the question base of the tables that these settings lead to.
async fn learn(sources: &Sources, entries: Vec<Entry>) {
    let config = config::load(sources).unwrap_or_else(|problems| panic!("{problems}"));
    config.make_data_dir().expect("a folder");
    let store = Store::open(&Settings::from(&config.store)).expect("the store");
    let tenant = TenantId::parse("demo").expect("a name");
    let write = move |tx: &mut Tx<'_>| {
        for entry in &entries {
            faq::store(tx, entry)?;
        }
        faq::changed(tx)
    };
    store.tenant(&tenant).write(write).await.expect("the entries are stored");
}
