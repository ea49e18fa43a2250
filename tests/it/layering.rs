//! Keeps the house standing: floors, foreign crates, file sizes, names. Reads the source as text.
#![expect(clippy::string_slice, reason = "positions come from searches in the same text")]

use std::fs;
use std::path::{Path, PathBuf};

/// The floors from the ground up. A module imports only from floors above its own line here, and from itself.
const FLOORS: &[&[&str]] = &[
    &["model"],
    &["clock", "runtime"],
    &["config"],
    &["template", "telemetry"],
    &["store", "hub", "bus", "secret", "media"],
    &["tenant", "channel", "robot", "flow"],
    &["core"],
    &["socket", "admin"],
    &["web", "simulator"],
    &["app"],
    &["bench"],
    &["cli"],
];

/// Crates that only some places may know, as path prefixes below `src/`.
const FOREIGN: &[(&str, &[&str])] = &[
    ("diesel", &["store/"]),
    ("diesel_migrations", &["store/"]),
    ("libsqlite3_sys", &["store/"]),
    ("tokio_postgres", &["store/postgres/"]),
    ("actix_web", &["web/", "simulator/", "app", "cli/"]),
    ("actix_ws", &["web/", "simulator/"]),
    ("reqwest", &["channel/wechat/", "robot/", "simulator/"]),
    ("saphyr_parser", &["flow/yaml"]),
    ("jieba_rs", &["robot/faq/"]),
    ("pinyin", &["robot/faq/"]),
    ("lapin", &["bus/", "hub/", "bench/"]),
    ("redis", &["hub/", "bench/"]),
    ("deadpool_redis", &["hub/"]),
    ("minijinja", &["template/"]),
    ("argon2", &["secret/"]),
    ("aes_gcm", &["secret/"]),
    ("csv", &["admin/faq/"]),
    ("clap", &["cli/"]),
    // What a supervised part may return; everywhere else an error is a type that a caller can act on.
    ("anyhow", &["runtime/", "core/relay", "app", "bench/", "cli/", "main.rs"]),
];

const MAX_LINES: usize = 400;
const EMPTY_NAMES: &[&str] =
    &["util", "utils", "helper", "helpers", "common", "types", "manager", "misc", "lib_test", "stuff"];

#[test]
fn modules_import_only_from_the_floors_below() {
    fail_on(&each_file(imports));
}

#[test]
fn foreign_crates_stay_in_their_rooms() {
    fail_on(&each_file(foreign));
}

#[test]
fn files_are_short_named_and_introduced() {
    fail_on(&each_file(form));
}

/// What of the house an image is built from is what it is given.
#[test]
fn the_image_is_given_everything_that_it_copies() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| fs::read_to_string(root.join(name)).unwrap();
    let (given, copies) = (read(".dockerignore"), read("Dockerfile"));
    let given: Vec<&str> = given.lines().filter_map(|line| line.strip_prefix('!')).collect();
    let copies =
        copies.lines().filter_map(|line| line.strip_prefix("COPY ")).filter(|line| !line.starts_with("--from="));
    let copied: Vec<&str> = copies.flat_map(|line| line.rsplit_once(' ').unwrap().0.split(' ')).collect();
    assert!(copied.contains(&"src"), "{copied:?}");
    for path in copied {
        assert!(given.contains(&path), "{path} is copied, and kept away by .dockerignore");
        assert!(root.join(path).exists(), "{path} is copied, and not there");
    }
}

#[test]
fn planted_faults_are_found() {
    let found =
        imports("channel/mod.rs", "use crate::model::id;\nuse crate::{\n  clock::Clock,\n  core::{Core, web},\n};\n");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("src/channel/mod.rs:4: uses crate::core"), "{found:?}");
    assert_eq!(imports("hub/local.rs", "fn f() { crate::store::open() }").len(), 1, "siblings");
    assert_eq!(imports("attic/mod.rs", "").len(), 1, "a module without a floor");
    assert!(
        imports("store/a.rs", "// crate::web\nlet a = \"crate::web\"; /* crate::web */ use crate::store::b;")
            .is_empty()
    );
    assert_eq!(foreign("core/a.rs", "use diesel::prelude::*;\nlet x = reqwest::get();").len(), 2);
    assert!(foreign("store/a.rs", "use diesel::prelude::*; let a = my_diesel::b + x::reqwest::c;").is_empty());
    assert_eq!(form("web/utils.rs", "fn a() {}\n").len(), 2);
    assert_eq!(form("web/a.rs", &format!("//! x\n{}", "\n".repeat(MAX_LINES))).len(), 1);
}

fn each_file(check: impl Fn(&str, &str) -> Vec<String>) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    assert!(files.len() > 20, "the walk found only {} files", files.len());
    let relative = |path: &PathBuf| path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
    files.iter().flat_map(|path| check(&relative(path), &fs::read_to_string(path).unwrap())).collect()
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
    files.sort();
}

fn fail_on(found: &[String]) {
    assert!(found.is_empty(), "{} rules broken:\n{}", found.len(), found.join("\n"));
}

/// The top-level module of a file, `None` for the roots of the two crates.
fn module(path: &str) -> Option<&str> {
    let top = path.split('/').next()?.trim_end_matches(".rs");
    (!matches!(top, "lib" | "main")).then_some(top)
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

fn imports(path: &str, text: &str) -> Vec<String> {
    let Some(own) = module(path) else { return Vec::new() };
    let Some(floor_of_own) = floor(own) else { return vec![format!("src/{path}:1: '{own}' stands on no floor")] };
    let code = bare(text);
    let mut found = Vec::new();
    for (at, rest) in places(&code, "crate") {
        for (offset, name) in first_names(rest) {
            let allowed = name == own || floor(name).is_some_and(|floor| floor < floor_of_own);
            if !allowed {
                let line = line(&code, at + offset);
                found.push(format!("src/{path}:{line}: uses crate::{name}, which is not below '{own}'"));
            }
        }
    }
    found
}

fn foreign(path: &str, text: &str) -> Vec<String> {
    let code = bare(text);
    let mut found = Vec::new();
    for (name, rooms) in FOREIGN {
        if rooms.iter().any(|room| path.starts_with(room)) {
            continue;
        }
        for (at, _) in places(&code, name) {
            found.push(format!("src/{path}:{}: uses {name}, which belongs to {}", line(&code, at), rooms.join(", ")));
        }
    }
    found
}

fn form(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let lines = text.lines().count();
    if lines > MAX_LINES && path != "store/schema.rs" {
        found.push(format!("src/{path}:{lines}: is longer than {MAX_LINES} lines"));
    }
    if path.trim_end_matches(".rs").split('/').any(|part| EMPTY_NAMES.contains(&part)) {
        found.push(format!("src/{path}:1: has a name that says nothing"));
    }
    if !text.starts_with("//! ") && !path.ends_with("tests.rs") {
        found.push(format!("src/{path}:1: does not say what it owns"));
    }
    found
}

/// Where `name::` stands as the start of a path, and the text behind it.
fn places<'a>(code: &'a str, name: &str) -> Vec<(usize, &'a str)> {
    let pattern = format!("{name}::");
    let starts = code.match_indices(&pattern).filter(|(at, _)| {
        let before = code[..*at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    });
    starts.map(|(at, _)| (at + pattern.len(), &code[at + pattern.len()..])).collect()
}

/// The modules that a path behind `crate::` names: one, or the first names inside a group.
fn first_names(rest: &str) -> Vec<(usize, &str)> {
    let name_at = |start: usize| {
        let tail = &rest[start..];
        let end = tail.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(tail.len());
        (start, &tail[..end])
    };
    if !rest.starts_with('{') {
        return vec![name_at(0)];
    }
    let mut names = Vec::new();
    let (mut depth, mut expected) = (0, false);
    for (at, c) in rest.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if expected && (c.is_alphanumeric() || c == '_') {
            names.push(name_at(at));
            expected = false;
        }
        expected |= depth == 1 && (c == '{' || c == ',');
    }
    names
}

fn line(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

/// The code without comments and texts; every other byte stays in its line.
fn bare(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(end) = raw_text(rest) {
            end
        } else if c == '"' {
            quoted(rest)
        } else if rest.starts_with("'\"'") || rest.starts_with("'\\\"'") {
            rest[1..].find('\'').map_or(1, |end| end + 2)
        } else {
            0
        };
        if skipped == 0 {
            code.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            code.extend(rest[..skipped].matches('\n'));
            rest = &rest[skipped..];
        }
    }
    code
}

/// The length of a raw string at the start of the text.
fn raw_text(rest: &str) -> Option<usize> {
    let hashes = rest.strip_prefix('r')?.chars().take_while(|c| *c == '#').count();
    let body = rest[1 + hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    body.find(&close).map(|end| 2 + hashes + end + close.len())
}

/// The length of a string at the start of the text.
fn quoted(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return at + 1,
            _ => escaped = false,
        }
    }
    rest.len()
}
