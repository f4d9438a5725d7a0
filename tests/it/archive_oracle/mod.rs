//! Archivers and object tools as they are, against what we say of their steps: every file that they open is an input,
//! every file that they write an output, with the mode and over the file that the tables say; and a step whose Action may
//! be relocated gives the same bytes where nothing but its inputs is.

mod bench;
mod cases;
mod help;

use crate::relocation_oracle::{differences, restored, stored};
use crate::tools::{missing, sample};
use bench::{Did, Project, State, Worked, find, identity, is_background, masked};
use rewrap::action::Placement;
use rewrap::command::{Suite, ToolOutput};
use rewrap::object_tools::Program;
use std::collections::{BTreeMap, BTreeSet};
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
        for name in sample(tools) {
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

    /// `expected` is empty for a step that is taken and may be relocated, `here` for one that a row of the table
    /// places locally, `fails` for one that is taken and fails, else the code of a reason.
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
        let said = Said::of(&project, &worked);
        // Another name of each old output: it shows what is written in place, and keeps the inode from being used again.
        let kept = tempfile::tempdir().expect("temporary directory");
        for (at, path) in said.outputs.iter().enumerate().filter(|(_, path)| path.is_file()) {
            std::fs::hard_link(path, kept.path().join(at.to_string())).expect("another name");
        }
        let built = project.build(tool, &worked);
        let there = (built.placement == Placement::Anywhere).then(|| project.elsewhere(&built));
        let did = project.run(tool, &args);
        let failed = did.exit != Some(0);
        if failed != (expected == "fails") {
            let text = String::from_utf8_lossy(&did.stderr);
            return wrong(format!("ends with {:?}: {text}", did.exit));
        }
        if let Some(there) = there {
            let home = project.at_home(&built, &did);
            let found = differences(&home, &restored(&there, &built));
            // Only what succeeded is stored.
            let found = found.or_else(|| differences(&stored(&home, &built), &there).filter(|_| !failed));
            if let Some(text) = found {
                wrong(format!("elsewhere: {text}"));
            }
        }
        let after = project.states();
        said.differences(&did, &after).into_iter().for_each(&mut wrong);
        for output in &worked.command.outputs {
            let path = project.cwd().join(&output.path);
            let real = path.canonicalize().unwrap_or_else(|_| path.clone());
            let (old, new) = (before.get(&real), after.get(&real));
            if failed {
                if old.is_some() && (new == old) == worked.command.removes_on_failure {
                    wrong(format!("old `{}` stays: {}", output.path, new == old));
                }
                continue;
            }
            let Some(new) = new else {
                wrong(format!("does not write `{}`", output.path));
                continue;
            };
            if let Err(text) = as_said(worked.suite, output, old, new) {
                wrong(format!("`{}` {text}", output.path));
            }
        }
        let row = worked.command.placed_locally.as_ref();
        if row.is_some() != (expected == "here") {
            wrong(format!("a row of what cannot be relocated: {row:?}"));
        }
        let updates = worked.command.outputs.iter().any(|output| output.updates);
        let here = updates || row.is_some_and(|row| absolute || !row.only_if_rewritten);
        if (built.placement == Placement::Anywhere) == here {
            wrong(format!("{:?}", built.placement));
        }
        self.steps += 1;
        self.inputs += said.inputs.len();
        self.extra += said.inputs.difference(&did.read).count();
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

/// Whether the mode of an output is the one that is said, and whether an old file was written over or replaced.
fn as_said(suite: Suite, output: &ToolOutput, old: Option<&State>, new: &State) -> Result<(), String> {
    let in_place = output.in_place && old.is_some();
    let mode = match old.filter(|_| in_place) {
        Some(old) => old.mode & 0o777,
        None => masked(output.mode),
    };
    if new.mode & 0o777 != mode {
        return Err(format!("has mode {:o}, not {mode:o}", new.mode & 0o777));
    }
    // LLVM's tools put a new file of the same mode in its place, which only other names of the old one can tell.
    let replaces = suite == Suite::Llvm && output.updates && output.in_place;
    let same = old.is_some_and(|old| old.inode == new.inode);
    if old.is_some() && same != in_place && !replaces {
        return Err(format!("is written in place: {same}"));
    }
    Ok(())
}

/// What we say of a step, as real paths before it runs.
struct Said {
    inputs: BTreeSet<PathBuf>,
    tool: BTreeSet<PathBuf>,
    /// As spelled, and where that leads.
    outputs: BTreeSet<PathBuf>,
}

impl Said {
    fn of(project: &Project, worked: &Worked) -> Self {
        let cwd = project.cwd();
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let response_files = worked.command.response_files.iter().map(|path| real(&cwd.join(path)));
        let inputs = worked.inputs.observed.files.keys().map(|path| real(path));
        let outputs = worked.command.outputs.iter().map(|output| cwd.join(&output.path));
        Self {
            inputs: inputs.chain(response_files).collect(),
            tool: worked.toolchain.files.iter().map(|file| file.path.clone()).collect(),
            outputs: outputs.flat_map(|path| [real(&path), path]).collect(),
        }
    }

    /// What the step opened or wrote that was not said.
    fn differences(&self, did: &Did, after: &BTreeMap<PathBuf, State>) -> Vec<String> {
        let mut found = Vec::new();
        // A tool may read back what it has just written.
        let known = |path: &PathBuf| {
            let said = [&self.inputs, &self.tool, &self.outputs];
            said.iter().any(|set| set.contains(path))
        };
        for path in did.read.iter().filter(|path| !is_background(path) && !known(path)) {
            found.push(format!("reads `{}`", path.display()));
        }
        let inode = |path: &PathBuf| after.get(path).map(|state| state.inode);
        let outputs: BTreeSet<u64> = self.outputs.iter().filter_map(inode).collect();
        for path in did.written.difference(&self.outputs) {
            if !inode(path).is_some_and(|inode| outputs.contains(&inode)) {
                found.push(format!("writes `{}`", path.display()));
            }
        }
        found
    }
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

#[test]
fn tools_are_told_by_what_they_say() {
    let check = |name: &str, suite: Suite, program: Program| {
        let Some(tool) = find(name) else {
            return missing(name);
        };
        let found = identity(&tool);
        assert_eq!((found.suite, found.program), (suite, program), "{name}");
        assert!(found.version > (0, 0, 0), "{name}: {:?}", found.version);
    };
    for (name, program) in [
        ("ar", Program::Ar),
        ("gcc-ar", Program::Ar),
        ("x86_64-linux-gnu-ranlib", Program::Ranlib),
        ("gcc-ranlib", Program::Ranlib),
        ("strip", Program::Strip),
        ("objcopy", Program::Objcopy),
        ("dwp", Program::Dwp),
    ] {
        check(name, Suite::Gnu, program);
    }
    for (name, program) in [
        ("llvm-ar-14", Program::Ar),
        ("llvm-ranlib-14", Program::Ranlib),
        ("llvm-ranlib-19", Program::Ranlib),
        ("llvm-strip-19", Program::Strip),
        ("llvm-objcopy-14", Program::Objcopy),
        ("llvm-dwp-14", Program::Dwp),
        ("llvm-dwp-19", Program::Dwp),
    ] {
        check(name, Suite::Llvm, program);
    }
}

#[test]
fn what_stands_in_for_an_archiver_is_told_or_refused() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let script = dir.path().join("ar");
    std::fs::write(&script, "#!/bin/sh\nexec /usr/bin/ar \"$@\"\n").expect("script");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&script, mode).expect("mode");
    let refused = |tool: &Path| bench::identify(tool).expect_err("refused").code();
    assert_eq!(refused(&script), "toolchain_unknown");
    assert_eq!(refused(Path::new("/bin/echo")), "toolchain_unknown");
    let link = dir.path().join("my-ar");
    std::os::unix::fs::symlink("/usr/bin/ar", &link).expect("link");
    assert_eq!(identity(&link).program, Program::Ar);
}

#[test]
fn the_plugin_of_the_compiler_belongs_to_its_archiver() {
    let Some(tool) = find("gcc-ar") else {
        return missing("gcc");
    };
    let project = Project::new();
    let worked = project.work_out(&identity(&tool), &project.words("rc @/new.a @/lto.o", false));
    let files = worked.expect("a step").toolchain.files.clone();
    let has = |name: &str| {
        let mut names = files.iter().filter_map(|file| file.path.file_name()?.to_str());
        names.any(|found| found.contains(name))
    };
    for part in ["gcc-ar", "liblto_plugin.so", "libbfd"] {
        assert!(has(part), "{part} in {files:?}");
    }
    assert!(
        files.iter().any(|file| file.path.ends_with("x86_64-linux-gnu-ar")),
        "{files:?}"
    );
}
