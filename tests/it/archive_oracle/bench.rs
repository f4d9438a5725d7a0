//! A project of objects, archives and programs, steps in it under `strace`, and the same steps in a directory that holds
//! nothing but their inputs.

use crate::relocation_oracle::worker::{self, Ran};
use crate::scan_oracle::bench::MACHINE;
use rewrap::action::{BuiltAction, Place, Presentation, ToolRequest, build_tool};
use rewrap::command::{Suite, ToolCommand};
use rewrap::config::PathsMode;
use rewrap::inputs::{InputSet, Places, collect_tool};
use rewrap::object_tools::{ObjectToolFailure, ToolIdentity, inputs_of};
use rewrap::toolchain::{Environment, Toolchain};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, LazyLock};
use tempfile::TempDir;

/// Every step runs under it, so that modes are told apart from those of any other.
const UMASK: u32 = 0o027;

fn environment() -> Environment {
    [("PATH", "/usr/bin:/bin"), ("LC_ALL", "C.UTF-8")]
        .into_iter()
        .map(|(name, value)| (OsString::from(name), OsString::from(value)))
        .collect()
}

/// The path of a tool; `None` where it is not installed.
pub(crate) fn find(tool: &str) -> Option<PathBuf> {
    Some(Path::new("/usr/bin").join(tool)).filter(|path| path.exists())
}

/// Who answers behind the name, or why that is not known.
pub(crate) fn identify(tool: &Path) -> Result<Arc<ToolIdentity>, ObjectToolFailure> {
    MACHINE.object_tools.identify(tool, tool.as_os_str(), &environment())
}

/// Who answers behind the name.
pub(crate) fn identity(tool: &Path) -> Arc<ToolIdentity> {
    identify(tool).unwrap_or_else(|error| panic!("{}: {error}", tool.display()))
}

/// Objects, programs and archives, made once.
pub(crate) static MADE: LazyLock<TempDir> = LazyLock::new(|| {
    let dir = tempfile::tempdir().expect("temporary directory");
    let script = "
        mkdir src build build/lib && cd src
        echo 'int f(void) { return 1; }' > a.c && echo 'int g(void) { return 2; }' > b.c
        echo 'int main(void) { return 0; }' > m.c && echo text > text
        gcc -g -c a.c && gcc -g -c b.c && gcc -g m.c -o prog && gcc -g -shared -fPIC a.c -o libs.so
        gcc -g -gsplit-dwarf -c a.c -o split.o && gcc -flto -c a.c -o lto.o
        chmod 711 prog && chmod 640 a.o
        cd ../build && cp ../src/*.o ../src/*.dwo ../src/prog ../src/libs.so ../src/text .
        ar rc old.a a.o && cp old.a lib/old.a && ar rcS plain.a a.o b.o && ar rcT lib/thin.a a.o b.o
        ar rcT thin.a a.o && ar rcT abs.a \"$PWD/a.o\"
        ln -s old.a link.a && cp a.o hard.o && ln hard.o other.o
        printf '%s' 'a.o \"b.o\"' > rsp && echo f renamed > syms && echo f > list && head -c 100 prog > broken";
    let made = Command::new("sh")
        .arg("-ec")
        .arg(script)
        .current_dir(dir.path())
        .output();
    let made = made.expect("a shell");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    dir
});

/// A copy of [`MADE`] that a step may change.
pub(crate) struct Project {
    dir: TempDir,
}

/// What was worked out about a step.
pub(crate) struct Worked {
    pub(crate) suite: Suite,
    pub(crate) command: ToolCommand,
    pub(crate) inputs: InputSet,
    pub(crate) toolchain: Arc<Toolchain>,
}

/// What a step did.
pub(crate) struct Did {
    pub(crate) exit: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    /// Files that were there before and were opened for reading; real paths.
    pub(crate) read: BTreeSet<PathBuf>,
    /// Files whose content, inode or mode is another now.
    pub(crate) written: BTreeSet<PathBuf>,
}

/// A file as a step leaves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) inode: u64,
    pub(crate) mode: u32,
    pub(crate) content: Vec<u8>,
}

impl Project {
    pub(crate) fn new() -> Self {
        let dir = tempfile::Builder::new()
            .prefix("home")
            .tempdir()
            .expect("temporary directory");
        let copied = Command::new("cp")
            .arg("-a")
            .arg(MADE.path().join("."))
            .arg(dir.path())
            .status();
        assert!(copied.expect("cp").success());
        Self { dir }
    }

    pub(crate) fn root(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn cwd(&self) -> PathBuf {
        self.dir.path().join("build")
    }

    /// `@/x` is `x` in the working directory, `%/x` is `x` among the sources.
    pub(crate) fn words(&self, line: &str, absolute: bool) -> Vec<String> {
        let (cwd, src) = if absolute {
            let root = self.root().display();
            (format!("{root}/build/"), format!("{root}/src/"))
        } else {
            (String::new(), "../src/".to_owned())
        };
        let words = line.split_whitespace();
        words.map(|word| word.replace("@/", &cwd).replace("%/", &src)).collect()
    }

    /// Everything about a step, or the code of why there is none.
    pub(crate) fn work_out(&self, identity: &ToolIdentity, args: &[String]) -> Result<Worked, String> {
        let cwd = self.cwd();
        let env = environment();
        let mut read = |path: &str| fs::read(cwd.join(path)).ok();
        let parsed = identity
            .parse(args, &mut read)
            .map_err(|reason| reason.code().to_owned())?;
        let (toolchain, _) = identity
            .toolchain(&parsed, &cwd, &env, &MACHINE.toolchains)
            .map_err(|failure| failure.code().to_owned())?;
        let resolved = inputs_of(parsed, identity, &cwd, &env, MACHINE.digests());
        let resolved = resolved.map_err(|failure| failure.code().to_owned())?;
        let places = Places {
            cwd: &cwd,
            exec_root: self.root(),
            worker_roots: &[],
        };
        let inputs = collect_tool(&resolved.command, &resolved.scan, &toolchain, places, MACHINE.digests());
        Ok(Worked {
            suite: identity.suite,
            inputs: inputs.map_err(|failure| format!("inputs: {failure}"))?,
            command: resolved.command,
            toolchain,
        })
    }

    pub(crate) fn states(&self) -> BTreeMap<PathBuf, State> {
        let entries = walkdir::WalkDir::new(self.root())
            .into_iter()
            .map(|entry| entry.expect("entry"));
        let files = entries.filter(|entry| !entry.file_type().is_dir());
        let state = |path: PathBuf| {
            let meta = path.symlink_metadata().expect("metadata");
            let content = if meta.is_symlink() {
                fs::read_link(&path)
                    .expect("link")
                    .into_os_string()
                    .into_encoded_bytes()
            } else {
                fs::read(&path).expect("content")
            };
            let state = State {
                inode: meta.ino(),
                mode: meta.mode(),
                content,
            };
            (path, state)
        };
        files.map(|entry| state(entry.into_path())).collect()
    }

    /// Runs it and sees what it opens.
    pub(crate) fn run(&self, tool: &Path, args: &[String]) -> Did {
        let before = self.states();
        let log = tempfile::NamedTempFile::new().expect("temporary file");
        let mut traced = Command::new("sh");
        traced
            .arg("-c")
            .arg(format!("umask {UMASK:03o}; exec \"$@\""))
            .arg("sh");
        traced.args([
            "strace",
            "-f",
            "-qq",
            "-y",
            "-s",
            "4096",
            "-e",
            "trace=openat,open",
            "-o",
        ]);
        traced.arg(log.path()).arg(tool).args(args).current_dir(self.cwd());
        let output = stepwise(&mut traced).output().expect("strace");
        let opened = opened(&fs::read_to_string(log.path()).expect("log"));
        let after = self.states();
        let ours = |path: &&PathBuf| !path.starts_with(self.root()) || before.contains_key(*path);
        Did {
            read: opened.iter().filter(ours).cloned().collect(),
            written: after
                .iter()
                .filter(|(path, state)| before.get(*path) != Some(state))
                .map(|(path, _)| path.clone())
                .collect(),
            exit: output.status.code(),
            stdout: output.stdout,
            stderr: output.stderr,
        }
    }

    /// The Action of a step.
    pub(crate) fn build(&self, tool: &Path, worked: &Worked) -> BuiltAction {
        let place = Place::new(self.root(), &self.cwd()).expect("a place");
        build_tool(&ToolRequest {
            command: &worked.command,
            traits: None,
            toolchain: &worked.toolchain,
            inputs: &worked.inputs,
            place: &place,
            paths: PathsMode::Exact,
            presentation: &Presentation::default(),
            environment: &[],
            platform: &[],
            invoked_as: tool.to_str().expect("UTF-8"),
            real_dirs: &BTreeMap::new(),
        })
        .expect("an action")
    }

    /// Runs an action in a directory with nothing but its inputs, while the project is hidden.
    pub(crate) fn elsewhere(&self, built: &BuiltAction) -> Ran {
        let place = tempfile::tempdir().expect("temporary directory");
        worker::materialise(built, place.path());
        let hidden = self.root().with_extension("hidden");
        fs::rename(self.root(), &hidden).expect("hide");
        let ran = worker::materialised(built, place.path());
        fs::rename(&hidden, self.root()).expect("show");
        ran
    }

    /// What a step here left, in the terms of its action. One that failed has written nothing of account.
    pub(crate) fn at_home(&self, built: &BuiltAction, did: &Did) -> Ran {
        let written = built.outputs.iter().filter(|_| did.exit == Some(0));
        let outputs = written.filter_map(|output| {
            let bytes = fs::read(self.cwd().join(&output.action_path)).ok()?;
            Some((output.action_path.clone(), bytes))
        });
        Ran {
            exit: did.exit,
            stdout: did.stdout.clone(),
            stderr: did.stderr.clone(),
            outputs: outputs.collect(),
        }
    }
}

fn stepwise(command: &mut Command) -> &mut Command {
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
}

/// Regular files that were opened for reading, by the real path that `strace -y` shows.
fn opened(log: &str) -> BTreeSet<PathBuf> {
    let path = |line: &str| {
        if line.contains("O_WRONLY") || line.contains("O_DIRECTORY") || line.contains("O_TRUNC") {
            return None;
        }
        let (_, descriptor) = line.rsplit_once(" = ")?;
        let (_, path) = descriptor.split_once('<')?;
        Some(PathBuf::from(path.strip_suffix('>')?))
    };
    let paths = log.lines().filter_map(path);
    paths.filter(|path| path.is_file()).collect()
}

/// Files that every program opens and that change nothing: locales, the loader's cache, the kernel's.
pub(crate) fn is_background(path: &Path) -> bool {
    let roots = [
        "/proc",
        "/sys",
        "/dev",
        "/etc/ld.so.cache",
        "/etc/locale.alias",
        "/usr/share/locale",
        "/usr/lib/locale",
    ];
    roots.iter().any(|root| path.starts_with(root)) || path.iter().any(|part| part == OsStr::new("gconv"))
}

/// A mode less the umask of the steps.
pub(crate) fn masked(mode: u32) -> u32 {
    mode & !UMASK
}
