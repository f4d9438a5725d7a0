//! Digests of files, each content read once.
//!
//! A look is: stat, and if the identity is known and believed ([`trust`](super::trust)), done. Otherwise the file is
//! read and hashed, and stat'ed again: if it changed meanwhile, the look starts over. While an identity cannot be
//! believed yet, nothing is remembered and nothing is shared between threads, because the same identity may stand for two
//! contents.
//!
//! A writer that changes a file through a memory mapping which it made dirty before the look leaves no trace in the time
//! stamps for as long as half a minute. Inputs of a build step are closed by those who made them before the step starts.

use super::clock::Timestamp;
use super::file_id::{FileId, Kind};
use super::fs::{PathContext as _, PathError};
use super::index::{Index, Table};
use super::trust::Trust;
use crate::digest::{Digest, Hasher};
use bytes::Bytes;
use quick_cache::sync::{Cache, GuardResult};
use rustix::fs::OFlags;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Identities kept in memory: about 100 MB at most.
const CAPACITY: usize = 500_000;
/// How often a look starts over before a file counts as being written.
const TRIES: usize = 5;
const BUFFER: usize = 64 << 10;

/// What a look at a file found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The file's identity, before and after it was read.
    pub id: FileId,
    /// Its content.
    pub digest: Digest,
    /// Whether the identity may stand for the content from now on.
    pub settled: bool,
}

/// Digests by file identity. Shared by all threads; remembers across processes through the [`Index`].
pub struct DigestCache {
    known: Cache<FileId, Digest>,
    index: Arc<Index>,
    trust: Arc<Trust>,
    files_read: AtomicU64,
}

impl DigestCache {
    /// Remembers in `index`, believes identities as `trust` says.
    pub fn new(index: Arc<Index>, trust: Arc<Trust>) -> Self {
        Self {
            known: Cache::new(CAPACITY),
            index,
            trust,
            files_read: AtomicU64::new(0),
        }
    }

    /// Who judges the identities.
    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// How many times a file was read so far.
    pub fn files_read(&self) -> u64 {
        self.files_read.load(Ordering::Relaxed)
    }

    /// Identity and content of the regular file that `path` leads to.
    pub fn digest(&self, path: &Path) -> Result<(FileId, Digest), PathError> {
        self.look(path).map(|seen| (seen.id, seen.digest))
    }

    /// Like [`digest`](Self::digest), and whether the identity may be kept in place of the content.
    pub fn look(&self, path: &Path) -> Result<Seen, PathError> {
        self.attempt(path, |id, looked| {
            if !self.trust.settled(path, &id, looked) {
                return Ok(self.read(path, id, hash)?.map(|digest| Seen {
                    id,
                    digest,
                    settled: false,
                }));
            }
            let digest = match self.known_or_guard(&id) {
                Ok(digest) => Some(digest),
                Err(guard) => self
                    .read(path, id, hash)?
                    .inspect(|digest| self.remember(&id, *digest, guard)),
            };
            Ok(digest.map(|digest| Seen {
                id,
                digest,
                settled: true,
            }))
        })
    }

    /// For those who need the content itself: reads the file, and hashes it only if its digest is not known.
    pub fn digest_and_bytes(&self, path: &Path) -> Result<(Seen, Bytes), PathError> {
        self.attempt(path, |id, looked| {
            let settled = self.trust.settled(path, &id, looked);
            let Some(bytes) = self.read(path, id, |file| slurp(file, id.size))? else {
                return Ok(None);
            };
            let digest = if settled {
                self.known_or_guard(&id).unwrap_or_else(|guard| {
                    let digest = Digest::of(&bytes);
                    self.remember(&id, digest, guard);
                    digest
                })
            } else {
                Digest::of(&bytes)
            };
            Ok(Some((Seen { id, digest, settled }, bytes)))
        })
    }

    /// One stat and what follows from it, again and again until the file holds still. `step` returns `None` if the file
    /// is no longer what was stat'ed.
    fn attempt<T>(
        &self,
        path: &Path,
        mut step: impl FnMut(FileId, Timestamp) -> io::Result<Option<T>>,
    ) -> Result<T, PathError> {
        for _ in 0..TRIES {
            let looked = self.trust.now();
            let id = FileId::of(path).at("read", path)?;
            if id.kind() != Kind::File {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")).at("read", path);
            }
            if let Some(found) = step(id, looked).at("read", path)? {
                return Ok(found);
            }
        }
        Err(io::Error::other("it changes while it is read")).at("read", path)
    }

    /// The digest, or the right and duty to find it: other threads that ask for it wait for the guard.
    fn known_or_guard(&self, id: &FileId) -> Result<Digest, Guard<'_>> {
        match self.known.get_value_or_guard(id, None) {
            GuardResult::Value(digest) => Ok(digest),
            GuardResult::Guard(guard) => match self.kept(id) {
                Some(digest) => {
                    // Refused only if someone else has put the same digest.
                    let _same = guard.insert(digest);
                    Ok(digest)
                }
                None => Err(guard),
            },
            GuardResult::Timeout => unreachable!("waits without a limit"),
        }
    }

    fn kept(&self, id: &FileId) -> Option<Digest> {
        let row = self.index.get(Table::FileDigests, &id.encode())?;
        Some(Digest::from_parts(row[..].try_into().ok()?, id.size))
    }

    fn remember(&self, id: &FileId, digest: Digest, guard: Guard<'_>) {
        let row = Bytes::copy_from_slice(digest.hash());
        self.index.put(Table::FileDigests, &id.encode(), row);
        let _same = guard.insert(digest);
    }

    /// Reads a file that was stat'ed as `id`; `None` if it is another one, or was changed until the end.
    fn read<T>(&self, path: &Path, id: FileId, take: impl FnOnce(&mut File) -> io::Result<T>) -> io::Result<Option<T>> {
        // Not blocking: what was a file a moment ago may be a pipe now.
        let mut file = File::options()
            .read(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
            .open(path)?;
        if FileId::of_file(&file)? != id {
            return Ok(None);
        }
        self.files_read.fetch_add(1, Ordering::Relaxed);
        let taken = take(&mut file)?;
        Ok((FileId::of_file(&file)? == id).then_some(taken))
    }
}

type Guard<'a> = quick_cache::sync::PlaceholderGuard<
    'a,
    FileId,
    Digest,
    quick_cache::UnitWeighter,
    quick_cache::DefaultHashBuilder,
    quick_cache::sync::DefaultLifecycle<FileId, Digest>,
>;

fn hash(file: &mut File) -> io::Result<Digest> {
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; BUFFER];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(len) => hasher.update(&buffer[..len]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn slurp(file: &mut File, size: u64) -> io::Result<Bytes> {
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    file.read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

#[cfg(test)]
mod tests;
