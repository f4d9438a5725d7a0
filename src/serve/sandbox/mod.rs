//! Where an action's program runs: in namespaces of its own, in bubblewrap, or with nothing between it and the machine.
//!
//! Knows no digests and no stores. In a sandbox a program sees its directory as `/action`, the toolchain read-only, an
//! empty `/tmp`, a `/proc` with its own processes, a few devices, no network but its own loopback; it is user and group
//! 1000 whoever started the server. Whatever an action has started is dead when it has ended, in a sandbox or not: an
//! [`init`] that the server starts for each action sees to that, also when the server itself is killed.

mod bubblewrap;
mod capture;
pub mod init;
mod memory;
mod roots;
mod running;
mod spec;

pub(crate) use capture::{Capture, Printed};
pub(crate) use memory::Memory;
pub(crate) use running::{Allowed, Ended, Running, STARTING};
pub(crate) use spec::{End, Fault, NotStarted};

use crate::pb::reapi::command::EnvironmentVariable;
use init::{INIT, Stage};
use roots::Roots;
use rustix::process::Pid;
use spec::{EntryKind, Spec, View};
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What an action sees as the directory that it runs in.
const SHOWN_AS: &str = "/action";

/// How long the attempt may take whether a sandbox works.
const TRIAL: Duration = Duration::from_secs(20);

/// Whether actions are kept away from the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SandboxMode {
    /// If the machine allows it.
    #[default]
    Auto,
    /// Always; without a sandbox there is no worker.
    Require,
    /// Never.
    Off,
}

/// Why there is no sandbox.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// A root that cannot be one.
    #[error("cannot show `{}` to actions: {why}", path.display())]
    Root {
        /// The root.
        path: PathBuf,
        /// Why not.
        why: &'static str,
    },
    /// The toolchain cannot be looked at.
    #[error("cannot look at `{}`", path.display())]
    Look {
        /// What.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is required, and neither kind works here.
    #[error("cannot run actions in a sandbox: {0}")]
    Refused(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Namespaces,
    /// The program.
    Bubblewrap(PathBuf),
    /// Why there is none.
    Off(String),
}

/// Starts programs, all in the same kind of sandbox.
#[derive(Debug)]
pub(crate) struct Sandbox {
    kind: Kind,
    init: PathBuf,
    roots: Roots,
    /// An empty directory.
    base: PathBuf,
}

/// A program to be started.
#[derive(Debug)]
pub(crate) struct Launch<'a> {
    /// The action's directory. What is made in it stays.
    pub(crate) root: &'a Path,
    /// An empty directory for temporary files.
    pub(crate) temporary: &'a Path,
    /// Where in `root` it runs, relative.
    pub(crate) directory: &'a Path,
    /// Program and arguments.
    pub(crate) arguments: &'a [String],
    /// Its whole environment.
    pub(crate) environment: &'a [EnvironmentVariable],
    /// Where its program is looked for if the environment has no `PATH`.
    pub(crate) path: &'a str,
    /// Bytes of private memory that one of its processes may have.
    pub(crate) data: Option<u64>,
    /// Bytes that one file may have.
    pub(crate) file_size: u64,
}

impl Sandbox {
    /// Finds out which kind works here. `init` is a program that calls [`init::become_init`] first; `base` an empty
    /// directory.
    pub(crate) fn find(
        mode: SandboxMode,
        init: PathBuf,
        extra_roots: &[PathBuf],
        base: PathBuf,
    ) -> Result<Self, SandboxError> {
        let mut sandbox = Self {
            kind: Kind::Off("it is switched off".to_owned()),
            init,
            roots: Roots::of_machine(extra_roots)?,
            base,
        };
        if mode == SandboxMode::Off {
            return Ok(sandbox);
        }
        let mut refusals = Vec::new();
        for kind in [Some(Kind::Namespaces), bubblewrap::find().map(Kind::Bubblewrap)] {
            let Some(kind) = kind else { continue };
            let name = kind.name();
            sandbox.kind = kind;
            match sandbox.works() {
                Ok(()) => return Ok(sandbox),
                Err(why) => refusals.push(format!("{name}: cannot {why}")),
            }
        }
        let why = refusals.join("; ");
        if mode == SandboxMode::Require {
            return Err(SandboxError::Refused(why));
        }
        sandbox.kind = Kind::Off(why);
        Ok(sandbox)
    }

    /// For the log.
    pub(crate) fn describe(&self) -> String {
        match &self.kind {
            Kind::Off(why) => format!("none ({why}): actions see this machine as the server does"),
            kind => kind.name(),
        }
    }

    /// Starts the program. `join` is told the process that everything else comes from before it starts anything.
    pub(crate) fn start(&self, launch: &Launch<'_>, join: impl FnOnce(Pid) -> io::Result<()>) -> io::Result<Running> {
        let init = |stage: Stage| [INIT, stage.name()].map(OsString::from).to_vec();
        let (program, arguments) = match &self.kind {
            Kind::Namespaces => (&self.init, init(Stage::Enter)),
            Kind::Off(_) => (&self.init, init(Stage::Plain)),
            Kind::Bubblewrap(program) => {
                let entries = self.entries(launch);
                (program, bubblewrap::arguments(&entries, &self.init, init(Stage::Plain)))
            }
        };
        let shown = match &self.kind {
            Kind::Off(_) => launch.root,
            _ => Path::new(SHOWN_AS),
        };
        let spec = Spec {
            view: matches!(self.kind, Kind::Namespaces).then(|| View {
                base: bytes(&self.base),
                entries: self.entries(launch),
                started_by_root: rustix::process::geteuid().is_root(),
            }),
            directory: bytes(&shown.join(launch.directory)),
            arguments: launch.arguments.to_vec(),
            environment: launch.environment.to_vec(),
            path: launch.path.to_owned(),
            data: launch.data,
            file_size: launch.file_size,
        };
        Running::start(program, &arguments, &spec, join)
    }

    fn entries(&self, launch: &Launch<'_>) -> Vec<spec::Entry> {
        let writable = |source: &Path, target: &[u8]| spec::Entry {
            kind: EntryKind::Writable.into(),
            source: bytes(source),
            target: target.to_vec(),
        };
        // `/tmp` first: a root may lie in it.
        let mut entries = vec![
            writable(launch.temporary, b"tmp"),
            writable(launch.root, &SHOWN_AS.as_bytes()[1..]),
        ];
        entries.extend_from_slice(self.roots.entries());
        entries
    }

    /// Builds a sandbox and runs nothing in it. Says what cannot be done.
    fn works(&self) -> Result<(), String> {
        let launch = Launch {
            root: &self.base,
            temporary: &self.base,
            directory: Path::new(""),
            arguments: &[],
            environment: &[],
            path: "",
            data: None,
            file_size: u64::MAX,
        };
        let tried = self.start(&launch, |_| Ok(())).and_then(Running::end_within);
        match tried {
            Ok((Some(End::Exited(0)), _)) => Ok(()),
            Ok((Some(End::NotStarted(why)), _)) => Err(why.to_string()),
            Ok((_, printed)) => Err(format!("begin: {}", printed.trim())),
            Err(error) => Err(format!("start it: {error}")),
        }
    }
}

impl Kind {
    fn name(&self) -> String {
        match self {
            Self::Namespaces => "namespaces".to_owned(),
            Self::Bubblewrap(program) => format!("bubblewrap (`{}`)", program.display()),
            Self::Off(_) => "none".to_owned(),
        }
    }
}

impl NotStarted {
    /// The operating system's error, if there was one.
    pub(crate) fn error(&self) -> Option<io::Error> {
        (self.errno != 0).then(|| io::Error::from_raw_os_error(self.errno))
    }
}

impl std::fmt::Display for NotStarted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.error() {
            Some(error) => write!(f, "{}: {error}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

fn bytes(path: &Path) -> Vec<u8> {
    path.as_os_str().as_bytes().to_vec()
}
