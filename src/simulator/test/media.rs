//! Media both ways, and what the upload refuses.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};

use super::{APPID, House, OTHER, SOON};
use crate::simulator::Kind;
use crate::simulator::blob::THUMB;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nrest";

fn form(name: &str, filename: &str, bytes: &[u8]) -> Vec<u8> {
    let head =
        format!("--B\r\nContent-Disposition: form-data; name=\"{name}\"{filename}\r\nContent-Type: image/png\r\n\r\n");
    [head.as_bytes(), bytes, b"\r\n--B--\r\n"].concat()
}

async fn upload(house: &House, token: &str, kind: &str, body: Vec<u8>) -> Value {
    let url = format!("{}/cgi-bin/media/upload?access_token={token}&type={kind}", house.base);
    let request = house.http.post(url).header("Content-Type", "multipart/form-data; boundary=B").body(body);
    request.send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn a_picture_from_the_phone_can_be_fetched_for_three_days_by_its_account() {
    let house = House::open();
    let actor = house.follower("o1").await;
    let push = actor.sends("image", PNG).unwrap();
    let body = actor.settled(&push, SOON).await.unwrap().body;
    let between = |open: &str| body.split(open).nth(1).unwrap().split("]]>").next().unwrap().to_owned();
    let (id, address) = (between("<MediaId><![CDATA["), between("<PicUrl><![CDATA["));
    assert_eq!(house.http.get(address).send().await.unwrap().bytes().await.unwrap().as_ref(), PNG);
    let fetch = |token: String| {
        let url = format!("{}/cgi-bin/media/get?access_token={token}&media_id={id}", house.base);
        house.http.get(url).send()
    };
    let (token, foreign) = (house.token(APPID).await, house.token(OTHER).await);
    let response = fetch(token.clone()).await.unwrap();
    assert_eq!(response.headers()["content-type"], "image/png");
    assert!(response.headers()["content-disposition"].to_str().unwrap().starts_with("attachment; filename="));
    assert_eq!(response.bytes().await.unwrap().as_ref(), PNG);
    let refused = fetch(foreign).await.unwrap();
    assert_eq!((refused.status().as_u16(), refused.headers()["content-type"].to_str().unwrap()), (200, "text/plain"));
    assert_eq!(refused.json::<Value>().await.unwrap()["errcode"], 40007);
    house.clock.turn(Duration::from_secs(3 * 24 * 3600));
    let token = house.token(APPID).await;
    assert_eq!(fetch(token).await.unwrap().json::<Value>().await.unwrap()["errcode"], 40007);
}

#[tokio::test]
async fn a_video_is_fetched_by_an_address_and_a_voice_has_a_finer_twin() {
    let house = House::open();
    let actor = house.follower("o1").await;
    let token = house.token(APPID).await;
    let film = b"\0\0\0\x18ftypmp42".as_slice();
    let push = actor.sends("video", film).unwrap();
    let body = actor.settled(&push, SOON).await.unwrap().body;
    let id = body.split("<MediaId><![CDATA[").nth(1).unwrap().split("]]>").next().unwrap();
    let answer = house.get(&format!("/cgi-bin/media/get?access_token={token}&media_id={id}")).await;
    let fetched = house.http.get(answer["video_url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(fetched.bytes().await.unwrap().as_ref(), film);
    assert!(body.contains("<ThumbMediaId>"));
    let push = actor.sends("voice", b"#!AMR\n12".as_slice()).unwrap();
    let body = actor.settled(&push, SOON).await.unwrap().body;
    assert!(body.contains("<Format><![CDATA[amr]]></Format><MediaId16K>"), "{body}");
}

#[tokio::test]
async fn an_uploaded_picture_reaches_the_phone() {
    let house = House::open();
    let mut actor = house.follower("o1").await;
    let token = house.token(APPID).await;
    let uploaded = upload(&house, &token, "image", form("media", "; filename=\"a.png\"", PNG)).await;
    assert_eq!(uploaded["type"], "image");
    let id = uploaded["media_id"].as_str().unwrap();
    let image = json!({ "touser": "o1", "msgtype": "image", "image": { "media_id": id } });
    assert_eq!(house.send(&token, &image).await, 0);
    let voice = json!({ "touser": "o1", "msgtype": "voice", "voice": { "media_id": id } });
    assert_eq!(house.send(&token, &voice).await, 40007, "a picture is no voice message");
    let shown = actor.expects(SOON, |message| message.kind == Kind::Image).await.unwrap();
    let path = shown.url.unwrap();
    assert!(path.starts_with("/simulator/blob/"), "{path}");
    let origin = house.base.trim_end_matches("/simulator");
    let fetched = house.http.get(format!("{origin}{path}")).send().await.unwrap();
    assert_eq!(fetched.bytes().await.unwrap().as_ref(), PNG);
}

#[tokio::test]
async fn uploads_are_taken_as_narrowly_as_by_the_platform() {
    let house = House::open();
    let token = house.token(APPID).await;
    let named = "; filename=\"a.png\"";
    let cases = [
        ("image", form("file", named, PNG), 41005),
        ("image", form("media", "", PNG), 41005),
        ("image", form("media", "; filename=\"图.png\"", PNG), 41005),
        ("image", b"junk".to_vec(), 41005),
        ("image", form("media", named, b""), 44001),
        ("image", form("media", named, b"plain text"), 40005),
        ("voice", form("media", named, PNG), 40005),
        ("thumb", form("media", named, &[THUMB, &[0; 64 << 10]].concat()), 45001),
        ("image", form("media", named, &[PNG, &vec![0; 10 << 20]].concat()), 45001),
        ("hologram", form("media", named, PNG), 40004),
    ];
    for (kind, body, code) in cases {
        let answer = upload(&house, &token, kind, body).await;
        assert_eq!(answer["errcode"], code, "{kind} {answer}");
    }
    let thumb = upload(&house, &token, "thumb", form("media", "; filename=\"t.jpg\"", THUMB)).await;
    assert!(thumb["thumb_media_id"].is_string(), "{thumb}");
}

#[tokio::test]
async fn a_form_in_chunks_is_refused_with_412() {
    let house = House::open();
    let token = house.token(APPID).await;
    let body = Bytes::from(form("media", "; filename=\"a.png\"", PNG));
    let chunks = reqwest::Body::wrap_stream(stream::iter([Ok::<_, std::io::Error>(body)]));
    let url = format!("{}/cgi-bin/media/upload?access_token={token}&type=image", house.base);
    let request = house.http.post(url).header("Content-Type", "multipart/form-data; boundary=B").body(chunks);
    assert_eq!(request.send().await.unwrap().status(), 412);
}
