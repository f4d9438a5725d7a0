//! A place to try wrappers in: an installation of its own, a runtime directory, a working directory, and a daemon whose
//! service the test writes.
//!
//! Wrappers find the daemon as always: by `XDG_RUNTIME_DIR` and by the identity of the programs beside them. The
//! installation holds a link to the real `rewrap-cc` and, as `rewrap`, a script: by default one that is no daemon, so
//! that a test never starts the real one.

use rewrap::daemon::{self, Answer, Conversation, DaemonOptions, StepService};
use rewrap::pb::wire::{ControlReply, Publish, RunHere, StepRequest, control_request::Kind};
use rewrap::wire::place::{BuildId, Place};
use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Bash under this name runs what it is given by `-c`, and knows by which name it was called.
pub(crate) const TOOL: &str = "gcc";

pub(crate) struct Bench {
    root: TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let bench = Self {
            root: tempfile::tempdir().unwrap(),
        };
        for name in ["install", "runtime", "cache", "work", "tools"] {
            std::fs::create_dir(bench.path(name)).unwrap();
        }
        let wrapper = Path::new(env!("CARGO_BIN_EXE_rewrap-cc"));
        if std::fs::hard_link(wrapper, bench.path("install/rewrap-cc")).is_err() {
            std::fs::copy(wrapper, bench.path("install/rewrap-cc")).unwrap();
        }
        bench.install_daemon("exit 1");
        symlink("/bin/bash", bench.path("tools").join(TOOL)).unwrap();
        bench
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn script(&self, name: &str, text: &str) {
        // Written by another process: a descriptor of ours may be in a child just now, and a busy text cannot be run.
        let mut shell = Command::new("sh");
        shell
            .args(["-c", "cat > \"$0\" && chmod 755 \"$0\""])
            .arg(self.path(name))
            .stdin(Stdio::piped());
        let mut shell = shell.spawn().unwrap();
        shell
            .stdin
            .take()
            .unwrap()
            .write_all(format!("#!/bin/sh\n{text}\n").as_bytes())
            .unwrap();
        assert!(shell.wait().unwrap().success());
    }

    /// What `rewrap` does in this installation.
    pub(crate) fn install_daemon(&self, text: &str) {
        self.script("install/rewrap", text);
    }

    /// Where this installation's wrappers and daemon meet.
    pub(crate) fn place(&self) -> Place {
        let id = BuildId::of(&self.path("install")).unwrap();
        Place::within(&self.path("runtime"), "rewrap", id).unwrap()
    }

    /// A file of the meeting place: `sock`, `down`, …
    pub(crate) fn meeting_file(&self, suffix: &str) -> PathBuf {
        self.place().socket().with_extension(suffix)
    }

    /// A wrapper under this name, in a bare environment.
    pub(crate) fn wrapper(&self) -> Command {
        let mut command = Command::new(self.path("install/rewrap-cc"));
        self.equip(&mut command);
        command
    }

    /// The environment and directory of a step.
    pub(crate) fn equip(&self, command: &mut Command) {
        command
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", self.path("tools").display()))
            .env("XDG_RUNTIME_DIR", self.path("runtime"))
            .env("XDG_CACHE_HOME", self.path("cache"))
            .current_dir(self.path("work"));
    }

    /// A wrapper before the tool, which runs this shell text.
    pub(crate) fn step(&self, text: &str) -> Command {
        let mut command = self.wrapper();
        command.args([TOOL, "-c", text]);
        command
    }

    /// A daemon in this process.
    pub(crate) fn serve(&self, service: impl StepService) -> Serving<'_> {
        self.serve_with(service, |_| {})
    }

    pub(crate) fn serve_with(&self, service: impl StepService, adjust: impl FnOnce(&mut DaemonOptions)) -> Serving<'_> {
        let mut options = DaemonOptions::new(self.place());
        options.obeys_signals = false;
        adjust(&mut options);
        let thread = std::thread::spawn(move || daemon::run(options, Arc::new(service)).map(drop));
        eventually("the daemon listens", || {
            daemon::client::ask(&self.place(), Kind::Status).is_ok()
        });
        Serving {
            bench: self,
            thread: Some(thread),
        }
    }

    pub(crate) fn status(&self) -> ControlReply {
        daemon::client::ask(&self.place(), Kind::Status).unwrap()
    }

    /// The names in the working directory.
    pub(crate) fn made(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path("work")).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    pub(crate) fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path("work").join(name)).unwrap()
    }

    /// The reasons in the records, which are of steps that no daemon knows of: the tests' daemons record nothing.
    pub(crate) fn reasons(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        rewrap::report::record::visit(&self.path("cache/rewrap"), |record| reasons.push(record.reason)).unwrap();
        reasons
    }
}

/// A daemon that is stopped at the end.
pub(crate) struct Serving<'a> {
    bench: &'a Bench,
    thread: Option<std::thread::JoinHandle<Result<(), daemon::DaemonError>>>,
}

impl Serving<'_> {
    pub(crate) fn stop(mut self) {
        daemon::client::stop(&self.bench.place()).unwrap();
        self.join();
    }

    pub(crate) fn join(&mut self) {
        self.thread.take().unwrap().join().unwrap().unwrap();
    }
}

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        if self.thread.is_some() {
            let _stopped = daemon::client::ask(&self.bench.place(), Kind::Stop);
        }
    }
}

/// A service that answers every step at once.
pub(crate) struct Quick<F>(pub(crate) F);

impl<F: Fn(&StepRequest) -> Answer + Send + Sync + 'static> StepService for Quick<F> {
    fn quick(&self, step: &StepRequest) -> Option<Answer> {
        Some((self.0)(step))
    }

    fn slow(&self, _: &StepRequest, _: &dyn Conversation) {
        unreachable!("every step is answered at once");
    }
}

/// A service that talks about every step.
pub(crate) struct Slow<F>(pub(crate) F);

impl<F: Fn(&StepRequest, &dyn Conversation) + Send + Sync + 'static> StepService for Slow<F> {
    fn quick(&self, _: &StepRequest) -> Option<Answer> {
        None
    }

    fn slow(&self, step: &StepRequest, conversation: &dyn Conversation) {
        (self.0)(step, conversation);
    }
}

/// An answer that places nothing and prints this.
pub(crate) fn saying(stdout: &str, stderr: &str, exit: i32) -> Publish {
    Publish {
        stdout: stdout.into(),
        stderr: stderr.into(),
        exit,
        ..Publish::default()
    }
}

/// The user's own command.
pub(crate) fn as_asked(step: &StepRequest) -> RunHere {
    RunHere {
        args: step.args.clone(),
        ..RunHere::default()
    }
}

/// Waits for a fact that another process brings about.
pub(crate) fn eventually(what: &str, fact: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !fact() {
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Exit code (or -signal), stdout and stderr.
pub(crate) fn told(output: &Output) -> (i32, String, String) {
    use std::os::unix::process::ExitStatusExt as _;
    let status = output.status.code().unwrap_or_else(|| -output.status.signal().unwrap());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (status, text(&output.stdout), text(&output.stderr))
}

/// Runs a command and says what came of it.
pub(crate) fn run(command: &mut Command) -> (i32, String, String) {
    told(&command.stdin(Stdio::null()).output().unwrap())
}

pub(crate) fn signal(child: &Child, signal: rustix::process::Signal) {
    rustix::process::kill_process(rustix::process::Pid::from_child(child), signal).unwrap();
}

pub(crate) fn make_private(path: &Path) {
    std::fs::set_permissions(path, Permissions::from_mode(0o700)).unwrap();
}
