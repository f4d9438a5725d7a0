//! Which files of the store this process has already read and found to be what their names say.
//!
//! Hashing costs 0.5 ms per MiB (SHA instructions), about as much as copying; done once per file and process, a blob
//! that a power cut, a bad disk or a stray program has changed is found before anybody gets it.

use crate::digest::Digest;
use std::collections::HashMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Mutex, PoisonError};

/// Proofs are forgotten, all at once, beyond this number: about 10 MB.
const CAPACITY: usize = 1 << 16;

/// What changes when a file is replaced or written to. (Its length is in the digest.)
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Identity {
    device: u64,
    inode: u64,
    changed: (i64, i64),
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// The files that were found to be right, as they were then.
#[derive(Debug, Default)]
pub(super) struct Proofs(Mutex<HashMap<Digest, Identity>>);

impl Proofs {
    /// Whether the file that has this metadata was found right and has not changed since.
    pub(super) fn holds(&self, digest: Digest, metadata: &Metadata) -> bool {
        self.lock().get(&digest) == Some(&Identity::of(metadata))
    }

    /// Whether some file of this content was found right. It may have changed since.
    pub(super) fn has(&self, digest: Digest) -> bool {
        self.lock().contains_key(&digest)
    }

    /// Remembers that the file had this content. `metadata` must be from before it was read.
    pub(super) fn record(&self, digest: Digest, metadata: &Metadata) {
        let mut proofs = self.lock();
        if proofs.len() >= CAPACITY {
            proofs.clear();
        }
        proofs.insert(digest, Identity::of(metadata));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, Identity>> {
        // A map of independent entries is right after any panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
