//! Runs a compiler under `strace` and says which files it opened.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a command did with regular files; real paths.
#[derive(Debug, Default)]
pub(super) struct Traced {
    pub(super) success: bool,
    /// Opened for reading, or started.
    pub(super) read: BTreeSet<PathBuf>,
    /// Opened for writing.
    pub(super) written: BTreeSet<PathBuf>,
}

const STRACE: &str = "/usr/bin/strace";

pub(super) fn usable() -> bool {
    let tried = Command::new(STRACE)
        .args(["-o", "/dev/null", "true"])
        .stderr(Stdio::null())
        .status();
    tried.is_ok_and(|status| status.success())
}

pub(super) fn run(tool: &Path, args: &[String], cwd: &Path, env: &[(OsString, OsString)]) -> Traced {
    let log = tempfile::NamedTempFile::new().expect("temporary file");
    let output = Command::new(STRACE)
        .args(["-f", "-y", "-s", "4096", "-qq", "-e", "signal=none"])
        .args(["-e", "trace=open,openat,openat2,creat,execve", "-o"])
        .arg(log.path())
        .arg(tool)
        .args(args)
        .current_dir(cwd)
        .env_clear()
        .envs(env.iter().cloned())
        .stdin(Stdio::null())
        .output()
        .expect("strace");
    let text = std::fs::read(log.path()).expect("the log");
    let mut traced = read(&String::from_utf8_lossy(&text));
    traced.success = output.status.success();
    traced
}

/// Reads a log. A call that another process interrupts stands in two lines: the first has its arguments.
fn read(log: &str) -> Traced {
    let mut traced = Traced::default();
    let mut begun: BTreeMap<&str, &str> = BTreeMap::new();
    for line in log.lines() {
        let Some((pid, rest)) = line.split_once(' ') else {
            continue;
        };
        let rest = rest.trim_start();
        let (arguments, end) = if let Some(start) = rest.strip_suffix("<unfinished ...>") {
            begun.insert(pid, start);
            continue;
        } else if rest.starts_with("<...") {
            let Some(start) = begun.remove(pid) else { continue };
            (start, rest)
        } else {
            (rest, rest)
        };
        let Some((_, result)) = end.rsplit_once(" = ") else {
            continue;
        };
        if arguments.starts_with("execve(") {
            let program = arguments.split('"').nth(1).filter(|_| result.starts_with('0'));
            traced
                .read
                .extend(program.and_then(|path| Path::new(path).canonicalize().ok()));
            continue;
        }
        let opened = result.split_once('<').and_then(|(_, path)| path.strip_suffix('>'));
        let Some(path) = opened.map(|path| PathBuf::from(path.trim_end_matches(" (deleted)"))) else {
            continue;
        };
        let writes = ["O_WRONLY", "O_RDWR", "O_CREAT"]
            .iter()
            .any(|flag| arguments.contains(flag));
        if path.is_dir() {
        } else if writes || arguments.starts_with("creat(") {
            traced.written.insert(path);
        } else {
            traced.read.insert(path);
        }
    }
    traced
}

/// What the C library, the loader and the kernel have programs read, and temporary files.
pub(super) fn is_of_the_system(path: &Path) -> bool {
    // clang asks which distribution this is.
    let distribution = ["/etc/debian_version", "/etc/lsb-release", "/usr/lib/os-release"];
    [
        "/proc",
        "/sys",
        "/dev",
        "/etc/ld.so.cache",
        "/usr/lib/locale",
        "/usr/share/locale",
        "/usr/lib/x86_64-linux-gnu/gconv",
    ]
    .iter()
    .any(|root| path.starts_with(root))
        || (path.starts_with(std::env::temp_dir()) && !path.exists())
        || distribution.iter().any(|file| path == Path::new(file))
        || path == Path::new(STRACE)
}
