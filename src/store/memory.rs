//! A store in memory, for tests: the simplest that keeps the laws.

use super::blob::blocking;
use super::{ActionCache, Blob, BlobStore, StoreError};
use crate::digest::Digest;
use crate::pb::reapi::ActionResult;
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Blobs and results in maps.
#[derive(Debug, Default)]
pub(super) struct MemoryStore {
    blobs: Mutex<HashMap<Digest, Bytes>>,
    results: Mutex<HashMap<Digest, ActionResult>>,
}

impl MemoryStore {
    /// An empty store.
    pub(super) fn new() -> Self {
        Self::default()
    }
}

/// A map of independent entries is right after any panic.
fn lock<T>(map: &Mutex<T>) -> MutexGuard<'_, T> {
    map.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl BlobStore for MemoryStore {
    async fn find_missing(&self, digests: &[Digest]) -> Result<Vec<Digest>, StoreError> {
        let blobs = lock(&self.blobs);
        let mut seen = HashSet::new();
        let missing = digests.iter().copied().filter(|digest| !digest.is_empty());
        Ok(missing
            .filter(|digest| !blobs.contains_key(digest) && seen.insert(*digest))
            .collect())
    }

    async fn get(&self, digest: Digest) -> Result<Blob, StoreError> {
        if digest.is_empty() {
            return Ok(Bytes::new().into());
        }
        let found = lock(&self.blobs).get(&digest).cloned();
        found.map(Blob::Bytes).ok_or(StoreError::NotFound(digest))
    }

    async fn put(&self, digest: Digest, blob: Blob) -> Result<(), StoreError> {
        let content = blocking(move || blob.to_bytes().map_err(super::blob::unreadable)).await?;
        let actual = digest.function().digest(&content);
        if actual != digest {
            return Err(StoreError::Corrupt {
                expected: digest,
                actual,
            });
        }
        lock(&self.blobs).insert(digest, content);
        Ok(())
    }
}

#[async_trait]
impl ActionCache for MemoryStore {
    async fn get(&self, action: Digest) -> Result<Option<ActionResult>, StoreError> {
        Ok(lock(&self.results).get(&action).cloned())
    }

    async fn update(&self, action: Digest, result: ActionResult) -> Result<(), StoreError> {
        lock(&self.results).insert(action, result);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::laws;

    #[tokio::test]
    async fn keeps_the_laws() {
        laws::blob_store(&MemoryStore::new()).await.unwrap();
        laws::action_cache(&MemoryStore::new()).await.unwrap();
        laws::sizes_count(&MemoryStore::new()).await.unwrap();
    }
}
