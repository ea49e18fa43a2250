//! Access tokens over HTTP. Their life itself is tested where it is written.

use std::time::Duration;

use serde_json::{Value, json};

use super::{APPID, House, OTHER, SECRET};

fn code(answer: &Value) -> i64 {
    assert!(answer["errmsg"].as_str().unwrap().contains(" rid: "), "{answer}");
    answer["errcode"].as_i64().unwrap()
}

#[tokio::test]
async fn requests_for_a_token_are_checked_in_order() {
    let house = House::open();
    let ask = |query: &str| {
        let (house, path) = (&house, format!("/cgi-bin/token?{query}"));
        async move { code(&house.get(&path).await) }
    };
    assert_eq!(ask("appid=x&secret=y").await, 40002);
    assert_eq!(ask("grant_type=client_credential&secret=y").await, 41002);
    assert_eq!(ask(&format!("grant_type=client_credential&appid={APPID}")).await, 41004);
    assert_eq!(ask("grant_type=client_credential&appid=wxnobody&secret=y").await, 40013);
    assert_eq!(ask(&format!("grant_type=client_credential&appid={APPID}&secret=y")).await, 40125);
    assert_eq!(code(&house.get("/cgi-bin/stable_token").await), 43002);
    assert_eq!(code(&house.post_text("/cgi-bin/stable_token", String::new()).await), 44002);
    assert_eq!(code(&house.post_text("/cgi-bin/stable_token", "{".into()).await), 47001);
}

#[tokio::test]
async fn a_token_lives_its_time_and_is_told_apart_from_foreign_ones() {
    let house = House::open();
    let token = house.token(APPID).await;
    assert_eq!(token, house.token(APPID).await, "stable");
    let ips = |token: &str| {
        let path = format!("/cgi-bin/getcallbackip?access_token={token}");
        let house = &house;
        async move { house.get(&path).await }
    };
    assert!(ips(&token).await["ip_list"].is_array());
    assert_eq!(code(&ips("").await), 41001);
    assert_eq!(code(&ips("what").await), 40014);
    assert_eq!(code(&ips(&format!("99_{}", "x".repeat(136))).await), 40001);
    house.clock.turn(Duration::from_secs(7200));
    assert_eq!(code(&ips(&token).await), 42001);
    assert_ne!(token, house.token(APPID).await);
}

#[tokio::test]
async fn the_older_end_point_replaces_and_force_invalidates() {
    let house = House::open();
    let path = format!("/cgi-bin/token?grant_type=client_credential&appid={APPID}&secret={SECRET}");
    let first = house.get(&path).await["access_token"].as_str().unwrap().to_owned();
    let second = house.get(&path).await["access_token"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    let check = |token: &str| {
        let (house, path) = (&house, format!("/cgi-bin/getcallbackip?access_token={token}"));
        async move { house.get(&path).await }
    };
    assert!(check(&first).await["ip_list"].is_array());
    house.clock.turn(Duration::from_secs(301));
    assert_eq!(code(&check(&first).await), 40001);
    assert!(check(&second).await["ip_list"].is_array());
    let stable = house.token(APPID).await;
    let force = json!({ "grant_type": "client_credential", "appid": APPID, "secret": SECRET, "force_refresh": true });
    house.post("/cgi-bin/stable_token", &force).await;
    assert_eq!(code(&check(&stable).await), 40001);
    assert!(check(&second).await["ip_list"].is_array(), "the end points leave each other alone");
}

#[tokio::test]
async fn daily_limits_are_counted_and_cleared() {
    let house = House::with(|account| {
        account.temper.quotas.insert("/cgi-bin/user/get".into(), 2);
    });
    let token = house.token(APPID).await;
    let path = format!("/cgi-bin/user/get?access_token={token}");
    for _ in 0..2 {
        assert_eq!(house.get(&path).await["total"], 0);
    }
    assert_eq!(code(&house.get(&path).await), 45009);
    let quota = house
        .post(&format!("/cgi-bin/openapi/quota/get?access_token={token}"), &json!({ "cgi_path": "/cgi-bin/user/get" }))
        .await;
    assert_eq!(quota["quota"], json!({ "daily_limit": 2, "used": 2, "remain": 0 }));
    let clear = format!("/cgi-bin/clear_quota?access_token={token}");
    assert_eq!(code(&house.post(&clear, &json!({ "appid": OTHER })).await), 40013);
    for _ in 0..10 {
        assert_eq!(house.post(&clear, &json!({ "appid": APPID })).await["errcode"], 0);
    }
    assert_eq!(house.get(&path).await["total"], 0);
    assert_eq!(code(&house.post(&clear, &json!({ "appid": APPID })).await), 48006);
}

#[tokio::test]
async fn a_request_id_is_explained_to_its_own_account() {
    let house = House::open();
    let (token, foreign) = (house.token(APPID).await, house.token(OTHER).await);
    let refused = house.get(&format!("/cgi-bin/user/info?access_token={token}&openid=nobody")).await;
    assert_eq!(code(&refused), 40003);
    let rid = refused["errmsg"].as_str().unwrap().split(" rid: ").nth(1).unwrap().to_owned();
    let ask = |token: &str, rid: &str| {
        let path = format!("/cgi-bin/openapi/rid/get?access_token={token}");
        let (house, body) = (&house, json!({ "rid": rid }));
        async move { house.post(&path, &body).await }
    };
    let explained = ask(&token, &rid).await;
    assert_eq!(explained["request"]["request_url"], "GET /cgi-bin/user/info");
    assert_eq!(code(&ask(&foreign, &rid).await), 76003);
    assert_eq!(code(&ask(&token, "00000000-00000000-00000000").await), 76001);
    assert_eq!(code(&ask(&token, "what").await), 76002);
}

#[tokio::test]
async fn only_listed_addresses_get_a_token() {
    let house = House::with(|account| account.temper.ip_whitelist = Some(vec!["192.0.2.1".parse().unwrap()]));
    let body = json!({ "grant_type": "client_credential", "appid": APPID, "secret": SECRET });
    let refused = house.post("/cgi-bin/stable_token", &body).await;
    assert_eq!(code(&refused), 40164);
    assert!(refused["errmsg"].as_str().unwrap().starts_with("invalid ip 127.0.0.1 "), "{refused}");
}

#[tokio::test]
async fn error_codes_may_be_texts() {
    let house = House::with(|account| account.temper.string_errcode = true);
    let token = house.token(APPID).await;
    let refused = house.get(&format!("/cgi-bin/user/info?access_token={token}&openid=nobody")).await;
    assert_eq!(refused["errcode"], "40003");
}
