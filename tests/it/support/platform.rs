//! A WeChat platform on a port of its own, apart from every gateway: what several nodes share.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use actix_web::{App, HttpServer, web};
use tokio_util::sync::CancellationToken;
use yizhan::clock::Clock;
use yizhan::model::account::ChannelSettings;
use yizhan::simulator::{self, AccountSettings, Platform, Settings, Timing};
use yizhan::tenant::Declaration;

use super::app::TestApp;

/// A running platform.
pub struct TestPlatform {
    platform: Platform,
    address: SocketAddr,
    stop: CancellationToken,
    ended: Option<std::thread::JoinHandle<()>>,
    /// AppID and path of each account that it plays.
    accounts: Vec<(String, String)>,
}

impl TestPlatform {
    /// Starts a platform that plays the accounts of a declaration. It pushes nowhere until it is told where.
    pub async fn start(clock: Clock, declaration: &str) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let declared = Declaration::parse("demo.toml", declaration, &BTreeMap::new(), Path::new(""));
        let tenant = declared.unwrap_or_else(|problems| panic!("{problems}")).tenant;
        let played = tenant.accounts.iter().filter_map(|account| match &account.channel {
            ChannelSettings::Wechat(wechat) => {
                Some((AccountSettings::of(wechat, &account.name, String::new()), account))
            }
            ChannelSettings::Web(_) | ChannelSettings::Xmpp(_) => None,
        });
        let (played, accounts) = played
            .map(|(settings, account)| {
                let known = (settings.appid.clone(), format!("/wechat/{}.{}", tenant.id, account.id));
                (settings, known)
            })
            .unzip();
        let settings = Settings { base_url: String::new(), accounts: played, timing: Timing::default() };
        let platform = Platform::new(settings, clock).expect("a platform");
        let (ready, started) = tokio::sync::oneshot::channel();
        let (stop, mounted) = (CancellationToken::new(), platform.clone());
        let stopping = stop.clone();
        let ended = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app = move || {
                    let mounted = mounted.clone();
                    let face = web::scope("/simulator").configure(|cfg| simulator::configure(cfg, mounted));
                    App::new().service(face)
                };
                let server = HttpServer::new(app).workers(1).disable_signals().shutdown_timeout(0);
                let server = server.bind(("127.0.0.1", 0)).expect("a port");
                let address = server.addrs()[0];
                let server = server.run();
                let handle = server.handle();
                ready.send(address).expect("somebody waits for it");
                tokio::spawn(async move {
                    stopping.cancelled().await;
                    handle.stop(false).await;
                });
                server.await.expect("the platform ends in order");
            });
        });
        let address = started.await.expect("the platform starts");
        platform.set_base_url(&format!("http://{address}/simulator"));
        Self { platform, address, stop, ended: Some(ended), accounts }
    }

    /// Its inside.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// What a gateway calls: `wechat.api_base`.
    pub fn api_base(&self) -> String {
        format!("http://{}/simulator", self.address)
    }

    /// Pushes to this gateway from now on.
    pub fn pushes_to(&self, app: &TestApp) {
        for (appid, path) in &self.accounts {
            self.platform.set_callback(appid, &format!("{}{path}", app.base())).expect("it plays the account");
        }
    }
}

impl Drop for TestPlatform {
    fn drop(&mut self) {
        self.platform.stop();
        self.stop.cancel();
        if let Some(ended) = self.ended.take()
            && ended.join().is_err()
            && !std::thread::panicking()
        {
            panic!("the platform ended with a panic");
        }
    }
}
