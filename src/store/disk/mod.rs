//! The store in the user's cache directory: blobs and results as plain files, published by rename, for any number of
//! processes at once. `layout` has the names.
//!
//! What it promises:
//! - Nobody sees half a file. A process that is killed leaves at most a draft, which is swept later.
//! - A blob is read and checked against its digest when this process first hands it out, at any size; its size is
//!   checked each time. A wrong one is removed and was never there.
//! - A result is given out only while all its blobs are there.
//! - The oldest-used files go when the bound is passed, pinned ones excepted. An open file stays readable.
//! - A use is noted in the modification time, at most once an hour, so a hit normally writes nothing.
//!
//! Nothing is synced: what a power cut takes is found by the checks and is a miss. The methods block and are meant for
//! the local hit path; the async traits are implemented on top of them.

mod evict;
mod incoming;
mod layout;
mod maintenance;
mod occupancy;
mod pins;
mod proofs;
mod references;
mod result_file;
mod service;
#[cfg(test)]
mod tests;

pub use incoming::Incoming;
pub use maintenance::{CorruptFile, Defect, OnCorrupt, Usage, VerifyReport};
pub use pins::Pins;

use super::StoreError;
use super::blob::{digest_of, for_each_piece, unreadable};
use crate::digest::{Digest, Function, Hasher};
use crate::host::fs::{PathContext as _, PathError};
use crate::host::publish::Draft;
use crate::pb::reapi::ActionResult;
use bytes::Bytes;
use layout::{Kind, Layout, age, open_if_there, remove};
use occupancy::{Level, Occupancy};
use pins::Pinned;
use proofs::Proofs;
use rustix::fs::{Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};
use std::fs::{File, Metadata};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How old a file's last noted use must be before another use is noted.
const USE_IS_OLD: Duration = Duration::from_hours(1);

/// Below this size a clone of the extents costs more than copying the bytes, which are hashed anyway.
const WORTH_CLONING: u64 = 128 * 1024;

/// Blobs and results in a directory. Cheap to clone; the clones are one store.
#[derive(Clone, Debug)]
pub struct DiskStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    layout: Layout,
    occupancy: Occupancy,
    proofs: Proofs,
    pinned: Pinned,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if !self.occupancy.is_pending() {
            return;
        }
        if let Err(error) = self.occupancy.settle(&self.layout) {
            tracing::warn!(%error, "the size of the store is out of date until the next scan");
        }
    }
}

impl DiskStore {
    /// Opens the store in `dir`, which is made (mode 0700) if it is not there. `max_size` in bytes bounds what all
    /// processes together keep; 0 means no bound.
    pub fn open(dir: &Path, max_size: u64) -> Result<Self, StoreError> {
        let layout = Layout::create(dir)?;
        if let Err(error) = layout.sweep_drafts() {
            // Nobody misses the room at once; a directory that is read-only still serves.
            tracing::warn!(%error, cause = %error.source, "cannot remove old drafts");
        }
        let inner = Inner {
            layout,
            occupancy: Occupancy::new(max_size),
            proofs: Proofs::default(),
            pinned: Pinned::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        self.inner.layout.root()
    }

    /// Bytes of everything that all processes keep, without a look at it: as of the last scan, plus what was put since.
    /// `None` before anybody has counted, which in a store with a bound is soon.
    pub fn size(&self) -> Option<u64> {
        self.inner.occupancy.known(&self.inner.layout)
    }

    /// The blob, open for reading at its beginning, or `None`. Its content has been checked, now or earlier in this
    /// process: the first time costs 0.5 ms per MiB.
    pub fn blob(&self, digest: Digest) -> Result<Option<File>, StoreError> {
        let path = self.inner.layout.path(Kind::Blob, digest);
        let Some((file, metadata)) = self.open_sized(&path, digest)? else {
            return self.empty_blob(digest);
        };
        if !self.inner.proofs.holds(digest, &metadata) {
            if digest_of(&file, digest.function()).at("read", &path)? != digest {
                self.discard(&path, metadata.len())?;
                return Ok(None);
            }
            self.inner.proofs.record(digest, &metadata);
        }
        Ok(Some(file))
    }

    /// Whether [`DiskStore::blob`] has handed this blob out before, so that it need not read it as a rule.
    pub fn has_proven(&self, digest: Digest) -> bool {
        self.inner.proofs.has(digest)
    }

    /// The content of a blob in memory, checked, or `None`.
    pub fn read(&self, digest: Digest) -> Result<Option<Bytes>, StoreError> {
        if digest.is_empty() {
            return Ok(Some(Bytes::new()));
        }
        let path = self.inner.layout.path(Kind::Blob, digest);
        let Some((file, metadata)) = self.open_sized(&path, digest)? else {
            return Ok(None);
        };
        let content = read_all(&file, &metadata).at("read", &path)?;
        if !self.inner.proofs.holds(digest, &metadata) {
            if digest.function().digest(&content) != digest {
                self.discard(&path, metadata.len())?;
                return Ok(None);
            }
            self.inner.proofs.record(digest, &metadata);
        }
        Ok(Some(content.into()))
    }

    /// Whether a file of the right name and size is here. Looks at no content; counts as a use.
    pub fn contains(&self, digest: Digest) -> Result<bool, StoreError> {
        if digest.is_empty() {
            return Ok(true);
        }
        let path = self.inner.layout.path(Kind::Blob, digest);
        // Opening costs twice as much as looking, and is needed only for what is wrong or was not used for long.
        match std::fs::symlink_metadata(&path) {
            Ok(found) if is_sized(&found, digest) && age(&found) < USE_IS_OLD => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            _ => Ok(self.open_sized(&path, digest)?.is_some()),
        }
    }

    /// Those of `digests` that are not here, each once, in the order asked.
    pub fn missing(&self, digests: &[Digest]) -> Result<Vec<Digest>, StoreError> {
        let mut seen = std::collections::HashSet::with_capacity(digests.len());
        let mut missing = Vec::new();
        for digest in digests.iter().copied().filter(|digest| seen.insert(*digest)) {
            if !self.contains(digest)? {
                missing.push(digest);
            }
        }
        Ok(missing)
    }

    /// Keeps these bytes.
    pub fn put_bytes(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let digest = Digest::of(bytes);
        self.write_if_missing(digest, bytes)?;
        Ok(digest)
    }

    /// As [`DiskStore::put_bytes`], for bytes that are said to have this digest: others are [`StoreError::Corrupt`].
    pub fn put_bytes_as(&self, digest: Digest, bytes: &[u8]) -> Result<(), StoreError> {
        let actual = digest.function().digest(bytes);
        if actual != digest {
            return Err(StoreError::Corrupt {
                expected: digest,
                actual,
            });
        }
        self.write_if_missing(digest, bytes)
    }

    /// Keeps the content of a file, from its beginning to its end; its offset does not matter and stays. The digest is
    /// that of the copy, so a file that changes meanwhile does no harm.
    pub fn put_file(&self, file: &File) -> Result<Digest, StoreError> {
        self.put_file_by(Function::default(), file)
    }

    /// As [`DiskStore::put_file`], under a digest of this function.
    pub fn put_file_by(&self, function: Function, file: &File) -> Result<Digest, StoreError> {
        self.put_copy(file, function, None)
    }

    /// As [`DiskStore::put_file`], for a file that is said to have this digest: another content is
    /// [`StoreError::Corrupt`], and nothing is read if the blob is here.
    pub fn put_file_as(&self, digest: Digest, file: &File) -> Result<(), StoreError> {
        if self.blob(digest)?.is_some() {
            return Ok(());
        }
        self.put_copy(file, digest.function(), Some(digest)).map(|_| ())
    }

    /// The result of an action, if all its blobs are here. A blob may still prove corrupt, or be evicted, before it is
    /// opened: [`DiskStore::blob`] then says `None`, and the action is a miss after all.
    pub fn action_result(&self, action: Digest) -> Result<Option<ActionResult>, StoreError> {
        match self.recorded_result(action)? {
            Some(result) if self.is_complete(&result, action.function())? => Ok(Some(result)),
            _ => Ok(None),
        }
    }

    /// The result of an action, whether or not its blobs are here.
    pub fn recorded_result(&self, action: Digest) -> Result<Option<ActionResult>, StoreError> {
        let path = self.inner.layout.path(Kind::Result, action);
        let Some((file, metadata)) = open_used(&path)? else {
            return Ok(None);
        };
        let content = read_all(&file, &metadata).at("read", &path)?;
        let result = result_file::decode(action, &content);
        if result.is_none() {
            self.discard(&path, metadata.len())?;
        }
        Ok(result)
    }

    /// Whether all blobs of a result are here; they are named in this digest function.
    pub fn is_complete(&self, result: &ActionResult, function: Function) -> Result<bool, StoreError> {
        match self.named_in(result, function)? {
            Some(blobs) => Ok(self.missing(&blobs)?.is_empty()),
            None => Ok(false),
        }
    }

    /// All blobs of a result, those in its trees too; they are named in this digest function. `None` if a tree is not
    /// here.
    pub fn named_in(&self, result: &ActionResult, function: Function) -> Result<Option<Vec<Digest>>, StoreError> {
        references::referenced(result, function, |tree| self.read(tree))
    }

    /// Keeps the result of an action, in place of an earlier one. Put its blobs first.
    pub fn put_action_result(&self, action: Digest, result: &ActionResult) -> Result<(), StoreError> {
        self.write(Kind::Result, action, &result_file::encode(action, result))
    }

    /// The file at `path` if it has the size of `digest`. One that has not is removed.
    fn open_sized(&self, path: &Path, digest: Digest) -> Result<Option<(File, Metadata)>, StoreError> {
        let Some((file, metadata)) = open_used(path)? else {
            return Ok(None);
        };
        if is_sized(&metadata, digest) {
            return Ok(Some((file, metadata)));
        }
        self.discard(path, metadata.len())?;
        Ok(None)
    }

    /// The empty blob is always here, so it is made when somebody wants to open it.
    fn empty_blob(&self, digest: Digest) -> Result<Option<File>, StoreError> {
        if !digest.is_empty() {
            return Ok(None);
        }
        self.write(Kind::Blob, digest, &[])?;
        Ok(open_if_there(&self.inner.layout.path(Kind::Blob, digest))?)
    }

    fn write_if_missing(&self, digest: Digest, bytes: &[u8]) -> Result<(), StoreError> {
        match self.blob(digest)? {
            Some(_) => Ok(()),
            None => self.write(Kind::Blob, digest, bytes),
        }
    }

    fn write(&self, kind: Kind, digest: Digest, content: &[u8]) -> Result<(), StoreError> {
        self.admit(content.len() as u64)?;
        let draft = self.inner.layout.draft()?;
        draft.file().write_all(content).at("write", draft.path())?;
        self.keep(draft, kind, digest, content.len() as u64)
    }

    fn put_copy(&self, source: &File, function: Function, expected: Option<Digest>) -> Result<Digest, StoreError> {
        let size = source.metadata().map_err(unreadable)?.len();
        self.admit(size)?;
        let draft = self.inner.layout.draft()?;
        let actual = copy(source, size, &draft, function)?;
        if let Some(expected) = expected.filter(|expected| *expected != actual) {
            return Err(StoreError::Corrupt { expected, actual });
        }
        if self.blob(actual)?.is_none() {
            self.keep(draft, Kind::Blob, actual, actual.size())?;
        }
        Ok(actual)
    }

    /// Refuses what could only be kept by evicting everything, itself included.
    fn admit(&self, size: u64) -> Result<(), StoreError> {
        let max = self.inner.occupancy.max();
        if max != 0 && size > max {
            return Err(StoreError::Io {
                what: format!("keep {size} bytes in `{}`, whose bound is {max}", self.dir().display()),
                source: ErrorKind::FileTooLarge.into(),
            });
        }
        Ok(())
    }

    /// Publishes a finished draft, and evicts if it was one too many.
    fn keep(&self, draft: Draft, kind: Kind, digest: Digest, length: u64) -> Result<(), StoreError> {
        let Inner {
            layout,
            occupancy,
            pinned,
            ..
        } = &*self.inner;
        layout.publish(draft, kind, digest)?;
        let evicted = occupancy.put(layout, length).and_then(|level| match level {
            Level::Within => Ok(()),
            Level::Above => evict::evict(layout, occupancy, pinned),
        });
        // The file is kept all the same, and the next put tries again.
        if let Err(error) = evicted {
            tracing::warn!(%error, cause = %error.source, "cannot evict");
        }
        Ok(())
    }

    fn discard(&self, path: &Path, length: u64) -> Result<(), PathError> {
        tracing::warn!(path = %path.display(), "not what its name says; removed");
        remove(path)?;
        self.inner.occupancy.removed(length);
        Ok(())
    }
}

fn is_sized(metadata: &Metadata, digest: Digest) -> bool {
    metadata.is_file() && metadata.len() == digest.size()
}

/// Opens a file and notes the use. The metadata is from after the note and before any reading.
fn open_used(path: &Path) -> Result<Option<(File, Metadata)>, PathError> {
    let Some(file) = open_if_there(path)? else {
        return Ok(None);
    };
    let metadata = file.metadata().at("look at", path)?;
    if age(&metadata) < USE_IS_OLD {
        return Ok(Some((file, metadata)));
    }
    let times = Timestamps {
        last_access: Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        },
        last_modification: Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_NOW,
        },
    };
    if let Err(error) = rustix::fs::futimens(&file, &times) {
        // A store on a file system that has become read-only can still be read from.
        tracing::debug!(path = %path.display(), %error, "cannot note a use");
    }
    let metadata = file.metadata().at("look at", path)?;
    Ok(Some((file, metadata)))
}

/// The content of a file of this length; less if it has become shorter. One system call: `read_to_end` would ask for the
/// length again, and for more at the end.
fn read_all(file: &File, metadata: &Metadata) -> std::io::Result<Vec<u8>> {
    let mut content = vec![0; usize::try_from(metadata.len()).map_err(std::io::Error::other)?];
    let mut filled = 0;
    while filled < content.len() {
        match file.read_at(&mut content[filled..], filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    content.truncate(filled);
    Ok(content)
}

/// Copies a file and returns the digest of the copy.
fn copy(source: &File, size: u64, draft: &Draft, function: Function) -> Result<Digest, StoreError> {
    // Where the file system can share extents, the copy costs nothing and is then read once. Elsewhere the bytes pass
    // through here anyway to be hashed, so `copy_file_range` would only read them twice.
    if size >= WORTH_CLONING && rustix::fs::ioctl_ficlone(draft.file(), source).is_ok() {
        return Ok(digest_of(draft.file(), function).at("read", draft.path())?);
    }
    let mut hasher = Hasher::of(function);
    for_each_piece(source, unreadable, |piece| {
        hasher.update(piece);
        Ok(draft.file().write_all(piece).at("write", draft.path())?)
    })?;
    Ok(hasher.finish())
}
