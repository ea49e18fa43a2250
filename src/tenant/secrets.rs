//! The secrets of a declaration: where they stand in its text, and what the reader has made of them. Knows no keys.

use std::collections::HashMap;

use toml::{Table, Value};

use super::Tenant;
use super::service::Kind;
use crate::model::account::{ChannelAccount, ChannelSettings};
use crate::model::secret::Secret;

/// The sections that have secrets, with their keys that are.
const PLACES: [(&str, &[&str]); 5] = [
    ("account", &["secret", "token", "token_previous", "aes_key", "aes_key_previous"]),
    ("api_key", &["key"]),
    ("service", &["secret"]),
    ("robot", &["key", "secret", "secret_previous"]),
    ("call", &["secret", "secret_previous", "credential"]),
];

/// Every secret that is written in a declaration, with its path: `robot.key`, `account.oa.token`.
pub(super) fn places(table: &mut Table) -> Vec<(String, &mut Value)> {
    let mut found = Vec::new();
    for (part, value) in table.iter_mut() {
        let Some((_, fields)) = PLACES.iter().find(|(name, _)| name == part) else { continue };
        match value {
            Value::Table(one) => collect(part, one, fields, &mut found),
            Value::Array(all) => {
                for one in all.iter_mut().filter_map(Value::as_table_mut) {
                    let id = one.get("id").and_then(Value::as_str).unwrap_or_default();
                    collect(&format!("{part}.{id}"), one, fields, &mut found);
                }
            }
            _ => {}
        }
    }
    found
}

fn collect<'a>(above: &str, declared: &'a mut Table, fields: &[&str], found: &mut Vec<(String, &'a mut Value)>) {
    let secrets = declared.iter_mut().filter(|(key, _)| fields.contains(&key.as_str()));
    found.extend(secrets.map(|(key, value)| (format!("{above}.{key}"), value)));
}

/// The same secrets by path, with every reference resolved.
pub(super) fn resolved(tenant: &Tenant) -> HashMap<String, &Secret> {
    let account = |account: &ChannelAccount, key: &str| format!("account.{}.{key}", account.id);
    let mut all: HashMap<String, &Secret> = HashMap::new();
    for declared in &tenant.accounts {
        all.extend(of_account(declared).into_iter().map(|(key, secret)| (account(declared, key), secret)));
    }
    all.extend(tenant.api_keys.iter().map(|key| (format!("api_key.{}.key", key.id), &key.key)));
    for service in &tenant.services {
        if let Kind::Http { secret: Some(secret), .. } = &service.kind {
            all.insert(format!("service.{}.secret", service.id), secret);
        }
    }
    let robot = tenant.robot.iter().flat_map(|robot| robot.adapter.secrets());
    all.extend(robot.map(|(key, secret)| (format!("robot.{key}"), secret)));
    let call = tenant.call.iter().flat_map(|call| call.secrets());
    all.extend(call.map(|(key, secret)| (format!("call.{key}"), secret)));
    all
}

fn of_account(account: &ChannelAccount) -> Vec<(&'static str, &Secret)> {
    match &account.channel {
        ChannelSettings::Wechat(wechat) => {
            let optional = [
                ("token_previous", &wechat.token_previous),
                ("aes_key", &wechat.aes_key),
                ("aes_key_previous", &wechat.aes_key_previous),
            ];
            let always = [("secret", &wechat.secret), ("token", &wechat.token)];
            let optional = optional.into_iter().filter_map(|(key, secret)| Some((key, secret.as_ref()?)));
            always.into_iter().chain(optional).collect()
        }
        ChannelSettings::Web(_) => Vec::new(),
        ChannelSettings::Xmpp(xmpp) => vec![("secret", &xmpp.secret)],
    }
}
