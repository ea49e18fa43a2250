//! Sends every row of a table to a running gateway and compares everything that can be seen from outside.

use std::collections::BTreeMap;
use std::net::TcpListener;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::row::{Expected, Row, Table, Transfer};
use crate::outside::callback::{Account, Query, encrypt_oddly, text};
use crate::outside::database::{Database, Message};
use crate::outside::http::{Answer, Connection, exchange, request};
use crate::support::{Agent, TestApp};

/// The counter of rejections.
const METRIC: &str = "yizhan_wechat_rejects_total";
/// The key that the rotated account had before.
const OLD_KEY: &str = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C";

/// A declaration with one account for every mode and format.
pub fn accounts(declaration: &str) -> String {
    let account = |id: &str, n: usize, rest: &str| {
        format!(
            "[[account]]\nid = \"{id}\"\nkind = \"wechat\"\nname = \"{id}\"\nappid = \"wx{n:016x}\"\n\
             gh_id = \"gh_{n:012x}\"\nsecret = \"0123456789abcdef0123456789abcdef\"\ntoken_kind = \"stable\"\n\
             replay_window_s = 0\n{rest}\n"
        )
    };
    let key = format!("aes_key = \"{}\"\n", Account::demo().key);
    let common = format!("token = \"yizhandemotoken\"\n{key}");
    // An offer outlives the test: what is heard is the answer.
    declaration.replace("offer_s = 20", "offer_s = 300")
        + &account("plain", 1, &format!("{common}mode = \"plain\"\nformat = \"xml\""))
        + &account("both", 2, &format!("{common}mode = \"compatible\"\nformat = \"xml\""))
        + &account("json", 3, &format!("{common}mode = \"safe\"\nformat = \"json\""))
        + &account("official", 4, &format!("token = \"AAAAA\"\n{key}mode = \"safe\"\nformat = \"xml\""))
        + &account(
            "rotated",
            5,
            &format!("{common}aes_key_previous = \"{OLD_KEY}\"\nmode = \"safe\"\nformat = \"xml\""),
        )
}

fn account(row: &Row) -> Account {
    let n = ["plain", "both", "json", "official", "rotated"].iter().position(|id| *id == row.account).map(|i| i + 1);
    let mut account = Account::demo();
    if let Some(n) = n {
        account.path = format!("demo.{}", row.account);
        account.appid = format!("wx{n:016x}");
        account.gh_id = format!("gh_{n:012x}");
    } else {
        assert_eq!(row.account, "oa", "{}: no such account", row.id);
    }
    if row.account == "official" {
        "AAAAA".clone_into(&mut account.token);
    }
    if let Some(path) = &row.path {
        account.path.clone_from(path);
    }
    account
}

/// Runs a table; reports every row that differs.
pub async fn run(table: &str) {
    let table: Table = toml::from_str(table).unwrap_or_else(|error| panic!("{error}"));
    let app = TestApp::with().declared(|text| accounts(&text)).settings("[wechat]\ndeadline_ms = 1500\n").start().await;
    let agent = Agent::ready(&app, "wang").await;
    let trap = TcpListener::bind("127.0.0.1:0").unwrap();
    trap.set_nonblocking(true).unwrap();
    let mut bench = Bench {
        database: Database::open(app.dir()),
        address: app.address(),
        trap: trap.local_addr().unwrap().to_string(),
        app,
    };
    let mut wrong = Vec::new();
    for (number, row) in table.row.iter().enumerate() {
        if let Err(how) = bench.try_row(number, row).await {
            wrong.push(format!("{} ({}): {how}", row.id, row.case));
        }
    }
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), table.row.len(), wrong.join("\n"));
    agent.socket.close().await;
    let visitor = trap.accept().map(|(_, from)| from);
    assert_eq!(visitor.unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "an address of a document was called");
    assert_eq!(bench.app.get("/livez").send().await.unwrap().status(), 200, "alive and well");
}

struct Bench {
    app: TestApp,
    database: Database,
    address: String,
    trap: String,
}

/// A row as bytes.
struct Prepared {
    account: Account,
    from: String,
    query: Query,
    body: Vec<u8>,
}

impl Bench {
    async fn try_row(&mut self, number: usize, row: &Row) -> Result<(), String> {
        let prepared = self.prepare(number, row);
        if !row.answer.stored.is_empty() {
            self.introduce(&prepared, number).await;
        }
        let before = (self.database.rows(), self.rejections().await);
        let answer = self.send(row, &prepared).await?;
        let after = (self.database.rows(), self.rejections().await);
        check_answer(&row.answer, &answer, &prepared)?;
        for (table, rows) in &after.0 {
            let more = rows - before.0.get(table).copied().unwrap_or(0);
            let expected = row.answer.stored.get(*table).copied().unwrap_or(0);
            same(&format!("new rows in {table}"), &more, &expected)?;
        }
        let counted: Vec<String> = after.1.iter().flat_map(|(reason, n)| more(reason, *n, &before.1)).collect();
        let expected: Vec<String> = row.answer.reason.iter().cloned().collect();
        same("counted rejections", &counted, &expected)?;
        if row.answer.stored.contains_key("quarantine") {
            same("reason of the quarantine", &self.database.last_quarantine(), &row.answer.reason)?;
        }
        let stored = self.database.messages_of(&prepared.from);
        check_message(&row.answer, stored.last())
    }

    /// Lets the sender say something first, so that the row itself opens neither a conversation nor a session.
    async fn introduce(&self, prepared: &Prepared, number: usize) {
        if prepared.from.len() > 64 || prepared.from.is_empty() {
            return;
        }
        let account = &prepared.account;
        let id = 9_000_000 + u64::try_from(number).unwrap();
        let (nonce, timestamp) = (format!("first{number}"), "1795392000");
        let callback = match account.path.as_str() {
            "demo.plain" => account.plain(text(account, &prepared.from, id, "先").as_bytes(), timestamp, &nonce),
            "demo.json" => {
                let document = json_text(account, &prepared.from, id, "先");
                let encrypt = account.encrypt(document.as_bytes());
                let mut callback = account.safe(b"", timestamp, &nonce);
                callback.query = account.encrypted_query(&encrypt, timestamp, &nonce);
                callback.body = format!("{{\"Encrypt\":\"{encrypt}\"}}").into_bytes();
                callback
            }
            _ => account.safe(text(account, &prepared.from, id, "先").as_bytes(), timestamp, &nonce),
        };
        let answer = exchange(&self.address, &callback.request(account)).await;
        assert_eq!(answer.status, 200, "an ordinary message is taken");
    }

    fn prepare(&self, number: usize, row: &Row) -> Prepared {
        let account = account(row);
        let from = row.document.from.clone().unwrap_or_else(|| format!("o-row-{number}"));
        let document = self.document(number, row, &account, &from);
        let timestamp = row.address.timestamp.clone().unwrap_or_else(|| "1795392073".to_owned());
        let nonce = row.address.nonce.clone().unwrap_or_else(|| format!("n{number}"));
        let signer = Account { token: row.address.token.clone().unwrap_or(account.token.clone()), ..account.clone() };
        let clear = row.envelope.clear || row.account == "plain" || row.method.as_deref() == Some("GET");
        let (mut query, body) = if clear {
            (signer.plain_query(&timestamp, &nonce), document)
        } else {
            let ciphertext = ciphertext(row, &account, &document);
            let json = row.envelope.format.as_deref().map_or(row.account == "json", |format| format == "json");
            let body = envelope(
                &account,
                &row.envelope.beside.replace("{to}", &account.gh_id).replace("{from}", &from),
                &ciphertext,
                json,
            );
            (signer.encrypted_query(&ciphertext, &timestamp, &nonce), body)
        };
        spoil(&mut query, row);
        Prepared { account, from, query, body }
    }

    fn document(&self, number: usize, row: &Row, account: &Account, from: &str) -> Vec<u8> {
        let document = &row.document;
        if let Some(base64) = &document.base64 {
            return STANDARD.decode(base64).unwrap();
        }
        let id = document.msg_id.unwrap_or(1_000_000 + u64::try_from(number).unwrap());
        let content = document.content.as_deref().unwrap_or("你好");
        let text = match (&document.text, row.account == "json") {
            (Some(text), _) => text.clone(),
            (None, true) => json_text(account, from, id, content),
            (None, false) => text(account, from, id, content),
        };
        let text = text
            .replace("{from}", from)
            .replace("{to}", &account.gh_id)
            .replace("{id}", &id.to_string())
            .replace("{trap}", &self.trap);
        let text = match &document.repeat {
            None => text,
            Some(repeat) => {
                let copies: String = (0..repeat.times).map(|i| repeat.by.replace("{i}", &i.to_string())).collect();
                text.replace(&repeat.mark, &copies)
            }
        };
        if document.utf16 {
            return [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        }
        text.into_bytes()
    }

    async fn send(&self, row: &Row, prepared: &Prepared) -> Result<Answer, String> {
        let target = prepared.account.target(&prepared.query);
        let method = row.method.as_deref().unwrap_or("POST");
        let headers: Vec<(&str, &str)> =
            row.header.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut connection = Connection::open(&self.address).await;
        match row.transfer {
            Some(transfer) => send_oddly(&mut connection, transfer, &target, &prepared.body).await,
            None => drop(connection.write(&request(method, &target, &headers, bodied(method, &prepared.body))).await),
        }
        let answer = if method == "HEAD" { connection.head().await } else { connection.answer().await };
        if row.answer.closed {
            let rest = connection.closes().await;
            same("bytes after the answer", &String::from_utf8_lossy(&rest).into_owned(), &String::new())?;
        }
        Ok(answer)
    }

    /// The counter of rejections by reason.
    async fn rejections(&self) -> BTreeMap<String, u64> {
        let text = self.app.get("/metrics").send().await.unwrap().text().await.unwrap();
        let lines = text.lines().filter(|line| line.starts_with(METRIC));
        let pair = |line: &str| {
            let (head, count) = line.rsplit_once(' ')?;
            Some((head.split('"').nth(1)?.to_owned(), count.parse().ok()?))
        };
        lines.map(|line| pair(line).unwrap_or_else(|| panic!("{line}"))).collect()
    }
}

fn bodied<'b>(method: &str, body: &'b [u8]) -> &'b [u8] {
    if matches!(method, "GET" | "HEAD" | "TRACE" | "OPTIONS") { &[] } else { body }
}

fn json_text(account: &Account, from: &str, id: u64, content: &str) -> String {
    serde_json::json!({
        "ToUserName": account.gh_id, "FromUserName": from, "CreateTime": 1_795_392_073, "MsgType": "text",
        "Content": content, "MsgId": id,
    })
    .to_string()
}

fn ciphertext(row: &Row, account: &Account, document: &[u8]) -> String {
    if let Some(ciphertext) = &row.envelope.ciphertext {
        return ciphertext.clone();
    }
    let key = row.envelope.key.as_ref().unwrap_or(&account.key);
    let appid = row.envelope.appid.as_ref().unwrap_or(&account.appid);
    let length = row.envelope.length.unwrap_or(u32::try_from(document.len()).unwrap());
    encrypt_oddly(key, document, appid.as_bytes(), length, row.envelope.padding)
}

fn envelope(account: &Account, beside: &str, ciphertext: &str, json: bool) -> Vec<u8> {
    let to = &account.gh_id;
    if json {
        return serde_json::json!({ "ToUserName": to, "Encrypt": ciphertext }).to_string().into_bytes();
    }
    let beside =
        if beside.is_empty() { format!("<ToUserName><![CDATA[{to}]]></ToUserName>") } else { beside.to_owned() };
    format!("<xml>{beside}<Encrypt><![CDATA[{ciphertext}]]></Encrypt></xml>").into_bytes()
}

fn spoil(query: &mut Query, row: &Row) {
    let address = &row.address;
    let echostr = address.echostr_length.map(|length| "e".repeat(length)).or(address.echostr.clone());
    query.0.extend(echostr.map(|echostr| ("echostr".to_owned(), echostr)));
    if let Some(name) = &address.spoil {
        let value = query.value(name);
        let last = if value.pop() == Some('0') { '1' } else { '0' };
        value.push(last);
    }
    if let Some(name) = &address.upper {
        let value = query.value(name);
        *value = value.to_uppercase();
        assert!(value.contains(|c: char| c.is_ascii_uppercase()), "{}: no letter in this signature", row.id);
    }
    if let Some(name) = &address.shorten {
        query.value(name).pop();
    }
    if let Some(name) = &address.lengthen {
        query.value(name).push('0');
    }
    if let Some(name) = &address.without {
        query.0.retain(|(known, _)| known != name);
    }
    for (name, value) in &address.set {
        query.value(name).clone_from(value);
    }
    query.0.extend(address.again.clone());
}

async fn send_oddly(connection: &mut Connection, transfer: Transfer, target: &str, body: &[u8]) {
    let head = |lines: &str| format!("POST {target} HTTP/1.1\r\nHost: gateway\r\n{lines}\r\n").into_bytes();
    match transfer {
        Transfer::EndlessChunks => {
            connection.write(&head("Transfer-Encoding: chunked\r\n")).await;
            let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
            for _ in 0..20 {
                connection.write(chunk.as_bytes()).await;
            }
        }
        Transfer::LengthAndChunks => {
            let mut bytes = head(&format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n", body.len()));
            bytes.extend_from_slice(b"0\r\n\r\n");
            connection.write(&bytes).await;
        }
        Transfer::TwoLengths => {
            let mut bytes = head(&format!("Content-Length: {}\r\nContent-Length: 5\r\n", body.len()));
            bytes.extend_from_slice(body);
            connection.write(&bytes).await;
        }
        Transfer::Stalls => {
            let mut bytes = head(&format!("Content-Length: {}\r\n", body.len()));
            bytes.extend_from_slice(&body[..1]);
            connection.write(&bytes).await;
        }
        Transfer::ManyHeaders => {
            let lines: String = (0..97).map(|i| format!("X-{i}: 1\r\n")).collect();
            connection.write(&head(&lines)).await;
        }
        Transfer::LargeHeaders => {
            let lines: String = (0..66).map(|i| format!("X-{i}: {}\r\n", "1".repeat(2000))).collect();
            connection.write(&head(&lines)).await;
        }
    }
}

fn check_answer(expected: &Expected, answer: &Answer, prepared: &Prepared) -> Result<(), String> {
    same("status", &answer.status, &expected.status)?;
    let echostr = prepared.query.0.iter().find(|(name, _)| name == "echostr").map_or("", |(_, value)| value);
    same("body", &answer.text(), &expected.body.replace("{echostr}", echostr))?;
    for (name, value) in &expected.header {
        same(name, &answer.header(name), &Some(value.as_str()))?;
    }
    let from_parser = expected.closed && matches!(answer.status, 400 | 431);
    if !from_parser {
        same("x-content-type-options", &answer.header("x-content-type-options"), &Some("nosniff"))?;
        let policy = answer.header("content-security-policy").unwrap_or_default();
        same("policy", &policy.starts_with("default-src 'none'"), &true)?;
    }
    if answer.status == 200 {
        same("content-type", &answer.header("content-type"), &Some("text/plain; charset=utf-8"))?;
    }
    Ok(())
}

fn check_message(expected: &Expected, message: Option<&Message>) -> Result<(), String> {
    if let Some(content) = &expected.content {
        same("content", &message.map(|m| without_nulls(m.content())), &Some(content.clone()))?;
    }
    if let Some(ext_id) = &expected.ext_id {
        same("ext_id", &message.and_then(|m| m.ext_id.clone()), &Some(ext_id.clone()))?;
    }
    if let Some(raw_type) = &expected.raw_type {
        same("raw_type", &message.and_then(|m| m.raw_type.clone()), &Some(raw_type.clone()))?;
    }
    for (field, length) in [("text", expected.content_length), ("title", expected.title_length)] {
        let stored = message.and_then(|m| Some(m.content()["body"][field].as_str()?.len()));
        if length.is_some() {
            same(&format!("length of the {field}"), &stored, &length)?;
        }
    }
    Ok(())
}

/// A content without fields that are null, which a table cannot write.
fn without_nulls(mut content: Value) -> Value {
    if let Some(body) = content["body"].as_object_mut() {
        body.retain(|_, value| !value.is_null());
    }
    content
}

/// The reason, as often as it was counted since `before`.
fn more(reason: &str, now: u64, before: &BTreeMap<String, u64>) -> Vec<String> {
    let times = now - before.get(reason).copied().unwrap_or(0);
    vec![reason.to_owned(); usize::try_from(times).unwrap()]
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, actual: &T, expected: &T) -> Result<(), String> {
    if actual == expected { Ok(()) } else { Err(format!("{what} is {actual:?}, not {expected:?}")) }
}
