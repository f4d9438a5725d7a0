//! Runs commands at home and actions in the manner of a worker.

use super::project::Project;
use prost::Message as _;
use rewrap::action::BuiltAction;
use rewrap::digest::Digest;
use rewrap::pb::reapi;
use rewrap::toolchain::Toolchain;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

/// What a run left behind. Outputs by their path relative to the working directory.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) exit: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) outputs: BTreeMap<String, Vec<u8>>,
}

/// Runs a command in the project's working directory and takes its outputs away.
pub(crate) fn at_home(project: &Project, toolchain: &Toolchain, args: &[String], built: &BuiltAction) -> Ran {
    at_home_with(project, toolchain, args, built, &[])
}

/// The same with variables of the user's.
pub(crate) fn at_home_with(
    project: &Project,
    toolchain: &Toolchain,
    args: &[String],
    built: &BuiltAction,
    environment: &[(String, String)],
) -> Ran {
    let mut command = Command::new(&toolchain.driver);
    command
        .args(args)
        .current_dir(project.place.cwd())
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "C.UTF-8")
        .envs(environment.iter().cloned())
        .envs(built.local_run.set_env.iter().cloned());
    run(&mut command, Path::new(project.place.cwd()), built)
}

/// Runs the action in an empty directory while the project is hidden.
pub(crate) fn relocated(project: &Project, built: &BuiltAction, root: &Path) -> Ran {
    materialise(built, root);
    let _hidden = project.hide();
    materialised(built, root)
}

/// Runs an action in a directory that holds its input root.
pub(crate) fn materialised(built: &BuiltAction, root: &Path) -> Ran {
    let cwd = root.join(&built.command.working_directory);
    let mut command = Command::new(&built.command.arguments[0]);
    command
        .args(&built.command.arguments[1..])
        .current_dir(&cwd)
        .env_clear()
        .envs(
            built
                .command
                .environment_variables
                .iter()
                .map(|variable| (&variable.name, &variable.value)),
        );
    run(&mut command, &cwd, built)
}

pub(crate) fn run(command: &mut Command, cwd: &Path, built: &BuiltAction) -> Ran {
    let done = command.output().expect("the compiler runs");
    let mut outputs = BTreeMap::new();
    for output in &built.outputs {
        let path = cwd.join(&output.action_path);
        if let Ok(bytes) = fs::read(&path) {
            outputs.insert(output.action_path.clone(), bytes);
            fs::remove_file(&path).expect("remove an output");
        }
    }
    Ran {
        exit: done.status.code(),
        stdout: done.stdout,
        stderr: done.stderr,
        outputs,
    }
}

pub(crate) fn materialise(built: &BuiltAction, root: &Path) {
    let messages: BTreeMap<Digest, _> = built.tree.directories.iter().cloned().collect();
    let files: BTreeMap<Digest, _> = built.tree.files.iter().cloned().collect();
    let digest = |wire: &Option<reapi::Digest>| Digest::try_from(wire.as_ref().expect("digest")).expect("digest");
    let mut open = vec![(root.to_owned(), built.tree.root)];
    while let Some((path, name)) = open.pop() {
        fs::create_dir_all(&path).expect("directory");
        let directory = reapi::Directory::decode(messages[&name].as_ref()).expect("message");
        for node in &directory.files {
            fs::copy(&files[&digest(&node.digest)], path.join(&node.name)).expect("copy an input");
        }
        for node in &directory.symlinks {
            symlink(&node.target, path.join(&node.name)).expect("symbolic link");
        }
        open.extend(
            directory
                .directories
                .iter()
                .map(|node| (path.join(&node.name), digest(&node.digest))),
        );
    }
}
