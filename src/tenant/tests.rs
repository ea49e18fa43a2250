//! Declarations: the demo's, wrong ones, and the way into the store and back.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use toml::{Table, Value};

use super::*;
use crate::config::Problems;
use crate::model::account::{ChannelSettings, WechatMode};
use crate::secret::{Key, Keyring, password};

const DEMO: &str = include_str!("../../tenants/demo.toml");

fn parse(text: &str) -> Result<Declaration, Problems> {
    Declaration::parse("test.toml", text, &BTreeMap::new(), Path::new(""))
}

fn problems(text: &str) -> Vec<String> {
    parse(text).expect_err("must be refused").iter().map(ToString::to_string).collect()
}

fn ring(keys: &[u8]) -> Keyring {
    let mut keys = keys.iter().map(|&byte| Key::new([byte; 32]));
    Keyring::new(keys.next().unwrap(), keys.collect())
}

fn wechat(tenant: &Tenant) -> &crate::model::account::WechatAccount {
    match &tenant.account(&AccountId::parse("oa").unwrap()).unwrap().channel {
        ChannelSettings::Wechat(wechat) => wechat,
        ChannelSettings::Web(_) | ChannelSettings::Xmpp(_) => panic!("oa is a WeChat account"),
    }
}

#[test]
fn the_demo_is_valid_and_says_the_defaults() {
    let tenant = parse(DEMO).unwrap().tenant;
    assert_eq!((tenant.accounts.len(), tenant.queues.len(), tenant.agents.len()), (2, 2, 2));
    assert_eq!(wechat(&tenant).mode, WechatMode::Safe);
    let queue = tenant.default_queue().unwrap();
    assert_eq!((queue.id.as_str(), queue.offer), ("service", Duration::from_secs(20)));
    assert!(tenant.is_open(queue, Millis(1_795_392_073_482)));

    let mut bare: Table = DEMO.parse().unwrap();
    bare.remove("policy");
    bare.remove("hours");
    let bare = parse(&bare.to_string()).unwrap().tenant;
    assert_eq!(bare.policy, tenant.policy, "the demo states every default of [policy]");
    assert!(bare.hours.is_none());
}

#[test]
fn the_demo_explains_every_word_that_is_read() {
    let sources = [
        include_str!("account.rs"),
        include_str!("agent.rs"),
        include_str!("call.rs"),
        include_str!("policy.rs"),
        include_str!("queue.rs"),
        include_str!("robot.rs"),
        include_str!("service.rs"),
    ];
    let words = sources.iter().flat_map(|source| source.split("(\"").skip(1)).filter_map(|rest| rest.split('"').next());
    let words: Vec<&str> = words.filter(|word| word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')).collect();
    assert!(words.len() > 40, "the reading code looks different now");
    for word in words {
        assert!(DEMO.contains(word), "{word} is not explained in tenants/demo.toml");
    }
}

const WRONG: &str = r#"
id = "no good"
name = ""
lang = "fr"
timezone = "Europe/Berlin"
colour = "red"
[[account]]
id = "oa"
kind = "wechat"
name = "x"
appid = "wx1"
gh_id = "gh_0123456789ab"
secret = "hunter2"
token = "ab"
aes_key = "hunter2"
[[account]]
id = "oa"
kind = "web"
name = "y"
origins = ["https://example.com/", "HTTPS://example.com"]
[[queue]]
id = "q"
name = "q"
offer_s = 1
strategy = "best"
overflow_to = "nowhere"
hours = { mon = ["9-5"] }
[[agent]]
id = "a"
login = "a b"
name = "a"
role = "boss"
capacity = -1
queues = ["q", "r"]
[[agent]]
id = "b"
login = "b"
name = "b"
password = "x"
queues = ["s"]
[policy]
contact_idle_warn_web_s = 300
contact_idle_close_web_s = 300
"#;

#[test]
fn every_problem_is_reported_at_once_with_its_key() {
    let found = problems(WRONG);
    let keys: Vec<&str> = found.iter().map(|problem| problem.split(": ").next().unwrap()).collect();
    let expected = [
        "id",
        "name",
        "lang",
        "timezone",
        "policy.contact_idle_warn_web_s",
        "colour",
        "account[0].appid",
        "account[0].secret",
        "account[0].token",
        "account[0].aes_key",
        "account[1].origins[0]",
        "account[1].origins[1]",
        "queue[0].offer_s",
        "queue[0].strategy",
        "queue[0].overflow_to",
        "queue[0].hours.mon[0]",
        "agent[0].login",
        "agent[0].role",
        "agent[0].capacity",
        "agent[0].password",
        "agent[0].queues[1]",
        "agent[1].queues[0]",
    ];
    for key in expected {
        assert!(keys.contains(&key), "{key} is missing in {found:#?}");
    }
    assert!(!found.join("\n").contains("hunter2"), "{found:#?}");
}

#[test]
fn double_names_and_names_of_nothing_are_refused() {
    let mut demo: Table = DEMO.parse().unwrap();
    let twin = |table: &Table, key: &str| table[key].as_array().unwrap()[0].clone();
    for key in ["account", "queue", "agent"] {
        let first = twin(&demo, key);
        demo[key].as_array_mut().unwrap().push(first);
    }
    demo["agent"].as_array_mut().unwrap()[0]["queues"] = Value::Array(vec!["nowhere".into()]);
    demo["queue"].as_array_mut().unwrap()[1].as_table_mut().unwrap().insert("overflow_to".to_owned(), "vip".into());
    let expected = [
        "account[2].id: stands twice",
        "queue[2].id: stands twice",
        "agent[2].id: stands twice",
        "agent[2].login: stands twice",
        "queue[1].overflow_to: must be another queue",
        "agent[0].queues[0]: is not the id of a queue",
    ];
    assert_eq!(problems(&demo.to_string()), expected);
}

#[test]
fn a_plain_account_needs_no_key_but_warns() {
    let plain = DEMO.replace("mode = \"safe\"", "mode = \"plain\"").replace("aes_key = \"abc", "# aes_key = \"abc");
    let declaration = parse(&plain).unwrap();
    assert!(wechat(&declaration.tenant).aes_key.is_none());
    assert_eq!(declaration.warnings.to_string(), "account[0].mode: is plain: messages arrive unencrypted");
    let keyless = DEMO.replace("aes_key = \"abc", "# aes_key = \"abc");
    assert_eq!(problems(&keyless), ["account[0].aes_key: is required unless mode is \"plain\""]);
}

#[test]
fn a_relay_has_a_secret_or_a_name_and_a_password() {
    let with = |lines: &str| DEMO.replace("turn = []", &format!("turn = [\"turn:turn.example.com:3478\"]\n{lines}"));
    let fixed = with("username = \"yizhan\"\ncredential = \"a password of the relay\"");
    let declaration = parse(&fixed).unwrap();
    let turn = declaration.tenant.call.as_ref().and_then(|call| call.turn.clone()).expect("a relay");
    let call::TurnKey::Fixed { username, credential } = turn.key else { panic!("fixed: {:?}", turn.key) };
    assert_eq!((username.as_str(), credential.expose()), ("yizhan", "a password of the relay"));
    assert!(!declaration.seal(&ring(&[1])).unwrap().contains("a password of the relay"), "it is sealed");
    for (lines, problem) in [
        ("", "call.secret: is required beside turn, or username and credential"),
        ("username = \"yizhan\"", "call.credential: is required: they come together"),
        ("credential = \"word\"", "call.username: is required: they come together"),
        (
            "secret = \"s\"\nusername = \"yizhan\"\ncredential = \"word\"",
            "call.secret: stands beside username or credential: the relay takes the one or the other",
        ),
    ] {
        assert_eq!(problems(&with(lines)), [problem]);
    }
}

#[test]
fn the_stored_form_holds_no_secret_and_opens_again() {
    let declaration = parse(DEMO).unwrap();
    let stored = declaration.seal(&ring(&[1])).unwrap();
    for secret in ["yizhandemotoken", "0123456789abcdef0123456789abcdef", "abcdefghijklmnopqrst", "\"yizhan\""] {
        assert!(!stored.contains(secret), "{secret} stands in\n{stored}");
    }
    let opened = Declaration::open(&stored, 7, &ring(&[1])).unwrap().tenant;
    assert_eq!(opened.version, 7);
    assert_eq!(wechat(&opened).token.expose(), "yizhandemotoken");
    assert_eq!(opened.policy, declaration.tenant.policy);
    let Credential::Hash(hash) = &opened.agents[0].credential else { panic!("must be a hash") };
    assert!(password::verify_password(&crate::model::secret::Secret::new("yizhan".into()), Some(hash)));

    let shown = Declaration::show(&stored).unwrap();
    assert!(shown.contains("••••") && !shown.contains("sealed:") && !shown.contains("argon2"), "{shown}");
}

#[test]
fn a_stored_secret_opens_only_in_its_own_place() {
    let stored = parse(DEMO).unwrap().seal(&ring(&[1])).unwrap();
    let mut table: Table = stored.parse().unwrap();
    let account = table["account"].as_array_mut().unwrap()[0].as_table_mut().unwrap();
    let (secret, token) = (account["secret"].clone(), account["token"].clone());
    account["secret"] = token;
    account["token"] = secret;
    let error = Declaration::open(&table.to_string(), 1, &ring(&[1])).unwrap_err();
    assert!(error.to_string().starts_with("account.oa.secret does not open"), "{error}");

    let moved = stored.replacen("id = \"demo\"", "id = \"shop\"", 1);
    assert!(Declaration::open(&moved, 1, &ring(&[1])).is_err());
    assert!(Declaration::open(&stored, 1, &ring(&[2])).is_err());
}

#[test]
fn rotation_reseals_every_secret() {
    let stored = parse(DEMO).unwrap().seal(&ring(&[1])).unwrap();
    let rotated = Declaration::reseal(&stored, &ring(&[2, 1])).unwrap().expect("sealed under the previous key");
    assert!(!rotated.contains(&format!("v1:{}:", Key::new([1; 32]).id())));
    assert_eq!(Declaration::reseal(&rotated, &ring(&[2, 1])).unwrap(), None);
    assert_eq!(wechat(&Declaration::open(&rotated, 1, &ring(&[2])).unwrap().tenant).token.expose(), "yizhandemotoken");
}

#[test]
fn references_are_resolved_when_a_declaration_is_read() {
    let text = DEMO.replace("secret = \"0123456789abcdef0123456789abcdef\"", "secret = \"env:OA_SECRET\"");
    let env = BTreeMap::from([("OA_SECRET".to_owned(), "f".repeat(32))]);
    let declaration = Declaration::parse("demo.toml", &text, &env, Path::new("")).unwrap();
    let opened = Declaration::open(&declaration.seal(&ring(&[1])).unwrap(), 1, &ring(&[1])).unwrap();
    assert_eq!(wechat(&opened.tenant).secret.expose(), "f".repeat(32));
    let missing = problems(&text);
    assert_eq!(missing, ["account[0].secret: names the environment variable OA_SECRET, which is not set"]);
}

#[test]
fn the_registry_finds_by_public_key_and_keeps_the_newer() {
    let mut tenant = parse(DEMO).unwrap().tenant;
    tenant.version = 2;
    let registry = Registry::new([tenant.clone()]);
    let target = registry.target("demo.oa").unwrap();
    assert_eq!((target.tenant.id.as_str(), target.account.id.as_str()), ("demo", "oa"));
    for unknown in ["demo", "demo.", ".oa", "demo.oa.x", "demo.nope", "shop.oa", "", "demo.o a"] {
        assert!(registry.target(unknown).is_none(), "{unknown}");
    }
    let renamed = |version| Tenant { name: format!("v{version}"), version, ..tenant.clone() };
    registry.put(renamed(1));
    assert_eq!(registry.tenant(&tenant.id).unwrap().name, "驿站示例银行");
    registry.put(renamed(3));
    assert_eq!(registry.tenant(&tenant.id).unwrap().name, "v3");
    assert_eq!(target.tenant.name, "驿站示例银行", "a snapshot in use does not change");
}

#[test]
fn a_folder_reports_the_problems_of_all_its_files() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tenants");
    assert_eq!(Declaration::read_folder(&folder, &BTreeMap::new()).unwrap()[0].tenant.id.as_str(), "demo");

    let dir = tempfile::tempdir().unwrap();
    let files = [
        ("a.toml", DEMO.to_owned()),
        ("b.toml", DEMO.to_owned()),
        ("c.toml", DEMO.replace("lang = \"zh\"", "lang = 1")),
        ("d.toml", "id = \"".to_owned()),
        ("notes.txt", "not a declaration".to_owned()),
    ];
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    let found = Declaration::read_folder(dir.path(), &BTreeMap::new()).unwrap_err().to_string();
    let lines: Vec<&str> = found.lines().map(|line| line.rsplit_once('/').map_or(line, |(_, rest)| rest)).collect();
    assert_eq!(lines.len(), 3, "{found}");
    assert_eq!(lines[0], "b.toml: declares a tenant that another file declares");
    assert_eq!(lines[1], "c.toml: lang: must be a text");
    assert!(lines[2].starts_with("d.toml, line 1: is not valid TOML"), "{found}");
}

const API_KEY: &str = "yz_demo_0123456789abcdef0123456789abcdef";

fn with_api_key(key: &str, role: &str) -> String {
    format!("{DEMO}\n[[api_key]]\nid = \"crm\"\nkey = \"{key}\"\nrole = \"{role}\"\n")
}

#[test]
fn a_key_of_a_program_is_sealed_like_any_secret() {
    let declared = parse(&with_api_key(API_KEY, "admin")).unwrap();
    let stored = declared.seal(&ring(&[1])).unwrap();
    assert!(!stored.contains("0123456789abcdef0123456789abcdef\"\nrole"), "{stored}");
    assert!(!Declaration::show(&stored).unwrap().contains(API_KEY));
    let opened = Declaration::open(&stored, 1, &ring(&[1])).unwrap();
    assert!(opened.tenant.api_keys[0].is(API_KEY) && declared.says_the_same(&opened));
    let other = parse(&with_api_key(&API_KEY.replace("0123", "3210"), "admin")).unwrap();
    assert!(!other.says_the_same(&opened));
    let rotated = Declaration::reseal(&stored, &ring(&[2, 1])).unwrap().unwrap();
    assert!(Declaration::open(&rotated, 1, &ring(&[2])).unwrap().tenant.api_keys[0].is(API_KEY));
}

#[test]
fn a_key_of_another_tenant_or_a_short_one_is_refused() {
    for key in [&API_KEY.replace("demo", "other"), "yz_demo_short", "0123456789abcdef0123456789abcdef"] {
        let found = problems(&with_api_key(key, "admin"));
        assert!(found.len() == 1 && found[0].starts_with("api_key[0].key: must be yz_<tenant>_"), "{found:?}");
        assert!(!found[0].contains(key), "a problem never shows a secret");
    }
    assert!(problems(&with_api_key(API_KEY, "agent"))[0].starts_with("api_key[0].role"));
    let twice = format!(
        "{}\n[[api_key]]\nid = \"crm\"\nkey = \"{API_KEY}\"\nrole = \"admin\"\n",
        with_api_key(API_KEY, "admin")
    );
    assert_eq!(problems(&twice), ["api_key[1].id: stands twice"]);
}

#[test]
fn the_secret_of_a_service_is_sealed_like_any_secret() {
    let secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    let service =
        format!("[[service]]\nid = \"crm\"\nkind = \"http\"\nurl = \"https://crm.example\"\nsecret = \"{secret}\"\n");
    let declared = parse(&format!("{DEMO}\n{service}")).unwrap();
    let stored = declared.seal(&ring(&[1])).unwrap();
    assert!(!stored.contains(secret) && !Declaration::show(&stored).unwrap().contains(secret), "{stored}");
    let opened = Declaration::open(&stored, 1, &ring(&[1])).unwrap();
    let kept = opened.tenant.services.iter().find(|service| service.id == "crm").map(|service| &service.kind);
    assert!(
        matches!(kept, Some(service::Kind::Http { secret: Some(kept), .. }) if kept.expose() == secret),
        "{kept:?}"
    );
    assert!(declared.says_the_same(&opened));
}
