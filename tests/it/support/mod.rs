//! The actors of the stories: an app with everything real, agents, visitors, phones. They act through public faces.

pub mod agent;
pub mod app;
pub mod broker;
pub mod relay;
pub mod service;
pub mod socket;
pub mod visitor;

pub use agent::{Agent, Login};
pub use app::TestApp;
pub use broker::Broker;
pub use socket::{PATIENCE, Socket};
pub use visitor::Visitor;
