//! Every option that the installed tools print in their help is one that we know, with a value where it has one.

use super::bench::{find, identity};
use crate::tools::missing;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

fn help(tool: &Path) -> String {
    let output = Command::new(tool)
        .arg("--help")
        .env("LC_ALL", "C")
        .output()
        .expect("help");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Long options, and whether a value follows.
fn long_options(help: &str) -> BTreeMap<String, bool> {
    let mut found = BTreeMap::new();
    for (at, _) in help.match_indices("--") {
        let before = help[..at].chars().next_back().unwrap_or(' ');
        let rest = &help[at + 2..];
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '-')
            .unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        // `--[no-]name` stands for two; `--rename-…` for itself; words of the prose have no option's place.
        if name.is_empty() || name.ends_with('-') || !(before.is_whitespace() || "|{".contains(before)) {
            continue;
        }
        let valued = after.starts_with('=') || after.starts_with(" <") || after.starts_with("} <");
        *found.entry(name.to_owned()).or_default() |= valued;
    }
    found
}

fn code(tool: &Path, args: &[&str]) -> &'static str {
    let args: Vec<String> = args.iter().map(ToString::to_string).collect();
    let parsed = identity(tool).parse(&args, &mut |_| None);
    parsed.map_or_else(|reason| reason.code(), |_| "taken")
}

#[test]
fn every_long_option_of_the_help_is_known() {
    let mut unknown = Vec::new();
    for name in [
        "strip",
        "llvm-strip-14",
        "llvm-strip-19",
        "objcopy",
        "llvm-objcopy-14",
        "llvm-objcopy-19",
    ] {
        let Some(tool) = find(name) else {
            missing(name);
            continue;
        };
        let options = long_options(&help(&tool));
        assert!(options.len() > 20, "{name}: {options:?}");
        for (option, valued) in options {
            // Not followed: the value begins with the name of a file.
            if option == "set-symbols-visibility" {
                continue;
            }
            let word = if valued {
                format!("--{option}=.x=y")
            } else {
                format!("--{option}")
            };
            if code(&tool, &[&word, "a", "b"]) == "unknown_option" {
                unknown.push(format!("{name} {word}"));
            }
        }
    }
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}

#[test]
fn every_letter_of_the_archivers_help_is_known() {
    for name in ["ar", "llvm-ar-14", "llvm-ar-19"] {
        let Some(tool) = find(name) else {
            missing(name);
            continue;
        };
        let help = help(&tool);
        let letters = help.lines().filter_map(|line| {
            let (letters, text) = line.trim_start().split_once(" - ")?;
            let letter = letters.trim_start_matches('[').chars().next()?;
            (!text.is_empty() && letter.is_ascii_alphabetic()).then_some(letter)
        });
        let mut seen = 0;
        for letter in letters {
            let word = if "dmpqrtxs".contains(letter) {
                letter.to_string()
            } else {
                format!("r{letter}")
            };
            assert_ne!(
                code(&tool, &[&word, "1", "2", "x.a", "a.o"]),
                "unknown_option",
                "{name} {word}"
            );
            seen += 1;
        }
        assert!(seen > 15, "{name}: {seen} letters");
    }
}
