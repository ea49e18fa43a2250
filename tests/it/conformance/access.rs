//! Groups H and I over HTTP: bodies, sign-ins, cookies, cross-site requests.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Login, TestApp};

const WRONG: &str = "wrong password";

async fn sign_in(app: &TestApp, tenant: &str, login: &str, password: &str) -> reqwest::Response {
    let body = json!({ "tenant": tenant, "login": login, "password": password });
    app.post("/api/v1/login", &body).send().await.unwrap()
}

/// xH7, xH8 and xI7.
#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_checked_before_they_are_believed() {
    let app = TestApp::start().await;
    let send = async |kind: &str, body: Vec<u8>| {
        let request = app.http().post(format!("{}/api/v1/login", app.base())).header("Content-Type", kind.to_owned());
        let response = request.body(body).send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json::<Value>().await.unwrap()["code"].as_str().unwrap().to_owned())
    };
    let json = "application/json";
    assert_eq!(send("text/plain", b"{}".to_vec()).await, (415, "bad_request".into()));
    assert_eq!(send(json, vec![b' '; 70_000]).await, (413, "too_large".into()));
    assert_eq!(send(json, "[".repeat(60_000).into_bytes()).await.0, 400);
    assert_eq!(send(json, vec![b'"', 0xFF, b'"']).await.0, 400);
    assert_eq!(send(json, br#"{"tenant":1e400}"#.to_vec()).await.0, 422);
    assert_eq!(send(json, b"{}".to_vec()).await.0, 422);
    let long = "x".repeat(2_000);
    assert_eq!(sign_in(&app, "demo", "li", &long).await.status(), 422);
    assert_eq!(sign_in(&app, "demo", "li", "a\0b").await.status(), 401);
}

/// xI6: the same answer for whoever does not exist, and a wait after ten attempts.
#[tokio::test(flavor = "multi_thread")]
async fn guessing_is_answered_alike_and_slowed_down() {
    let app = TestApp::start().await;
    let mut bodies = Vec::new();
    for (tenant, login) in [("demo", "li"), ("demo", "nobody"), ("no-such-tenant", "li"), ("../..", "li")] {
        let response = sign_in(&app, tenant, login, WRONG).await;
        assert_eq!(response.status(), 401, "{tenant} {login}");
        let mut body: Value = response.json().await.unwrap();
        body["request_id"] = Value::Null;
        bodies.push(body);
    }
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]));
    for _ in 0..9 {
        assert_eq!(sign_in(&app, "demo", "li", WRONG).await.status(), 401);
    }
    let blocked = sign_in(&app, "demo", "li", app.password("li")).await;
    assert_eq!(blocked.status(), 429, "the right password does not help now");
    assert!(blocked.headers().contains_key("retry-after"));
    let other = Login::of(&app, "demo", "wang", app.password("wang")).await;
    assert!(!other.cookie.is_empty(), "others are not held up");
    app.let_pass(Duration::from_secs(16 * 60));
    assert_eq!(sign_in(&app, "demo", "li", app.password("li")).await.status(), 200);
}

/// xH9, xI5: what a cookie may do, and how it looks.
#[tokio::test(flavor = "multi_thread")]
async fn cookies_alone_write_nothing() {
    let app = TestApp::start().await;
    let response = sign_in(&app, "demo", "li", app.password("li")).await;
    let set = response.headers()["set-cookie"].to_str().unwrap().to_owned();
    for part in ["yizhan_session=", "HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(set.contains(part), "{set}");
    }
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["agent"]["tenant_name"], "驿站示例银行");
    let cookie = set.split(';').next().unwrap();
    let csrf = body["csrf"].as_str().unwrap();
    let ticket = || app.post("/api/v1/ticket", &json!({})).header("Cookie", cookie);
    assert_eq!(app.post("/api/v1/ticket", &json!({})).send().await.unwrap().status(), 401);
    assert_eq!(ticket().send().await.unwrap().status(), 403);
    assert_eq!(ticket().header("X-CSRF-Token", "guess").send().await.unwrap().status(), 403);
    let cross = ticket().header("X-CSRF-Token", csrf).header("Sec-Fetch-Site", "cross-site");
    assert_eq!(cross.send().await.unwrap().status(), 403);
    assert_eq!(ticket().header("X-CSRF-Token", csrf).send().await.unwrap().status(), 200);
    let me = app.get("/api/v1/me").header("Cookie", cookie).send().await.unwrap();
    assert_eq!(me.json::<Value>().await.unwrap()["csrf"], body["csrf"]);
    let forged = app.get("/api/v1/me").header("Cookie", "yizhan_session=demo.guess").send().await.unwrap();
    assert_eq!(forged.status(), 401);
}

/// S23: idle for half an hour, twelve hours at the most, twenty browsers.
#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_end_by_idleness_age_and_number() {
    let app = TestApp::start().await;
    let alive = async |login: &Login| {
        app.get("/api/v1/me").header("Cookie", &login.cookie).send().await.unwrap().status() == 200
    };
    let li = Login::of(&app, "demo", "li", app.password("li")).await;
    for _ in 0..3 {
        app.let_pass(Duration::from_secs(29 * 60));
        assert!(alive(&li).await, "it is used");
    }
    app.let_pass(Duration::from_secs(31 * 60));
    assert!(!alive(&li).await, "idle");
    let old = Login::of(&app, "demo", "li", app.password("li")).await;
    for _ in 0..25 {
        app.let_pass(Duration::from_secs(29 * 60));
        alive(&old).await;
    }
    assert!(!alive(&old).await, "older than twelve hours");
    let mut browsers = Vec::new();
    for _ in 0..21 {
        browsers.push(Login::of(&app, "demo", "li", app.password("li")).await);
        app.let_pass(Duration::from_secs(1));
    }
    assert!(!alive(&browsers[0]).await, "the oldest made room");
    assert!(alive(&browsers[1]).await && alive(&browsers[20]).await);
}

/// xI10: a visitor's token belongs to its site, and only listed pages get one.
#[tokio::test(flavor = "multi_thread")]
async fn visitors_are_bound_to_their_site() {
    let app = TestApp::start().await;
    let ask = async |account: &str, visitor: Option<&str>, origin: &str| {
        let body = json!({ "account": account, "visitor": visitor });
        let url = format!("{}/api/v1/visitor/ticket", app.base());
        app.http().post(url).header("Origin", origin).json(&body).send().await.unwrap()
    };
    let site = "http://localhost:8080";
    let first: Value = ask("demo.site", None, site).await.json().await.unwrap();
    let token = first["visitor"].as_str().unwrap();
    assert_eq!(ask("demo.site", Some(token), site).await.json::<Value>().await.unwrap()["visitor"], token);
    assert_eq!(ask("demo.site", Some("guess.guess"), site).await.status(), 401);
    for (account, origin) in
        [("demo.site", "https://evil.example"), ("demo.oa", site), ("demo.none", site), ("x.y", site)]
    {
        assert_eq!(ask(account, None, origin).await.status(), 403, "{account} {origin}");
    }
}
