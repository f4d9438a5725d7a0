//! `src/command/link/{bfd,gold,lld,mold}.txt` hold what the installed linkers say about their own options; this asks
//! them. `REWRAP_REGENERATE=1 cargo test --test it linker_lists` adds what is new and keeps what other versions said;
//! `REWRAP_TEST_LINKERS` names more programs, with colons between them, as `flavour=program`.

use crate::tools::{missing, sample};
use rewrap::command::link::{Flavour, parse_line, without_collect2_words};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

/// Name without dashes → `A`lone, `V`alue.
type Options = BTreeMap<String, BTreeSet<char>>;

const FLAVOURS: [(Flavour, &str, &[&str]); 4] = [
    (Flavour::Bfd, "bfd", &["ld.bfd"]),
    (Flavour::Gold, "gold", &["ld.gold"]),
    (Flavour::Lld, "lld", &["ld.lld-14", "ld.lld-19"]),
    (Flavour::Mold, "mold", &["mold"]),
];

/// The programs of a flavour, those that the environment names among them.
fn programs(name: &str, usual: &[&str]) -> Vec<String> {
    let more = std::env::var("REWRAP_TEST_LINKERS").unwrap_or_default();
    let more = more
        .split(':')
        .filter_map(|entry| entry.strip_prefix(name)?.strip_prefix('='));
    usual.iter().copied().chain(more).map(str::to_owned).collect()
}

/// stdout and stderr of a program, in a directory of its own.
fn run(program: &str, args: &[&str]) -> Option<String> {
    let directory = tempfile::tempdir().expect("temporary directory");
    let output = Command::new(program)
        .args(args)
        .current_dir(&directory)
        .env("LC_ALL", "C")
        .output()
        .ok()?;
    let mut text = output.stdout;
    text.extend(output.stderr);
    Some(String::from_utf8_lossy(&text).into_owned())
}

fn committed(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("src/command/link/{name}.txt"))
}

fn read(name: &str) -> Options {
    let text = std::fs::read_to_string(committed(name)).unwrap_or_default();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.split_once(' ').expect("`name letters`"))
        .map(|(option, letters)| (option.to_owned(), letters.chars().collect()))
        .collect()
}

fn write(name: &str, options: &Options) {
    let mut text = format!("# The options of {name}, as it lists them. Written by tests/it/linker_lists.rs.\n");
    for (option, letters) in options {
        writeln!(text, "{option} {}", letters.iter().collect::<String>()).expect("a string");
    }
    std::fs::write(committed(name), text).expect("write the list");
}

/// The options that a linker's help names, up to those for the files of other systems.
fn listed(help: &str) -> Options {
    let mut options = Options::new();
    for line in help.lines().take_while(|line| !line.starts_with("i386pe")) {
        let indent = line.len() - line.trim_start().len();
        if !(1..=4).contains(&indent) || !line.trim_start().starts_with('-') {
            continue;
        }
        let column = line.trim_start().split("  ").next().unwrap_or_default();
        for spelling in column.split(", -") {
            let body = spelling.trim_start_matches('-').replace("[no-]", "");
            let end = body.find([' ', '=', '[', '<', ',']).unwrap_or(body.len());
            let (name, rest) = body.split_at(end);
            let rest = rest.trim_start();
            // One blank may stand before the explanation: a word with small letters, and no name of a value.
            let mut letters = rest.chars();
            let explains =
                letters.next().is_some_and(char::is_uppercase) && letters.next().is_some_and(char::is_lowercase);
            let is_name = name.starts_with(|c: char| c.is_ascii_alphanumeric() || "()".contains(c));
            if !is_name || name == "z" {
                continue;
            }
            let forms = match rest {
                "" | "," => "A",
                _ if explains => "A",
                _ if rest.starts_with("[=") => "AV",
                _ => "V",
            };
            options.entry(name.to_owned()).or_default().extend(forms.chars());
        }
    }
    options
}

#[test]
fn lists_hold_what_the_linkers_say() {
    for (_, name, usual) in FLAVOURS {
        let mut known = read(name);
        let mut new = Vec::new();
        for program in programs(name, usual) {
            let Some(help) = run(&program, &["--help"]) else {
                missing(&program);
                continue;
            };
            let said = listed(&help);
            assert!(said.len() > 100, "{program} names only {} options", said.len());
            for (option, letters) in said {
                let have = known.entry(option.clone()).or_default();
                if !letters.is_subset(have) {
                    new.push(format!("{program}: {option} {letters:?}"));
                }
                have.extend(letters);
            }
        }
        if std::env::var_os("REWRAP_REGENERATE").is_some() {
            write(name, &known);
        } else {
            assert!(new.is_empty(), "run with REWRAP_REGENERATE=1: {new:#?}");
        }
    }
}

/// Why `parse_line` has no model of these words; empty if it has one.
fn refusal(flavour: Flavour, words: &[&str]) -> &'static str {
    let args: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    parse_line(flavour, &args, &mut |_| None).map_or_else(|reason| reason.code(), |_| "")
}

fn spelled(name: &str) -> String {
    let dashes = if name.chars().count() == 1 { "-" } else { "--" };
    format!("{dashes}{name}")
}

/// Every option that a linker names is in the tables.
#[test]
fn tables_know_every_listed_option() {
    for (flavour, name, _) in FLAVOURS {
        let mut unknown = Vec::new();
        for (option, letters) in read(name) {
            let word = spelled(&option);
            let ways = [
                vec![word.clone()],
                vec![word.clone(), "1".to_owned()],
                vec![format!("{word}1")],
            ];
            let known = ways.iter().any(|way| {
                let words: Vec<&str> = [&["a.o"], &*way.iter().map(String::as_str).collect::<Vec<_>>()].concat();
                refusal(flavour, &words) != "unknown_option"
            });
            if !known {
                unknown.push(format!("{word} {letters:?}"));
            }
        }
        assert!(unknown.is_empty(), "{name}: {unknown:#?}");
    }
}

/// Whether an option takes the next word for its value is what the linker does with it when there is none.
#[test]
fn values_are_taken_where_the_linker_takes_them() {
    let every: BTreeSet<String> = FLAVOURS
        .iter()
        .flat_map(|(_, name, _)| read(name).into_keys())
        .collect();
    for (flavour, name, usual) in sample(&FLAVOURS) {
        for program in programs(name, usual) {
            let wrong: Vec<String> = every
                .iter()
                .filter_map(|option| disagreement(flavour, &program, option))
                .collect();
            assert!(wrong.is_empty(), "{program}: {wrong:#?}");
        }
    }
}

fn disagreement(flavour: Flavour, program: &str, option: &str) -> Option<String> {
    const MISSING: [&str; 3] = ["requires an argument", "missing argument", "argument missing"];
    const UNKNOWN: [&str; 5] = [
        "unrecognized option",
        "unknown option",
        "unknown argument",
        "unknown command line option",
        "unrecognised option",
    ];
    // GNU ld reads `-G` by what follows, and forgets to miss the value of the other.
    if flavour == Flavour::Bfd && matches!(option, "G" | "undefined") {
        return None;
    }
    let word = spelled(option);
    let ours = match refusal(flavour, &["a.o", &word]) {
        "missing_value" => true,
        "unknown_option" => return None,
        _ => false,
    };
    let Some(said) = run(program, &[&word]) else {
        missing(program);
        return None;
    };
    if UNKNOWN.iter().any(|text| said.contains(text)) {
        return None;
    }
    let theirs = MISSING.iter().any(|text| said.contains(text));
    (ours != theirs).then(|| format!("{word}: value {theirs}"))
}

/// The words of the linker's line that a driver shows; of `collect2`'s line with gcc.
fn shown(driver: &str, args: &[&str]) -> Option<Vec<String>> {
    let text = run(driver, &[&["-###"], args].concat())?;
    let line = text
        .lines()
        .rev()
        .find(|line| line.starts_with(" \"") || line.starts_with(" /"))
        .unwrap_or_else(|| panic!("{driver} {args:?} shows no line: {text}"));
    let words = line.split_ascii_whitespace().skip(1);
    Some(words.map(|word| word.trim_matches('"').to_owned()).collect())
}

/// The lines by which drivers call linkers are understood.
#[test]
fn lines_of_drivers_are_understood() {
    const LINES: [&[&str]; 9] = [
        &[],
        &["-static"],
        &["-static-pie"],
        &["-shared", "-fPIC"],
        &["-r", "-nostdlib"],
        &["-flto", "-O2"],
        &["-fsanitize=address,undefined", "-pthread"],
        &["--coverage", "-pg"],
        &[
            "-Wl,-rpath,/x",
            "-Wl,--as-needed",
            "-lm",
            "-L/y",
            "-Wl,--version-script,v",
        ],
    ];
    for driver in ["gcc", "g++", "clang", "clang++-19"] {
        for (flavour, name, _) in FLAVOURS {
            for options in LINES {
                // gold has no option for what a static program that is independent of its place needs.
                if flavour == Flavour::Gold && options.contains(&"-static-pie") {
                    continue;
                }
                let linker = format!("-fuse-ld={name}");
                // What cannot be opened is still shown by gcc, and makes clang show nothing.
                let args = [&["/dev/null", "-x", "none", linker.as_str()], options].concat();
                let Some(words) = shown(driver, &args) else {
                    missing(driver);
                    break;
                };
                let words = without_collect2_words(&words);
                let found = parse_line(flavour, &words, &mut |_| None);
                assert!(found.is_ok(), "{driver} {args:?}: {found:?}\n{words:?}");
            }
        }
    }
}
