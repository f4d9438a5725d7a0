//! What rewrap says a compile reads and writes, against what the kernel saw: under `strace -f`, every file below the
//! exec root that the compiler opens for reading is in the input set, every file that it makes is a declared output, and
//! every file elsewhere that it reads is in the action's key.
//!
//! Lines that have no Action are counted apart, with their reasons. `REWRAP_TEST_ALL=1` takes all lines, else one in
//! [`STRIDE`], another set every day.

mod lines;
mod project;
mod trace;

use crate::scan_oracle::bench::MACHINE;
use crate::tools::{all, missing, seed};
use lines::{LEAST_LINES, Who, lines};
use project::Project;
use rewrap::action::{self, ActionRequest, Place, Placement, Presentation, TimeUse};
use rewrap::command::{CompileCommand, Driver, EnvironmentUse, environment_use, parse};
use rewrap::config::PathsMode;
use rewrap::inputs::{Entry, InputSet, Places, collect};
use rewrap::scan::Step;
use rewrap::toolchain::{Environment, Toolchain};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use trace::Traced;

/// Without `REWRAP_TEST_ALL=1` one line of this many is tried.
const STRIDE: usize = 24;

/// A step as rewrap sees it.
struct Understood {
    command: CompileCommand,
    toolchain: Arc<Toolchain>,
    inputs: InputSet,
    /// Why it runs only here, if it does.
    here: Option<&'static str>,
}

/// What became of a line.
enum Verdict {
    /// It has an Action that says all.
    Shared,
    /// It has one, and runs only here, by this code.
    Here(&'static str),
    /// It has none, by this code.
    LocalOnly(String),
    /// This version of the compiler refuses the line.
    Refused,
}

fn understand(project: &Project, tool: &Path, args: &[String], env: &Environment) -> Result<Understood, String> {
    let said = |failure: &dyn std::error::Error| format!("{failure}");
    let refuses = |name: &std::ffi::OsStr| environment_use(&name.to_string_lossy()) == Some(EnvironmentUse::LocalOnly);
    if env.iter().any(|(name, _)| refuses(name)) {
        return Err("environment_variable".to_owned());
    }
    let machine = &*MACHINE;
    let identity = machine
        .toolchains
        .identify(tool, tool.as_os_str(), env)
        .map_err(|failure| said(&failure))?;
    let driver = Driver {
        family: identity.family,
        cxx: identity.cxx,
        version: identity.version,
    };
    let cwd = project.cwd();
    let mut read = |path: &str| std::fs::read(cwd.join(path)).ok();
    let command = parse(&driver, args, &mut read).map_err(|reason| reason.code().to_owned())?;
    let (toolchain, _) = machine
        .toolchains
        .toolchain(&identity, &command, &cwd, env)
        .map_err(|failure| said(&failure))?;
    let step = Step {
        command: &command,
        toolchain: &toolchain,
        invoked_as: tool.as_os_str(),
        cwd: &cwd,
        env,
    };
    let scan = machine.scanner.scan(&step).map_err(|failure| said(&failure))?;
    let places = Places {
        cwd: &cwd,
        exec_root: project.root(),
        worker_roots: &[PathBuf::from("/usr")],
    };
    let inputs = collect(&command, &scan, &toolchain, places, machine.digests()).map_err(|failure| said(&failure))?;
    let place = Place::new(project.root(), &cwd).map_err(|failure| said(&failure))?;
    let built = action::build(&ActionRequest {
        command: &command,
        toolchain: &toolchain,
        inputs: &inputs,
        place: &place,
        paths: PathsMode::Exact,
        presentation: &Presentation::default(),
        environment: &[],
        platform: &[],
        invoked_as: tool.to_str().expect("UTF-8"),
        time: TimeUse {
            date_time: scan.date_or_time.is_some(),
            timestamp: scan.timestamp.is_some(),
        },
        real_dirs: &BTreeMap::new(),
        absolute_include: None,
    })
    .map_err(|reason| reason.code().to_owned())?;
    let here = match &built.placement {
        Placement::Anywhere => None,
        Placement::Here(reason) => Some(reason.code()),
    };
    Ok(Understood {
        command,
        toolchain,
        inputs,
        here,
    })
}

/// Runs a line and compares; the error says what rewrap did not know of.
fn check_line(project: &Project, tool: &Path, line: &str) -> Result<Verdict, String> {
    let (variables, args) = project.words(line);
    let mut env: Vec<(OsString, OsString)> =
        vec![("PATH".into(), "/usr/bin:/bin".into()), ("LC_ALL".into(), "C".into())];
    env.extend(variables.into_iter().map(|(name, value)| (name.into(), value.into())));
    let environment: Environment = env.iter().cloned().collect();
    let before = project.listing();
    let understood = match understand(project, tool, &args, &environment) {
        Ok(understood) => understood,
        Err(reason) => return Ok(Verdict::LocalOnly(reason)),
    };
    if project.listing() != before {
        return Err("the questions left files behind".to_owned());
    }
    let traced = trace::run(tool, &args, &project.cwd(), &env);
    let made: BTreeSet<PathBuf> = project.listing().difference(&before).cloned().collect();
    let judged = judge(project, &understood, &traced, &made);
    for path in &made {
        std::fs::remove_file(path).expect("a file that was just made");
    }
    project.restore(&traced.written);
    if !traced.success {
        return Ok(Verdict::Refused);
    }
    judged.map(|()| understood.here.map_or(Verdict::Shared, Verdict::Here))
}

fn judge(project: &Project, understood: &Understood, traced: &Traced, made: &BTreeSet<PathBuf>) -> Result<(), String> {
    let mut wrong = String::new();
    let mut say = |what: &str, path: &Path| writeln!(wrong, "    {what} {}", path.display()).expect("a string");
    let cwd = project.cwd();
    let command = &understood.command;
    let real = |path: &str| {
        let path = cwd.join(path);
        let parent = path.parent().and_then(|parent| parent.canonicalize().ok());
        parent.map_or_else(
            || path.clone(),
            |parent| parent.join(path.file_name().unwrap_or_default()),
        )
    };
    let mut declared: BTreeMap<PathBuf, bool> = BTreeMap::from([(real(&command.output), true)]);
    declared.extend(command.depfile.iter().map(|depfile| (real(&depfile.path), true)));
    declared.extend(command.secondary.iter().map(|file| (real(&file.path), !file.optional)));
    for path in made.iter().filter(|path| !declared.contains_key(*path)) {
        say("makes", path);
    }
    for path in traced.written.iter().filter(|path| path.starts_with(project.root())) {
        if !declared.contains_key(path) && !made.contains(path) && path.exists() {
            say("overwrites", path);
        }
    }
    for (path, _) in declared.iter().filter(|(path, certain)| **certain && !path.exists()) {
        say("does not make", path);
    }
    let mut inputs: BTreeSet<PathBuf> = understood.inputs.entries.values().filter_map(host).collect();
    inputs.extend(understood.inputs.outside.iter().map(|file| file.path.clone()));
    inputs.extend(understood.toolchain.files.iter().map(|file| file.path.clone()));
    // Their words are the command's.
    inputs.extend(command.response_files.iter().map(|path| cwd.join(path)));
    let inputs: BTreeSet<PathBuf> = inputs.iter().filter_map(|path| path.canonicalize().ok()).collect();
    for path in &traced.read {
        let own = traced.written.contains(path) || made.contains(path);
        if !own && !inputs.contains(path) && !trace::is_of_the_system(path) {
            say("reads", path);
        }
    }
    if wrong.is_empty() || !traced.success {
        Ok(())
    } else {
        Err(wrong)
    }
}

fn host(entry: &Entry) -> Option<PathBuf> {
    match entry {
        Entry::File { host, .. } => Some(host.clone()),
        Entry::Symlink { .. } | Entry::Directory => None,
    }
}

#[expect(clippy::print_stdout, reason = "the harness shows it with the test's output")]
fn check_compiler(who: Who) {
    let tools = who.tools();
    if !tools.iter().all(|tool| tool.exists()) {
        return missing(who.name());
    }
    if !trace::usable() {
        return missing("strace");
    }
    let temp = tempfile::tempdir().expect("temporary directory");
    let project = Project::create(temp.path(), who);
    let lines: Vec<_> = lines().into_iter().filter(|(takes, _)| takes(who)).collect();
    let first = if all() {
        0
    } else {
        usize::try_from(seed()).expect("small") % STRIDE
    };
    let (mut failures, mut shared) = (Vec::new(), 0);
    let mut here: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut local: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let mut refused = Vec::new();
    for (_, line) in lines.iter().skip(first).step_by(if all() { 1 } else { STRIDE }) {
        let (tool, rest) = match line.strip_prefix("++ ") {
            Some(rest) => (&tools[1], rest),
            None => (&tools[0], *line),
        };
        match check_line(&project, tool, rest) {
            Ok(Verdict::Shared) => shared += 1,
            Ok(Verdict::Here(code)) => *here.entry(code).or_default() += 1,
            Ok(Verdict::LocalOnly(code)) => local.entry(code).or_default().push(line),
            Ok(Verdict::Refused) => refused.push(*line),
            Err(wrong) => failures.push(format!("{line}\n{wrong}")),
        }
    }
    println!("{}: {shared} shared, placed locally {here:?}", who.name());
    println!("local-only: {local:#?}\nrefused: {refused:#?}");
    assert!(
        failures.is_empty(),
        "{}: {} lines:\n{}",
        who.name(),
        failures.len(),
        failures.join("\n")
    );
    assert!(
        shared + here.values().sum::<usize>() > 0,
        "{}: nothing was compared",
        who.name()
    );
}

#[test]
fn there_are_lines_enough() {
    let texts: BTreeSet<&str> = lines().into_iter().map(|(_, line)| line).collect();
    assert!(texts.len() >= LEAST_LINES, "{}", texts.len());
}

#[test]
fn gcc_opens_what_is_said() {
    check_compiler(Who::Gcc);
}

#[test]
fn clang_opens_what_is_said() {
    check_compiler(Who::Clang14);
}

#[test]
fn clang_19_opens_what_is_said() {
    check_compiler(Who::Clang19);
}
