//! Which file holds what: names, modes, and the walk over all of them.
//!
//! ```text
//! cas/3f/3fc2…-1234   the blob of this SHA-256 and size, read-only (`…-1234-blake3`: of this BLAKE3)
//! ac/a0/a07e…-142     the result of the action of this digest (see `result_file`)
//! tmp/.rewrap-…       drafts, each locked by whoever writes it
//! size                how much the others come to (see `occupancy`)
//! evicting            locked by the process that evicts
//! ```
//!
//! Shards (the first two digits) keep directories small; they are made when they are first needed.

use crate::digest::{Digest, Function};
use crate::host::fs::{PathContext as _, PathError};
use crate::host::publish::Draft;
use std::fs::{DirBuilder, File, Metadata, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// After so long without a write, a draft that nobody has locked is a dead process's.
const DRAFT_IS_DEAD: Duration = Duration::from_mins(10);
/// The same where the file system has no locks.
const DRAFT_IS_OLD: Duration = Duration::from_hours(24);

/// The two kinds of file in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Content, named by its own digest.
    Blob,
    /// An action's result, named by the action's digest.
    Result,
}

/// A file that a walk came by.
pub(super) struct Found {
    pub(super) kind: Kind,
    /// What it should hold, `None` if its name is not one of ours.
    pub(super) digest: Option<Digest>,
    pub(super) path: PathBuf,
    pub(super) metadata: Metadata,
}

/// The directory of a store.
#[derive(Debug)]
pub(super) struct Layout {
    root: PathBuf,
}

impl Layout {
    /// Makes the directories that are not there. Only their owner may enter the new ones.
    pub(super) fn create(root: &Path) -> Result<Self, PathError> {
        let layout = Self { root: root.to_owned() };
        layout.create_directories()?;
        Ok(layout)
    }

    fn create_directories(&self) -> Result<(), PathError> {
        for directory in [self.directory(Kind::Blob), self.directory(Kind::Result), self.drafts()] {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(&directory);
            made.at("create", &directory)?;
        }
        Ok(())
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    fn directory(&self, kind: Kind) -> PathBuf {
        self.root.join(match kind {
            Kind::Blob => "cas",
            Kind::Result => "ac",
        })
    }

    fn drafts(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// The file that holds this blob or result.
    pub(super) fn path(&self, kind: Kind, digest: Digest) -> PathBuf {
        let hex = digest.hex();
        let mut path = self.directory(kind);
        path.push(&hex[..2]);
        path.push(name_of(digest));
        path
    }

    /// A new draft on the store's file system. Makes the directories again if somebody has cleaned them away.
    pub(super) fn draft(&self) -> Result<Draft, PathError> {
        let draft = match Draft::within(&self.drafts()) {
            Err(error) if error.source.kind() == ErrorKind::NotFound => {
                self.create_directories()?;
                Draft::within(&self.drafts())?
            }
            other => other?,
        };
        // Nobody else wants it yet; where there are no locks, sweeping goes by age.
        try_lock(draft.file()).at("lock", draft.path())?;
        Ok(draft)
    }

    /// Gives a finished draft its name.
    pub(super) fn publish(&self, draft: Draft, kind: Kind, digest: Digest) -> Result<(), PathError> {
        let target = self.path(kind, digest);
        let shard = target.parent().expect("path() puts every file into a shard");
        match DirBuilder::new().mode(0o700).create(shard) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error).at("create", shard),
            _ => draft.publish(&target, 0o444),
        }
    }

    /// All files of a kind, in no order. What vanishes meanwhile is left out.
    pub(super) fn walk(&self, kind: Kind) -> impl Iterator<Item = Result<Found, PathError>> {
        let directory = self.directory(kind);
        let walk = walkdir::WalkDir::new(&directory).min_depth(1).max_depth(2);
        walk.into_iter()
            .map(|entry| {
                let entry = entry?;
                let metadata = entry.metadata()?;
                Ok((entry.into_path(), metadata))
            })
            .filter_map(move |seen: Result<_, walkdir::Error>| match seen {
                Ok((path, metadata)) => (!metadata.is_dir()).then(|| {
                    Ok(Found {
                        kind,
                        digest: digest_of_name(&path),
                        path,
                        metadata,
                    })
                }),
                Err(error) if error.io_error().is_some_and(|e| e.kind() == ErrorKind::NotFound) => None,
                Err(error) => Some(Err(PathError {
                    verb: "list",
                    path: error.path().unwrap_or(&directory).to_owned(),
                    source: error.into(),
                })),
            })
    }

    /// Removes drafts of processes that are gone.
    pub(super) fn sweep_drafts(&self) -> Result<(), PathError> {
        let directory = self.drafts();
        for entry in std::fs::read_dir(&directory).at("list", &directory)? {
            let path = entry.at("list", &directory)?.path();
            let Some(file) = open_if_there(&path)? else { continue };
            let age = age(&file.metadata().at("look at", &path)?);
            if age > DRAFT_IS_DEAD && try_lock(&file).at("lock", &path)?.allows(age > DRAFT_IS_OLD) {
                remove(&path)?;
            }
        }
        Ok(())
    }

    /// A file for locking or counting, directly in the store's directory.
    pub(super) fn open_own(&self, name: &str) -> Result<(File, PathBuf), PathError> {
        let path = self.root.join(name);
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(&path).at("open", &path)?;
        Ok((file, path))
    }
}

fn name_of(digest: Digest) -> String {
    match digest.function() {
        Function::Sha256 => format!("{}-{}", digest.hex(), digest.size()),
        function @ Function::Blake3 => format!("{}-{}-{}", digest.hex(), digest.size(), function.name()),
    }
}

/// The digest in a file's name, if the file is where [`Layout::path`] puts that digest.
fn digest_of_name(path: &Path) -> Option<Digest> {
    let name = path.file_name()?.to_str()?;
    let shard = path.parent()?.file_name()?.to_str()?;
    let (hex, rest) = name.split_once('-')?;
    let (size, function) = match rest.split_once('-') {
        None => (rest, Function::Sha256),
        Some((size, named)) => (
            size,
            Function::ALL.into_iter().find(|function| function.name() == named)?,
        ),
    };
    let digest = function.digest_from_hex(hex, size.parse().ok()?).ok()?;
    // Only the canonical spelling: no `+1`, no `01`.
    (hex.starts_with(shard) && shard.len() == 2 && name == name_of(digest)).then_some(digest)
}

/// How long ago a file was used last (its modification time); nothing if the clock was set back.
pub(super) fn age(metadata: &Metadata) -> Duration {
    let used = metadata.modified().expect("Linux keeps modification times");
    SystemTime::now().duration_since(used).unwrap_or(Duration::ZERO)
}

/// Opens a file for reading; `None` if it is not there. A symbolic link counts as nothing: we make none.
pub(super) fn open_if_there(path: &Path) -> Result<Option<File>, PathError> {
    let nofollow = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = nofollow.bits().cast_signed();
    match File::options().read(true).custom_flags(flags).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) if rustix::io::Errno::from_io_error(&error) == Some(rustix::io::Errno::LOOP) => Ok(None),
        Err(error) => Err(error).at("read", path),
    }
}

/// Removes a file; one that is already gone is as good.
pub(super) fn remove(path: &Path) -> Result<(), PathError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).at("remove", path),
        _ => Ok(()),
    }
}

/// Whether an advisory lock was had. It goes with the descriptor, so also when the process is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lock {
    Held,
    /// Another process has it.
    Busy,
    /// The file system has no locks.
    Unknown,
}

impl Lock {
    /// Whether to go on; without locks, `otherwise` decides.
    pub(super) fn allows(self, otherwise: bool) -> bool {
        match self {
            Self::Held => true,
            Self::Busy => false,
            Self::Unknown => otherwise,
        }
    }
}

/// Takes the lock if it is free. Never waits: a stopped process that holds it must not stop the others.
pub(super) fn try_lock(file: &File) -> io::Result<Lock> {
    use rustix::io::Errno;
    match file.try_lock() {
        Ok(()) => Ok(Lock::Held),
        Err(TryLockError::WouldBlock) => Ok(Lock::Busy),
        Err(TryLockError::Error(error)) => match Errno::from_io_error(&error) {
            Some(Errno::NOLCK | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(Lock::Unknown),
            _ => Err(error),
        },
    }
}
