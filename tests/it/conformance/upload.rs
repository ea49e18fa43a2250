//! Group J: putting and getting blobs.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{TestApp, Visitor};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and the rest of the picture";

async fn grant(visitor: &mut Visitor, name: &str) -> Value {
    visitor.socket.request("upload", json!({ "name": name, "size": 100, "mime": "image/png" })).await.expect("a grant")
}

async fn put(app: &TestApp, grant: &Value, bytes: Vec<u8>) -> reqwest::Response {
    let url = format!("{}{}", app.base(), grant["upload_url"].as_str().unwrap());
    app.http().put(url).body(bytes).send().await.unwrap()
}

/// A picture goes there and back; xJ11 on the way.
#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_put_once_and_got_by_a_signed_address() {
    let app = TestApp::start().await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    let permit = grant(&mut visitor, "图.png").await;
    let answer = put(&app, &permit, PNG.to_vec()).await;
    assert_eq!(answer.status(), 200);
    let media = answer.json::<Value>().await.unwrap()["media"].clone();
    assert_eq!((&media["mime"], &media["size"]), (&json!("image/png"), &json!(PNG.len())));
    assert_eq!(put(&app, &permit, PNG.to_vec()).await.status(), 409, "once");
    let url = media["url"].as_str().unwrap();
    let got = app.get(url).send().await.unwrap();
    assert_eq!(got.headers()["content-type"], "image/png");
    assert_eq!(got.headers()["content-disposition"], "inline; filename*=UTF-8''%E5%9B%BE.png");
    assert_eq!(got.headers()["content-security-policy"], "default-src 'none'; sandbox");
    assert_eq!(got.headers()["x-content-type-options"], "nosniff");
    assert_eq!(got.bytes().await.unwrap(), PNG);
    let part = app.get(url).header("Range", "bytes=1-3").send().await.unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.headers()["content-range"], format!("bytes 1-3/{}", PNG.len()));
    assert_eq!(part.bytes().await.unwrap(), &b"PNG"[..]);
    let many = app.get(url).header("Range", format!("bytes={}", ["0-"; 1_000].join(","))).send().await.unwrap();
    assert_eq!(many.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    for altered in [url.replace("t=demo", "t=other"), url.replace("sig=", "sig=A"), url.replace("exp=", "exp=1")] {
        assert_eq!(app.get(&altered).send().await.unwrap().status(), 403, "{altered}");
    }
    assert_eq!(app.get("/media/m_none?t=demo&exp=1&sig=x").send().await.unwrap().status(), 404);
    app.let_pass(std::time::Duration::from_secs(3 * 86_400));
    assert_eq!(app.get(url).send().await.unwrap().status(), 403, "expired");
}

/// xJ1, xJ2, xJ5: what bytes are is told by the bytes; what might run is only downloaded.
#[tokio::test(flavor = "multi_thread")]
async fn what_might_run_is_only_downloaded() {
    let app = TestApp::start().await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    let cases: [&[u8]; 3] = [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<!doctype html><script>alert(1)</script>",
        b"%PDF-1.7 with a script",
    ];
    for bytes in cases {
        let permit = grant(&mut visitor, "picture.png").await;
        let media = put(&app, &permit, bytes.to_vec()).await.json::<Value>().await.unwrap()["media"].clone();
        let got = app.get(media["url"].as_str().unwrap()).send().await.unwrap();
        assert_eq!(got.headers()["content-type"], "application/octet-stream");
        assert!(got.headers()["content-disposition"].to_str().unwrap().starts_with("attachment"));
    }
}

/// xJ4: sizes; and a grant is needed.
#[tokio::test(flavor = "multi_thread")]
async fn sizes_and_grants_are_enforced() {
    let app = TestApp::start().await;
    let mut visitor = Visitor::arrives(&app, "w1").await;
    let permit = grant(&mut visitor, "a").await;
    assert_eq!(put(&app, &permit, Vec::new()).await.status(), 422);
    assert_eq!(put(&app, &permit, vec![b'x'; 5 << 20]).await.status(), 200);
    let permit = grant(&mut visitor, "b").await;
    let large = app
        .http()
        .put(format!("{}{}", app.base(), permit["upload_url"].as_str().unwrap()))
        .header("Content-Length", (25_u64 << 20).to_string())
        .body(vec![b'x'; 25 << 20])
        .send()
        .await;
    // The answer comes while the body is still being sent: the client may see the cut before it.
    assert!(large.is_err() || large.unwrap().status() == 413);
    let streamed = futures_util::stream::iter((0..400).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 65_536])));
    let url = format!("{}{}", app.base(), permit["upload_url"].as_str().unwrap());
    let endless = app.http().put(&url).body(reqwest::Body::wrap_stream(streamed)).send().await;
    assert!(endless.is_err() || endless.unwrap().status() == 413);
    let forged = url.replace("sig=", "sig=A");
    assert_eq!(app.http().put(forged).body("x").send().await.unwrap().status(), 403);
    assert_eq!(app.http().put(&url).body("x").send().await.unwrap().status(), 200, "the grant was not used up");
    let parts = std::fs::read_dir(app.dir().join("media/part")).unwrap().count();
    assert_eq!(parts, 0, "nothing half-done stays");
}
