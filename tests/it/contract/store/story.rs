//! The thread that everything hangs on, with PostgreSQL below it.

use yizhan::simulator::Via;

use crate::support::service::{Kind, Service};
use crate::support::{Agent, PATIENCE, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn a_wechat_message_reaches_an_agent_and_the_answer_reaches_wechat_on_postgres() {
    let service = Service::start(Kind::Postgres, &[]);
    let app = TestApp::with().postgres(&service).start().await;
    let mut li = Agent::ready(&app, "li").await;
    let mut phone = app.phone("o1-postgres");
    phone.follows().unwrap();
    let greeting = phone.expects(PATIENCE, |m| m.via == Via::Passive).await.unwrap();
    assert!(greeting.text.is_some(), "the greeting rides in the passive slot");

    phone.says("你好,我的信用卡账单不对").unwrap();
    let conv = li.takes_offer().await["conv"].clone();
    let sent = li.says(&conv, "您好,我来帮您查一下 😊").await;
    phone.expects_text("您好,我来帮您查一下 😊", PATIENCE).await.unwrap();
    li.expects_receipt(&sent["id"], "delivered").await;
    phone.says("谢谢").unwrap();
    li.expects_text("谢谢").await;
}
