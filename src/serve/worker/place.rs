//! A directory inside an action's own, however deep.

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The kernel takes 4096 bytes of path (`PATH_MAX`), and a name may have 255 of them.
const LONGEST: usize = 3000;

/// A directory, as an open one and a path below it that is short enough for the kernel: thousands of levels need only few
/// descriptors.
#[derive(Clone, Debug)]
pub(super) struct Place {
    anchor: Arc<OwnedFd>,
    below: PathBuf,
}

impl Place {
    /// The directory that everything else is found from.
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self::of(openat(CWD, directory, flags, Mode::empty())?))
    }

    fn of(directory: OwnedFd) -> Self {
        Self {
            anchor: Arc::new(directory),
            below: PathBuf::new(),
        }
    }

    /// For `…at` calls, with [`Place::path`].
    pub(super) fn anchor(&self) -> BorrowedFd<'_> {
        self.anchor.as_fd()
    }

    /// The path of an entry, from the anchor.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.below.join(name)
    }

    /// The directory of this name in it, which must be there, and be no link.
    pub(super) fn enter(&self, name: &str) -> io::Result<Self> {
        let below = self.path(name);
        if below.as_os_str().len() <= LONGEST {
            return Ok(Self {
                anchor: Arc::clone(&self.anchor),
                below,
            });
        }
        Ok(Self::of(self.open_entry(name, OFlags::PATH | OFlags::DIRECTORY)?))
    }

    /// Opens an entry, following no link on the way or at its end.
    pub(super) fn open_entry(&self, name: &str, flags: OFlags) -> io::Result<OwnedFd> {
        let path = self.path(name);
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            &path
        };
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        Ok(openat2(
            &self.anchor,
            path,
            flags | OFlags::CLOEXEC,
            Mode::empty(),
            resolve,
        )?)
    }

    /// The directory that a path leads to, following links as long as they stay inside. [`rustix::io::Errno::XDEV`] if
    /// they do not.
    pub(super) fn resolve(&self, path: &Path) -> rustix::io::Result<Self> {
        Ok(Self::of(self.open_resolved(path, OFlags::PATH | OFlags::DIRECTORY)?))
    }

    /// As [`Place::resolve`], for whatever is there.
    pub(super) fn open_resolved(&self, path: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        // The kernel asks for another try when somebody renames meanwhile.
        loop {
            match openat2(&self.anchor, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
                Err(rustix::io::Errno::AGAIN) => {}
                opened => return opened,
            }
        }
    }
}
