//! The actors of the stories: an app with everything real, agents, visitors, phones. They act through public faces.

pub mod agent;
pub mod app;
pub mod broker;
pub mod clerk;
pub mod cluster;
pub mod platform;
pub mod relay;
pub mod service;
pub mod socket;
pub mod visitor;
pub mod xmpp;

pub use agent::{Agent, Login};
pub use app::TestApp;
pub use broker::Broker;
pub use cluster::Cluster;
pub use socket::{PATIENCE, Socket};
pub use visitor::Visitor;
pub use xmpp::Person;

/// Makes tests of stories that are told with two doors into one system: both doors are the same node.
macro_rules! with_one_node {
    ($($story:ident),+ $(,)?) => {
        mod with_one_node {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $story() {
                let app = crate::support::TestApp::start().await;
                super::$story(&app, &app).await;
            })+
        }
    };
}

/// Makes tests of the same stories: the doors are two nodes of a cluster.
macro_rules! with_two_nodes {
    ($of:path: $($story:ident),+ $(,)?) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $story() {
            use $of as stories;
            let cluster = crate::support::Cluster::start().await;
            stories::$story(cluster.node(1), cluster.node(2)).await;
        })+
    };
}

pub(crate) use {with_one_node, with_two_nodes};
