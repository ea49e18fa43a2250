//! What is refused before anybody can send anything: accounts that could not verify.

use std::collections::BTreeMap;
use std::path::Path;

use yizhan::tenant::Declaration;

/// The problems of the fixture's declaration with a change, as `key what` lines.
fn problems(change: impl FnOnce(String) -> String) -> Vec<String> {
    let text = change(include_str!("../../fixture/demo.toml").to_owned());
    match Declaration::parse("demo.toml", &text, &BTreeMap::new(), Path::new("")) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(|problem| format!("{} {}", problem.key, problem.what)).collect(),
    }
}

#[test]
fn xa5_an_account_without_a_token_is_refused() {
    assert!(problems(|text| text).is_empty(), "the fixture itself is good");
    let empty = problems(|text| text.replace("token = \"yizhandemotoken\"", "token = \"\""));
    assert!(empty.iter().any(|problem| problem.starts_with("account[0].token ")), "{empty:?}");
    let missing = problems(|text| text.replace("token = \"yizhandemotoken\"\n", ""));
    assert!(missing.iter().any(|problem| problem.starts_with("account[0].token ")), "{missing:?}");
}

#[test]
fn xb12_and_xb13_keys_are_43_letters_and_digits() {
    let key = |key: &str| problems(|text| text.replace("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", key));
    assert!(key("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG").is_empty());
    for bad in ["a".repeat(42), "a".repeat(44), format!("{}-", "a".repeat(42)), format!("{}_", "a".repeat(42))] {
        let found = key(&bad);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("account[0].aes_key "), "{found:?}");
        assert!(!found[0].contains(&bad), "a problem never shows the value");
    }
}
