//! What of the machine every action sees, read-only: the toolchain.

use super::spec::{Entry, EntryKind};
use super::{SHOWN_AS, SandboxError};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// Where programs and libraries are, by the beginnings of names in `/` and `/etc`.
const DEFAULT: &[(&str, &[&str])] = &[
    ("/", &["bin", "lib", "sbin", "usr"]),
    ("/etc", &["alternatives", "ld.so."]),
    // By these clang tells which distribution it links for.
    (
        "/etc",
        &[
            "SuSE-release",
            "alpine-release",
            "debian_version",
            "gentoo-release",
            "lsb-release",
            "os-release",
            "redhat-release",
        ],
    ),
];

const DEVICES: &[&str] = &["full", "null", "random", "urandom", "zero"];

/// Links in `/dev` that programs count upon (Linux's devices.txt), and POSIX shared memory.
const DEVICE_LINKS: &[(&str, &str)] = &[
    ("fd", "/proc/self/fd"),
    ("shm", "/tmp"),
    ("stderr", "/proc/self/fd/2"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
];

/// The read-only part of what an action sees, and devices.
#[derive(Debug)]
pub(super) struct Roots {
    entries: Vec<Entry>,
}

impl Roots {
    /// What this machine has of the default roots, and these.
    pub(super) fn of_machine(extra: &[PathBuf]) -> Result<Self, SandboxError> {
        let mut roots = Self { entries: Vec::new() };
        for (directory, beginnings) in DEFAULT {
            let directory = Path::new(directory);
            let mut names = names(directory).map_err(|source| SandboxError::Look {
                path: directory.to_owned(),
                source,
            })?;
            names.retain(|name| beginnings.iter().any(|beginning| name.starts_with(beginning)));
            names.sort();
            for name in names {
                roots.add(&directory.join(name), true)?;
            }
        }
        for path in extra {
            check(path)?;
            roots.add(path, false)?;
        }
        // A container has not always all of them.
        let devices = DEVICES.iter().map(|name| Path::new("/dev").join(name));
        for path in devices.filter(|path| path.exists()) {
            roots.push(EntryKind::Device, path.as_os_str().as_bytes(), &path);
        }
        for (name, target) in DEVICE_LINKS {
            roots.push(EntryKind::Symlink, target.as_bytes(), &Path::new("/dev").join(name));
        }
        Ok(roots)
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Adds a path, unless it is shown already. A default one that is a link (`/bin`) is shown as that.
    fn add(&mut self, path: &Path, keep_link: bool) -> Result<(), SandboxError> {
        let look = |source| SandboxError::Look {
            path: path.to_owned(),
            source,
        };
        let shown = |entry: &Entry| {
            path.strip_prefix("/")
                .is_ok_and(|path| path.starts_with(target_of(entry)))
        };
        if self.entries.iter().any(shown) {
            return Ok(());
        }
        if keep_link && fs::symlink_metadata(path).map_err(look)?.is_symlink() {
            let target = fs::read_link(path).map_err(look)?;
            self.push(EntryKind::Symlink, target.as_os_str().as_bytes(), path);
            return Ok(());
        }
        let real = fs::canonicalize(path).map_err(look)?;
        self.push(EntryKind::ReadOnly, real.as_os_str().as_bytes(), path);
        Ok(())
    }

    fn push(&mut self, kind: EntryKind, source: &[u8], path: &Path) {
        let target = path.strip_prefix("/").expect("roots are absolute");
        self.entries.push(Entry {
            kind: kind.into(),
            source: source.to_vec(),
            target: target.as_os_str().as_bytes().to_vec(),
        });
    }
}

fn target_of(entry: &Entry) -> &Path {
    Path::new(std::ffi::OsStr::from_bytes(&entry.target))
}

fn names(directory: &Path) -> io::Result<Vec<String>> {
    let entries = fs::read_dir(directory)?;
    entries
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect()
}

/// Refuses what would give away more than a toolchain, or hide what a sandbox has of its own.
fn check(path: &Path) -> Result<(), SandboxError> {
    let plain = path
        .components()
        .all(|part| matches!(part, std::path::Component::RootDir | std::path::Component::Normal(_)));
    let why = if !path.is_absolute() || !plain {
        "it is not an absolute path without `..`"
    } else if path == Path::new("/") {
        "it is the whole machine"
    } else if ["/dev", "/proc", "/sys", SHOWN_AS]
        .iter()
        .any(|own| path.starts_with(own))
        || path == Path::new("/tmp")
    {
        "a sandbox has its own"
    } else {
        return Ok(());
    };
    Err(SandboxError::Root {
        path: path.to_owned(),
        why,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_that_are_no_toolchain_are_refused() {
        let check = |path: &str, fits: bool| assert_eq!(check(path.as_ref()).is_ok(), fits, "{path}");
        check("/opt/toolchain", true);
        check("/tmp/toolchain", true);
        check("toolchain", false);
        check("/opt/../etc", false);
        check("/", false);
        check("/tmp", false);
        check("/proc", false);
        check("/dev/shm", false);
        check("/action/x", false);
    }

    #[test]
    fn the_default_is_there_once() {
        let roots = Roots::of_machine(&["/usr/lib".into(), "/usr".into()]).unwrap();
        let is_usr = |entry: &&Entry| entry.target.starts_with(b"usr");
        assert_eq!(roots.entries().iter().filter(is_usr).count(), 1);
    }
}
