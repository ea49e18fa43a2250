//! Precedence, completeness of the report, and silence about values.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use super::*;

fn sources(file: &str, env: &[(&str, &str)]) -> (Sources, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("yizhan.toml");
    std::fs::write(&path, file).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let env = env.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    (Sources { file: Some(path), preset: None, env }, dir)
}

fn load_with(file: &str, env: &[(&str, &str)]) -> Result<Config, Problems> {
    let (sources, _dir) = sources(file, env);
    load(&sources)
}

fn problems(file: &str, env: &[(&str, &str)]) -> Vec<String> {
    load_with(file, env).expect_err("must be refused").iter().map(ToString::to_string).collect()
}

#[test]
fn the_defaults_stand_alone_and_warn_of_nothing() {
    let config = load(&Sources::default()).unwrap();
    assert!(config.warnings.is_empty(), "{}", config.warnings);
    assert_eq!(config.http.bind.to_string(), "127.0.0.1:8080");
    assert_eq!(config.http.public_url, "http://127.0.0.1:8080");
    assert_eq!(config.wechat.deadline, Duration::from_millis(4300));
    let Store::Sqlite(sqlite) = config.store else { panic!("sqlite is the default") };
    assert_eq!(sqlite.path, Path::new("data/yizhan.db"));
    assert_eq!(config.secret.master_key, source::Reference::File("data/master.key".into()));
    assert!(config.tenants_dir.is_none());
}

#[test]
fn environment_goes_over_preset_over_file_over_default() {
    let file = "[http]\nbind = \"0.0.0.0:1\"\nbody_bytes = 2000\nkeep_alive_s = 9\n";
    let (mut sources, _dir) = sources(file, &[("YIZHAN__HTTP__BIND", "0.0.0.0:3"), ("HOME", "/x")]);
    sources.preset = Some("[http]\nbind = \"0.0.0.0:2\"\nbody_bytes = 3000\n".to_owned());
    let config = load(&sources).unwrap();
    assert_eq!(config.http.bind.port(), 3);
    assert_eq!(config.http.body_bytes, 3000);
    assert_eq!(config.http.keep_alive, Duration::from_secs(9));
    assert_eq!(config.http.max_connections, 25_000);
}

#[test]
fn every_problem_is_reported_at_once_with_its_key() {
    let file = "typo = 1\n[http]\nbind = \"nowhere\"\nbody_bytes = -5\nbnd = \"x\"\n[log]\nformat = \"xml\"\n\
                [socket]\nheartbeat_s = \"25\"\n[nosuch]\nkey = 1\n[drain]\nspread_s = 60\n";
    let found = problems(file, &[("YIZHAN__STORE__READERS", "many"), ("YIZHAN__MEDIA__SIZE", "1")]);
    let expected = [
        "http.bind: must be an address and a port, like 0.0.0.0:8080",
        "http.body_bytes: must be from 1024 to 1048576",
        "http.bnd: is not a known key",
        "socket.heartbeat_s: must be a whole number",
        "store.readers: must be a whole number",
        "media.size: is not a known key",
        "drain.spread_s: must not be more than drain.deadline_s",
        "log.format: must be one of \"json\", \"text\"",
        "nosuch: is not a known key",
        "typo: is not a known key",
    ];
    assert_eq!(found, expected);
}

#[test]
fn values_never_show() {
    let file = "[store]\nkind = \"postgres\"\nurl = \"mysql://u:hunter2@h/d\"\n[secret]\nmaster_key = \"hunter2\"\n\
                [http]\nbind = \"hunter2\"\npublic_url = \"hunter2\"\n[wechat]\napi_base = \"hunter2\"\n[log]\nlevel = 3\n";
    let found = problems(file, &[]).join("\n");
    assert!(!found.contains("hunter2"), "{found}");
    for key in ["store.url", "secret.master_key", "http.bind", "http.public_url", "wechat.api_base", "log.level"] {
        assert!(found.contains(key), "{key} is missing in\n{found}");
    }
    let broken = problems("[store]\nurl = \"hunter2\n", &[]).join("\n");
    assert!(broken.contains("line 2") && !broken.contains("hunter2"), "{broken}");
}

#[test]
fn postgres_replaces_the_keys_of_sqlite() {
    let env = [("YIZHAN__STORE__KIND", "postgres"), ("YIZHAN__STORE__URL", "env:DB"), ("DB", "postgres://u:p@h/d")];
    let config = load_with("", &env).unwrap();
    let shown = format!("{config:?}");
    let Store::Postgres(postgres) = config.store else { panic!("postgres was asked for") };
    assert_eq!(postgres.url.expose(), "postgres://u:p@h/d");
    assert_eq!(postgres.connections, 16);
    assert!(config.warnings.iter().any(|warning| warning.key == "store.url"), "whoever listens could read");
    let env = [("YIZHAN__STORE__KIND", "postgres"), ("YIZHAN__STORE__URL", "postgres://u:p@h/d?sslmode=require")];
    assert_eq!(load_with("", &env).unwrap().warnings.iter().count(), 0);
    assert!(!shown.contains("u:p@h"));
    assert_eq!(problems("[store]\nkind = \"postgres\"\n", &[]), ["store.url: is required"]);
    let mixed = problems("[store]\nkind = \"postgres\"\nurl = \"postgres://h/d\"\npath = \"x\"\n", &[]);
    assert_eq!(mixed, ["store.path: is not a known key"]);
}

#[test]
fn back_ends_of_later_are_refused_by_name() {
    let found = problems("[hub]\nkind = \"carrier pigeon\"\n[media]\nkind = \"floppy\"\n", &[]);
    let expected = ["hub.kind: must be one of \"local\", \"redis\", \"rabbitmq\"", "media.kind: must be \"disk\""];
    assert_eq!(found, expected);
}

#[test]
fn a_broker_is_known_by_its_address_and_its_risks() {
    let with = |url: &str| load_with(&format!("[bus]\nkind = \"rabbitmq\"\nurl = \"{url}\"\n"), &[]);
    let warnings = |config: &Config| config.warnings.iter().map(|warning| warning.key.clone()).collect::<Vec<_>>();
    let quiet = with("amqps://yizhan:hunter2@mq.example.com/cc").unwrap();
    assert!(quiet.warnings.is_empty(), "{}", quiet.warnings);
    assert!(!format!("{quiet:?}").contains("hunter2"));
    let Bus::Rabbitmq(settings) = quiet.bus else { panic!("rabbitmq was asked for") };
    assert_eq!((settings.commands, settings.prefetch, settings.unrouted_max), (true, 64, 100_000));
    assert!(warnings(&with("amqp://guest:guest@127.0.0.1:5672/%2f").unwrap()).is_empty());
    assert_eq!(warnings(&with("amqp://guest:guest@10.0.0.7/%2f").unwrap()), ["bus.url", "bus.url"]);
    assert_eq!(problems("[bus]\nkind = \"rabbitmq\"\n", &[]), ["bus.url: is required"]);
    let wrong = with("http://u:hunter2@mq").unwrap_err().to_string();
    assert!(wrong.starts_with("bus.url: must be amqp://") && !wrong.contains("hunter2"), "{wrong}");
}

#[test]
fn a_hub_has_an_address_and_several_are_a_cluster() {
    let hub = |keys: &str| load_with(&format!("[hub]\n{keys}\n"), &[]).map(|config| config.hub);
    let Hub::Redis(one) = hub("kind = \"redis\"\nurl = \"redis://127.0.0.1:6379\"").unwrap() else { panic!("redis") };
    assert_eq!((one.cluster, one.prefix.as_str(), one.ca_file), (false, "yizhan", None));
    let several = "kind = \"redis\"\nurl = \"redis://127.0.0.1:1 redis://127.0.0.1:2\"\nca_file = \"ca.pem\"";
    let Hub::Redis(several) = hub(several).unwrap() else { panic!("redis") };
    assert_eq!((several.cluster, several.ca_file), (true, Some("data/ca.pem".into())));
    let rabbit = "kind = \"rabbitmq\"\nurl = \"amqp://u:p@127.0.0.1/%2f\"\ndurability = \"confirmed\"";
    let Hub::Rabbitmq(rabbit) = hub(rabbit).unwrap() else { panic!("rabbitmq") };
    assert_eq!(rabbit.durability, Durability::Confirmed);
    let found = problems("[hub]\nkind = \"redis\"\nprefix = \"a{b\"\n", &[]);
    assert_eq!(found, ["hub.url: is required", "hub.prefix: must be 1 to 64 letters, digits, '_', '-', '.' or ':'"]);
    let found = problems("[hub]\nkind = \"rabbitmq\"\nurl = \"http://u:hunter2@h\"\ndurability = \"forever\"\n", &[]);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(!found.join("").contains("hunter2"));
}

#[test]
fn a_hub_across_the_network_warns_of_what_can_be_read() {
    let warnings = |url: &str| {
        let config = load_with(&format!("[hub]\nkind = \"redis\"\nurl = \"{url}\"\n"), &[]).unwrap();
        config.warnings.iter().filter(|warning| warning.key == "hub.url").count()
    };
    assert_eq!(warnings("redis://127.0.0.1:6379"), 0);
    assert_eq!(warnings("redis://localhost"), 0);
    assert_eq!(warnings("redis://[::1]:6379"), 0);
    assert_eq!(warnings("redis://10.0.0.5:6379"), 2, "no password, no TLS");
    assert_eq!(warnings("redis://:secret@10.0.0.5:6379"), 1);
    assert_eq!(warnings("rediss://app:secret@redis.bank.example:6379"), 0);
}

#[test]
fn a_secret_in_a_file_for_everybody_is_refused() {
    let (sources, _dir) = sources("[store]\nkind = \"postgres\"\nurl = \"postgres://u:p@h/d\"\n", &[]);
    assert!(load(&sources).is_ok());
    let path = sources.file.clone().unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let found = load(&sources).unwrap_err().to_string();
    assert!(found.starts_with("store.url: stands in a file that others can read"), "{found}");
}

#[test]
fn risky_settings_warn() {
    let file = "[http]\nbind = \"0.0.0.0:80\"\npublic_url = \"http://kf.example.com\"\n\
                [wechat]\napi_base = \"http://127.0.0.1:9/simulator/\"\n[log]\nlevel = \"trace\"\n";
    let config = load_with(file, &[]).unwrap();
    let keys: Vec<_> = config.warnings.iter().map(|warning| warning.key.as_str()).collect();
    assert_eq!(keys, ["http.public_url", "wechat.api_base", "log.level"]);
    assert_eq!(config.wechat.api_base, "http://127.0.0.1:9/simulator");
}

#[test]
fn every_default_key_is_explained_with_its_environment_name() {
    let table: Table = DEFAULT.parse().unwrap();
    for (section, keys) in &table {
        for key in keys.as_table().unwrap().keys() {
            let name = format!("YIZHAN__{}__{}", section.to_uppercase(), key.to_uppercase());
            assert!(DEFAULT.contains(&name), "{section}.{key} lacks its name {name}");
        }
    }
}

#[test]
fn the_data_folder_is_for_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("a/b");
    let config = load_with("", &[("YIZHAN__DATA__DIR", folder.to_str().unwrap())]).unwrap();
    config.make_data_dir().unwrap();
    config.make_data_dir().unwrap();
    assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700);
}
