//! bubblewrap, for machines that let only it make namespaces.

use super::spec::{Entry, EntryKind};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// Where the init's program is shown: in a directory that bubblewrap makes.
const INIT_SHOWN_AS: &str = "/dev/init";

/// The program, if it is installed.
pub(super) fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
    std::env::split_paths(&path)
        .map(|directory| directory.join("bwrap"))
        .find(|file| file.is_absolute() && file.is_file())
}

/// What it is to do: show these entries, and start the init with `arguments` there.
pub(super) fn arguments(entries: &[Entry], init: &Path, arguments: Vec<OsString>) -> Vec<OsString> {
    // The loopback interface is brought up by bubblewrap, too.
    let fixed = "--unshare-all --unshare-user --uid 1000 --gid 1000 --hostname action --die-with-parent \
                 --proc /proc --dev /dev";
    let mut all: Vec<OsString> = fixed.split_ascii_whitespace().map(OsString::from).collect();
    for entry in entries {
        let option = match entry.kind() {
            EntryKind::ReadOnly => "--ro-bind",
            EntryKind::Writable => "--bind",
            EntryKind::Symlink if !entry.target.starts_with(b"dev/") => "--symlink",
            // It makes its own.
            EntryKind::Symlink | EntryKind::Device => continue,
        };
        all.push(option.into());
        all.push(OsStr::from_bytes(&entry.source).to_owned());
        all.push(Path::new("/").join(OsStr::from_bytes(&entry.target)).into());
    }
    // Its `/proc/self/exe` would be bubblewrap.
    let init = std::fs::canonicalize(init).unwrap_or_else(|_| init.to_owned());
    all.extend(["--ro-bind".into(), init.into(), INIT_SHOWN_AS.into()]);
    all.extend(["--remount-ro", "/", "--", INIT_SHOWN_AS].map(OsString::from));
    all.extend(arguments);
    all
}
