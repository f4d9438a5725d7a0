//! Directories for actions, each removed when its action has ended, whatever it has left there.

use crate::host::fs::{PathContext as _, PathError};
use rustix::fs::{
    AtFlags, CWD, Dir, FileType, FlockOperation, Mode, OFlags, chmodat, fchmod, flock, fstat, openat, renameat,
    unlinkat,
};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Why there is no room for actions.
#[derive(Debug, thiserror::Error)]
pub enum ScratchError {
    /// Somebody else runs actions there.
    #[error("cannot use `{}`: another server runs actions there", .0.display())]
    Taken(PathBuf),
    /// The operating system refused.
    #[error(transparent)]
    Path(#[from] PathError),
}

/// The directory of all of them.
#[derive(Debug)]
pub(super) struct Scratch {
    dir: PathBuf,
    made: AtomicU64,
    /// Locked as long as this is used.
    lock: File,
}

/// The directory of one action.
#[derive(Debug)]
pub(super) struct ActionDirectory {
    path: PathBuf,
}

impl Scratch {
    /// Takes `dir` for itself, and removes what a server that was killed has left there.
    pub(super) fn open(dir: &Path) -> Result<Self, ScratchError> {
        fs::create_dir_all(dir).at("make", dir)?;
        // Links on the way would be seen differently by an action in a sandbox.
        let dir = fs::canonicalize(dir).at("look at", dir)?;
        let path = dir.join("lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&path);
        let lock = lock.at("open", &path)?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => return Err(ScratchError::Taken(dir)),
            locked => locked.map_err(io::Error::from).at("lock", &path)?,
        }
        let actions = dir.join("actions");
        remove_tree(&actions).at("remove", &actions)?;
        let scratch = Self {
            made: AtomicU64::new(0),
            lock,
            dir,
        };
        for made in [actions, scratch.empty_directory()] {
            fs::create_dir_all(&made).at("make", &made)?;
        }
        Ok(scratch)
    }

    /// A directory that stays empty.
    pub(super) fn empty_directory(&self) -> PathBuf {
        self.dir.join("empty")
    }

    /// How many bytes there is room for.
    pub(super) fn free(&self) -> io::Result<u64> {
        let found = rustix::fs::statvfs(&self.dir)?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }

    /// A new directory.
    pub(super) fn make(&self) -> io::Result<ActionDirectory> {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let directory = ActionDirectory {
            path: self.dir.join("actions").join(number.to_string()),
        };
        for made in [directory.path.clone(), directory.root(), directory.temporary()] {
            fs::create_dir(&made)?;
            // Whatever the server's umask is.
            rustix::fs::chmod(&made, Mode::from_raw_mode(0o755))?;
        }
        Ok(directory)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Closing is not enough: a program that another thread starts just now has the file open, too, for a moment.
        let _unlocked = flock(&self.lock, FlockOperation::Unlock);
    }
}

impl ActionDirectory {
    /// For the input root.
    pub(super) fn root(&self) -> PathBuf {
        self.path.join("root")
    }

    /// For temporary files.
    pub(super) fn temporary(&self) -> PathBuf {
        self.path.join("tmp")
    }

    /// For files of the server.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for ActionDirectory {
    fn drop(&mut self) {
        if let Err(error) = remove_tree(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove the directory of an action");
        }
    }
}

/// Removes a directory and all below it, however deep, and whatever rights an action has taken away. What is not there is
/// no error.
fn remove_tree(path: &Path) -> io::Result<()> {
    let top = match open_directory(CWD, path) {
        Err(Errno::NOENT) => return Ok(()),
        top => top?,
    };
    // Directories are moved to the top before they are emptied: no path grows long, and no more than two are open.
    let mut waiting = empty(&top)?;
    let mut moved = 0u64;
    while let Some(name) = waiting.pop() {
        let directory = open_directory(&top, &name)?;
        for below in empty(&directory)? {
            waiting.push(move_up(&directory, &below, &top, &mut moved)?);
        }
        unlinkat(&top, &name, AtFlags::REMOVEDIR)?;
    }
    fs::remove_dir(path)
}

/// Removes all files of a directory; returns the names of the directories in it.
fn empty(directory: &OwnedFd) -> rustix::io::Result<Vec<OsString>> {
    let mut directories = Vec::new();
    // All names first: what is moved while a directory is read may be met again.
    let entries = Dir::read_from(directory)?.collect::<rustix::io::Result<Vec<_>>>()?;
    for entry in entries {
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let mut is_directory = entry.file_type() == FileType::Directory;
        if !is_directory {
            match unlinkat(directory, name, AtFlags::empty()) {
                // The file system had not said what it is.
                Err(Errno::ISDIR) => is_directory = true,
                removed => removed?,
            }
        }
        if is_directory {
            directories.push(OsStr::from_bytes(name.to_bytes()).to_owned());
        }
    }
    Ok(directories)
}

/// Gives a directory a new name at the top.
fn move_up(from: &OwnedFd, name: &OsStr, top: &OwnedFd, moved: &mut u64) -> rustix::io::Result<OsString> {
    loop {
        let new = OsString::from(format!(".removing-{moved}"));
        *moved += 1;
        match renameat(from, name, top, &*new) {
            Ok(()) => return Ok(new),
            // Whoever moves a directory must be allowed to write to it.
            Err(Errno::ACCESS) => drop(open_directory(from, name)?),
            Err(Errno::EXIST | Errno::NOTEMPTY) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Opens a directory, with all rights to it.
fn open_directory(parent: impl AsFd, path: impl AsRef<Path>) -> rustix::io::Result<OwnedFd> {
    let path = path.as_ref();
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = match openat(&parent, path, flags, Mode::empty()) {
        Err(Errno::ACCESS) => {
            chmodat(&parent, path, Mode::RWXU, AtFlags::empty())?;
            openat(&parent, path, flags, Mode::empty())?
        }
        opened => opened?,
    };
    if !Mode::from_raw_mode(fstat(&opened)?.st_mode).contains(Mode::RWXU) {
        fchmod(&opened, Mode::RWXU)?;
    }
    Ok(opened)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_uses_a_directory() {
        let dir = tempfile::tempdir().unwrap();
        let first = Scratch::open(dir.path()).unwrap();
        assert!(matches!(Scratch::open(dir.path()), Err(ScratchError::Taken(_))));
        drop(first);
        Scratch::open(dir.path()).unwrap();
    }

    #[test]
    fn what_a_killed_server_has_left_goes() {
        let dir = tempfile::tempdir().unwrap();
        let scratch = Scratch::open(dir.path()).unwrap();
        let left = scratch.make().unwrap();
        fs::write(left.root().join("file"), b"").unwrap();
        let path = left.path().to_owned();
        std::mem::forget(left);
        drop(scratch);
        let _scratch = Scratch::open(dir.path()).unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn whatever_an_action_leaves_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let scratch = Scratch::open(dir.path()).unwrap();
        let outside = dir.path().join("outside");
        fs::create_dir_all(outside.join("kept")).unwrap();
        let action = scratch.make().unwrap();
        // Deeper than a path can be long.
        let mut place = File::open(action.root()).unwrap().into();
        for _ in 0..1000 {
            rustix::fs::mkdirat(&place, "deeper", Mode::RWXU).unwrap();
            place = openat(&place, "deeper", OFlags::DIRECTORY, Mode::empty()).unwrap();
        }
        let locked = action.root().join("locked");
        fs::create_dir_all(locked.join("below")).unwrap();
        fs::write(locked.join("below/.removing-0"), b"").unwrap();
        std::os::unix::fs::symlink(&outside, locked.join("link")).unwrap();
        for path in [locked.join("below"), locked] {
            rustix::fs::chmod(path, Mode::empty()).unwrap();
        }
        let path = action.path().to_owned();
        drop(action);
        assert!(!path.exists());
        assert!(outside.join("kept").exists());
    }
}
