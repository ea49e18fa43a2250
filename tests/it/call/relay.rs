//! xM15 and S74: what the gateway hands out opens the real relay for one call and a short time, and the relay goes
//! nowhere that it must not.

use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha1::Sha1;

use super::{accepted, audio, in_talks};
use crate::support::TestApp;
use crate::support::service::{Kind, Service};

/// What the script gives the relay.
const SECRET: &str = "turn-secret";

/// A gateway whose calls go through this relay.
async fn gateway(turn: &Service, secrets: &str) -> TestApp {
    let call = format!("[call]\nturn = [\"{}\"]\n{secrets}\nrelay_only = true\n", turn.url());
    TestApp::with().declared(move |text| text.replace("[call]\n", &call)).start().await
}

/// The servers that an agent's browser is given for a call, and the app's way to them.
async fn handed_out(app: &TestApp) -> Value {
    let (mut li, mut visitor, _) = in_talks(app, app).await;
    let (start, theirs) = accepted(&mut li, &mut visitor, audio()).await;
    assert_eq!(start["policy"]["relay_only"], true);
    assert_ne!(start["ice_servers"][0]["username"], theirs["ice_servers"][0]["username"], "each side has its own");
    start["ice_servers"].clone()
}

fn password(secret: &str, username: &str) -> String {
    let mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).unwrap().chain_update(username);
    STANDARD.encode(mac.finalize().into_bytes())
}

/// What coturn's own client has to say about an allocation and what follows.
fn tries(turn: &Service, (username, password): (&str, &str), arguments: &[&str]) -> String {
    let run = Command::new("timeout")
        .args(["20", "turnutils_uclient", "-v", "-c", "-n", "1", "-p", &turn.port().to_string()])
        .args(["-u", username, "-w", password])
        .args(arguments)
        .arg("127.0.0.1")
        .output()
        .expect("coturn's client is installed");
    String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).into_owned()
}

/// Runs it where it may block.
fn relay(turn: &Service, credentials: (&str, &str), arguments: &[&str]) -> String {
    tokio::task::block_in_place(|| tries(turn, credentials, arguments))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_handed_out_opens_the_relay_and_nothing_behind_it() {
    let turn = Service::start(Kind::Coturn, &[]);
    let app = gateway(&turn, &format!("secret = \"{SECRET}\"")).await;
    let servers = handed_out(&app).await;
    let username = servers[0]["username"].as_str().unwrap().to_owned();
    let credential = servers[0]["credential"].as_str().unwrap().to_owned();
    let until: i64 = username.split(':').next().unwrap().parse().unwrap();
    let life = until - app.clock.now().0 / 1_000;
    assert!((1..=600).contains(&life), "{life} s");
    let told = relay(&turn, (&username, &credential), &["-y"]);
    assert!(told.contains("Total lost packets 0 "), "{told}");
    for peer in ["127.0.0.1", "0.0.0.0", "10.0.0.1", "169.254.169.254", "192.168.1.1"] {
        let name = format!("{until}:x_1.{peer}");
        let told = relay(&turn, (&name, &password(SECRET, &name)), &["-e", peer]);
        assert!(told.contains("error 403"), "{peer}: {told}");
    }
    let name = format!("{until}:x_1.mapped");
    let told = relay(&turn, (&name, &password(SECRET, &name)), &["-x", "-e", "::ffff:10.0.0.1"]);
    assert!(told.contains("error 4") && !told.contains("lost packets 0 "), "{told}");
    let name = format!("{until}:x_1.tcp");
    let told = relay(&turn, (&name, &password(SECRET, &name)), &["-T"]);
    assert!(told.contains("error 442"), "{told}");
}

/// One credential opens twelve allocations, as the shipped configuration says, and no more; others are not affected.
#[tokio::test(flavor = "multi_thread")]
async fn one_credential_opens_twelve_allocations_and_no_more() {
    let turn = Service::start(Kind::Coturn, &[]);
    let app = gateway(&turn, &format!("secret = \"{SECRET}\"")).await;
    let servers = handed_out(&app).await;
    let of = |key: &str| servers[0][key].as_str().unwrap().to_owned();
    let (username, credential) = (of("username"), of("credential"));
    // Of two clients of the tool one makes two: twelve, and fifteen.
    let told = relay(&turn, (&username, &credential), &["-y", "-m", "8"]);
    assert!(told.contains("Total lost packets 0 "), "{told}");
    let other = username.replace(".agent", ".contact");
    let told = relay(&turn, (&other, &password(SECRET, &other)), &["-y", "-m", "10"]);
    assert!(told.contains("error 486 (Allocation Quota Reached)"), "{told}");
    let third = username.replace(".agent", ".third");
    let told = relay(&turn, (&third, &password(SECRET, &third)), &["-y"]);
    assert!(told.contains("Total lost packets 0 "), "{told}");
}

/// All credentials together open no more than the relay's own total.
#[tokio::test(flavor = "multi_thread")]
async fn all_credentials_together_open_no_more_than_the_total() {
    let turn = Service::start(Kind::Coturn, &["--total-quota=4"]);
    let later = TestApp::start().await.clock.now().seconds() + 60;
    let name = format!("{later}:x_1.agent");
    let told = relay(&turn, (&name, &password(SECRET, &name)), &["-y", "-m", "4"]);
    assert!(told.contains("error 486 (Allocation Quota Reached)"), "{told}");
}

/// What the shipped configuration of the relay has to say about quotas, TLS and TCP.
#[test]
fn the_shipped_relay_has_its_limits_and_tls() {
    let shipped = include_str!("../../../deploy/coturn/turnserver.conf");
    let lines: Vec<&str> = shipped.lines().map(str::trim).filter(|line| !line.starts_with('#')).collect();
    let value = |key: &str| lines.iter().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    assert_eq!((value("user-quota"), value("total-quota")), (Some("12"), Some("1200")));
    assert_eq!((value("listening-port"), value("tls-listening-port")), (Some("3478"), Some("5349")));
    for word in ["use-auth-secret", "no-tcp-relay", "no-multicast-peers", "no-tlsv1", "no-tlsv1_1"] {
        assert!(lines.contains(&word), "{word}");
    }
    for word in ["no-tls", "no-dtls", "no-auth"] {
        assert!(!lines.contains(&word), "{word}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_and_foreign_credentials_open_nothing() {
    let turn = Service::start(Kind::Coturn, &[]);
    let app = gateway(&turn, "secret = \"another tenant's\"").await;
    let servers = handed_out(&app).await;
    let foreign = (servers[0]["username"].as_str().unwrap(), servers[0]["credential"].as_str().unwrap());
    let told = relay(&turn, foreign, &["-y"]);
    assert!(told.contains("Cannot complete Allocation"), "{told}");
    let now = app.clock.now().0 / 1_000;
    for name in [format!("{}:x_1.agent", now - 5), "x_1.agent".to_owned()] {
        let told = relay(&turn, (&name, &password(SECRET, &name)), &["-y"]);
        assert!(told.contains("Cannot complete Allocation"), "{name}: {told}");
    }
    let later = format!("{}:x_1.agent", now + 60);
    let told = relay(&turn, (&later, &password("guess", &later)), &["-y"]);
    assert!(told.contains("Cannot complete Allocation"), "{told}");
}

/// While the secret is changed, gateway and relay may be changed in any order: one of the two lets in.
#[tokio::test(flavor = "multi_thread")]
async fn while_the_secret_changes_one_of_two_credentials_is_good() {
    let turn = Service::start(Kind::Coturn, &[]);
    let app = gateway(&turn, &format!("secret = \"the next one\"\nsecret_previous = \"{SECRET}\"")).await;
    let servers = handed_out(&app).await;
    let of = |n: usize| {
        let text = |key: &str| servers[n][key].as_str().unwrap().to_owned();
        (text("username"), text("credential"))
    };
    let ((new, new_password), (old, old_password)) = (of(0), of(1));
    let told = relay(&turn, (&new, &new_password), &["-y"]);
    assert!(told.contains("Cannot complete Allocation"), "{told}");
    let told = relay(&turn, (&old, &old_password), &["-y"]);
    assert!(told.contains("Total lost packets 0 "), "{told}");
}

/// A relay that knows a fixed name and password: browsers get just these, with each call.
#[tokio::test(flavor = "multi_thread")]
async fn a_fixed_name_and_password_are_handed_out_as_declared() {
    let turn = Service::start(Kind::Coturn, &[]);
    let name = "2000000000:fixed";
    let word = password(SECRET, name);
    let app = gateway(&turn, &format!("username = \"{name}\"\ncredential = \"{word}\"")).await;
    let (mut li, mut visitor, _) = in_talks(&app, &app).await;
    for told in [&li.ready, &visitor.opened] {
        assert!(!told.to_string().contains(&word), "not before there is a call: {told}");
    }
    let (start, theirs) = accepted(&mut li, &mut visitor, audio()).await;
    assert_eq!(start["ice_servers"], json!([{ "urls": [turn.url()], "username": name, "credential": word }]));
    assert_eq!(start["ice_servers"], theirs["ice_servers"]);
    assert!(start["ice_until"].is_null(), "they do not end");
    let told = relay(&turn, (name, &word), &["-y"]);
    assert!(told.contains("Total lost packets 0 "), "{told}");
}

/// Servers for trying the way are short-lived and few.
#[tokio::test(flavor = "multi_thread")]
async fn who_tries_the_way_gets_a_minute() {
    let turn = Service::start(Kind::Coturn, &[]);
    let app = gateway(&turn, &format!("secret = \"{SECRET}\"")).await;
    let (mut li, mut visitor, _) = in_talks(&app, &app).await;
    for _ in 0..3 {
        let servers = li.socket.request("call.test", json!({})).await.expect("call.test");
        let until = servers["ice_servers"][0]["username"].as_str().unwrap().split(':').next().unwrap().parse::<i64>();
        assert!(until.unwrap() - app.clock.now().0 / 1_000 <= 60);
    }
    assert_eq!(li.socket.request("call.test", json!({})).await.expect_err("a fourth")["code"], "rate_limited");
    assert_eq!(visitor.socket.request("call.test", json!({})).await.expect_err("visitors")["code"], "forbidden");
    app.let_pass(Duration::from_secs(120));
    li.socket.request("call.test", json!({})).await.expect("later");
}
