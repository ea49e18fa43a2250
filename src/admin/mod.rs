//! Use cases of the admin API and the command-line tools.

pub mod asyncapi;
pub mod call;
pub mod faq;
pub mod flow;
pub mod office;
pub mod openapi;
pub mod page;
pub mod problem;
pub mod tenant;
pub mod trace;
pub mod xmpp;
