//! Builds the file system that an action sees, and makes it the only one.

use super::failed;
use crate::serve::sandbox::spec::{Entry, EntryKind, NotStarted, View};
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_bind_recursive, mount_change,
    mount_remount, unmount,
};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

/// What in `/proc` configures the machine, and may be written by root whatever its capabilities (proc(5)).
const MACHINE_SETTINGS: &[&str] = &["acpi", "bus", "fs", "irq", "mtrr", "scsi", "sys", "sysrq-trigger"];

/// Shows this process, which has namespaces of its own, nothing but `view`.
pub(super) fn show(view: &View) -> Result<(), NotStarted> {
    let base = Path::new(OsStr::from_bytes(&view.base));
    let step = |what: &str| failed(format!("{what} `{}`", base.display()));
    // Nothing that is mounted from here on is to be seen outside.
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(|error| failed("part the mounts from the machine's")(error.into()))?;
    let on_tmpfs = MountFlags::NOSUID | MountFlags::NODEV;
    mount("tmpfs", base, "tmpfs", on_tmpfs, c"mode=755,size=1m").map_err(|error| step("mount on")(error.into()))?;
    for entry in &view.entries {
        place(base, entry).map_err(failed(format!(
            "show `/{}`",
            OsStr::from_bytes(&entry.target).display()
        )))?;
    }
    make_read_only(base, &view.entries).map_err(failed("make the toolchain read-only"))?;
    show_processes(base, view.started_by_root).map_err(failed("mount `/proc`"))?;
    become_root(base, on_tmpfs).map_err(|error| step("change the root to")(error.into()))
}

/// Puts one entry into the new root.
fn place(base: &Path, entry: &Entry) -> io::Result<()> {
    let target = base.join(OsStr::from_bytes(&entry.target));
    let source = Path::new(OsStr::from_bytes(&entry.source));
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent)?;
    }
    if entry.kind() == EntryKind::Symlink {
        return std::os::unix::fs::symlink(source, target);
    }
    if fs::metadata(source)?.is_dir() {
        match fs::create_dir(&target) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    } else {
        fs::File::create_new(&target)?;
    }
    // With all that is mounted below: a part of a tree is not given away alone (mount_namespaces(7)).
    Ok(mount_bind_recursive(source, &target)?)
}

/// Makes the read-only entries so, and all that is mounted in them.
fn make_read_only(base: &Path, entries: &[Entry]) -> io::Result<()> {
    let read_only: Vec<PathBuf> = entries
        .iter()
        .filter(|entry| entry.kind() == EntryKind::ReadOnly)
        .map(|entry| base.join(OsStr::from_bytes(&entry.target)))
        .collect();
    for line in fs::read("/proc/self/mountinfo")?.split(|byte| *byte == b'\n') {
        let mut fields = line.split(|byte| *byte == b' ').skip(4);
        let (Some(point), Some(options)) = (fields.next(), fields.next()) else {
            continue;
        };
        let point = PathBuf::from(std::ffi::OsString::from_vec(unescaped(point)));
        if read_only.iter().any(|entry| point.starts_with(entry)) {
            mount_remount(&point, flags(options) | MountFlags::BIND | MountFlags::RDONLY, c"")?;
        }
    }
    Ok(())
}

/// What a mount has already; some of it must not be taken away (mount_namespaces(7)).
fn flags(options: &[u8]) -> MountFlags {
    let known: &[(&[u8], MountFlags)] = &[
        (b"nodev", MountFlags::NODEV),
        (b"noexec", MountFlags::NOEXEC),
        (b"noatime", MountFlags::NOATIME),
        (b"nodiratime", MountFlags::NODIRATIME),
        (b"relatime", MountFlags::RELATIME),
    ];
    let listed = options.split(|byte| *byte == b',');
    let set = listed.filter_map(|option| known.iter().find(|(name, _)| *name == option));
    set.fold(MountFlags::NOSUID, |flags, (_, flag)| flags | *flag)
}

/// Blanks, tabs, line ends and backslashes are octal in mountinfo (proc(5)).
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, behind)) = rest.split_first() {
        let octal = behind
            .get(..3)
            .filter(|_| first == b'\\')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        plain.push(octal.unwrap_or(first));
        rest = if octal.is_some() { &behind[3..] } else { behind };
    }
    plain
}

fn show_processes(base: &Path, started_by_root: bool) -> io::Result<()> {
    let proc = base.join("proc");
    fs::create_dir(&proc)?;
    let harmless = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("proc", &proc, "proc", harmless, None)?;
    if !started_by_root {
        return Ok(());
    }
    for setting in MACHINE_SETTINGS {
        let path = proc.join(setting);
        match mount_bind(&path, &path) {
            Err(Errno::NOENT) => continue,
            bound => bound?,
        }
        mount_remount(&path, harmless | MountFlags::BIND | MountFlags::RDONLY, c"")?;
    }
    Ok(())
}

fn become_root(base: &Path, flags: MountFlags) -> rustix::io::Result<()> {
    mount_remount(base, flags | MountFlags::BIND | MountFlags::RDONLY, c"")?;
    rustix::process::chdir(base)?;
    // The old root comes to lie on the new one, and goes (pivot_root(2)).
    rustix::process::pivot_root(".", ".")?;
    unmount(".", UnmountFlags::DETACH)?;
    rustix::process::chdir("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_mountinfo_are_unescaped() {
        let check = |field: &[u8], plain: &[u8]| assert_eq!(unescaped(field), plain);
        check(b"/usr", b"/usr");
        check(b"/a\\040b\\134c", b"/a b\\c");
        check(b"/a\\04", b"/a\\04");
        check(b"\\", b"\\");
    }

    #[test]
    fn what_a_mount_has_stays() {
        let check = |options: &[u8], expected| assert_eq!(flags(options), expected | MountFlags::NOSUID);
        check(b"rw,relatime", MountFlags::RELATIME);
        check(b"ro,nosuid,nodev,noatime", MountFlags::NODEV | MountFlags::NOATIME);
    }
}
