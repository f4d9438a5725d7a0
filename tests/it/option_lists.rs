//! `src/command/options/{gcc,clang}.txt` hold what the installed compilers say about their own options; this asks them.
//! `REWRAP_REGENERATE=1 cargo test --test it option_lists` adds what is new and keeps what other versions said.

use crate::support::casd;
use crate::tools::{all, missing};
use rewrap::command::options::{Lookup, Meaning, look_up};
use rewrap::command::{Family, Role};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

/// How an option takes its value, as the committed files write it: `A`lone, `J`oined, `S`eparate; `#` when the value
/// is a number or one of a fixed list.
type Forms = BTreeSet<char>;

/// Option name → forms.
type Options = BTreeMap<String, Forms>;

/// stdout and stderr of the program, in a directory of its own (`clang -### -MJ f` writes `f`); `None` if there is no
/// such program.
fn run(program: &str, args: &[String]) -> Option<String> {
    let directory = tempfile::tempdir().expect("temporary directory");
    let output = Command::new(program)
        .args(args)
        .current_dir(&directory)
        .env("LC_ALL", "C")
        .env("COLUMNS", "300")
        .output()
        .ok()?;
    let mut text = output.stdout;
    text.extend(output.stderr);
    Some(String::from_utf8_lossy(&text).into_owned())
}

/// The compilers that `tests/setup compilers` unpacks, if it has; whoever asks them takes a while.
fn unpacked(family: &str) -> Vec<String> {
    let bin = casd::tools().join("compilers/bin");
    let entries = std::fs::read_dir(bin).into_iter().flatten().flatten();
    let named = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with(&format!("{family}-")))
    };
    let paths = entries.map(|entry| entry.path()).filter(named);
    let mut programs: Vec<String> = paths.filter_map(|path| path.to_str().map(str::to_owned)).collect();
    programs.sort();
    programs
}

fn committed(family: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("src/command/options/{family}.txt"))
}

fn read(family: &str) -> Options {
    let text = std::fs::read_to_string(committed(family)).unwrap_or_default();
    let mut options = Options::new();
    for line in text.lines().filter(|line| !line.starts_with("# ")) {
        let (name, forms) = line.split_once(' ').expect("`name forms`");
        options.insert(name.to_owned(), forms.chars().collect());
    }
    options
}

fn write(family: &str, options: &Options) {
    let mut text =
        format!("# The options of {family}, as its drivers list them. Written by tests/it/option_lists.rs.\n");
    for (name, forms) in options {
        let letters: String = "AJS#".chars().filter(|letter| forms.contains(letter)).collect();
        writeln!(text, "{name} {letters}").expect("a string");
    }
    std::fs::write(committed(family), text).expect("write the option list");
}

fn merge(into: &mut Options, from: &Options) {
    for (name, forms) in from {
        into.entry(name.clone()).or_default().extend(forms);
    }
}

/// Compares with the committed list, or extends it. `ask_values` is worth its time only when writing.
fn check(family: &str, installed: &[&str], list: fn(&str, bool) -> Option<Options>) {
    let programs = installed.iter().map(|name| (*name).to_owned()).chain(unpacked(family));
    let regenerate = std::env::var_os("REWRAP_REGENERATE").is_some() || all();
    let mut known = read(family);
    let mut missing = Vec::new();
    for program in programs {
        let Some(said) = list(&program, regenerate) else {
            continue;
        };
        assert!(said.len() > 500, "{program} says only {} options", said.len());
        for (name, forms) in &said {
            let extra: Vec<_> = forms
                .iter()
                .filter(|form| !known.get(name).is_some_and(|have| have.contains(form)))
                .collect();
            if !extra.is_empty() {
                missing.push(format!("{program}: {name} {extra:?}"));
            }
        }
        merge(&mut known, &said);
    }
    if regenerate {
        write(family, &known);
    } else {
        assert!(missing.is_empty(), "run with REWRAP_REGENERATE=1: {missing:#?}");
    }
}

/// Name and metavariable of a line of `gcc --help=…`.
fn gcc_line(line: &str) -> Option<(String, String)> {
    let word = line.strip_prefix("  ")?;
    if !word.starts_with('-') {
        return None;
    }
    let spec: String = match word.find("  ") {
        Some(end) => word[..end].to_owned(),
        None => word.split(' ').next()?.to_owned(),
    };
    let spec = spec.split(' ').next()?.to_owned();
    let end = spec.find(['<', '[', '=']).unwrap_or(spec.len());
    let (name, rest) = spec.split_at(end);
    let (sign, rest) = match rest.strip_prefix('[') {
        Some(optional) if optional.starts_with(['=', '-']) => optional.split_at(1),
        _ if rest.starts_with('=') => rest.split_at(1),
        _ => ("", rest),
    };
    Some((format!("{name}{sign}"), rest.to_owned()))
}

/// Whether gcc's metavariable stands for a number or one word of a list.
fn closed(meta: &str) -> bool {
    let inner = meta.trim_start_matches(['[', '<']).trim_end_matches([']', '>']);
    (meta.starts_with('[') && inner.contains('|'))
        || matches!(inner, "number" | "n" | "N" | "bytes" | "byte-size")
        || (!inner.is_empty() && inner.chars().all(|c| c.is_ascii_digit() || c == ',' || c == '|'))
}

fn gcc_options(program: &str, _ask_values: bool) -> Option<Options> {
    let class = |name: &str| run(program, &[format!("--help={name}")]);
    let names_of = |text: &str| {
        text.lines()
            .filter_map(gcc_line)
            .map(|(name, _)| name)
            .collect::<BTreeSet<_>>()
    };
    let (joined, separate) = (names_of(&class("joined")?), names_of(&class("separate")?));
    let mut options = Options::new();
    for group in ["common", "c", "c++", "target", "warnings", "optimizers"] {
        for class_name in [group.to_owned(), format!("{group},undocumented")] {
            for (name, meta) in class(&class_name)?.lines().filter_map(gcc_line) {
                if name.starts_with("--") || name.starts_with("-std=") {
                    continue;
                }
                let forms = options.entry(name.clone()).or_default();
                if joined.contains(&name) {
                    forms.insert('J');
                    forms.extend(closed(&meta).then_some('#'));
                }
                if separate.contains(&name) {
                    forms.insert('S');
                }
                if forms.is_empty() && name.ends_with('=') {
                    // One whole option per value.
                    forms.extend(['J', '#']);
                } else if forms.is_empty() {
                    forms.insert('A');
                }
            }
        }
    }
    Some(options)
}

/// Options that would end or redirect the run that asks about all others; each has a hand-written row.
fn ends_the_run(name: &str) -> bool {
    [
        "-print",
        "--print",
        "-ccc",
        "-dump",
        "--help",
        "-fplugin-arg",
        "--cuda",
        "--hip",
        "--offload",
    ]
    .iter()
    .any(|prefix| name.starts_with(prefix))
        || matches!(
            name,
            "-V" | "--version" | "-help" | "-version" | "-###" | "--" | "--config" | "-working-directory" | "-target"
        )
}

/// Names of `clang-cl` that `clang` reads as `-L`, `-B`, `-D`, `-MT` … with a value; in its list all the same.
fn only_of_cl(name: &str) -> bool {
    matches!(
        name,
        "-Brepro" | "-Brepro-" | "-Bt" | "-Bt+" | "-LD" | "-LDd" | "-LN" | "-MTd" | "-MDd" | "-link"
    )
}

/// The arguments that the driver complains of as unknown.
fn unknown(said: &str) -> BTreeSet<String> {
    said.lines()
        .filter_map(|line| line.split_once("unknown argument"))
        .filter_map(|(_, rest)| rest.split('\'').nth(1).map(str::to_owned))
        .collect()
}

/// clang lists names only; their forms are found by offering each a value, all in one run of `-###`.
fn clang_options(program: &str, ask_values: bool) -> Option<Options> {
    let mut names = BTreeSet::new();
    for line in run(program, &["--autocomplete=-".to_owned()])?.lines() {
        let name = line.split('\t').next().unwrap_or_default();
        let warning = name.starts_with("-W") || name.starts_with("-R");
        if name.starts_with('-') && !name.contains(' ') && !warning && !ends_the_run(name) && !only_of_cl(name) {
            names.insert(name.to_owned());
        }
    }
    let ask = |words: Vec<String>| {
        let args = ["-###".to_owned(), "-c".to_owned()].into_iter().chain(words);
        run(program, &args.collect::<Vec<_>>())
    };
    let not_joined = unknown(&ask(names.iter().map(|name| format!("{name}zzq")).collect())?);
    let plain: Vec<&String> = names.iter().filter(|name| !name.ends_with('=')).collect();
    let not_options = unknown(&ask(plain.iter().map(|name| (*name).clone()).collect())?);
    let offered: Vec<&String> = plain.into_iter().filter(|name| !not_options.contains(*name)).collect();
    let mut options = Options::new();
    for batch in offered.chunks(100) {
        let pairs = batch.iter().enumerate();
        let said = ask(pairs
            .flat_map(|(at, name)| [(*name).clone(), format!("sentinel{at}.c")])
            .collect())?;
        assert!(
            said.contains("no such file or directory: 'sentinel"),
            "{program} stops early: {batch:?} {said}"
        );
        for (at, name) in batch.iter().enumerate() {
            let left_over = said.contains(&format!("no such file or directory: 'sentinel{at}.c'"));
            options
                .entry((*name).clone())
                .or_default()
                .insert(if left_over { 'A' } else { 'S' });
        }
    }
    for name in &names {
        // `--xzzq` is no unknown argument to clang but an unsupported option, and is not told apart here.
        let double_dash_flag = name.starts_with("--") && !name.ends_with('=');
        if !double_dash_flag && !not_joined.contains(&format!("{name}zzq")) {
            let forms = options.entry(name.clone()).or_default();
            forms.insert('J');
            if ask_values && name.ends_with('=') && values_are_listed(program, name) {
                forms.insert('#');
            }
        }
    }
    // Aliases are left out of clang's own list: those that gcc has too are asked for by gcc's names.
    let flags = read("gcc")
        .into_iter()
        .filter(|(_, forms)| forms.contains(&'A'))
        .map(|(name, _)| name);
    let both_signs = flags.flat_map(|name| [format!("{}no-{}", &name[..2], &name[2..]), name]);
    let shared = |name: &String| ["-f", "-m", "-g"].iter().any(|letter| name.starts_with(letter));
    let candidates: Vec<String> = both_signs.filter(shared).filter(|name| !names.contains(name)).collect();
    let refused = unknown(&ask(candidates.clone())?);
    for name in candidates.into_iter().filter(|name| !refused.contains(name)) {
        options.entry(name).or_default().insert('A');
    }
    Some(options)
}

/// Whether clang completes the value of `name`, that is, knows all of them.
fn values_are_listed(program: &str, name: &str) -> bool {
    run(program, &[format!("--autocomplete={name},")]).is_some_and(|values| !values.trim().is_empty())
}

#[test]
fn gcc_list_has_all_that_the_installed_gcc_says() {
    check("gcc", &["gcc"], gcc_options);
}

#[test]
fn clang_list_has_all_that_the_installed_clangs_say() {
    check("clang", &["clang", "clang-19"], clang_options);
}

/// Each plain flag of a list, given to a compile, leaves the object file alone in the directory. All of them when the
/// lists are written, else every `STRIDE`th.
fn check_flags(family: Family, list: &str, program: &str) {
    const STRIDE: usize = 23;
    let stride = if std::env::var_os("REWRAP_REGENERATE").is_some() || all() {
        1
    } else {
        STRIDE
    };
    let is_plain = |name: &String| matches!(look_up(family, name), Lookup::Alone(spec) if matches!(spec.meaning, Meaning::Is(Role::Plain)));
    let flags: Vec<String> = read(list).into_keys().filter(is_plain).collect();
    let mut wrong = Vec::new();
    let mut compiled = 0;
    for flag in flags.iter().step_by(stride) {
        let directory = tempfile::tempdir().expect("temporary directory");
        let source = directory.path().join("a.c");
        std::fs::write(
            &source,
            "static int g(int a) { return a; }\nint f(int a) { return g(a) + 1; }\n",
        )
        .expect("source");
        let run = Command::new(program)
            .args(["-O2", "-c", "a.c", flag])
            .current_dir(&directory)
            .output();
        let Ok(run) = run else { return missing(program) };
        compiled += usize::from(run.status.success());
        let entries = std::fs::read_dir(&directory)
            .expect("directory")
            .map(|entry| entry.expect("entry").file_name());
        let unexpected: Vec<_> = entries.filter(|name| name != "a.c" && name != "a.o").collect();
        if !unexpected.is_empty() {
            wrong.push(format!("{flag}: {unexpected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{program}: {wrong:#?}");
    assert!(compiled * stride > 500, "{program}: only {compiled} compiles");
}

#[test]
fn plain_flags_of_gcc_write_no_file() {
    check_flags(Family::Gcc, "gcc", "gcc");
}

#[test]
fn plain_flags_of_clang_write_no_file() {
    check_flags(Family::Clang, "clang", "clang");
    check_flags(Family::Clang, "clang", "clang-19");
}
