//! Checks every blob against its digest on the way in and on the way out.

use super::blob::{blocking, unreadable};
use super::{Blob, BlobStore, StoreError};
use crate::digest::Digest;
use async_trait::async_trait;
use std::sync::Arc;

/// Up to this size hashing takes less time (15 µs) than handing it to another thread and back.
const AT_ONCE: usize = 32 * 1024;

/// Nothing from a server is trusted, and a file that changed since it was hashed is not sent. Belongs directly in front
/// of a server's client, behind whatever merges transfers, so that each transfer is checked once.
pub struct Verifying {
    inner: Arc<dyn BlobStore>,
}

impl Verifying {
    /// Checks what passes to and from `inner`.
    pub fn new(inner: Arc<dyn BlobStore>) -> Self {
        Self { inner }
    }
}

async fn verify(expected: Digest, blob: &Blob) -> Result<(), StoreError> {
    let actual = match blob {
        Blob::Bytes(bytes) if bytes.len() <= AT_ONCE => Digest::of(bytes),
        _ => {
            let blob = blob.clone();
            blocking(move || blob.digest().map_err(unreadable)).await?
        }
    };
    if actual == expected {
        Ok(())
    } else {
        Err(StoreError::Corrupt { expected, actual })
    }
}

#[async_trait]
impl BlobStore for Verifying {
    async fn find_missing(&self, digests: &[Digest]) -> Result<Vec<Digest>, StoreError> {
        self.inner.find_missing(digests).await
    }

    async fn get(&self, digest: Digest) -> Result<Blob, StoreError> {
        let blob = self.inner.get(digest).await?;
        verify(digest, &blob).await?;
        Ok(blob)
    }

    async fn put(&self, digest: Digest, blob: Blob) -> Result<(), StoreError> {
        verify(digest, &blob).await?;
        self.inner.put(digest, blob).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::laws;
    use crate::store::memory::MemoryStore;
    use bytes::Bytes;

    /// Answers everything with the same bytes and takes everything.
    struct Liar(Bytes);

    #[async_trait]
    impl BlobStore for Liar {
        async fn find_missing(&self, _: &[Digest]) -> Result<Vec<Digest>, StoreError> {
            Ok(Vec::new())
        }
        async fn get(&self, _: Digest) -> Result<Blob, StoreError> {
            Ok(self.0.clone().into())
        }
        async fn put(&self, _: Digest, _: Blob) -> Result<(), StoreError> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn keeps_the_laws() {
        laws::blob_store(&Verifying::new(Arc::new(MemoryStore::new())))
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn wrong_content_passes_in_neither_direction() {
        for size in [1, AT_ONCE, AT_ONCE + 1] {
            let right = Bytes::from(vec![b'r'; size]);
            let wrong = Bytes::from(vec![b'w'; size]);
            let store = Verifying::new(Arc::new(Liar(wrong.clone())));
            let (asked, said) = (Digest::of(&right), Digest::of(&wrong));
            let is_refusal = |error| matches!(error, StoreError::Corrupt { expected, actual } if expected == asked && actual == said);
            assert!(is_refusal(store.get(asked).await.unwrap_err()), "get {size}");
            assert!(
                is_refusal(store.put(asked, wrong.clone().into()).await.unwrap_err()),
                "put {size}"
            );
            store.get(said).await.unwrap();
            store.put(said, wrong.into()).await.unwrap();
        }
    }
}
