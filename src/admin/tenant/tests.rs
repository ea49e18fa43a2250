//! Declarations that are put in force, replaced, left alone and sealed anew.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::secret::Key;
use crate::store::{Backend, Settings};

const DEMO: &str = include_str!("../../../tenants/demo.toml");

fn declaration(text: &str) -> Declaration {
    Declaration::parse("demo.toml", text, &BTreeMap::new(), Path::new("")).unwrap()
}

fn ring(keys: &[u8]) -> Arc<Keyring> {
    let mut keys = keys.iter().map(|&byte| Key::new([byte; 32]));
    Arc::new(Keyring::new(keys.next().unwrap(), keys.collect()))
}

fn open(dir: &Path, keys: &[u8]) -> Tenants {
    let backend = Backend::Sqlite { path: dir.join("test.db") };
    let store = Store::open(&Settings { backend, readers: 1, group_max: 16 }).unwrap();
    Tenants::new(store, ring(keys), Clock::system())
}

#[tokio::test]
async fn a_declaration_is_applied_once_and_again_when_it_changes() {
    let dir = tempfile::tempdir().unwrap();
    let tenants = open(dir.path(), &[1]);
    assert_eq!(tenants.apply(declaration(DEMO)).await.unwrap(), Applied::Changed(1));
    assert_eq!(tenants.apply(declaration(DEMO)).await.unwrap(), Applied::Unchanged(1));
    let renamed = DEMO.replace("驿站示例银行", "新名字");
    assert_eq!(tenants.apply(declaration(&renamed)).await.unwrap(), Applied::Changed(2));
    let newpass = renamed.replace("password = \"yizhan\"", "password = \"changed\"");
    assert_eq!(tenants.apply(declaration(&newpass)).await.unwrap(), Applied::Changed(3));

    let list = tenants.list().await.unwrap();
    assert_eq!((list[0].name.as_str(), list[0].version, list[0].counts), ("新名字", 3, (2, 2, 2)));
    let loaded = tenants.load().await.unwrap();
    assert_eq!((loaded.len(), loaded[0].version), (1, 3));
    let nobody = TenantId::parse("nobody").unwrap();
    assert!(tenants.load_one(&nobody).await.unwrap().is_none());
    assert!(tenants.show(&nobody).await.unwrap().is_none());
    let shown = tenants.show(&loaded[0].id).await.unwrap().unwrap();
    assert!(shown.contains("新名字") && !shown.contains("argon2") && !shown.contains("sealed:"), "{shown}");
}

#[tokio::test]
async fn a_registry_follows_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let (tenants, registry) = (open(dir.path(), &[1]), Registry::default());
    assert_eq!(tenants.refresh(&registry).await.unwrap(), 0);
    tenants.apply(declaration(DEMO)).await.unwrap();
    assert_eq!(tenants.refresh(&registry).await.unwrap(), 1);
    assert_eq!(tenants.refresh(&registry).await.unwrap(), 0);

    tenants.apply(declaration(&DEMO.replace("驿站示例银行", "新名字"))).await.unwrap();
    assert_eq!(tenants.refresh(&registry).await.unwrap(), 1);
    assert_eq!(registry.target("demo.oa").unwrap().tenant.name, "新名字");
}

#[tokio::test]
async fn logins_can_be_exchanged_and_agents_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let tenants = open(dir.path(), &[1]);
    tenants.apply(declaration(DEMO)).await.unwrap();
    let swapped = DEMO.replace("login = \"li\"", "login = \"x\"").replace("login = \"wang\"", "login = \"li\"");
    let swapped = swapped.replace("login = \"x\"", "login = \"wang\"");
    assert_eq!(tenants.apply(declaration(&swapped)).await.unwrap(), Applied::Changed(2));
    let (before, rest) = DEMO.split_once("[[agent]]\nid = \"li\"").unwrap();
    let without = format!("{before}[[agent]]\n{}", rest.split_once("[[agent]]\n").unwrap().1);
    assert_eq!(tenants.apply(declaration(&without)).await.unwrap(), Applied::Changed(3));
    assert_eq!(tenants.load().await.unwrap()[0].agents.len(), 1);
}

#[tokio::test]
async fn what_another_key_sealed_is_replaced_only_by_whoever_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let renamed = || declaration(&DEMO.replace("驿站示例银行", "新名字"));
    open(dir.path(), &[1]).apply(declaration(DEMO)).await.unwrap();
    let refused = open(dir.path(), &[2]).apply(renamed()).await.unwrap_err();
    let (told, id) = (refused.to_string(), Key::new([1; 32]).id().to_owned());
    assert!(told.contains(&id) && told.contains("--lost-key"), "what is missing and what to do is said: {told}");
    assert_eq!(open(dir.path(), &[1]).load().await.unwrap()[0].version, 1, "nothing has changed");
    assert_eq!(open(dir.path(), &[2]).replace(renamed()).await.unwrap(), Applied::Changed(2));
    assert_eq!(open(dir.path(), &[2]).load().await.unwrap()[0].name, "新名字");
}

#[tokio::test]
async fn a_tenant_that_does_not_open_keeps_no_other_from_being_served() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path(), &[1]).apply(declaration(DEMO)).await.unwrap();
    let other = declaration(&DEMO.replacen("id = \"demo\"", "id = \"other\"", 1));
    open(dir.path(), &[2]).apply(other).await.unwrap();
    let usable = |keys: &[u8]| {
        let tenants = open(dir.path(), keys);
        async move { tenants.load().await.map(|all| all.into_iter().map(|one| one.id.to_string()).collect::<Vec<_>>()) }
    };
    assert_eq!(usable(&[1, 2]).await.unwrap(), ["demo", "other"]);
    assert_eq!(usable(&[2]).await.unwrap(), ["other"]);
    assert!(usable(&[3]).await.is_err(), "with none of the keys nothing can be served");
}

#[tokio::test]
async fn rotation_leaves_nothing_under_the_old_key() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path(), &[1]).apply(declaration(DEMO)).await.unwrap();
    assert!(open(dir.path(), &[2]).load().await.is_err());
    let both = open(dir.path(), &[2, 1]);
    assert_eq!(both.reseal().await.unwrap(), 1);
    assert_eq!(both.reseal().await.unwrap(), 0);
    assert_eq!(open(dir.path(), &[2]).load().await.unwrap().len(), 1);
}
