//! What the phone page sees: accounts, phones, the stream and its replay.

use futures_util::StreamExt;
use serde_json::{Value, json};

use super::gateway::Tell;
use super::{APPID, GH_ID, House, SOON};

/// Reads stream events until `count` have come: (id, name, data).
async fn stream(house: &House, openid: &str, last: Option<u64>, count: usize) -> Vec<(u64, String, Value)> {
    let mut request = house.http.get(format!("{}/api/phone/{openid}/events", house.base));
    if let Some(last) = last {
        request = request.header("Last-Event-ID", last.to_string());
    }
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut chunks = response.bytes_stream();
    let mut text = String::new();
    let mut events = Vec::new();
    while events.len() < count {
        let chunk = tokio::time::timeout(SOON, chunks.next()).await.unwrap().unwrap().unwrap();
        text.push_str(std::str::from_utf8(&chunk).unwrap());
        while let Some((frame, rest)) = text.split_once("\n\n") {
            let field = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
            if let (Some(id), Some(name), Some(data)) = (field("id: "), field("event: "), field("data: ")) {
                events.push((id.parse().unwrap(), name, serde_json::from_str(&data).unwrap()));
            }
            text = rest.to_owned();
        }
    }
    events
}

async fn act(house: &House, openid: &str, verb: &str, body: Value) -> (u16, Value) {
    let url = format!("{}/api/phone/{openid}/{verb}", house.base);
    let response = house.http.post(url).body(body.to_string()).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn a_page_follows_talks_and_reads_its_stream() {
    let house = House::open();
    let accounts = house.get("/api/accounts").await;
    assert_eq!(accounts[0], json!({ "appid": APPID, "gh_id": GH_ID, "name": "示例公众号", "menu": [] }));
    let openid = house.post("/api/phone", &json!({ "appid": APPID })).await["openid"].as_str().unwrap().to_owned();
    assert_eq!(openid.len(), 28);
    let phone = house.get(&format!("/api/phone/{openid}")).await;
    assert_eq!((&phone["following"], &phone["messages"]), (&json!(false), &json!([])));
    assert_eq!(act(&house, &openid, "text", json!({ "content": "hi" })).await.1["code"], "not_following");
    house.gateway.tell([Tell::Text("欢迎".into()), Tell::Text("在".into())]);
    let (status, followed) = act(&house, &openid, "follow", json!({})).await;
    assert_eq!(status, 202);
    let mut events = stream(&house, &openid, Some(0), 3).await;
    assert_eq!(events.remove(0), (1, "state".to_owned(), json!({ "following": true })));
    assert_eq!(
        (events[0].1.as_str(), &events[0].2["text"], &events[0].2["via"]),
        ("message", &json!("欢迎"), &json!("passive"))
    );
    assert_eq!((events[1].1.as_str(), &events[1].2), ("state", &json!({ "id": followed["id"], "state": "sent" })));
    let (_, said) = act(&house, &openid, "text", json!({ "content": "在吗" })).await;
    let events = stream(&house, &openid, Some(3), 3).await;
    assert_eq!(events.iter().map(|event| event.0).collect::<Vec<_>>(), [4, 5, 6]);
    assert_eq!(
        (&events[0].2["id"], &events[0].2["from"], &events[0].2["state"]),
        (&said["id"], &json!("me"), &json!("sending"))
    );
    assert_eq!(events[1].2["text"], "在");
    let phone = house.get(&format!("/api/phone/{openid}")).await;
    assert_eq!(phone["messages"].as_array().unwrap().len(), 3);
    assert_eq!(phone["last_event"], 6);
}

#[tokio::test]
async fn a_page_without_a_place_in_the_stream_gets_every_message() {
    let house = House::open();
    let actor = house.follower("o1").await;
    for text in ["a", "b"] {
        let push = actor.says(text).unwrap();
        actor.settled(&push, SOON).await.unwrap();
    }
    for marker in [None, Some(9_999)] {
        let events = stream(&house, "o1", marker, 2).await;
        assert_eq!((&events[0].2["text"], &events[1].2["state"]), (&json!("a"), &json!("sent")));
    }
}

#[tokio::test]
async fn every_act_of_a_page_is_taken() {
    let house = House::open();
    house.follower("o1").await;
    let acts = [
        ("scan", json!({ "scene": 7 })),
        ("text", json!({ "content": "Good", "menu_id": 101 })),
        ("location", json!({ "lat": 1.5, "lon": 2.5, "label": "家" })),
        ("position", json!({ "lat": 1.5, "lon": 2.5 })),
        ("link", json!({ "title": "t", "url": "https://x/" })),
        ("raw", json!({ "fields": { "MsgType": "event", "Event": "hologram" } })),
        ("unfollow", json!({})),
    ];
    for (verb, body) in acts {
        assert_eq!(act(&house, "o1", verb, body).await.0, 202, "{verb}");
    }
    assert_eq!(act(&house, "o1", "dance", json!({})).await.0, 400);
    assert_eq!(act(&house, "nobody", "text", json!({ "content": "x" })).await.0, 404);
    let url = format!("{}/api/phone/o1/media?kind=image", house.base);
    let large = house.http.post(url).body(vec![0; 11 << 20]).send().await.unwrap();
    assert_eq!(large.status(), 413);
    let received = house.gateway.received(8).await;
    assert!(received.iter().any(|delivery| delivery.message.contains("<Location_X>1.500000</Location_X>")));
}

#[tokio::test]
async fn the_workbench_verifies_changes_and_reports() {
    let house = House::open();
    let verified = house.post(&format!("/api/accounts/{APPID}/verify"), &json!({})).await;
    assert_eq!(verified, json!({ "ok": true, "status": 200 }));
    let change = |what: &str, body: Value| {
        house.http.post(format!("{}/api/accounts/{APPID}/{what}", house.base)).body(body.to_string()).send()
    };
    assert_eq!(change("mode", json!({ "mode": "plain", "format": "json" })).await.unwrap().status(), 204);
    assert_eq!(change("key", json!({ "aes_key": "short" })).await.unwrap().status(), 400);
    let actor = house.follower("o1").await;
    assert!(house.gateway.received(1).await[0].message.starts_with('{'));
    assert_eq!(actor.openid(), "o1");
    let ledger = house.get(&format!("/api/ledger?appid={APPID}")).await;
    assert_eq!(ledger["pushes"][0]["event"], "subscribe");
    assert_eq!(ledger["pushes"][0]["answer"]["kind"], "success");
    assert_eq!(house.get("/api/ledger?appid=other").await["pushes"], json!([]));
}

#[tokio::test]
async fn menus_and_codes_made_by_the_gateway_work_on_the_phone() {
    let house = House::open();
    let actor = house.follower("o1").await;
    let token = house.token(APPID).await;
    let menu = json!({ "button": [{ "type": "click", "name": "帮助", "key": "HELP" }] });
    assert_eq!(house.get(&format!("/cgi-bin/menu/get?access_token={token}")).await["errcode"], 46003);
    assert_eq!(house.post(&format!("/cgi-bin/menu/create?access_token={token}"), &menu).await["errcode"], 0);
    assert_eq!(house.get("/api/accounts").await[0]["menu"][0]["key"], "HELP");
    assert_eq!(act(&house, "o1", "menu", json!({ "key": "HELP" })).await.0, 202);
    assert_eq!(act(&house, "o1", "menu", json!({ "key": "OTHER" })).await.0, 404);
    let code = json!({ "expire_seconds": 600, "action_name": "QR_STR_SCENE", "action_info": { "scene": { "scene_str": "shop" } } });
    let made = house.post(&format!("/cgi-bin/qrcode/create?access_token={token}"), &code).await;
    let ticket = made["ticket"].as_str().unwrap();
    let push = act(&house, "o1", "scan", json!({ "scene": "shop" })).await.1["id"].as_str().unwrap().to_owned();
    assert!(actor.settled(&push, SOON).await.unwrap().body.contains(ticket));
    let picture = |ticket: &str| house.http.get(format!("{}/cgi-bin/showqrcode?ticket={ticket}", house.base)).send();
    assert_eq!(picture(ticket).await.unwrap().headers()["content-type"], "image/jpeg");
    assert_eq!(picture("nope").await.unwrap().status(), 404);
    let info = house.get(&format!("/cgi-bin/user/info?access_token={token}&openid=o1")).await;
    assert_eq!((&info["subscribe"], &info["nickname"]), (&json!(1), &json!("")));
    let batch = json!({ "user_list": [{ "openid": "o1", "lang": "zh_CN" }] });
    let batch = house.post(&format!("/cgi-bin/user/info/batchget?access_token={token}"), &batch).await;
    assert_eq!(batch["user_info_list"][0]["openid"], "o1");
    let list = house.get(&format!("/cgi-bin/user/get?access_token={token}")).await;
    assert_eq!(list["data"]["openid"], json!(["o1"]));
}
