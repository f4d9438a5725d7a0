//! A blob that arrives in pieces: written to a draft and hashed as it comes, never whole in memory.

use super::layout::Kind;
use super::{DiskStore, Draft};
use crate::digest::{Digest, Hasher};
use crate::host::fs::PathContext as _;
use crate::store::StoreError;
use std::fmt;
use std::os::unix::fs::FileExt as _;

/// A blob whose first bytes are here. Dropped unfinished, it leaves nothing; the draft of a process that was killed is
/// swept as any other.
pub struct Incoming {
    store: DiskStore,
    digest: Digest,
    draft: Draft,
    hasher: Hasher,
    written: u64,
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = (self.digest, self.written);
        f.debug_tuple("Incoming").field(&state).finish()
    }
}

impl DiskStore {
    /// Begins to take the blob with this digest. An error at once if it could never be kept.
    pub fn incoming(&self, digest: Digest) -> Result<Incoming, StoreError> {
        self.admit(digest.size())?;
        Ok(Incoming {
            draft: self.inner.layout.draft()?,
            store: self.clone(),
            digest,
            hasher: Hasher::of(digest.function()),
            written: 0,
        })
    }
}

impl Incoming {
    /// What it is to become.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// How many bytes have been taken.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Takes the next bytes. One byte too many is [`StoreError::Corrupt`], and then it can only be dropped. After any
    /// other error (a full disk) none of them count, and they can be offered again.
    pub fn write(&mut self, piece: &[u8]) -> Result<(), StoreError> {
        let end = self.written + piece.len() as u64;
        if end > self.digest.size() {
            self.hasher.update(piece);
            return Err(StoreError::Corrupt {
                expected: self.digest,
                actual: std::mem::replace(&mut self.hasher, Hasher::of(self.digest.function())).finish(),
            });
        }
        let written = self.draft.file().write_all_at(piece, self.written);
        written.at("write", self.draft.path())?;
        self.hasher.update(piece);
        self.written = end;
        Ok(())
    }

    /// Keeps it, if it is what it was said to be: else [`StoreError::Corrupt`].
    pub fn finish(self) -> Result<(), StoreError> {
        let actual = self.hasher.finish();
        if actual != self.digest {
            return Err(StoreError::Corrupt {
                expected: self.digest,
                actual,
            });
        }
        // Somebody else may have brought it meanwhile.
        if self.store.blob(actual)?.is_none() {
            self.store.keep(self.draft, Kind::Blob, actual, actual.size())?;
        }
        Ok(())
    }
}
