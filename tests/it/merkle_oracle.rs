//! Digests of input roots, Commands and Actions against an implementation that shares nothing with ours: a Python
//! script on the descriptors that BuildGrid publishes.

use crate::relocation_oracle::command_line;
use crate::tools::python;
use rewrap::action::{ActionRequest, BuiltAction, Place, Presentation, TimeUse};
use rewrap::command::Family;
use rewrap::config::PathsMode;
use rewrap::digest::Digest;
use rewrap::exec_path::ExecPath;
use rewrap::inputs::{Entry, InputSet};
use rewrap::toolchain::Toolchain;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

struct Step {
    entries: Vec<(&'static str, Entry)>,
    options: &'static str,
    platform: Vec<(&'static str, &'static str)>,
    paths: PathsMode,
    legacy: bool,
}

fn file(content: &str) -> Entry {
    Entry::File {
        digest: Digest::of(content.as_bytes()),
        host: PathBuf::from("/host"),
    }
}

fn steps() -> Vec<Step> {
    let link = |target: &str| Entry::Symlink {
        target: target.to_owned(),
    };
    let step = |entries: Vec<(&'static str, Entry)>, options, paths| Step {
        entries,
        options,
        platform: Vec::new(),
        paths,
        legacy: false,
    };
    vec![
        step(vec![], "-c a.c", PathsMode::Exact),
        step(vec![("src/a.c", file("1"))], "-c ../src/a.c -o x/a.o", PathsMode::Exact),
        Step {
            platform: vec![("os", "linux"), ("arch", "x86_64"), ("os", "debian")],
            legacy: true,
            ..step(
                vec![
                    ("src/a.c", file("1")),
                    ("src/a-b/z.h", file("2")),
                    ("src/a.b", file("")),
                    ("src/A", link("a.c")),
                    ("src/é/ü.h", file("3")),
                    ("include", Entry::Directory),
                    ("include/deep/er", Entry::Directory),
                    ("inc", link("include")),
                ],
                "-c {X}/src/a.c -I{X}/include -g -MD -gsplit-dwarf -o {X}/out/a.o",
                PathsMode::Exact,
            )
        },
        step(
            vec![("src/a.c", file("1"))],
            "-c {X}/src/a.c -g -MD",
            PathsMode::Portable,
        ),
        step(
            vec![("src/a.c", file("1"))],
            "-c ../src/a.c -o /elsewhere/a.o",
            PathsMode::Exact,
        ),
    ]
}

fn build(step: &Step, place: &Place, toolchain: &Toolchain) -> BuiltAction {
    let words: Vec<String> = step
        .options
        .split(' ')
        .map(|word| word.replace("{X}", place.exec_root()))
        .collect();
    let command = command_line::parse(toolchain.family, &words);
    let inputs = InputSet {
        entries: step
            .entries
            .iter()
            .map(|(path, entry)| (ExecPath::new(*path).expect("path"), entry.clone()))
            .collect(),
        ..InputSet::default()
    };
    let platform: Vec<_> = step
        .platform
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect();
    let built = rewrap::action::build(&ActionRequest {
        command: &command,
        toolchain,
        inputs: &inputs,
        place,
        paths: step.paths,
        presentation: &Presentation::default(),
        environment: &[("SOURCE_DATE_EPOCH".to_owned(), "1".to_owned())],
        platform: &platform,
        invoked_as: "/usr/bin/cc",
        time: TimeUse::default(),
        real_dirs: &BTreeMap::new(),
        absolute_include: None,
    })
    .expect("an action");
    if step.legacy { built.with_output_files() } else { built }
}

/// What the script is told: the step in its own terms, not our messages.
fn description(step: &Step, built: &BuiltAction, place: &Place) -> serde_json::Value {
    let prefix = Place::input_prefix();
    let entry = |path: &str, entry: &Entry| {
        let path = format!("{prefix}/{path}");
        match entry {
            Entry::File { digest, .. } => json!({"path": path, "kind": "file", "digest": digest.to_string()}),
            Entry::Symlink { target } => json!({"path": path, "kind": "symlink", "target": target}),
            Entry::Directory => json!({"path": path, "kind": "directory"}),
        }
    };
    let mut entries: Vec<_> = step.entries.iter().map(|(path, kind)| entry(path, kind)).collect();
    let inside = place.cwd().strip_prefix(place.exec_root()).expect("the cwd is inside");
    let inside = inside.trim_start_matches('/');
    entries.push(entry(inside, &Entry::Directory));
    for output in &built.outputs {
        let walked = if output.user_path.starts_with("x/") {
            "build/x"
        } else {
            "out"
        };
        if output.user_path.contains('/') && !output.action_path.starts_with("outside") {
            entries.push(entry(walked, &Entry::Directory));
        }
    }
    let environment: Vec<_> = built
        .command
        .environment_variables
        .iter()
        .map(|variable| (&variable.name, &variable.value))
        .collect();
    json!({
        "entries": entries,
        "arguments": built.command.arguments,
        "environment": environment,
        "output_paths": built.outputs.iter().map(|output| &output.action_path).collect::<Vec<_>>(),
        "working_directory": format!("{prefix}/{inside}"),
        "platform": step.platform,
        "legacy": step.legacy,
        "salt": Digest::from_parts(built.action.salt.as_slice().try_into().expect("32 bytes"), 0).hex(),
    })
}

#[test]
fn digests_are_those_of_the_published_descriptors() {
    let Some(python) = python() else { return };
    let toolchain = Toolchain {
        driver: "/usr/bin/cc".into(),
        driver_real: "/usr/bin/cc".into(),
        family: Family::Clang,
        version: (19, 1, 7),
        target: "x86_64-linux-gnu".to_owned(),
        files: Vec::new(),
        facts: Digest::empty(),
        include_dirs: Vec::new(),
        library_path_matters: false,
    };
    let place = Place::new(Path::new("/home/u/proj"), Path::new("/home/u/proj/build")).expect("place");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/merkle.py");
    for step in steps() {
        let built = build(&step, &place, &toolchain);
        let mut child = Command::new(&python)
            .arg(&script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python runs");
        let text = description(&step, &built, &place).to_string();
        child
            .stdin
            .take()
            .expect("stdin")
            .write_all(text.as_bytes())
            .expect("the script reads");
        let done = child.wait_with_output().expect("the script ends");
        assert!(done.status.success(), "the script fails on {text}");
        let answer: BTreeMap<String, String> = serde_json::from_slice(&done.stdout).expect("an answer");
        let ours = |name: &str| match name {
            "root" => built.tree.root.to_string(),
            "command" => built.small_blobs[0].0.to_string(),
            _ => built.digest.to_string(),
        };
        for (name, theirs) in answer {
            assert_eq!(ours(&name), theirs, "{name} of {}", step.options);
        }
    }
}
