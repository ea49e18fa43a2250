//! What people ask over HTTP before they have a socket: signing in, tickets.

use anyhow::Context as _;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::World;
use crate::history::{Kind, What};
use crate::system::declare::{Firm, PASSWORD, SITE};

/// A signed-in browser.
#[derive(Debug, Clone)]
pub struct SignedIn {
    cookie: String,
    csrf: String,
}

impl World {
    /// The gateway as browsers see it.
    pub fn origin(&self) -> String {
        format!("http://{}", self.front)
    }

    fn post(&self, path: &str, origin: &str, body: &Value) -> RequestBuilder {
        self.http.post(format!("http://{}{path}", self.front)).header("Origin", origin).json(body)
    }

    /// Sends a request on behalf of somebody, and writes a server error down.
    async fn ask(&self, who: &str, request: RequestBuilder) -> anyhow::Result<reqwest::Response> {
        let answer = request.send().await?;
        let status = answer.status();
        if status.is_server_error() {
            let mut line = self.journal.line(who, Kind::Info, What::Socket);
            (line.http, line.arg) = (Some(status.as_u16()), answer.url().path().to_owned());
            self.journal.write(&line);
        }
        anyhow::ensure!(status.is_success(), "{} answers {status}", answer.url().path());
        Ok(answer)
    }

    /// Signs an agent in.
    pub async fn sign_in(&self, who: &str, firm: &Firm, login: &str) -> anyhow::Result<SignedIn> {
        let body = json!({ "tenant": firm.id, "login": login, "password": PASSWORD });
        let answer = self.ask(who, self.post("/api/v1/login", &self.origin(), &body)).await?;
        let cookie = answer.headers().get("set-cookie").context("no cookie")?.to_str()?;
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        let body: Value = answer.json().await?;
        Ok(SignedIn { cookie, csrf: text(&body, "csrf").context("no csrf")?.to_owned() })
    }

    /// A ticket of a signed-in agent.
    pub async fn ticket(&self, who: &str, signed_in: &SignedIn) -> anyhow::Result<String> {
        let request = self.post("/api/v1/ticket", &self.origin(), &json!({}));
        let request = request.header("Cookie", &signed_in.cookie).header("X-CSRF-Token", &signed_in.csrf);
        let body: Value = self.ask(who, request).await?.json().await?;
        Ok(text(&body, "ticket").context("no ticket")?.to_owned())
    }

    /// A visitor's ticket, and what the browser keeps.
    pub async fn visit(&self, who: &str, firm: &Firm, visitor: Option<&str>) -> anyhow::Result<(String, String)> {
        let mut body = json!({ "account": format!("{}.site", firm.id) });
        if let (Some(visitor), Some(fields)) = (visitor, body.as_object_mut()) {
            fields.insert("visitor".to_owned(), visitor.into());
        }
        let body: Value = self.ask(who, self.post("/api/v1/visitor/ticket", SITE, &body)).await?.json().await?;
        let ticket = text(&body, "ticket").context("no ticket")?.to_owned();
        Ok((ticket, text(&body, "visitor").context("no visitor")?.to_owned()))
    }
}

/// A text of an object.
pub fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str)
}

/// A number of an object.
pub fn number(value: &Value, name: &str) -> Option<i64> {
    value.get(name).and_then(Value::as_i64)
}
