//! A place to build in: a user of its own with a daemon of its own, and compilers whose starts are counted from outside.

use super::tree::Tree;
use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::rc::Rc;
use tempfile::TempDir;

/// A working directory with compilers, and one user who builds there.
pub(super) struct Sandbox {
    root: Rc<TempDir>,
    /// Name of the directory with what this user keeps: caches, sockets, settings.
    user: String,
    settings: Vec<(String, String)>,
}

/// How a command ended and what it printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// The exit code, or a signal as a negative number.
    pub(super) exit: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// What is left to say of a step that was equal in all three runs.
pub(super) struct Thrice {
    /// Without rewrap.
    pub(super) plain: Told,
    /// Compiler runs by the wrapper, the first time.
    pub(super) cold: usize,
    /// Compiler runs by the wrapper, the second time.
    pub(super) warm: usize,
    /// All compilers that were started the second time, by whomever.
    pub(super) warm_starts: Vec<String>,
}

impl Sandbox {
    pub(super) fn new() -> Self {
        Self::with(&[])
    }

    /// With these variables in the environment of everything.
    pub(super) fn with(settings: &[(&str, &str)]) -> Self {
        let root = tempfile::Builder::new().prefix("rewrap-builds-").tempdir().unwrap();
        let mut sandbox = Self {
            root: Rc::new(root),
            user: "user".to_owned(),
            settings: Vec::new(),
        };
        for (name, value) in settings {
            sandbox.set(name, value);
        }
        for dir in ["bin", "shims", "work/.git"] {
            fs::create_dir_all(sandbox.path(dir)).unwrap();
        }
        for name in ["rewrap-cc", "rewrap-c++"] {
            symlink(env!("CARGO_BIN_EXE_rewrap-cc"), sandbox.path("shims").join(name)).unwrap();
        }
        symlink(env!("CARGO_BIN_EXE_rewrap"), sandbox.path("shims/rewrap")).unwrap();
        for name in ["gcc", "g++", "clang", "clang++", "clang-19", "clang++-19"] {
            sandbox.install_compiler(name, &format!("exec /usr/bin/{name} \"$@\""));
        }
        sandbox.make_user();
        sandbox
    }

    /// Somebody else with the same sources and compilers: no cache, a daemon of their own.
    pub(super) fn another_user(&self, name: &str) -> Self {
        let other = Self {
            root: Rc::clone(&self.root),
            user: name.to_owned(),
            settings: self.settings.clone(),
        };
        other.make_user();
        other
    }

    fn make_user(&self) {
        for dir in ["run", "cache", "data", "config", "home"] {
            let dir = self.own(dir);
            fs::create_dir_all(&dir).unwrap();
            fs::set_permissions(dir, Permissions::from_mode(0o700)).unwrap();
        }
    }

    /// A compiler under this name: a script that logs its start, with the name of the program that started it (`$asker`
    /// in the text), and then does this.
    pub(super) fn install_compiler(&self, name: &str, text: &str) {
        let log = self.path("starts.log");
        let log = log.display();
        self.script(
            &format!("bin/{name}"),
            &format!("read -r asker </proc/$PPID/comm\nprintf '%s\\n' \"$asker|$PWD|{name} $*\" >>'{log}'\n{text}"),
        );
    }

    /// Written by another process: a descriptor of ours may be in a child just now, and a busy text cannot be run.
    pub(super) fn script(&self, name: &str, text: &str) {
        let mut shell = Command::new("sh");
        shell.args(["-c", "cat > \"$0.new\" && chmod 755 \"$0.new\" && mv \"$0.new\" \"$0\""]);
        let mut shell = shell.arg(self.path(name)).stdin(Stdio::piped()).spawn().unwrap();
        let text = format!("#!/bin/sh\n{text}\n");
        shell.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(shell.wait().unwrap().success());
    }

    /// A variable for everything that is run from now on.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.settings.retain(|(known, _)| known != name);
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// A directory of the user's.
    pub(super) fn own(&self, name: &str) -> PathBuf {
        self.path(&self.user).join(name)
    }

    pub(super) fn work(&self) -> PathBuf {
        self.path("work")
    }

    /// Writes a file of the working directory, anew: another inode.
    pub(super) fn write(&self, name: &str, text: &str) {
        let path = self.work().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if path.symlink_metadata().is_ok() {
            fs::remove_file(&path).unwrap();
        }
        fs::write(path, text).unwrap();
    }

    pub(super) fn write_all(&self, files: &[(&str, &str)]) {
        for (name, text) in files {
            self.write(name, text);
        }
    }

    /// A program in the working directory with the sandbox's environment alone.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(self.work()).stdin(Stdio::null());
        let path = format!(
            "{}:{}:/usr/bin:/bin",
            self.path("bin").display(),
            self.path("shims").display()
        );
        command.env("PATH", path).env("LC_ALL", "C.UTF-8");
        for (name, dir) in [
            ("XDG_RUNTIME_DIR", "run"),
            ("XDG_CACHE_HOME", "cache"),
            ("XDG_DATA_HOME", "data"),
            ("XDG_CONFIG_HOME", "config"),
            ("HOME", "home"),
        ] {
            command.env(name, self.own(dir));
        }
        let settings = self.settings.iter().map(|(name, value)| (name, value));
        command.envs(settings);
        command
    }

    /// Shell text, in which `$W` stands before a compiler that is to be wrapped, and is nothing here.
    pub(super) fn plain(&self, text: &str) -> Told {
        self.run("", text)
    }

    /// The same text with the wrapper in front.
    pub(super) fn wrapped(&self, text: &str) -> Told {
        self.run("rewrap-cc", text)
    }

    fn run(&self, wrapper: &str, text: &str) -> Told {
        let mut shell = self.command("/bin/sh");
        told(&shell.args(["-c", text]).env("W", wrapper).output().unwrap())
    }

    pub(super) fn rewrap(&self, args: &[&str]) -> Told {
        told(&self.command(env!("CARGO_BIN_EXE_rewrap")).args(args).output().unwrap())
    }

    fn json(&self, args: &[&str]) -> serde_json::Value {
        let told = self.rewrap(args);
        assert_eq!(told.exit, 0, "{told:?}");
        serde_json::from_str(&told.stdout).unwrap()
    }

    /// What `rewrap stats` says of everything so far.
    pub(super) fn stats(&self) -> serde_json::Value {
        self.json(&["stats", "--json", "--all"])
    }

    /// How many steps ended there, of everything so far.
    pub(super) fn steps(&self, place: &str) -> u64 {
        self.stats()["by_where"][place].as_u64().unwrap_or(0)
    }

    /// The code and sentence of every reason so far.
    pub(super) fn reasons(&self) -> Vec<(String, String)> {
        let stats = self.stats();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let reasons = stats["reasons"].as_array().unwrap().iter();
        reasons
            .map(|reason| (text(&reason["code"]), text(&reason["text"])))
            .collect()
    }

    /// How many results the embedded store holds.
    pub(super) fn results(&self) -> u64 {
        self.json(&["store", "usage", "--json"])["results"].as_u64().unwrap()
    }

    /// Compilers that were started since this was last asked.
    pub(super) fn starts(&self) -> Vec<String> {
        let log = self.path("starts.log");
        let text = fs::read_to_string(&log).unwrap_or_default();
        if log.exists() {
            fs::remove_file(log).unwrap();
        }
        text.lines().map(str::to_owned).collect()
    }

    /// Of those, the ones that a wrapper ran for the user.
    pub(super) fn runs(&self) -> usize {
        runs(&self.starts())
    }

    /// Runs the text plainly, then wrapped, then wrapped again, each time from the same start.
    #[track_caller]
    pub(super) fn thrice(&self, text: &str) -> Thrice {
        self.thrice_from(text, |_| {})
    }

    /// The same, with something done to the working directory before each run.
    #[track_caller]
    pub(super) fn thrice_from(&self, text: &str, prepare: impl Fn(&Path)) -> Thrice {
        let before = Tree::of(&self.work());
        prepare(&self.work());
        let plain = self.plain(text);
        let expected = Tree::of(&self.work());
        let again = |when: &str| {
            before.restore(&self.work());
            prepare(&self.work());
            self.starts();
            let told = self.wrapped(text);
            assert_eq!(told, plain, "{when}: {text}");
            let differences = expected.differences(&Tree::of(&self.work()));
            assert!(differences.is_empty(), "{when}: {text}\n{}", differences.join("\n"));
            self.starts()
        };
        let (cold, warm) = (again("cold"), again("warm"));
        before.restore(&self.work());
        Thrice {
            plain,
            cold: runs(&cold),
            warm: runs(&warm),
            warm_starts: warm,
        }
    }
}

impl Drop for Sandbox {
    /// Stops the daemon, if there is one.
    fn drop(&mut self) {
        self.rewrap(&["daemon", "stop"]);
    }
}

/// Starts for the user: neither by the daemon, which asks compilers about sources, nor by a worker, which is this
/// program.
pub(super) fn runs(starts: &[String]) -> usize {
    let own = fs::read_to_string("/proc/self/comm").unwrap();
    let others = ["rewrap", own.trim_end()];
    let asker = |line: &str| line.split_once('|').map_or("", |(asker, _)| asker).to_owned();
    starts.iter().filter(|line| !others.contains(&&*asker(line))).count()
}

/// The C++ driver beside a C driver.
pub(super) fn cxx(compiler: &str) -> String {
    compiler.replacen("gcc", "g++", 1).replacen("clang", "clang++", 1)
}

pub(super) fn told(output: &Output) -> Told {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Told {
        exit: output.status.code().unwrap_or_else(|| -output.status.signal().unwrap()),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}
