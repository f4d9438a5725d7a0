//! The asynchronous traits on top of the blocking store, for servers and for the way behind a local miss.

use super::DiskStore;
use crate::digest::Digest;
use crate::pb::reapi::ActionResult;
use crate::store::blob::blocking;
use crate::store::{ActionCache, Blob, BlobStore, StoreError};
use async_trait::async_trait;
use std::sync::Arc;

/// Up to this size a blob comes in memory, so that thousands of small ones in flight do not use up descriptors.
const IN_MEMORY: u64 = 64 * 1024;

#[async_trait]
impl BlobStore for DiskStore {
    async fn find_missing(&self, digests: &[Digest]) -> Result<Vec<Digest>, StoreError> {
        let (store, digests) = (self.clone(), digests.to_vec());
        blocking(move || store.missing(&digests)).await
    }

    async fn get(&self, digest: Digest) -> Result<Blob, StoreError> {
        let store = self.clone();
        blocking(move || {
            let blob = if digest.size() <= IN_MEMORY {
                store.read(digest)?.map(Blob::Bytes)
            } else {
                store.blob(digest)?.map(|file| Blob::File(Arc::new(file)))
            };
            blob.ok_or(StoreError::NotFound(digest))
        })
        .await
    }

    async fn put(&self, digest: Digest, blob: Blob) -> Result<(), StoreError> {
        let store = self.clone();
        blocking(move || match blob {
            Blob::Bytes(bytes) => store.put_bytes_as(digest, &bytes),
            Blob::File(file) => store.put_file_as(digest, &file),
        })
        .await
    }
}

#[async_trait]
impl ActionCache for DiskStore {
    async fn get(&self, action: Digest) -> Result<Option<ActionResult>, StoreError> {
        let store = self.clone();
        blocking(move || store.action_result(action)).await
    }

    async fn update(&self, action: Digest, result: ActionResult) -> Result<(), StoreError> {
        let store = self.clone();
        blocking(move || store.put_action_result(action, &result)).await
    }
}
