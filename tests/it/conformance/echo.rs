//! The echo for conformance suites is not there unless it is asked for.

use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_echo_by_itself() {
    let app = TestApp::start().await;
    assert_eq!(app.get("/ws/echo").send().await.unwrap().status(), 404);
}
