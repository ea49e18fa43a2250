//! A gateway of a hundred lines: opens what is pushed, remembers it, answers as it was told.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::watch;

use super::{APPID, GH_ID, KEY, SOON, TOKEN};
use crate::channel::wechat::crypto::{Key, sign};

/// What to answer to the next delivery; `success` when nothing was told.
#[derive(Debug, Clone)]
pub(super) enum Tell {
    /// This status and body.
    Body(u16, String),
    /// A passive text in the mode of the delivery.
    Text(String),
    /// A passive message, `{to}` and `{from}` filled in, in the mode of the delivery.
    Message(String),
    /// `success`, but too late.
    Late(Duration),
    /// Nothing: the connection is cut.
    Cut,
}

/// One delivery as it was received.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) query: HashMap<String, String>,
    pub(super) envelope: String,
    /// The message: decrypted, or as it came in plain mode.
    pub(super) message: String,
}

struct Inner {
    script: Mutex<VecDeque<Tell>>,
    received: Mutex<Vec<Received>>,
    count: watch::Sender<usize>,
    keys: Mutex<Vec<String>>,
}

#[derive(Clone)]
pub(super) struct Gateway {
    inner: Arc<Inner>,
    pub(super) url: String,
}

impl Gateway {
    pub(super) fn start() -> Self {
        let inner = Arc::new(Inner {
            script: Mutex::default(),
            received: Mutex::default(),
            count: watch::Sender::new(0),
            keys: Mutex::new(vec![KEY.to_owned()]),
        });
        let shared = web::Data::from(Arc::clone(&inner));
        let server = HttpServer::new(move || {
            App::new().app_data(shared.clone()).route("/cb", web::post().to(receive)).route("/cb", web::get().to(echo))
        });
        let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}/cb?tenant=demo", server.addrs()[0]);
        tokio::spawn(server.run());
        Self { inner, url }
    }

    pub(super) fn tell(&self, what: impl IntoIterator<Item = Tell>) {
        self.inner.script.lock().unwrap().extend(what);
    }

    pub(super) fn add_key(&self, key: &str) {
        self.inner.keys.lock().unwrap().push(key.to_owned());
    }

    /// Everything received so far, once there are at least `count`.
    pub(super) async fn received(&self, count: usize) -> Vec<Received> {
        let mut counter = self.inner.count.subscribe();
        tokio::time::timeout(SOON, counter.wait_for(|have| *have >= count)).await.unwrap().unwrap();
        self.inner.received.lock().unwrap().clone()
    }
}

type Query = web::Query<HashMap<String, String>>;

async fn echo(query: Query) -> HttpResponse {
    let expected = sign(&[TOKEN, &query["timestamp"], &query["nonce"]]);
    if query["signature"] == expected {
        HttpResponse::Ok().body(query["echostr"].clone())
    } else {
        HttpResponse::Forbidden().finish()
    }
}

async fn receive(inner: web::Data<Inner>, query: Query, body: String) -> HttpResponse {
    assert_eq!(query["signature"], sign(&[TOKEN, &query["timestamp"], &query["nonce"]]));
    let encrypted = query.get("encrypt_type").map(String::as_str) == Some("aes");
    let message = if encrypted { open(&inner, &query, &body) } else { body.clone() };
    inner.received.lock().unwrap().push(Received { query: query.0.clone(), envelope: body, message });
    inner.count.send_modify(|count| *count += 1);
    let tell = inner.script.lock().unwrap().pop_front();
    let openid = &query["openid"];
    match tell {
        None => HttpResponse::Ok().body("success"),
        Some(Tell::Body(status, text)) => HttpResponse::build(status.try_into().unwrap()).body(text),
        Some(Tell::Text(text)) => {
            let fields = format!("<MsgType>text</MsgType><Content><![CDATA[{text}]]></Content>");
            HttpResponse::Ok().body(reply(openid, &fields, encrypted))
        }
        Some(Tell::Message(fields)) => HttpResponse::Ok().body(reply(openid, &fields, encrypted)),
        Some(Tell::Late(by)) => {
            tokio::time::sleep(by).await;
            HttpResponse::Ok().body("success")
        }
        Some(Tell::Cut) => {
            let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
            HttpResponse::Ok().streaming(stream::once(std::future::ready(Err::<Bytes, _>(broken))))
        }
    }
}

fn open(inner: &Inner, query: &HashMap<String, String>, body: &str) -> String {
    let encrypt = if body.starts_with('{') {
        serde_json::from_str::<serde_json::Value>(body).unwrap()["Encrypt"].as_str().unwrap().to_owned()
    } else {
        let after = body.split("<Encrypt><![CDATA[").nth(1).unwrap();
        after.split("]]>").next().unwrap().to_owned()
    };
    assert_eq!(query["msg_signature"], sign(&[TOKEN, &query["timestamp"], &query["nonce"], &encrypt]));
    let keys = inner.keys.lock().unwrap().clone();
    let opened = keys.iter().find_map(|key| Key::parse(key).unwrap().decrypt(&encrypt, APPID).ok());
    String::from_utf8(opened.expect("no key opens it")).unwrap()
}

fn reply(openid: &str, fields: &str, encrypted: bool) -> String {
    let message = format!(
        "<xml><ToUserName>{openid}</ToUserName><FromUserName>{GH_ID}</FromUserName><CreateTime>1</CreateTime>{fields}</xml>"
    );
    if !encrypted {
        return message;
    }
    let encrypt = Key::parse(KEY).unwrap().encrypt([9; 16], message.as_bytes(), APPID);
    let signature = sign(&[TOKEN, "77", "nn", &encrypt]);
    format!(
        "<xml><Encrypt><![CDATA[{encrypt}]]></Encrypt><MsgSignature><![CDATA[{signature}]]></MsgSignature><TimeStamp>77</TimeStamp><Nonce><![CDATA[nn]]></Nonce></xml>"
    )
}
