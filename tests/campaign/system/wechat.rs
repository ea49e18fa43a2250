//! The WeChat side: the simulator with all accounts, its API on a port of its own, and its ledger turned into history.

use std::net::{SocketAddr, TcpListener};

use actix_web::{App, HttpServer, web};
use anyhow::Context as _;
use serde_json::json;
use yizhan::clock::Clock;
use yizhan::model::account::ChannelSettings;
use yizhan::simulator::{self, AccountSettings, Platform, Settings, Timing};
use yizhan::tenant::Declaration;

use super::declare::{FIRMS, Firm};
use crate::history::{Kind, Mint, What};
use crate::journal::Journal;

/// A running platform.
#[derive(Debug)]
pub struct Wechat {
    /// The platform.
    pub platform: Platform,
    /// Where its API listens.
    pub address: SocketAddr,
    server: actix_web::dev::ServerHandle,
}

/// The account of a tenant as the platform knows it. Pushes go to `gateway`.
fn account(firm: &Firm, gateway: SocketAddr) -> anyhow::Result<AccountSettings> {
    let declared = Declaration::parse(firm.id, &firm.declaration(), &Default::default(), std::path::Path::new(""));
    let declared = declared.map_err(|problems| anyhow::anyhow!("{problems}"))?;
    let wechat = declared.tenant.accounts.iter().find_map(|account| match &account.channel {
        ChannelSettings::Wechat(settings) => Some((settings, account)),
        ChannelSettings::Web(_) | ChannelSettings::Xmpp(_) => None,
    });
    let (settings, account) = wechat.context("no WeChat account")?;
    let callback = format!("http://{gateway}/wechat/{}.{}", firm.id, account.id);
    Ok(AccountSettings::of(settings, &account.name, callback))
}

impl Wechat {
    /// Starts it.
    pub fn start(gateway: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let accounts = FIRMS.iter().map(|firm| account(firm, gateway)).collect::<anyhow::Result<_>>()?;
        let base_url = format!("http://{address}/simulator");
        let platform = Platform::new(Settings { base_url, accounts, timing: Timing::default() }, Clock::system())?;
        let mounted = platform.clone();
        let app = move || {
            let mounted = mounted.clone();
            App::new().service(web::scope("/simulator").configure(|cfg| simulator::configure(cfg, mounted)))
        };
        let running = HttpServer::new(app).disable_signals().workers(1).listen(listener)?.run();
        let server = running.handle();
        // It ends when it is told to, and says nothing that anybody could act on.
        tokio::spawn(async move { drop(running.await) });
        Ok(Self { platform, address, server })
    }

    /// Ends it.
    pub async fn stop(self) {
        self.platform.stop();
        self.server.stop(false).await;
    }
}

/// Writes down what the platform got since the last time.
pub fn note(platform: &Platform, journal: &Journal, mint: &Mint) {
    let ledger = platform.take_ledger();
    let firm = |appid: &str| FIRMS.iter().find(|firm| firm.appid() == appid).map_or("", |firm| firm.id);
    for send in ledger.sends {
        let mut line = journal.line("wechat", Kind::Recv, What::WxOut);
        line.t = journal.at_wall(send.at.0);
        line.ten = firm(&send.appid).to_owned();
        line.tok = mint.ours(&send.body.to_string()).into_iter().map(|token| mint.write(token)).collect();
        (line.code, line.arg) = (send.errcode.to_string(), send.openid);
        journal.write(&line);
    }
    for token in ledger.tokens {
        let mut line = journal.line("wechat", Kind::Recv, What::Token);
        line.t = journal.at_wall(token.at.0);
        line.ten = firm(&token.appid).to_owned();
        line.arg = json!({ "kind": token.kind, "fresh": token.fresh }).to_string();
        journal.write(&line);
    }
}
