//! Blobs that may not be evicted for a while, since an action in flight needs them.
//!
//! Known to this process only: another one that evicts in the same directory does not see them.

use super::DiskStore;
use crate::digest::Digest;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How often each blob is pinned.
#[derive(Debug, Default)]
pub(super) struct Pinned(Mutex<HashMap<Digest, usize>>);

impl Pinned {
    /// Calls `remove` unless the blob is pinned, and lets nobody pin it meanwhile: what is there when it is pinned stays
    /// there. Whether it was called.
    pub(super) fn unless_pinned<E>(&self, digest: Digest, remove: impl FnOnce() -> Result<(), E>) -> Result<bool, E> {
        let pinned = self.lock();
        if pinned.contains_key(&digest) {
            return Ok(false);
        }
        remove().map(|()| true)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, usize>> {
        // Each count is changed in one step, so the map is right after any panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps blobs from eviction until it is dropped. Blobs that are not in the store (yet) may be pinned too; one that is
/// found there afterwards stays.
#[must_use = "dropped, it pins nothing"]
pub struct Pins {
    store: DiskStore,
    digests: Vec<Digest>,
}

impl fmt::Debug for Pins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pins").field(&self.digests.len()).finish()
    }
}

impl DiskStore {
    /// Pins these blobs. Pin first, then look whether they are there. Pins add up: a blob is free when the last one
    /// that names it is gone. What is pinned counts towards the bound, which is passed if more than that is pinned.
    pub fn pin(&self, digests: &[Digest]) -> Pins {
        let mut pinned = self.inner.pinned.lock();
        for digest in digests {
            *pinned.entry(*digest).or_default() += 1;
        }
        Pins {
            store: self.clone(),
            digests: digests.to_vec(),
        }
    }
}

impl Drop for Pins {
    fn drop(&mut self) {
        let mut pinned = self.store.inner.pinned.lock();
        for digest in &self.digests {
            if let Some(count) = pinned.get_mut(digest) {
                *count -= 1;
                if *count == 0 {
                    pinned.remove(digest);
                }
            }
        }
    }
}
