//! The commands for people through the real program: what they print, where, and how they exit.

mod build;
mod init;
mod inputs;
mod settings;
mod state;
mod usage;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// A home, an environment and a working directory of its own.
struct Sandbox {
    root: tempfile::TempDir,
}

impl Sandbox {
    fn new() -> Self {
        let sandbox = Self {
            root: tempfile::tempdir().expect("temporary directory"),
        };
        fs::create_dir_all(sandbox.path("home")).expect("made");
        fs::create_dir_all(sandbox.path("work")).expect("made");
        sandbox
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().canonicalize().expect("it exists").join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        let directory = path.parent().expect("a directory");
        fs::create_dir_all(directory).expect("made");
        fs::write(&path, text).expect("written");
        // Whatever the umask: a file that a group may write does not count.
        mode(directory, 0o755);
        mode(&path, 0o644);
    }

    fn command(&self, args: &[&str]) -> Command {
        self.of_program(env!("CARGO_BIN_EXE_rewrap"), args)
    }

    fn of_program(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).current_dir(self.path("work")).env_clear();
        command
            .env("HOME", self.path("home"))
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    }

    /// Runs it; exit status, stdout and stderr as one text with the sandbox's path made short.
    #[must_use]
    fn run(&self, args: &[&str]) -> String {
        self.outcome(&mut self.command(args))
    }

    #[must_use]
    fn outcome(&self, command: &mut Command) -> String {
        let output = command.stdin(Stdio::null()).output().expect("it starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&*self.path("").to_string_lossy(), "/S/");
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        format!("{}\n--- stdout\n{out}--- stderr\n{err}", ended(output.status))
    }
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("mode set");
}

fn ended(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit {code}"),
        (None, signal) => format!("signal {}", signal.unwrap_or_default()),
    }
}
