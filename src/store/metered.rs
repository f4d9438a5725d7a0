//! Counts what passes: calls, bytes, answers.

use super::{ActionCache, Blob, BlobStore, StoreError};
use crate::digest::Digest;
use crate::pb::reapi::ActionResult;
use async_trait::async_trait;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts the calls to one store or server. Belongs directly in front of it, behind whatever saves calls.
pub struct Metered<S: ?Sized> {
    inner: Arc<S>,
    meter: Arc<Meter>,
}

impl<S: ?Sized> Metered<S> {
    /// Adds to `meter` what passes to and from `inner`. One meter may serve several stores.
    pub fn new(inner: Arc<S>, meter: Arc<Meter>) -> Self {
        Self { inner, meter }
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Running counts, from zero when it was made.
        #[derive(Debug, Default)]
        pub struct Meter {
            $($name: AtomicU64,)*
        }

        /// What a [`Meter`] said at one time.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Traffic {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Meter {
            /// All counts. Each is exact; taken while calls end, they may be of slightly different moments.
            pub fn read(&self) -> Traffic {
                Traffic { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }
    };
}

counters! {
    /// Calls of `find_missing`.
    find_missing_calls,
    /// Digests that these asked about.
    digests_asked,
    /// Of these, the missing ones.
    digests_missing,
    /// Blobs got.
    blobs_got,
    /// Their bytes.
    bytes_got,
    /// Blobs put.
    blobs_put,
    /// Their bytes.
    bytes_put,
    /// Results asked for and had.
    hits,
    /// Results asked for and not there.
    misses,
    /// Results put.
    results_put,
    /// Calls that failed; blobs that are not there are no failures, and counted nowhere.
    failures,
}

impl Meter {
    fn failures<T>(&self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        if answer.as_ref().is_err_and(|error| !error.is_not_found()) {
            add(&self.failures, 1);
        }
        answer
    }
}

fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

#[async_trait]
impl BlobStore for Metered<dyn BlobStore> {
    async fn find_missing(&self, digests: &[Digest]) -> Result<Vec<Digest>, StoreError> {
        add(&self.meter.find_missing_calls, 1);
        add(&self.meter.digests_asked, digests.len() as u64);
        let missing = self.meter.failures(self.inner.find_missing(digests).await)?;
        add(&self.meter.digests_missing, missing.len() as u64);
        Ok(missing)
    }

    async fn get(&self, digest: Digest) -> Result<Blob, StoreError> {
        let blob = self.meter.failures(self.inner.get(digest).await)?;
        add(&self.meter.blobs_got, 1);
        add(&self.meter.bytes_got, digest.size());
        Ok(blob)
    }

    async fn put(&self, digest: Digest, blob: Blob) -> Result<(), StoreError> {
        self.meter.failures(self.inner.put(digest, blob).await)?;
        add(&self.meter.blobs_put, 1);
        add(&self.meter.bytes_put, digest.size());
        Ok(())
    }
}

#[async_trait]
impl ActionCache for Metered<dyn ActionCache> {
    async fn get(&self, action: Digest) -> Result<Option<ActionResult>, StoreError> {
        let result = self.meter.failures(self.inner.get(action).await)?;
        let counter = if result.is_some() {
            &self.meter.hits
        } else {
            &self.meter.misses
        };
        add(counter, 1);
        Ok(result)
    }

    async fn update(&self, action: Digest, result: ActionResult) -> Result<(), StoreError> {
        self.meter.failures(self.inner.update(action, result).await)?;
        add(&self.meter.results_put, 1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::laws;
    use crate::store::memory::MemoryStore;
    use bytes::Bytes;

    #[tokio::test]
    async fn keeps_the_laws() {
        let memory = Arc::new(MemoryStore::new());
        let blobs: Metered<dyn BlobStore> = Metered::new(memory.clone(), Arc::default());
        laws::blob_store(&blobs).await.unwrap();
        let results: Metered<dyn ActionCache> = Metered::new(memory, Arc::default());
        laws::action_cache(&results).await.unwrap();
    }

    #[tokio::test]
    async fn every_call_is_counted_once() {
        let (memory, meter) = (Arc::new(MemoryStore::new()), Arc::new(Meter::default()));
        let blobs: Metered<dyn BlobStore> = Metered::new(memory.clone(), meter.clone());
        let results: Metered<dyn ActionCache> = Metered::new(memory, meter.clone());
        let (here, absent) = (Digest::of(b"12345"), Digest::of(b"absent"));

        blobs.put(here, Bytes::from_static(b"12345").into()).await.unwrap();
        blobs.put(here, Bytes::from_static(b"wrong").into()).await.unwrap_err();
        blobs.find_missing(&[here, absent]).await.unwrap();
        blobs.get(here).await.unwrap();
        blobs.get(absent).await.unwrap_err();
        results.get(here).await.unwrap();
        results.update(here, ActionResult::default()).await.unwrap();
        results.get(here).await.unwrap();

        let expected = Traffic {
            find_missing_calls: 1,
            digests_asked: 2,
            digests_missing: 1,
            blobs_got: 1,
            bytes_got: 5,
            blobs_put: 1,
            bytes_put: 5,
            hits: 1,
            misses: 1,
            results_put: 1,
            failures: 1,
        };
        assert_eq!(meter.read(), expected);
    }
}
