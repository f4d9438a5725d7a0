//! The server's directory: one server at a time, and what is where.
//!
//! ```text
//! rewrap-serve.lock  locked while a server runs, and its pid; what makes a directory a server's
//! store/             blobs and results
//! scratch/           the running actions'; emptied by the worker when it starts
//! ```

use super::error::ServeError;
use crate::host::fs::PathContext as _;
use std::fs::{DirBuilder, File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

const LOCK: &str = "rewrap-serve.lock";

/// The directory, locked until this is dropped or the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Home {
    dir: PathBuf,
    lock: File,
}

impl Drop for Home {
    /// Closing would not do: a child that is just being started still has a copy.
    fn drop(&mut self) {
        if let Err(error) = self.lock.unlock() {
            tracing::warn!(dir = %self.dir.display(), %error, "cannot unlock the directory");
        }
    }
}

impl Home {
    /// Makes (mode 0700) and locks the directory.
    pub(super) fn enter(dir: &Path) -> Result<Self, ServeError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
        made.at("create", dir)?;
        // Actions are given paths below it, and must not depend on where the server was started.
        let dir = dir.canonicalize().at("find", dir)?;
        check(&dir)?;
        check_content(&dir)?;
        let lock = lock(&dir)?;
        let home = Self { dir, lock };
        // Inputs and outputs of actions are nobody else's to read.
        let scratch = home.scratch();
        match DirBuilder::new().mode(0o700).create(&scratch) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error).at("create", &scratch)?,
            _ => Ok(home),
        }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn store(&self) -> PathBuf {
        self.dir.join("store")
    }

    pub(super) fn scratch(&self) -> PathBuf {
        self.dir.join("scratch")
    }
}

/// Who may write the directory could put a store of their own in place of ours.
fn check(dir: &Path) -> Result<(), ServeError> {
    let found = std::fs::metadata(dir).at("look at", dir)?;
    let is_ours = found.uid() == rustix::process::geteuid().as_raw();
    if is_ours && found.mode() & 0o022 == 0 {
        return Ok(());
    }
    Err(ServeError::StrangeHome(dir.to_owned()))
}

/// A directory with other things in it was named by mistake.
fn check_content(dir: &Path) -> Result<(), ServeError> {
    let mut entries = std::fs::read_dir(dir).at("list", dir)?;
    if entries.next().is_none() || dir.join(LOCK).exists() {
        return Ok(());
    }
    Err(ServeError::NotEmpty(dir.to_owned()))
}

fn lock(dir: &Path) -> Result<File, ServeError> {
    let path = dir.join(LOCK);
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .at("open", &path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            // Only for the message; whoever holds it may be just about to write.
            file.read_to_string(&mut pid).ok();
            return Err(ServeError::InUse {
                dir: dir.to_owned(),
                pid: pid.trim().parse().ok(),
            });
        }
        Err(TryLockError::Error(error)) => Err(error).at("lock", &path)?,
    }
    file.set_len(0).at("write", &path)?;
    file.rewind().at("write", &path)?;
    writeln!(file, "{}", std::process::id()).at("write", &path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_server_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::enter(dir.path()).unwrap();
        let refused = Home::enter(dir.path()).unwrap_err();
        let ServeError::InUse { pid, .. } = refused else {
            panic!("{refused}")
        };
        assert_eq!(pid, Some(std::process::id()));
        drop(home);
        Home::enter(dir.path()).unwrap();
    }

    #[test]
    fn a_directory_that_others_may_write_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        for (mode, right) in [(0o700, true), (0o755, true), (0o770, false), (0o1777, false)] {
            std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(mode)).unwrap();
            let entered = Home::enter(dir.path());
            assert_eq!(entered.is_ok(), right, "{mode:o}");
            assert!(right || matches!(entered, Err(ServeError::StrangeHome(_))), "{mode:o}");
        }
    }

    #[test]
    fn a_directory_with_other_things_in_it_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        drop(Home::enter(dir.path()).unwrap());
        drop(Home::enter(dir.path()).unwrap());
        let other = tempfile::tempdir().unwrap();
        std::fs::write(other.path().join("notes"), "").unwrap();
        assert!(matches!(Home::enter(other.path()), Err(ServeError::NotEmpty(_))));
        assert_eq!(std::fs::read_dir(other.path()).unwrap().count(), 1);
    }
}
