//! A fast store in front of a slow one: what is fetched from the slow one stays in the fast one.

use super::{ActionCache, Blob, BlobStore, StoreError};
use crate::digest::Digest;
use crate::pb::reapi::ActionResult;
use async_trait::async_trait;
use std::sync::Arc;

/// For reading what may lie here or on a server. Writes go to the slow store, and to the fast one as well. Trouble
/// with the fast one (a full disk) is no trouble: the slow one answers.
///
/// Not for deciding what to upload: it has what *either* store has. Ask the server's own stack.
pub struct ReadThrough<S: ?Sized> {
    fast: Arc<S>,
    slow: Arc<S>,
}

impl<S: ?Sized> ReadThrough<S> {
    /// Puts `fast` in front of `slow`.
    pub fn new(fast: Arc<S>, slow: Arc<S>) -> Self {
        Self { fast, slow }
    }
}

#[async_trait]
impl BlobStore for ReadThrough<dyn BlobStore> {
    async fn find_missing(&self, digests: &[Digest]) -> Result<Vec<Digest>, StoreError> {
        match unless_trouble(self.fast.find_missing(digests).await) {
            Some(missing) if missing.is_empty() => Ok(missing),
            Some(missing) => self.slow.find_missing(&missing).await,
            None => self.slow.find_missing(digests).await,
        }
    }

    async fn get(&self, digest: Digest) -> Result<Blob, StoreError> {
        if let Some(blob) = unless_trouble(self.fast.get(digest).await) {
            return Ok(blob);
        }
        let blob = self.slow.get(digest).await?;
        unless_trouble(self.fast.put(digest, blob.clone()).await);
        Ok(blob)
    }

    async fn put(&self, digest: Digest, blob: Blob) -> Result<(), StoreError> {
        self.slow.put(digest, blob.clone()).await?;
        unless_trouble(self.fast.put(digest, blob).await);
        Ok(())
    }
}

#[async_trait]
impl ActionCache for ReadThrough<dyn ActionCache> {
    async fn get(&self, action: Digest) -> Result<Option<ActionResult>, StoreError> {
        if let Some(Some(result)) = unless_trouble(self.fast.get(action).await) {
            return Ok(Some(result));
        }
        let result = self.slow.get(action).await?;
        if let Some(result) = &result {
            unless_trouble(self.fast.update(action, result.clone()).await);
        }
        Ok(result)
    }

    async fn update(&self, action: Digest, result: ActionResult) -> Result<(), StoreError> {
        self.slow.update(action, result.clone()).await?;
        unless_trouble(self.fast.update(action, result).await);
        Ok(())
    }
}

/// What the fast store said, `None` if it has nothing or is in trouble, which is noted.
fn unless_trouble<T>(answer: Result<T, StoreError>) -> Option<T> {
    answer
        .inspect_err(|error| {
            if !error.is_not_found() {
                let cause = std::error::Error::source(error);
                tracing::warn!(%error, cause, "the fast store is in trouble; the slow one answers");
            }
        })
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::laws;
    use crate::store::memory::MemoryStore;
    use bytes::Bytes;
    use std::io::ErrorKind;

    /// Cannot do anything.
    struct Broken;

    fn trouble<T>() -> Result<T, StoreError> {
        Err(StoreError::Io {
            what: "write `/full`".to_owned(),
            source: ErrorKind::StorageFull.into(),
        })
    }

    #[async_trait]
    impl BlobStore for Broken {
        async fn find_missing(&self, _: &[Digest]) -> Result<Vec<Digest>, StoreError> {
            trouble()
        }
        async fn get(&self, _: Digest) -> Result<Blob, StoreError> {
            trouble()
        }
        async fn put(&self, _: Digest, _: Blob) -> Result<(), StoreError> {
            trouble()
        }
    }

    #[async_trait]
    impl ActionCache for Broken {
        async fn get(&self, _: Digest) -> Result<Option<ActionResult>, StoreError> {
            trouble()
        }
        async fn update(&self, _: Digest, _: ActionResult) -> Result<(), StoreError> {
            trouble()
        }
    }

    fn blobs(fast: Arc<dyn BlobStore>, slow: Arc<dyn BlobStore>) -> ReadThrough<dyn BlobStore> {
        ReadThrough::new(fast, slow)
    }

    fn results(fast: Arc<dyn ActionCache>, slow: Arc<dyn ActionCache>) -> ReadThrough<dyn ActionCache> {
        ReadThrough::new(fast, slow)
    }

    #[tokio::test]
    async fn keeps_the_laws_also_when_the_fast_store_is_broken() {
        let memory = || Arc::new(MemoryStore::new());
        laws::blob_store(&blobs(memory(), memory())).await.unwrap();
        laws::blob_store(&blobs(Arc::new(Broken), memory())).await.unwrap();
        laws::action_cache(&results(memory(), memory())).await.unwrap();
        laws::action_cache(&results(Arc::new(Broken), memory())).await.unwrap();
    }

    #[tokio::test]
    async fn what_the_slow_store_gave_is_in_the_fast_one() {
        let (fast, slow) = (Arc::new(MemoryStore::new()), Arc::new(MemoryStore::new()));
        let digest = Digest::of(b"content");
        let result = ActionResult {
            exit_code: 3,
            ..ActionResult::default()
        };
        slow.put(digest, Bytes::from_static(b"content").into()).await.unwrap();
        slow.update(digest, result.clone()).await.unwrap();

        blobs(fast.clone(), slow.clone()).get(digest).await.unwrap();
        results(fast.clone(), slow.clone()).get(digest).await.unwrap();
        assert!(fast.find_missing(&[digest]).await.unwrap().is_empty());
        assert_eq!(ActionCache::get(&*fast, digest).await.unwrap(), Some(result));
        // And the slow one is not needed any more.
        blobs(fast.clone(), Arc::new(Broken)).get(digest).await.unwrap();
        assert!(results(fast, Arc::new(Broken)).get(digest).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn trouble_with_the_slow_store_is_told() {
        let fast = Arc::new(MemoryStore::new());
        let digest = Digest::of(b"content");
        let store = blobs(fast.clone(), Arc::new(Broken));
        assert!(!store.get(digest).await.unwrap_err().is_not_found());
        assert!(store.put(digest, Bytes::from_static(b"content").into()).await.is_err());
        assert!(results(fast, Arc::new(Broken)).get(digest).await.is_err());
    }
}
