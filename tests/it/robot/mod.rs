//! Stories with machines in them: robots that answer first, forms that ask, and people who take over. Numbers are those
//! of the acceptance scenarios. Most are told twice: on one node, and with the customer on one of two and the agent on the
//! other.

mod beside;
mod closed;
mod form;
mod later;
mod odd;
mod order;
mod over;
mod page;
mod program;
mod web;
mod wechat;
mod words;

use yizhan::store::faq::Entry;

use crate::support::app::{Builder, entry};
use crate::support::{Cluster, TestApp};

/// A robot that takes longer than WeChat waits, when it is asked to take its time.
pub const SLOW: &str = r#"adapter = "script"
rules = '''
[[rule]]
when = "慢"
delay_ms = 6000
say = ["让您久等了"]

[[rule]]
when = ".*"
say = ["收到"]
'''
timeout_ms = 12000
"#;

/// What the bank's robot knows.
fn known() -> Vec<Entry> {
    vec![
        entry("card-lost", "银行卡丢了怎么挂失？", "请拨打 95500 或在手机银行办理挂失。"),
        entry("card-limit", "信用卡额度怎么降低？", "在手机银行申请降额。"),
        entry("card-raise", "信用卡额度怎么提高？", "在手机银行申请提额。"),
        entry("opening", "你们几点上班？", "工作日 9:00-17:00。"),
        entry("chat-thanks", "谢谢你", "不客气，很高兴能帮到您。"),
    ]
}

fn declared(text: &str, robot: &str) -> String {
    format!("{text}\n[robot]\nname = \"小驿\"\n{robot}\n")
}

/// A bank whose robot knows a few things.
pub fn bank() -> Builder {
    bank_with("")
}

/// The same with more lines in its robot's section, and perhaps other sections after them.
pub fn bank_with(robot: &str) -> Builder {
    TestApp::with().declared(|text| declared(&text, robot)).knowing(known())
}

/// The same on two nodes.
pub async fn bank_on_two(robot: &str) -> Cluster {
    Cluster::with().declared(|text| declared(&text, robot)).knowing(known()).start().await
}

/// Tells each story on one node and on two; after each the lines that its robot's section has.
macro_rules! tell {
    ($($story:ident with $robot:expr;)+) => {
        mod on_one_node {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $story() {
                let app = crate::robot::bank_with($robot).start().await;
                super::$story(&app, &app).await;
            })+
        }

        mod on_two_nodes {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $story() {
                let cluster = crate::robot::bank_on_two($robot).await;
                super::$story(cluster.node(1), cluster.node(2)).await;
            })+
        }
    };
}
pub(crate) use tell;

/// Tells each story on one node and on two; after each the function that makes its bank's declaration of the fixture's.
macro_rules! tell_of {
    ($($story:ident of $declared:ident;)+) => {
        mod on_one_node {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $story() {
                let app = crate::support::TestApp::with().declared(|text| super::$declared(&text));
                let app = app.knowing(crate::robot::known()).start().await;
                super::$story(&app, &app).await;
            })+
        }

        mod on_two_nodes {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $story() {
                let cluster = crate::support::Cluster::with().declared(|text| super::$declared(&text));
                let cluster = cluster.knowing(crate::robot::known()).start().await;
                super::$story(cluster.node(1), cluster.node(2)).await;
            })+
        }
    };
}
pub(crate) use tell_of;
