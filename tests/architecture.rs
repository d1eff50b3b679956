//! The rules of the house that manifests and clippy cannot hold, and a proof that each of them can fail.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// What the rules look at: paths relative to the root with their text.
type Tree = BTreeMap<String, String>;

fn tree() -> Tree {
    fn collect(dir: &Path, root: &Path, out: &mut Tree) {
        for entry in fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()) {
            if entry.is_dir() {
                collect(&entry, root, out);
            } else if entry.extension().is_some_and(|e| e == "rs" || e == "toml") {
                let name = entry.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
                out.insert(name, fs::read_to_string(&entry).unwrap());
            }
        }
    }
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut out = Tree::new();
    for dir in ["src", "crates"] {
        collect(&root.join(dir), &root, &mut out);
    }
    out.insert("Cargo.toml".to_owned(), fs::read_to_string(root.join("Cargo.toml")).unwrap());
    out
}

/// Code without comment lines.
fn code(text: &str) -> String {
    text.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Normal dependencies of a manifest, target-specific ones included.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let table: toml::Table = manifest.parse().unwrap();
    let mut out = BTreeSet::new();
    let mut take = |t: &toml::Table| {
        if let Some(toml::Value::Table(list)) = t.get("dependencies") {
            out.extend(list.keys().cloned());
        }
    };
    take(&table);
    if let Some(toml::Value::Table(targets)) = table.get("target") {
        targets.values().filter_map(toml::Value::as_table).for_each(take);
    }
    out
}

/// What no crate may depend on.
fn forbidden_dependencies(tree: &Tree) -> Vec<String> {
    const RULES: [(&str, &[&str]); 7] = [
        ("crates/oidc/Cargo.toml", &["patchboard-*", "sqlx", "axum", "leptos"]),
        ("crates/domain/Cargo.toml", &["tokio", "reqwest", "sqlx", "axum", "leptos", "chrono-tz", "patchboard-*", "rand", "uuid"]),
        ("crates/gaussdb/Cargo.toml", &["patchboard-*", "sqlx", "axum", "leptos"]),
        ("crates/store/Cargo.toml", &["patchboard-gaussdb", "patchboard-backend", "reqwest", "axum", "leptos"]),
        ("crates/backend/Cargo.toml", &["patchboard-simulator", "sqlx", "reqwest", "axum", "leptos"]),
        (
            "crates/simulator/Cargo.toml",
            &["patchboard-oidc", "patchboard-domain", "patchboard-store", "patchboard-backend", "sqlx", "leptos"],
        ),
        ("Cargo.toml", &["patchboard-store", "patchboard-gaussdb", "patchboard-oidc", "sqlx", "reqwest"]),
    ];
    let mut broken = Vec::new();
    for (manifest, forbidden) in RULES {
        for dependency in dependencies(&tree[manifest]) {
            let hit = forbidden.iter().any(|f| f.strip_suffix('*').map_or(*f == dependency, |start| dependency.starts_with(start)));
            if hit {
                broken.push(format!("{manifest} depends on {dependency}"));
            }
        }
    }
    broken
}

/// Modules of `src/` that a module may not use.
fn forbidden_modules(tree: &Tree) -> Vec<String> {
    const RULES: [(&str, &[&str]); 5] = [
        ("src/pages/", &["server"]),
        ("src/components/", &["pages", "server"]),
        ("src/islands/", &["pages", "components", "api", "server"]),
        ("src/api/", &["pages", "components", "islands", "server"]),
        ("src/i18n/", &["pages", "components", "islands", "api", "server"]),
    ];
    let mut broken = Vec::new();
    for (path, text) in tree {
        for (start, forbidden) in RULES {
            if path.starts_with(start) {
                broken.extend(forbidden.iter().filter(|m| uses(text, m)).map(|m| format!("{path} uses crate::{m}")));
            }
        }
    }
    broken
}

/// Whether a text names a module of this crate, alone or in a group.
fn uses(text: &str, module: &str) -> bool {
    let text = code(text);
    if text.contains(&format!("crate::{module}::")) || text.contains(&format!("crate::{module};")) {
        return true;
    }
    text.split("use crate::{").skip(1).any(|group| {
        let group = group.split(';').next().unwrap_or_default();
        group.contains(&format!("\n    {module}::")) || group.contains(&format!("{{{module}::")) || group.contains(&format!(" {module},"))
    })
}

/// Texts that stand in one place only.
fn forbidden_texts(tree: &Tree) -> Vec<String> {
    // text, where it is allowed, why
    const RULES: [(&str, &[&str], &str); 7] = [
        ("<textarea", &["src/components/text_area.rs"], "leptos 0.8 does not escape its children: use the one component that does"),
        ("inner_html", &["src/components/text_area.rs"], "unescaped HTML"),
        (" style=", &[], "a strict content security policy forbids it: use a class"),
        ("Utc::now()", &["crates/backend/src/clock.rs"], "time is an argument"),
        ("thread_rng", &[], "randomness is an argument"),
        ("LocalResource", &[], "it panics on the server"),
        ("<noscript", &[], "it breaks hydration: use the class of what islands show"),
    ];
    let mut broken = Vec::new();
    for (path, text) in tree.iter().filter(|(p, _)| p.ends_with(".rs")) {
        for (needle, allowed, why) in RULES {
            if code(text).contains(needle) && !allowed.contains(&path.as_str()) {
                broken.push(format!("{path} has {needle:?}: {why}"));
            }
        }
    }
    broken
}

/// Files that nobody would want to live in.
fn too_long(tree: &Tree) -> Vec<String> {
    let lines = |text: &str| text.lines().count();
    tree.iter().filter(|(p, t)| p.ends_with(".rs") && lines(t) > 500).map(|(p, t)| format!("{p} has {} lines", lines(t))).collect()
}

fn all(tree: &Tree) -> Vec<String> {
    [forbidden_dependencies(tree), forbidden_modules(tree), forbidden_texts(tree), too_long(tree)].concat()
}

#[test]
fn the_house_is_in_order() {
    assert_eq!(all(&tree()), Vec::<String>::new());
}

/// Each rule, broken once on purpose.
#[test]
fn every_rule_can_fail() {
    let breaks: [(&str, &str, &str); 8] = [
        ("crates/domain/Cargo.toml", "[dependencies]\ntokio = \"1\"\n", "crates/domain/Cargo.toml depends on tokio"),
        (
            "crates/gaussdb/Cargo.toml",
            "[dependencies]\npatchboard-domain.workspace = true\n",
            "crates/gaussdb/Cargo.toml depends on patchboard-domain",
        ),
        ("Cargo.toml", "[dependencies]\nsqlx = \"0.9\"\n", "Cargo.toml depends on sqlx"),
        ("src/pages/new.rs", "use crate::server::router;", "src/pages/new.rs uses crate::server"),
        (
            "src/components/new.rs",
            "use crate::{\n    pages::FleetPage,\n    viewer::Viewer,\n};",
            "src/components/new.rs uses crate::pages",
        ),
        ("src/pages/new.rs", "view! { <textarea></textarea> }", "leptos 0.8 does not escape"),
        ("crates/store/src/new.rs", "let now = Utc::now();", "time is an argument"),
        ("src/pages/long.rs", &"\n".repeat(501), "src/pages/long.rs has 501 lines"),
    ];
    for (path, text, said) in breaks {
        let mut broken = tree();
        broken.insert(path.to_owned(), text.to_owned());
        assert!(all(&broken).iter().any(|b| b.contains(said)), "{path}: {said}");
    }
}

#[test]
fn migrations_are_only_added() {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("crates/store/migrations/sqlite");
    let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    for (n, name) in names.iter().enumerate() {
        assert!(name.starts_with(&format!("{:04}_", n + 1)) && name.ends_with(".sql"), "{name} is out of order");
    }
}

/// Tests that a document names and no file has.
fn tests_that_are_not_there(document: &str, tests: &str) -> Vec<String> {
    let rows = document.lines().filter(|l| l.starts_with("| ") && l.as_bytes().get(2).is_some_and(u8::is_ascii_digit));
    let names = rows.filter_map(|row| row.rsplit('|').nth(1)).flat_map(|cell| cell.split('`').skip(1).step_by(2));
    names.filter(|name| !name.starts_with('*') && !tests.contains(&format!("fn {name}("))).map(str::to_owned).collect()
}

#[test]
fn every_fault_of_the_matrix_has_the_test_that_the_document_names() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let document = fs::read_to_string(root.join("docs/reliability.md")).unwrap();
    let files = fs::read_dir(root.join("tests/it")).unwrap().chain(fs::read_dir(root.join("crates/store/tests")).unwrap());
    let mut tests: String = files.map(|e| fs::read_to_string(e.unwrap().path()).unwrap()).collect();
    tests.extend(tree().into_values());
    assert_eq!(tests_that_are_not_there(&document, &tests), Vec::<String>::new());
    let numbered = (1..=56).all(|n| document.lines().any(|l| l.starts_with(&format!("| {n} | "))));
    assert!(numbered, "each of the 56 has its row");
    assert_eq!(tests_that_are_not_there("| 1 | fault | `nobody_wrote_it` |", &tests), ["nobody_wrote_it"]);
}
