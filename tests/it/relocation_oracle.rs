//! Relocated actions against the real compilers: what a worker gives, with depfile and diagnostics restored, is byte
//! for byte what the user's command gives at home; in portable mode every checkout has one action with one result.

mod cases;
pub(crate) mod command_line;
pub(crate) mod project;
pub(crate) mod worker;

use crate::tools::missing;
use cases::{CASES, Case, Expect, PORTABLE};
use project::Project;
use rewrap::action::{BuiltAction, OutputFormat, Placement};
use rewrap::command::Family;
use rewrap::config::PathsMode;
use rewrap::digest::Digest;
use rewrap::outputs::{self, diagnostics};
use rewrap::toolchain::Toolchain;
use std::path::PathBuf;
use std::process::Command;
use worker::Ran;

/// A compiler of this machine; `None`, said aloud, if it is not here and need not be.
pub(crate) fn toolchain(name: &str) -> Option<Toolchain> {
    let driver = PathBuf::from("/usr/bin").join(name);
    let version = Command::new(&driver)
        .args(["-dumpfullversion", "-dumpversion"])
        .output();
    let Some(version) = version.ok().filter(|done| done.status.success()) else {
        missing(name);
        return None;
    };
    let text = String::from_utf8(version.stdout).expect("a version");
    let mut numbers = text.trim().split('.').map(|part| part.parse().expect("a number"));
    let mut next = || numbers.next().unwrap_or(0);
    Some(Toolchain {
        driver_real: driver.canonicalize().expect("the compiler"),
        driver,
        family: if name.starts_with("gcc") {
            Family::Gcc
        } else {
            Family::Clang
        },
        version: (next(), next(), next()),
        target: "x86_64-linux-gnu".to_owned(),
        files: Vec::new(),
        facts: Digest::empty(),
        include_dirs: Vec::new(),
        library_path_matters: false,
    })
}

/// A run with its depfile and its text rewritten.
fn rewritten(
    ran: &Ran,
    built: &BuiltAction,
    output: impl Fn(&[u8], OutputFormat) -> Vec<u8>,
    text: impl Fn(&[u8]) -> Vec<u8>,
) -> Ran {
    let mut outputs = ran.outputs.clone();
    for declared in &built.outputs {
        if let Some(bytes) = outputs.get_mut(&declared.action_path) {
            *bytes = output(bytes, declared.format);
        }
    }
    Ran {
        exit: ran.exit,
        stdout: text(&ran.stdout),
        stderr: text(&ran.stderr),
        outputs,
    }
}

/// The run of an action as the user is to see it.
pub(crate) fn restored(ran: &Ran, built: &BuiltAction) -> Ran {
    rewritten(
        ran,
        built,
        |bytes, format| outputs::restore(bytes, format, &built.paths).expect("restorable"),
        |bytes| diagnostics::restore(bytes, &built.paths).expect("restorable"),
    )
}

/// The run of a command here as it is stored under the action.
pub(crate) fn stored(ran: &Ran, built: &BuiltAction) -> Ran {
    rewritten(
        ran,
        built,
        |bytes, format| outputs::relocate(bytes, format, &built.paths).expect("relocatable"),
        |bytes| diagnostics::relocate(bytes, &built.paths).expect("relocatable"),
    )
}

pub(crate) fn differences(expected: &Ran, actual: &Ran) -> Option<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if expected.exit != actual.exit || expected.stderr != actual.stderr || expected.stdout != actual.stdout {
        return Some(format!(
            "exit {:?}, {:?}\n--- expected\n{}{}--- actual\n{}{}",
            expected.exit,
            actual.exit,
            text(&expected.stdout),
            text(&expected.stderr),
            text(&actual.stdout),
            text(&actual.stderr)
        ));
    }
    if expected.outputs.keys().ne(actual.outputs.keys()) {
        return Some(format!(
            "outputs {:?} and {:?}",
            expected.outputs.keys(),
            actual.outputs.keys()
        ));
    }
    let (name, _) = expected
        .outputs
        .iter()
        .find(|(name, bytes)| actual.outputs[*name] != **bytes)?;
    let shown = if [".d", ".su"].iter().any(|suffix| name.ends_with(suffix)) {
        format!(
            ":\n{}---\n{}",
            text(&expected.outputs[name]),
            text(&actual.outputs[name])
        )
    } else {
        String::new()
    };
    Some(format!("output {name} differs{shown}"))
}

fn expected(case: &Case, family: Family) -> &Expect {
    match family {
        Family::Gcc => &case.gcc,
        Family::Clang => &case.clang,
    }
}

/// Runs one case; the text says what went wrong.
fn check_exact(case: &Case, cwd: &str, toolchain: &Toolchain) -> Result<(), String> {
    let temp = tempfile::tempdir().expect("temporary directory");
    let project = Project::create(temp.path(), "home/u/proj", cwd);
    let built = project.build(toolchain, case.options, PathsMode::Exact);
    match (expected(case, toolchain.family), &built.placement) {
        (Expect::Skip, _) => return Ok(()),
        (Expect::Here(code), Placement::Here(reason)) if reason.code() == *code => return Ok(()),
        (Expect::Anywhere, Placement::Anywhere) => {}
        (expected, found) => return Err(format!("placement {found:?}, expected {expected:?}")),
    }
    let home = worker::at_home(&project, toolchain, &project.words(case.options), &built);
    if home.exit != Some(0) && !case.options.contains("bad.c") {
        return Err(format!("fails at home: {}", String::from_utf8_lossy(&home.stderr)));
    }
    let far = worker::relocated(&project, &built, &temp.path().join("w/1f"));
    if let Some(text) = differences(&home, &restored(&far, &built)) {
        return Err(text);
    }
    let kept = stored(&home, &built);
    differences(&home, &restored(&kept, &built)).map_or(Ok(()), Err)
}

/// Two checkouts of one content; where a run here may stand for the action, it gives the same bytes.
fn check_portable(case: &Case, cwd: &str, toolchain: &Toolchain) -> Result<(), String> {
    let temp = tempfile::tempdir().expect("temporary directory");
    let first = Project::create(temp.path(), "home/u/proj", cwd);
    let second = Project::create(temp.path(), "a/rather/much/longer/home/of/another/user/checkout", cwd);
    let [one, two] = [&first, &second].map(|project| project.build(toolchain, case.options, PathsMode::Portable));
    match (expected(case, toolchain.family), &one.placement) {
        (Expect::Skip, _) => return Ok(()),
        (Expect::Here(code), Placement::Here(reason)) if reason.code() == *code => return Ok(()),
        (Expect::Anywhere | Expect::NotHere, Placement::Anywhere) => {}
        (expected, found) => return Err(format!("placement {found:?}, expected {expected:?}")),
    }
    if one.command != two.command || one.digest != two.digest {
        return Err(format!(
            "two actions: {:?}\n{:?}",
            one.command.arguments, two.command.arguments
        ));
    }
    if let Some(word) = one
        .command
        .arguments
        .iter()
        .find(|word| word.contains(first.place.exec_root()))
    {
        return Err(format!("the action holds {word}"));
    }
    let far = worker::relocated(&first, &one, &temp.path().join("w/1f"));
    let again = worker::relocated(&second, &two, &temp.path().join("another/worker/2e"));
    if let Some(text) = differences(&far, &again) {
        return Err(format!("two workers: {text}"));
    }
    let storable = *expected(case, toolchain.family) == Expect::Anywhere;
    if one.local_run.storable != storable {
        return Err(format!("storable is {}", one.local_run.storable));
    }
    if let (true, Some(args)) = (storable, &two.local_run.args) {
        let here = worker::at_home(&second, toolchain, args, &two);
        if let Some(text) = differences(&far, &stored(&here, &two)) {
            return Err(format!("run here: {text}"));
        }
    }
    Ok(())
}

fn check_all(cases: &[Case], compiler: &str, check: impl Fn(&Case, &Toolchain) -> Result<(), String>) {
    let Some(toolchain) = toolchain(compiler) else { return };
    let failures: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            check(case, &toolchain)
                .err()
                .map(|text| format!("{}\n{text}", case.options))
        })
        .collect();
    assert!(
        failures.is_empty(),
        "{compiler}: {} of {}:\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n\n")
    );
}

fn exact_in(cwd: &'static str) -> impl Fn(&Case, &Toolchain) -> Result<(), String> {
    move |case, toolchain| {
        // Relative words of the table are written for a directory one below the exec root.
        let relative = case
            .options
            .split(' ')
            .any(|word| word.contains("..") && !word.contains("{X}"));
        if cwd != "build" && relative {
            Ok(())
        } else {
            check_exact(case, cwd, toolchain)
        }
    }
}

#[test]
fn gcc_gives_the_bytes_of_home_elsewhere() {
    check_all(CASES, "gcc", exact_in("build"));
}

#[test]
fn clang_gives_the_bytes_of_home_elsewhere() {
    check_all(CASES, "clang", exact_in("build"));
}

#[test]
fn clang_19_gives_the_bytes_of_home_elsewhere() {
    check_all(CASES, "clang-19", exact_in("build"));
}

#[test]
fn the_depth_of_the_working_directory_does_not_matter() {
    for compiler in ["gcc", "clang", "clang-19"] {
        for cwd in ["", "build/a/b/c/d/e/f"] {
            check_all(&CASES[..12], compiler, exact_in(cwd));
        }
    }
}

#[test]
fn portable_actions_are_the_same_for_every_checkout() {
    for compiler in ["gcc", "clang", "clang-19"] {
        check_all(PORTABLE, compiler, |case, toolchain| {
            check_portable(case, "build", toolchain)
        });
        for cwd in ["", "build/a/b"] {
            check_all(&PORTABLE[..2], compiler, |case, toolchain| {
                check_portable(case, cwd, toolchain)
            });
        }
    }
}

#[test]
fn include_paths_of_the_environment_are_relocated() {
    for compiler in ["gcc", "clang", "clang-19"] {
        let Some(toolchain) = toolchain(compiler) else { continue };
        let temp = tempfile::tempdir().expect("temporary directory");
        let project = Project::create(temp.path(), "home/u/proj", "build");
        let root = project.place.exec_root();
        let environment = [("CPATH".to_owned(), format!("{root}/include:../third/include:"))];
        let options = "-c ../src/a.c -include local.h -g -Wall -MD -o a.o";
        let built = project.build_with(&toolchain, options, PathsMode::Exact, &environment);
        let home = worker::at_home_with(&project, &toolchain, &project.words(options), &built, &environment);
        let far = worker::relocated(&project, &built, &temp.path().join("w"));
        assert_eq!(home.exit, Some(0));
        assert_eq!(differences(&home, &restored(&far, &built)), None, "{compiler}");
    }
}

#[test]
fn a_directory_with_odd_characters_is_no_obstacle() {
    for compiler in ["gcc", "clang", "clang-19"] {
        let Some(toolchain) = toolchain(compiler) else { continue };
        let temp = tempfile::tempdir().expect("temporary directory");
        let below = "home/dollar$hash#percent%é";
        let project = Project::create(temp.path(), below, "build");
        let options = "-c {X}/src/a.c -I{X}/include -isystem {X}/third/include -g -MD -MP -o a.o";
        let built = project.build(&toolchain, options, PathsMode::Exact);
        let home = worker::at_home(&project, &toolchain, &project.words(options), &built);
        let far = worker::relocated(&project, &built, &temp.path().join("w"));
        assert_eq!(home.exit, Some(0));
        assert_eq!(differences(&home, &restored(&far, &built)), None, "{compiler}");
    }
}
