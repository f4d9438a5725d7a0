//! Archivers and object tools as they are, against what we say of their steps: every file that they open is an input,
//! every file that they write an output, with the mode and over the file that the tables say; and a step whose Action may
//! be relocated gives the same bytes where nothing but its inputs is.

mod bench;
mod cases;

use crate::tools::missing;
use bench::{Did, Project, Worked, find, identity, is_background, masked};
use rewrap::command::Suite;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What was seen of all steps.
#[derive(Default)]
struct Tally {
    steps: usize,
    inputs: usize,
    extra: usize,
    wrong: Vec<String>,
}

impl Tally {
    fn all(&mut self, tools: &[&str], cases: &[(&str, &str)]) {
        for name in tools {
            let Some(tool) = find(name) else {
                missing(name);
                continue;
            };
            for (line, expected) in cases {
                for absolute in [false, true] {
                    self.one(&tool, line, expected, absolute);
                }
            }
        }
    }

    /// `expected` is empty for a step that is taken and gives the same bytes elsewhere, `here` for one that is placed
    /// locally if paths are absolute, `fails` for one that is taken and fails, else the code of a reason.
    fn one(&mut self, tool: &Path, line: &str, expected: &str, absolute: bool) {
        let project = Project::new();
        let args = project.words(line, absolute);
        let what = format!("{} {}", tool.display(), args.join(" "));
        let mut wrong = |text: String| self.wrong.push(format!("{what}: {text}"));
        let worked = match project.work_out(&identity(tool), &args) {
            Ok(worked) => worked,
            Err(code) if code == expected => return,
            Err(code) => return wrong(format!("not taken: {code}")),
        };
        if !["", "here", "fails"].contains(&expected) {
            return wrong(format!("taken, though {expected}"));
        }
        let before = project.states();
        let (there, bytes) = project.run_elsewhere(tool, &worked);
        let did = project.run(tool, &args);
        let failed = !did.output.status.success();
        if failed != (expected == "fails") {
            let text = String::from_utf8_lossy(&did.output.stderr);
            return wrong(format!("ends with {}: {text}", did.output.status));
        }
        for text in differences(&project, &worked, &did) {
            wrong(text);
        }
        let after = project.states();
        for output in &worked.command.outputs {
            let path = project.cwd().join(&output.path);
            let real = path.canonicalize().unwrap_or_else(|_| path.clone());
            let (old, new) = (before.get(&real), after.get(&real));
            if failed {
                let kept = old.is_none() || new == old;
                if kept == worked.command.removes_on_failure && old.is_some() {
                    wrong(format!("old `{}` kept: {kept}", output.path));
                }
                continue;
            }
            let Some(new) = new else {
                wrong(format!("does not write `{}`", output.path));
                continue;
            };
            let in_place = output.in_place && old.is_some();
            let mode = if in_place {
                old.map_or(0, |old| old.mode & 0o777)
            } else {
                masked(output.mode)
            };
            if new.mode & 0o777 != mode {
                wrong(format!(
                    "`{}` has mode {:o}, not {mode:o}",
                    output.path,
                    new.mode & 0o777
                ));
            }
            // LLVM's tools put a new file of the same mode in its place, which only other names of the old one can tell.
            let replaces = worked.suite == Suite::Llvm && output.updates && output.in_place;
            let same = old.is_some_and(|old| old.inode == new.inode);
            let untouched = old == Some(new);
            if old.is_some() && same != in_place && !replaces && !untouched {
                wrong(format!("`{}` written in place: {same}", output.path));
            }
            if expected.is_empty() && bytes[&output.path] != new.content {
                let text = String::from_utf8_lossy(&there.stderr);
                wrong(format!("`{}` differs elsewhere: {text}", output.path));
            }
        }
        let here = worked.command.placed_locally.is_some();
        if here != (expected == "here") {
            wrong(format!("placed locally: {here}"));
        }
        self.steps += 1;
        let ours = worked
            .inputs
            .observed
            .files
            .keys()
            .filter_map(|path| path.canonicalize().ok());
        let ours: BTreeSet<PathBuf> = ours.collect();
        self.inputs += ours.len();
        self.extra += ours.difference(&did.read).count();
    }

    #[expect(clippy::print_stdout, reason = "the harness shows it with the test's output")]
    fn finish(self, what: &str) {
        println!(
            "{what}: {} steps, {} inputs, {} of them not opened",
            self.steps, self.inputs, self.extra
        );
        assert!(self.wrong.is_empty(), "{}", self.wrong.join("\n"));
    }
}

/// What the step opened or wrote that was not said.
fn differences(project: &Project, worked: &Worked, did: &Did) -> Vec<String> {
    let mut found = Vec::new();
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut known: BTreeSet<PathBuf> = worked.inputs.observed.files.keys().map(|path| real(path)).collect();
    known.extend(worked.toolchain.files.iter().map(|file| file.path.clone()));
    let cwd = project.cwd();
    known.extend(worked.command.response_files.iter().map(|path| real(&cwd.join(path))));
    let outputs = worked.command.outputs.iter().map(|output| cwd.join(&output.path));
    let outputs: BTreeSet<PathBuf> = outputs.flat_map(|path| [real(&path), path]).collect();
    // A tool may read back what it has just written.
    for path in did
        .read
        .iter()
        .filter(|path| !is_background(path) && !known.contains(*path))
    {
        if !outputs.contains(path) {
            found.push(format!("reads `{}`", path.display()));
        }
    }
    for path in did.written.difference(&outputs) {
        found.push(format!("writes `{}`", path.display()));
    }
    found
}

fn usable() -> bool {
    let there = find("strace").is_some();
    if !there {
        missing("strace");
    }
    there
}

#[test]
fn archivers_read_and_write_what_is_said_of_them() {
    if !usable() {
        return;
    }
    let mut tally = Tally::default();
    tally.all(&["ar", "gcc-ar", "llvm-ar-14", "llvm-ar-19"], cases::AR);
    tally.all(&["ar", "gcc-ar"], cases::GNU_AR);
    tally.all(&["llvm-ar-14", "llvm-ar-19"], cases::LLVM_AR);
    tally.all(&["ranlib", "gcc-ranlib", "llvm-ranlib-19"], cases::RANLIB);
    tally.finish("archivers");
}

#[test]
fn object_tools_read_and_write_what_is_said_of_them() {
    if !usable() {
        return;
    }
    let mut tally = Tally::default();
    tally.all(&["strip", "llvm-strip-14", "llvm-strip-19"], cases::STRIP);
    tally.all(&["objcopy", "llvm-objcopy-14", "llvm-objcopy-19"], cases::OBJCOPY);
    tally.all(&["objcopy"], cases::GNU_OBJCOPY);
    tally.all(&["llvm-objcopy-19"], cases::LLVM_OBJCOPY);
    tally.all(&["dwp", "llvm-dwp-14", "llvm-dwp-19"], cases::DWP);
    tally.finish("object tools");
}
