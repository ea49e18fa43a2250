//! A program with a key, or an administrator's browser, and the gateway that they talk to.

use serde_json::Value;

use crate::support::{Login, TestApp};

/// The key of the fixture's tenant.
pub const KEY: &str = "yz_demo_0123456789abcdef0123456789abcdef";
/// A key of the same tenant that may not change settings.
pub const LOW: &str = "yz_demo_00112233445566778899aabbccddeeff";

/// The fixture with a robot, keys, and an administrator.
pub fn declared(toml: &str) -> String {
    let more = format!(
        "[robot]\nadapter = \"faq\"\n\
         [[api_key]]\nid = \"crm\"\nkey = \"{KEY}\"\nrole = \"admin\"\n\
         [[api_key]]\nid = \"low\"\nkey = \"{LOW}\"\nrole = \"supervisor\"\n\
         [[agent]]\nid = \"root\"\nlogin = \"root\"\nname = \"管理员\"\npassword = \"correct horse battery\"\n\
         role = \"admin\"\ncapacity = 1\nqueues = []\n[policy]"
    );
    toml.replace("[policy]", &more)
}

/// A gateway with that tenant.
pub async fn app() -> TestApp {
    TestApp::with().declared(|toml| declared(&toml)).start().await
}

/// Who asks.
pub struct Client<'a> {
    app: &'a TestApp,
    headers: Vec<(&'static str, String)>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
    /// The body, if it is JSON.
    pub json: Value,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// The fields, with lines where there are any, that a problem names.
    pub fn errors(&self) -> Vec<(u64, String)> {
        let errors = self.json["errors"].as_array().cloned().unwrap_or_default();
        let place = |error: &Value| {
            (error["line"].as_u64().unwrap_or(0), error["field"].as_str().unwrap_or_default().to_owned())
        };
        errors.iter().map(place).collect()
    }

    /// The body without what differs from request to request.
    pub fn bare(&self) -> Value {
        let mut json = self.json.clone();
        if let Some(fields) = json.as_object_mut() {
            fields.remove("request_id");
        }
        json
    }

    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        if status >= 400 {
            assert_eq!(self.header("content-type"), "application/problem+json");
            assert_eq!(self.json["status"], status);
        }
        self
    }
}

impl<'a> Client<'a> {
    /// A program with the tenant's key.
    pub fn new(app: &'a TestApp) -> Self {
        Self::with_key(app, KEY)
    }

    pub fn with_key(app: &'a TestApp, key: &str) -> Self {
        Self::nobody(app).with("Authorization", &format!("Bearer {key}"))
    }

    pub fn nobody(app: &'a TestApp) -> Self {
        Self { app, headers: Vec::new() }
    }

    /// A browser in which somebody has signed in. Its pages prove that they are ours.
    pub async fn browser(app: &'a TestApp, login: &str) -> Self {
        let signed_in = Login::of(app, "demo", login, app.password(login)).await;
        Self::nobody(app).with("Cookie", &signed_in.cookie).with("X-CSRF-Token", &signed_in.csrf)
    }

    /// The same with a header line more.
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    /// The same without a header line.
    pub fn without(mut self, name: &'static str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self
    }

    pub async fn ask(&self, method: &str, path: &str, body: Option<(&str, Vec<u8>)>) -> Answer {
        let method = reqwest::Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        let mut request = self.app.http().request(method, format!("{}{path}", self.app.base()));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if let Some((kind, bytes)) = body {
            request = request.header("Content-Type", kind).body(bytes);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let json = serde_json::from_str(&text).unwrap_or_default();
        Answer { status, headers, text, json }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, None).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.ask("DELETE", path, None).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask("POST", path, Some(("application/json", body.to_string().into_bytes()))).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.ask("PUT", path, Some(("application/json", body.to_string().into_bytes()))).await
    }

    /// Sends a table.
    pub async fn table(&self, query: &str, csv: &str) -> Answer {
        let path = format!("/api/v1/faq/import{query}");
        self.ask("POST", &path, Some(("text/csv; charset=utf-8", csv.as_bytes().to_vec()))).await
    }
}
