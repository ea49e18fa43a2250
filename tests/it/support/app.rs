//! A whole gateway in this process: real SQLite in a folder of its own or a real PostgreSQL, real sockets on a free
//! port, a turnable clock, and the platform simulator on the other side.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use yizhan::app::{App, Options};
use yizhan::clock::Clock;
use yizhan::config::{self, Sources};
use yizhan::simulator::{Actor, Platform};
use yizhan::tenant::Declaration;

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
}

/// A running gateway.
pub struct TestApp {
    pub clock: Clock,
    pub platform: Platform,
    address: std::net::SocketAddr,
    stop: CancellationToken,
    ended: Option<std::thread::JoinHandle<()>>,
    http: reqwest::Client,
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
    pub async fn eventually<T>(&self, what: &str, mut check: impl AsyncFnMut() -> Option<T>) -> T {
        let search = async {
            loop {
                if let Some(found) = check().await {
                    return found;
                }
                tokio::task::yield_now().await;
                tokio::time::timeout(Duration::from_millis(20), std::future::pending::<()>()).await.unwrap_err();
            }
        };
        tokio::time::timeout(PATIENCE, search).await.unwrap_or_else(|_| panic!("{what} within {PATIENCE:?}"))
    }

    /// Lets time pass for everything that reads the clock.
    pub fn let_pass(&self, time: Duration) {
        self.clock.turn(time);
    }

    /// Stops in order, as on SIGTERM, and keeps the data for [`Builder::again`].
    pub async fn stop(mut self) -> TempDir {
        self.stop.cancel();
        let ended = self.ended.take().expect("not stopped before");
        tokio::task::spawn_blocking(move || ended.join().expect("the app ends without a panic")).await.unwrap();
        self.dir.take().expect("not stopped before")
    }

    /// The folder with the data.
    pub fn dir(&self) -> &Path {
        self.dir.as_ref().expect("not stopped").path()
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

    /// Starts it on a thread of its own, as a process would, and waits until it serves.
    pub async fn start(self) -> TestApp {
        let Self { dir, beside, settings, declaration, conformance } = self;
        drop(rustls::crypto::ring::default_provider().install_default());
        let dir = dir.unwrap_or_else(|| TempDir::new().expect("a folder"));
        let (stop, clock) = (CancellationToken::new(), Clock::system());
        let (ready, started) = tokio::sync::oneshot::channel();
        let preset = format!(
            "[data]\ndir = {:?}\n[secret]\ngenerate = true\n[http]\nbind = \"127.0.0.1:0\"\nworkers = 1\n[log]\nlevel = \"warn\"\n{settings}",
            beside.as_deref().unwrap_or(dir.path())
        );
        let (ending, its_clock) = (stop.clone(), clock.clone());
        let ended = std::thread::spawn(move || {
            let config = config::load(&Sources { file: None, preset: Some(preset), env: BTreeMap::new() })
                .unwrap_or_else(|problems| panic!("{problems}"));
            actix_web::rt::System::new().block_on(async move {
                let declared = Declaration::parse("demo.toml", &declaration, &BTreeMap::new(), Path::new(""));
                let options = Options {
                    clock: its_clock,
                    declarations: vec![declared.unwrap_or_else(|problems| panic!("{problems}"))],
                    simulator: true,
                    conformance,
                    ..Options::default()
                };
                let app = App::build(config, options).await.expect("the app builds");
                let parts = (app.address(), app.platform().expect("a simulator").clone());
                drop(ready.send(parts));
                app.run(ending.clone(), CancellationToken::new()).await.expect("the app ends in order");
            });
        });
        let (address, platform) = started.await.expect("the app starts");
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        TestApp { clock, platform, address, stop, ended: Some(ended), http, dir: Some(dir) }
    }
}
