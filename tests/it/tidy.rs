//! The rules that ARCHITECTURE.md states and no compiler checks.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Modules of one layer of which one uses the other: `(user, used)`. Never both ways.
const SIBLINGS: &[(&str, &str)] = &[
    ("digest", "pb"), // A digest is sent as the protocol's message.
    ("observation", "digest"),
    ("depfile", "command"),        // Its layout is that of a compiler family.
    ("config", "host"),            // Files that may have changed are known by identity.
    ("scan", "toolchain"),         // The compiler is asked.
    ("link", "toolchain"),         // The driver is asked for the linker's command line.
    ("link", "scan"),              // What a link reads is a scan too.
    ("object_tools", "toolchain"), // An archiver is asked who it is.
    ("object_tools", "scan"),      // What it reads is a scan too.
    ("inputs", "scan"),            // A scan becomes an input set.
    ("inputs", "toolchain"),       // So do the compiler's own files.
    ("action", "merkle"),          // An action names an input root.
    ("remote", "store"),           // A server's services are stores.
    ("daemon", "wire"),            // All three speak the protocol of wrapper and daemon.
    ("wrapper", "wire"),
    ("wrapper", "daemon"),   // The wrapper connects to the daemon and starts it.
    ("pipeline", "daemon"),  // The pipeline is the daemon's service.
    ("pipeline", "wrapper"), // A tool is asked with the `PATH` that the wrapper gives it.
    ("cli", "render"),
];

/// Uses that go up, each for one type.
const UPWARDS: &[(&str, &str)] = &[
    ("store", "remote"), // `StoreError` holds the error of a server.
];

/// Who may call `std::fs`, `std::process` and `std::env`. All others are pure, or ask through a trait.
const MACHINE: &[(&str, &str)] = &[
    ("host", "the place for it"),
    ("config", "finds and reads settings files"),
    ("toolchain", "finds and reads the compiler's programs"),
    ("scan", "looks for names in directories"),
    ("link", "looks for libraries in directories, and into them"),
    (
        "object_tools",
        "looks at archives and at what is there under the names of outputs",
    ),
    ("inputs", "follows links of inputs"),
    ("manifest", "looks whether links are as they were"),
    ("store", "is on disk"),
    ("remote", "reads certificates and sources of uploads"),
    ("report", "records are files"),
    ("pipeline", "takes outputs of the compiler into the store"),
    ("daemon", "is a process"),
    ("wire", "sockets have names; the view of the file system is compared"),
    ("serve", "is a process, and runs actions in directories of its own"),
    ("wrapper", "is a process, and writes into the user's tree"),
    ("serve", "is a process; lays out inputs and runs actions"),
    ("cli", "is a process"),
    ("render", "looks at the terminal's variables"),
];

/// Files may have this many lines.
const MOST_LINES: usize = 600;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files_below(dir: &str, extension: &str) -> Vec<PathBuf> {
    let entries = walkdir::WalkDir::new(root().join(dir)).sort_by_file_name();
    let files = entries.into_iter().map(|entry| entry.unwrap().into_path());
    files
        .filter(|path| path.extension().is_some_and(|end| end == extension))
        .collect()
}

/// A source file of the library that somebody wrote.
struct Source {
    path: PathBuf,
    /// The module of the crate's root that it belongs to.
    module: String,
    /// Without comments and tests.
    code: String,
}

fn sources() -> Vec<Source> {
    let src = root().join("src");
    let is_code = |path: &PathBuf| {
        let parts = path.strip_prefix(&src).unwrap().components();
        !parts
            .map(std::path::Component::as_os_str)
            .any(|part| part == "tests" || part == "tests.rs" || part == "pb")
    };
    let source = |path: PathBuf| {
        let first = path.strip_prefix(&src).unwrap().components().next().unwrap();
        let module = Path::new(first.as_os_str()).file_stem().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let product = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let lines = product.lines().filter(|line| !line.trim_start().starts_with("//"));
        Source {
            module: module.to_owned(),
            code: lines.collect::<Vec<_>>().join("\n"),
            path,
        }
    };
    let sources = files_below("src", "rs").into_iter().filter(is_code).map(source);
    sources
        .filter(|source| source.module != "lib" && source.module != "main")
        .collect()
}

/// The layer of each module, from the table in ARCHITECTURE.md.
fn layers() -> BTreeMap<String, u32> {
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let rows = page.lines().filter_map(|line| {
        let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
        let layer: u32 = cells.next()?.parse().ok()?;
        Some((layer, cells.next()?.to_owned()))
    });
    let mut layers = BTreeMap::new();
    for (layer, modules) in rows {
        for module in modules.split_whitespace().map(|name| name.trim_matches('`')) {
            let twice = layers.insert(module.to_owned(), layer);
            assert_eq!(twice, None, "`{module}` has two layers");
        }
    }
    layers
}

/// The identifiers that follow `prefix` in `code`, groups in braces included.
fn names_after<'a>(code: &'a str, prefix: &str) -> BTreeSet<&'a str> {
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices(prefix) {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &code[at + prefix.len()..];
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let (list, nested) = match rest.strip_prefix('{') {
            Some(group) => (&group[..group.find(';').unwrap_or(group.len())], true),
            None => (rest, false),
        };
        let mut depth = 0;
        for item in list.split_inclusive([',', '{', '}']) {
            let name = item.trim_start();
            let name = &name[..name.find(|c| !is_part(c)).unwrap_or(name.len())];
            if depth == 0 && !name.is_empty() {
                names.insert(name);
            }
            depth += item.matches('{').count();
            depth = depth.saturating_sub(item.matches('}').count());
            if !nested {
                break;
            }
        }
    }
    names
}

#[test]
fn names_are_found_alone_and_in_groups() {
    let check = |code, expected: &[&str]| assert_eq!(names_after(code, "std::"), expected.iter().copied().collect());
    check("use std::fs;", &["fs"]);
    check(
        "use std::{io, fs::{self, File}, env};\nstd::process::id()",
        &["env", "fs", "io", "process"],
    );
    check("my_std::fs", &[]);
}

#[test]
fn a_module_uses_lower_layers_only() {
    let layers = layers();
    let mut found = BTreeSet::new();
    let mut wrong = Vec::new();
    for source in sources() {
        let user = source.module.as_str();
        let layer = *layers
            .get(user)
            .unwrap_or_else(|| panic!("`{user}` is in no layer of ARCHITECTURE.md"));
        for used in names_after(&source.code, "crate::") {
            let Some(&below) = layers.get(used) else { continue };
            let edge = SIBLINGS.iter().chain(UPWARDS).find(|edge| **edge == (user, used));
            if let Some(edge) = edge {
                found.insert(*edge);
            } else if user != used && below >= layer {
                wrong.push(format!(
                    "{}: {user} (layer {layer}) uses {used} ({below})",
                    source.path.display()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let all: BTreeSet<_> = SIBLINGS.iter().chain(UPWARDS).copied().collect();
    assert_eq!(found, all, "only what is used is allowed");
    for (user, used) in SIBLINGS {
        assert_eq!(layers[*user], layers[*used], "{user} and {used} are siblings");
    }
}

#[test]
fn the_layers_are_those_of_the_library() {
    let modules: BTreeSet<String> = sources().into_iter().map(|source| source.module).collect();
    let mut named: BTreeSet<String> = layers().into_keys().collect();
    named.remove("pb"); // Generated.
    assert_eq!(named, modules);
}

#[test]
fn only_some_modules_touch_the_machine() {
    let mut touching = BTreeSet::new();
    for source in sources() {
        let names = names_after(&source.code, "std::");
        if names.iter().any(|name| ["fs", "process", "env"].contains(name)) {
            let allowed = MACHINE.iter().any(|(module, _)| *module == source.module);
            assert!(
                allowed,
                "{} calls std::fs, std::process or std::env",
                source.path.display()
            );
            touching.insert(source.module);
        }
    }
    let allowed: BTreeSet<_> = MACHINE.iter().map(|(module, _)| (*module).to_owned()).collect();
    assert_eq!(touching, allowed, "only what is used is allowed");
}

#[test]
fn every_module_says_what_it_is_and_is_short() {
    let own = ["src", "tests", "shims", "benches"].map(|dir| files_below(dir, "rs"));
    for path in own.into_iter().flatten() {
        let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_owned()).collect();
        let part = |name: &str| parts.iter().any(|part| part == name);
        if part("pb") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let is_test = part("tests") || part("tests.rs");
        assert!(
            is_test || text.starts_with("//!"),
            "{} does not say what it is",
            path.display()
        );
        let lines = text.lines().count();
        assert!(lines <= MOST_LINES, "{} has {lines} lines", path.display());
    }
}

#[test]
fn every_page_can_be_found() {
    let entry = ["README.md", "ARCHITECTURE.md"].map(|name| fs::read_to_string(root().join(name)).unwrap());
    for page in files_below("docs", "md") {
        let name = page.strip_prefix(root()).unwrap().to_str().unwrap();
        assert!(
            entry.iter().any(|text| text.contains(name)),
            "neither README.md nor ARCHITECTURE.md links {name}"
        );
    }
}
