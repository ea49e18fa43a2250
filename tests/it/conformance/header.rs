//! What every answer carries (S12, S16, S20), and what is not there (xH11, xH22).

use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_the_security_headers() {
    let app = TestApp::start().await;
    for path in ["/livez", "/readyz", "/metrics", "/api/v1/me", "/nowhere", "/media/x", "/ws/agent", "/console/"] {
        let answer = app.get(path).send().await.unwrap();
        let headers = answer.headers();
        let is = |name: &str, value: &str| assert_eq!(headers[name], value, "{path}: {name}");
        is("x-content-type-options", "nosniff");
        is("referrer-policy", "no-referrer");
        is("cross-origin-opener-policy", "same-origin");
        assert!(headers.contains_key("content-security-policy") && headers.contains_key("x-request-id"), "{path}");
        assert!(!headers.contains_key("server"), "{path}");
        if path != "/console/" {
            is("cache-control", "no-store");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_addresses_and_methods_are_plain_problems() {
    let app = TestApp::start().await;
    for path in ["/debug", "/.git/config", "/actuator", "/console/../../etc/passwd", "/console/missing.js", "/%00"] {
        let answer = app.get(path).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
        assert_eq!(answer.json::<serde_json::Value>().await.unwrap()["code"], "not_found");
    }
    let trace = reqwest::Method::from_bytes(b"TRACE").unwrap();
    for (method, path) in
        [(trace, "/api/v1/login"), (reqwest::Method::DELETE, "/livez"), (reqwest::Method::GET, "/api/v1/ticket")]
    {
        let answer = app.http().request(method.clone(), format!("{}{path}", app.base())).send().await.unwrap();
        assert_eq!(answer.status(), 405, "{method} {path}");
    }
    let preflight = app
        .http()
        .request(reqwest::Method::OPTIONS, format!("{}/api/v1/login", app.base()))
        .header("Origin", "null")
        .header("Access-Control-Request-Method", "POST")
        .send()
        .await
        .unwrap();
    assert!(!preflight.headers().contains_key("access-control-allow-origin"));
}
