//! What every [`BlobStore`] and [`ActionCache`] must do, as checks that can be run against any of them: leaves,
//! decorators, and real servers.
//!
//! The content is random, so that nothing is there from an earlier run and a store in use is not harmed.

use super::{ActionCache, Blob, BlobStore, StoreError};
use crate::digest::Digest;
use crate::pb::reapi::ActionResult;
use bytes::Bytes;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::sync::Arc;

/// A law that a store broke.
#[derive(Debug, thiserror::Error)]
pub enum LawBroken {
    /// It answered, but not what it must.
    #[error("{law}: {answer}")]
    Answer {
        /// What must hold.
        law: &'static str,
        /// What it said instead.
        answer: String,
    },
    /// It failed where it must not.
    #[error("{law}")]
    Failed {
        /// What must hold.
        law: &'static str,
        /// How it failed.
        source: StoreError,
    },
    /// The file that was to be put could not be made.
    #[error("cannot make a temporary file")]
    Temporary(#[from] std::io::Error),
}

/// Checks the laws of [`BlobStore`].
pub async fn blob_store(store: &dyn BlobStore) -> Result<(), LawBroken> {
    absent_blobs_are_missing(store).await?;
    what_was_put_is_got(store).await?;
    files_are_put_whole(store).await?;
    the_empty_blob_is_always_there(store).await?;
    missing_blobs_are_named_once(store).await?;
    wrong_content_is_refused(store).await?;
    many_may_put_the_same(store).await
}

/// Checks the laws of [`ActionCache`].
pub async fn action_cache(cache: &dyn ActionCache) -> Result<(), LawBroken> {
    let action = Digest::of(&random(100));
    let law = "an action that nobody has run has no result";
    let found = cache.get(action).await.or_broken(law)?;
    require(law, found.is_none(), || format!("{found:?}"))?;

    // Successes: some servers keep nothing else (BuildGrid, unless it is told to).
    for stdout_raw in [b"first", b"other"] {
        let law = "the result that was put last is got";
        let result = ActionResult {
            stdout_raw: stdout_raw.to_vec(),
            ..ActionResult::default()
        };
        cache.update(action, result.clone()).await.or_broken(law)?;
        let found = cache.get(action).await.or_broken(law)?;
        // Servers add what they know about the execution.
        let same = found
            .as_ref()
            .is_some_and(|found| found.exit_code == 0 && found.stdout_raw == result.stdout_raw);
        require(law, same, || format!("{found:?}"))?;
    }
    Ok(())
}

/// Checks that a digest is a hash *and* a size, as the protocol has it. Some servers (buildbox-casd) look at the hash
/// alone.
pub async fn sizes_count<S: BlobStore + ActionCache>(store: &S) -> Result<(), LawBroken> {
    let content = random(100);
    let digest = Digest::of(&content);
    let other = Digest::from_parts(*digest.hash(), digest.size() + 1);
    let law = "another size is another blob";
    store.put(digest, content.into()).await.or_broken(law)?;
    require_absent(store, other, law).await?;

    let law = "another size is another action";
    store.update(digest, ActionResult::default()).await.or_broken(law)?;
    let found = ActionCache::get(store, other).await.or_broken(law)?;
    require(law, found.is_none(), || format!("{found:?}"))
}

async fn absent_blobs_are_missing(store: &dyn BlobStore) -> Result<(), LawBroken> {
    let digest = Digest::of(&random(100));
    require_absent(store, digest, "a blob that nobody has put is missing").await
}

async fn what_was_put_is_got(store: &dyn BlobStore) -> Result<(), LawBroken> {
    let law = "what was put is got";
    // One byte; an object file; more than one message of a server takes (4 MiB).
    for size in [1, 10_000, 5 << 20] {
        let content = random(size);
        let digest = Digest::of(&content);
        for _ in 0..2 {
            store.put(digest, content.clone().into()).await.or_broken(law)?;
            require_content(store, digest, &content, law).await?;
        }
    }
    Ok(())
}

async fn files_are_put_whole(store: &dyn BlobStore) -> Result<(), LawBroken> {
    let law = "a file is put from its beginning to its end, whatever its offset";
    for size in [1000, 300_000] {
        let content = random(size);
        let file = file_with(&content)?;
        (&file).seek(SeekFrom::Start(7))?;
        let digest = Digest::of(&content);
        store.put(digest, Blob::File(Arc::new(file))).await.or_broken(law)?;
        require_content(store, digest, &content, law).await?;
    }
    Ok(())
}

async fn the_empty_blob_is_always_there(store: &dyn BlobStore) -> Result<(), LawBroken> {
    let law = "the empty blob is always there";
    let missing = store.find_missing(&[Digest::empty()]).await.or_broken(law)?;
    require(law, missing.is_empty(), || format!("{missing:?}"))?;
    require_content(store, Digest::empty(), b"", law).await?;
    store.put(Digest::empty(), Bytes::new().into()).await.or_broken(law)?;
    require_content(store, Digest::empty(), b"", law).await
}

async fn missing_blobs_are_named_once(store: &dyn BlobStore) -> Result<(), LawBroken> {
    let law = "exactly the missing ones are named, each once";
    let here = random(64);
    let present = Digest::of(&here);
    store.put(present, here.into()).await.or_broken(law)?;
    let mut absent: Vec<_> = (0..1000).map(|_| Digest::of(&random(16))).collect();
    let asked = [&absent[..], &[present, Digest::empty()], &absent[..], &[present]].concat();
    let mut missing = store.find_missing(&asked).await.or_broken(law)?;
    absent.sort_unstable();
    missing.sort_unstable();
    require(law, missing == absent, || {
        format!("{} of {}", missing.len(), absent.len())
    })?;

    let law = "nothing is missing of nothing";
    let missing = store.find_missing(&[]).await.or_broken(law)?;
    require(law, missing.is_empty(), || format!("{missing:?}"))
}

async fn wrong_content_is_refused(store: &dyn BlobStore) -> Result<(), LawBroken> {
    let law = "wrong content is refused and leaves nothing";
    for size in [100, 300_000] {
        let right = random(size);
        let digest = Digest::of(&right);
        let altered = Bytes::from([&right[..size - 1], &[!right[size - 1]]].concat());
        let wrong = [
            Blob::File(Arc::new(file_with(&altered)?)),
            Blob::Bytes(altered),
            Blob::Bytes(right.slice(..size - 1)),
            Blob::Bytes(Bytes::new()),
        ];
        for blob in wrong {
            let answer = store.put(digest, blob).await;
            require(law, answer.is_err(), || "it was taken".to_owned())?;
            require_absent(store, digest, law).await?;
        }
        store.put(digest, right.clone().into()).await.or_broken(law)?;
        require_content(store, digest, &right, law).await?;
    }
    Ok(())
}

async fn many_may_put_the_same(store: &dyn BlobStore) -> Result<(), LawBroken> {
    let law = "many may put and get the same blob at once";
    let content = random(200_000);
    let digest = Digest::of(&content);
    let put = || store.put(digest, content.clone().into());
    let (a, b, c, d) = tokio::join!(put(), put(), put(), put());
    for answer in [a, b, c, d] {
        answer.or_broken(law)?;
    }
    let get = || require_content(store, digest, &content, law);
    let (a, b, c, d) = tokio::join!(get(), get(), get(), get());
    [a, b, c, d].into_iter().collect()
}

async fn require_absent(store: &dyn BlobStore, digest: Digest, law: &'static str) -> Result<(), LawBroken> {
    let missing = store.find_missing(&[digest]).await.or_broken(law)?;
    require(law, missing == [digest], || format!("{missing:?} is missing"))?;
    match store.get(digest).await {
        Err(error) if error.is_not_found() => Ok(()),
        Err(source) => Err(LawBroken::Failed { law, source }),
        Ok(_) => require(law, false, || "a blob was got".to_owned()),
    }
}

async fn require_content(
    store: &dyn BlobStore,
    digest: Digest,
    content: &[u8],
    law: &'static str,
) -> Result<(), LawBroken> {
    let missing = store.find_missing(&[digest]).await.or_broken(law)?;
    require(law, missing.is_empty(), || format!("{missing:?} is missing"))?;
    let got = store.get(digest).await.or_broken(law)?.to_bytes()?;
    require(law, got == content, || format!("{} for {digest}", Digest::of(&got)))
}

fn require(law: &'static str, holds: bool, answer: impl FnOnce() -> String) -> Result<(), LawBroken> {
    if holds {
        return Ok(());
    }
    let answer = answer();
    Err(LawBroken::Answer { law, answer })
}

/// Says which law a failure breaks.
trait OrBroken<T> {
    fn or_broken(self, law: &'static str) -> Result<T, LawBroken>;
}

impl<T> OrBroken<T> for Result<T, StoreError> {
    fn or_broken(self, law: &'static str) -> Result<T, LawBroken> {
        self.map_err(|source| LawBroken::Failed { law, source })
    }
}

fn random(size: usize) -> Bytes {
    let mut content = vec![0; size];
    fastrand::fill(&mut content);
    content.into()
}

fn file_with(content: &[u8]) -> std::io::Result<std::fs::File> {
    let mut file = tempfile::tempfile()?;
    file.write_all(content)?;
    Ok(file)
}
