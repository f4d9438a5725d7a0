//! A store here in front of one that is far away: what is here is not fetched, and what is fetched stays here.

use super::{Blob, BlobStore, StoreError};
use crate::digest::Digest;
use async_trait::async_trait;
use std::sync::atomic::{AtomicU64, Ordering};

/// For reading what may lie here or on a server. Writes go to both. Trouble with the near store (a full disk) is no
/// trouble: the far one answers.
///
/// Not for deciding what to upload: it has what *either* store has.
pub struct ReadThrough<N, F> {
    near: Option<N>,
    far: F,
    spared: AtomicU64,
}

impl<N: BlobStore, F: BlobStore> ReadThrough<N, F> {
    /// Puts `near`, if there is one, in front of `far`.
    pub fn new(near: Option<N>, far: F) -> Self {
        Self {
            near,
            far,
            spared: AtomicU64::new(0),
        }
    }

    /// Bytes that were asked for and needed no fetching, so far.
    pub fn spared_bytes(&self) -> u64 {
        self.spared.load(Ordering::Relaxed)
    }

    async fn get_near(&self, digest: Digest) -> Option<Blob> {
        let blob = unless_trouble(self.near.as_ref()?.get(digest).await)?;
        self.spared.fetch_add(digest.size(), Ordering::Relaxed);
        Some(blob)
    }

    async fn keep(&self, digest: Digest, blob: &Blob) {
        if let Some(near) = &self.near {
            unless_trouble(near.put(digest, blob.clone()).await);
        }
    }
}

#[async_trait]
impl<N: BlobStore, F: BlobStore> BlobStore for ReadThrough<N, F> {
    async fn find_missing(&self, digests: &[Digest]) -> Result<Vec<Digest>, StoreError> {
        let missing = match &self.near {
            Some(near) => unless_trouble(near.find_missing(digests).await),
            None => None,
        };
        match missing {
            Some(missing) if missing.is_empty() => Ok(missing),
            Some(missing) => self.far.find_missing(&missing).await,
            None => self.far.find_missing(digests).await,
        }
    }

    async fn get(&self, digest: Digest) -> Result<Blob, StoreError> {
        let mut blobs = self.get_all(&[digest]).await?;
        Ok(blobs.pop().expect("one blob for one digest"))
    }

    async fn get_all(&self, digests: &[Digest]) -> Result<Vec<Blob>, StoreError> {
        let mut blobs = Vec::with_capacity(digests.len());
        for digest in digests {
            blobs.push(self.get_near(*digest).await);
        }
        let wanting = |(digest, blob): (&Digest, &Option<Blob>)| blob.is_none().then_some(*digest);
        let absent: Vec<Digest> = digests.iter().zip(&blobs).filter_map(wanting).collect();
        let mut fetched = self.far.get_all(&absent).await?.into_iter();
        let mut all = Vec::with_capacity(digests.len());
        for (digest, blob) in digests.iter().zip(blobs) {
            let blob = if let Some(blob) = blob {
                blob
            } else {
                let fetched = fetched.next().expect("one blob for each that was asked for");
                self.keep(*digest, &fetched).await;
                fetched
            };
            all.push(blob);
        }
        Ok(all)
    }

    async fn put(&self, digest: Digest, blob: Blob) -> Result<(), StoreError> {
        self.far.put(digest, blob.clone()).await?;
        self.keep(digest, &blob).await;
        Ok(())
    }
}

/// What the near store said, `None` if it has nothing or is in trouble, which is noted.
fn unless_trouble<T>(answer: Result<T, StoreError>) -> Option<T> {
    answer
        .inspect_err(|error| {
            if !error.is_not_found() {
                let cause = std::error::Error::source(error);
                tracing::warn!(%error, cause, "the near store is in trouble; the far one answers");
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

    #[tokio::test]
    async fn keeps_the_laws_also_when_the_near_store_is_broken() {
        let far = MemoryStore::new;
        laws::blob_store(&ReadThrough::new(Some(MemoryStore::new()), far()))
            .await
            .unwrap();
        laws::blob_store(&ReadThrough::new(Some(Broken), far())).await.unwrap();
        laws::blob_store(&ReadThrough::new(None::<Broken>, far()))
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn only_what_is_not_here_is_fetched_and_it_stays() {
        let contents = ["one", "two", "three"].map(|text| Bytes::from_static(text.as_bytes()));
        let digests = contents.clone().map(|content| Digest::of(&content));
        let store = ReadThrough::new(Some(MemoryStore::new()), MemoryStore::new());
        for (digest, content) in digests.iter().zip(&contents) {
            store.far.put(*digest, content.clone().into()).await.unwrap();
        }
        store.get(digests[1]).await.unwrap();
        assert_eq!(store.spared_bytes(), 0);
        let got = store.get_all(&digests).await.unwrap();
        let got: Vec<Bytes> = got.iter().map(|blob| blob.to_bytes().unwrap()).collect();
        assert_eq!(got, contents);
        assert_eq!(store.spared_bytes(), 3);
        // The far one is not needed any more.
        let alone = ReadThrough::new(store.near, Broken);
        assert!(alone.find_missing(&digests).await.unwrap().is_empty());
        assert!(alone.get(digests[2]).await.is_ok());
    }

    #[tokio::test]
    async fn trouble_with_the_far_store_is_told() {
        let store = ReadThrough::new(Some(MemoryStore::new()), Broken);
        let digest = Digest::of(b"content");
        assert!(!store.get(digest).await.unwrap_err().is_not_found());
        assert!(store.put(digest, Bytes::from_static(b"content").into()).await.is_err());
    }
}
