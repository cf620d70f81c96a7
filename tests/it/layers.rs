//! The layers hold: a file uses its own layer and those below, and a library only where it belongs.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// What each layer may use of the crate, besides itself.
const MAY_USE: [(&str, &[&str]); 12] = [
    ("domain", &[]),
    ("clock", &["domain"]),
    ("outgoing", &[]),
    ("carriers", &["domain", "clock", "outgoing"]),
    ("jwt", &["domain", "outgoing"]),
    ("webhooks", &["domain", "outgoing"]),
    ("config", &["carriers"]),
    ("protocol", &["domain"]),
    ("storage", &["domain", "clock"]),
    ("actors", &["domain", "clock", "protocol", "storage", "carriers", "jwt", "webhooks"]),
    ("http", &["domain", "protocol", "storage", "actors", "carriers", "webhooks", "config"]),
    ("demo", &["domain", "clock", "actors", "http"]),
];

/// Where a library may be used.
const BELONGS: [(&str, &[&str]); 17] = [
    ("actix", &["actors"]),
    ("actix_web_actors", &["actors/session.rs"]),
    ("actix_http", &["actors/session.rs"]),
    ("actix_web", &["actors", "http", "app.rs", "main.rs"]),
    ("sea_orm", &["storage"]),
    ("migrations", &["storage"]),
    ("dashmap", &["actors", "storage"]),
    ("tokio", &["actors", "storage", "carriers", "webhooks", "outgoing.rs", "jwt", "app.rs", "main.rs"]),
    ("reqwest", &["carriers", "webhooks", "outgoing.rs", "jwt"]),
    ("jsonwebtoken", &["jwt"]),
    ("hmac", &["carriers", "webhooks"]),
    ("ed25519_dalek", &["carriers/telnyx"]),
    ("utoipa", &["protocol", "http"]),
    ("figment", &["config.rs"]),
    ("rlibphonenumber", &["domain/phone.rs"]),
    ("unicode_segmentation", &["domain/sms/segments.rs"]),
    ("unicode_normalization", &["domain/contacts/fold.rs"]),
];

/// All that the rules of the product may use.
const PURE: [&str; 11] = [
    "std",
    "serde",
    "serde_json",
    "uuid",
    "time",
    "thiserror",
    "rlibphonenumber",
    "unicode_segmentation",
    "unicode_normalization",
    "proptest",
    "crate",
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// `(file relative to src, text without its tests)`.
fn files() -> Vec<(String, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    sources(&src, &mut found);
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]\n").next().unwrap().to_owned();
        (path.strip_prefix(&src).unwrap().display().to_string(), code)
    };
    found.into_iter().map(read).collect()
}

fn layer(file: &str) -> &str {
    file.split('/').next().unwrap().trim_end_matches(".rs")
}

/// The paths that a file uses: `crate::x` and the crates at the head of a path.
fn uses(code: &str) -> Vec<String> {
    let mut used = Vec::new();
    let code: String = code.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut rest = code.as_str();
    while let Some(at) = rest.find("::") {
        let head: String = rest[..at].chars().rev().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let head: String = head.chars().rev().collect();
        let before = rest[..at].trim_end_matches(&head).trim_end();
        if !before.ends_with("::") && head.chars().next().is_some_and(char::is_lowercase) {
            used.push(head.clone());
        }
        rest = &rest[at + 2..];
        if head == "crate" {
            // `crate::{a, b}` as well as `crate::a`.
            let end = rest.find(';').unwrap_or(rest.len());
            let named = if let Some(group) = rest[..end].strip_prefix('{') { split(group) } else { vec![rest] };
            used.extend(
                named
                    .iter()
                    .map(|n| format!("crate::{}", n.trim().split([':', ',', ';', ' ', '(', '<']).next().unwrap())),
            );
        }
    }
    used
}

/// The members of a group, without what is nested in them.
fn split(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                parts.push(&group[start..at]);
                return parts;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts
}

#[test]
fn a_file_uses_its_own_layer_and_those_below() {
    for (file, code) in files() {
        let own = layer(&file).to_owned();
        let Some((_, allowed)) = MAY_USE.iter().find(|(l, _)| *l == own) else {
            assert!(["app", "main", "lib"].contains(&own.as_str()), "{file}: a layer that nobody knows");
            continue;
        };
        for used in uses(&code).iter().filter_map(|u| u.strip_prefix("crate::")).filter(|u| !u.is_empty()) {
            assert!(used == own || allowed.contains(&used), "{file} uses {used}");
        }
    }
}

#[test]
fn a_library_is_used_only_where_it_belongs() {
    for (file, code) in files() {
        for used in uses(&code) {
            if let Some((_, places)) = BELONGS.iter().find(|(library, _)| *library == used) {
                assert!(places.iter().any(|place| file.starts_with(place)), "{file} uses {used}");
            }
        }
    }
}

#[test]
fn the_domain_is_pure() {
    for (file, code) in files().into_iter().filter(|(file, _)| file.starts_with("domain")) {
        for line in code.lines().filter(|l| l.trim_start().starts_with("use ")) {
            let root = line.trim_start().trim_start_matches("use ").split([':', ';']).next().unwrap();
            assert!(PURE.contains(&root) || root == "super", "{file}: {line}");
        }
        for impure in ["SystemTime::now", "Instant::now", "now_utc", "std::fs", "std::net", "std::env", "async fn"] {
            assert!(!code.contains(impure), "{file}: {impure}");
        }
    }
}

#[test]
fn the_test_sees_what_a_file_uses() {
    let found = uses("use crate::{actors::{a, b}, http};\nuse sea_orm::X;\nfn f() { tokio::spawn(x) }\n// actix::no");
    for expected in ["crate::actors", "crate::http", "sea_orm", "tokio"] {
        assert!(found.iter().any(|u| u == expected), "{expected} in {found:?}");
    }
    assert!(!found.iter().any(|u| u == "actix"));
}
