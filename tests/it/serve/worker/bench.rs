//! A worker with a store of its own, and words for actions.

use prost::Message as _;
use rewrap::digest::{Digest, Function};
use rewrap::pb::reapi::{self, ActionResult, Command, Directory, command::EnvironmentVariable};
use rewrap::serve::job::{Job, Run as _, RunError};
use rewrap::serve::sandbox::SandboxMode;
use rewrap::serve::worker::{Worker, WorkerOptions};
use rewrap::store::DiskStore;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

pub(super) static RUNTIME: LazyLock<tokio::runtime::Runtime> =
    LazyLock::new(|| tokio::runtime::Runtime::new().unwrap());

/// A store and a worker.
pub(super) struct Bench {
    pub(super) dir: TempDir,
    pub(super) store: DiskStore,
    pub(super) worker: Worker,
    pub(super) function: Function,
}

impl Bench {
    pub(super) fn new(sandbox: SandboxMode) -> Self {
        Self::with(sandbox, |_| {})
    }

    pub(super) fn with(sandbox: SandboxMode, change: impl FnOnce(&mut WorkerOptions)) -> Self {
        let dir = tempfile::Builder::new().prefix("rewrap-worker-").tempdir().unwrap();
        let store = DiskStore::open(&dir.path().join("store"), 0).unwrap();
        let mut options = WorkerOptions::new(dir.path().join("scratch"));
        options.sandbox = sandbox;
        options.init = PathBuf::from(env!("CARGO_BIN_EXE_rewrap"));
        change(&mut options);
        let worker = Worker::new(store.clone(), options).unwrap();
        Self {
            dir,
            store,
            worker,
            function: Function::Sha256,
        }
    }

    pub(super) fn put(&self, content: &[u8]) -> Digest {
        let digest = self.function.digest(content);
        self.store.put_bytes_as(digest, content).unwrap();
        digest
    }

    pub(super) fn put_message(&self, message: &impl prost::Message) -> Digest {
        self.put(&message.encode_to_vec())
    }

    /// An input tree of files with these contents; what ends in a slash is a directory, what begins with `*` is
    /// executable, `a -> b` is a link.
    pub(super) fn tree(&self, entries: &[(&str, &str)]) -> Digest {
        let mut directory = Directory::default();
        let mut below: Vec<(&str, Vec<(&str, &str)>)> = Vec::new();
        for (path, content) in entries {
            let own = path.split_once(" -> ").map_or(*path, |(link, _)| link);
            if own.contains('/') {
                let (name, rest) = path.split_once('/').expect("it has one");
                match below.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, list)) => list.push((rest, content)),
                    None => below.push((name, vec![(rest, content)])),
                }
            } else if let Some((name, target)) = path.split_once(" -> ") {
                directory.symlinks.push(reapi::SymlinkNode {
                    name: name.to_owned(),
                    target: target.to_owned(),
                    node_properties: None,
                });
            } else if !path.is_empty() {
                directory.files.push(reapi::FileNode {
                    name: path.trim_start_matches('*').to_owned(),
                    digest: Some(self.put(content.as_bytes()).into()),
                    is_executable: path.starts_with('*'),
                    node_properties: None,
                });
            }
        }
        for (name, entries) in below {
            directory.directories.push(reapi::DirectoryNode {
                name: name.to_owned(),
                digest: Some(self.tree(&entries).into()),
            });
        }
        self.put_message(&directory)
    }

    pub(super) fn job(&self, command: Command, input_root: Digest) -> Job {
        Job {
            action: self.function.digest(&command.encode_to_vec()),
            command,
            input_root,
            timeout: Duration::from_mins(1),
            cancelled: CancellationToken::new(),
        }
    }

    pub(super) fn run(&self, command: Command, input_root: Digest) -> Result<ActionResult, RunError> {
        self.run_job(self.job(command, input_root))
    }

    pub(super) fn run_job(&self, job: Job) -> Result<ActionResult, RunError> {
        RUNTIME.block_on(self.worker.run(job))
    }

    /// Runs a script in a tree with these entries.
    pub(super) fn sh(
        &self,
        script: &str,
        entries: &[(&str, &str)],
        outputs: &[&str],
    ) -> Result<ActionResult, RunError> {
        self.run(sh(script, outputs), self.tree(entries))
    }

    /// Runs a script in this tree.
    pub(super) fn sh_in(&self, script: &str, input_root: Digest) -> Result<ActionResult, RunError> {
        self.run(sh(script, &[]), input_root)
    }

    pub(super) fn stdout(&self, result: &ActionResult) -> String {
        self.text(&result.stdout_raw, result.stdout_digest.as_ref())
    }

    pub(super) fn stderr(&self, result: &ActionResult) -> String {
        self.text(&result.stderr_raw, result.stderr_digest.as_ref())
    }

    fn text(&self, raw: &[u8], digest: Option<&reapi::Digest>) -> String {
        let stored = digest.map(|digest| self.content(digest));
        String::from_utf8(stored.unwrap_or_else(|| raw.to_vec())).unwrap()
    }

    pub(super) fn content(&self, digest: &reapi::Digest) -> Vec<u8> {
        let digest = self.function.digest_from_wire(digest).unwrap();
        self.store.read(digest).unwrap().expect("it is stored").to_vec()
    }

    /// Says how an action ended: exit code, stdout, stderr and outputs, or the error.
    pub(super) fn told(&self, ended: &Result<ActionResult, RunError>) -> String {
        match ended {
            Ok(result) => {
                let mut parts = vec![result.exit_code.to_string(), self.stdout(result), self.stderr(result)];
                parts.retain(|part| !part.is_empty());
                let files = result.output_files.iter().map(|file| {
                    let content = String::from_utf8(self.content(file.digest.as_ref().unwrap())).unwrap();
                    let mark = if file.is_executable { "*" } else { "" };
                    format!("{mark}{}={content}", file.path)
                });
                parts.extend(files);
                parts.extend(
                    result
                        .output_symlinks
                        .iter()
                        .map(|link| format!("{}->{}", link.path, link.target)),
                );
                parts.extend(
                    result
                        .output_directories
                        .iter()
                        .map(|directory| format!("{}/", directory.path)),
                );
                parts.join("|").replace('\n', ";")
            }
            Err(error) => {
                let name = format!("{error:?}");
                let name = name.split([' ', '(', '{']).next().unwrap();
                format!("{name}: {error}")
            }
        }
    }
}

/// A command that runs a script.
pub(super) fn sh(script: &str, outputs: &[&str]) -> Command {
    command(&["/bin/sh", "-c", script], outputs)
}

pub(super) fn command(arguments: &[&str], outputs: &[&str]) -> Command {
    Command {
        arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
        environment_variables: vec![variable("PATH", "/usr/bin:/bin")],
        output_paths: outputs.iter().map(|&path| path.to_owned()).collect(),
        ..Command::default()
    }
}

pub(super) fn variable(name: &str, value: &str) -> EnvironmentVariable {
    EnvironmentVariable {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

/// All that is below a directory, sorted, without these directories.
pub(super) fn files_below(dir: &Path, without: &[PathBuf]) -> Vec<PathBuf> {
    let entries = walkdir::WalkDir::new(dir).sort_by_file_name().into_iter();
    let entries = entries.filter_entry(|entry| !without.iter().any(|other| entry.path() == other));
    entries.map(|entry| entry.unwrap().into_path()).collect()
}
