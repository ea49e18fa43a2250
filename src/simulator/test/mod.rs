//! The platform as a whole, over real connections, against a tiny gateway.

mod faulty;
mod gateway;
mod media;
mod page;
mod pushing;
mod sending;
mod tokens;

use std::time::Duration;

use actix_web::{App, HttpServer, web};
use serde_json::{Value, json};

use self::gateway::Gateway;
use super::{AccountSettings, Actor, Platform, Settings, Temper, Timing};
use crate::clock::Clock;
use crate::model::account::{WechatFormat, WechatMode};
use crate::model::secret::Secret;

const APPID: &str = "wx0123456789abcdef";
const OTHER: &str = "wxfedcba9876543210";
const GH_ID: &str = "gh_0123456789ab";
const TOKEN: &str = "TOKEN";
const KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
const SECRET: &str = "0123456789abcdef0123456789abcdef";
const SOON: Duration = Duration::from_secs(10);

/// A platform with two accounts that push to the same tiny gateway, reachable over HTTP under `/simulator`.
struct House {
    platform: Platform,
    gateway: Gateway,
    clock: Clock,
    base: String,
    http: reqwest::Client,
}

fn account(appid: &str, gh_id: &str, callback_url: &str) -> AccountSettings {
    AccountSettings {
        appid: appid.into(),
        gh_id: gh_id.into(),
        name: "示例公众号".into(),
        secret: Secret::new(SECRET.into()),
        token: Secret::new(TOKEN.into()),
        aes_key: Some(Secret::new(KEY.into())),
        mode: WechatMode::Safe,
        format: WechatFormat::Xml,
        callback_url: callback_url.into(),
        temper: Temper { weapps: vec!["wxweapp".into()], kf_accounts: vec!["li@demo".into()], ..Temper::default() },
    }
}

impl House {
    fn open() -> Self {
        Self::with(|_| {})
    }

    /// A house whose first account is changed before it starts.
    fn with(change: impl FnOnce(&mut AccountSettings)) -> Self {
        Self::timed(Timing::compressed(Duration::from_millis(1_200)), change)
    }

    fn timed(timing: Timing, change: impl FnOnce(&mut AccountSettings)) -> Self {
        let gateway = Gateway::start();
        let mut first = account(APPID, GH_ID, &gateway.url);
        change(&mut first);
        let accounts = vec![first, account(OTHER, "gh_ba9876543210", &gateway.url)];
        let clock = Clock::system();
        let platform = Platform::new(Settings { base_url: String::new(), accounts, timing }, clock.clone()).unwrap();
        let served = platform.clone();
        let server = HttpServer::new(move || {
            let platform = served.clone();
            App::new().service(web::scope("/simulator").configure(move |cfg| super::configure(cfg, platform)))
        });
        let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
        let base = format!("http://{}/simulator", server.addrs()[0]);
        tokio::spawn(server.run());
        platform.set_base_url(&base);
        let http = reqwest::Client::builder().no_proxy().timeout(SOON).build().unwrap();
        Self { platform, gateway, clock, base, http }
    }

    /// A person who follows the account and whose subscription has been answered.
    async fn follower(&self, openid: &str) -> Actor {
        let actor = self.platform.actor(APPID, openid).unwrap();
        let push = actor.follows().unwrap();
        actor.settled(&push, SOON).await.unwrap();
        actor
    }

    async fn get(&self, path: &str) -> Value {
        self.http.get(format!("{}{path}", self.base)).send().await.unwrap().json().await.unwrap()
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        self.post_text(path, body.to_string()).await
    }

    async fn post_text(&self, path: &str, body: String) -> Value {
        self.http.post(format!("{}{path}", self.base)).body(body).send().await.unwrap().json().await.unwrap()
    }

    async fn token(&self, appid: &str) -> String {
        let body = json!({ "grant_type": "client_credential", "appid": appid, "secret": SECRET });
        self.post("/cgi-bin/stable_token", &body).await["access_token"].as_str().unwrap().to_owned()
    }

    /// Sends a text as the account; the error code.
    async fn send_text(&self, token: &str, openid: &str, text: &str) -> i64 {
        self.send(token, &json!({ "touser": openid, "msgtype": "text", "text": { "content": text } })).await
    }

    async fn send(&self, token: &str, body: &Value) -> i64 {
        let answer = self.post(&format!("/cgi-bin/message/custom/send?access_token={token}"), body).await;
        answer["errcode"].as_i64().unwrap()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.platform.stop();
    }
}
