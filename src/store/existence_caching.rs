//! Remembers which blobs a server has, so that a thousand steps with the same headers ask once.

use super::{Blob, BlobStore, StoreError};
use crate::digest::Digest;
use async_trait::async_trait;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Tells the time; tests turn it by hand.
pub type Clock = Arc<dyn Fn() -> Instant + Send + Sync>;

/// How long and how many answers are remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// After this an answer is asked for again.
    pub time: Duration,
    /// At most this many answers are kept.
    pub count: usize,
}

/// Belongs in front of everything that talks to one server. It remembers only that a blob is there, never that it is
/// not: that changes with every upload. A blob that is known to be there is not sent again, so who learns from the
/// server that it has lost one must call [`ExistenceCaching::forget`] before sending it.
pub struct ExistenceCaching {
    inner: Arc<dyn BlobStore>,
    clock: Clock,
    time: Duration,
    known: Mutex<Known>,
}

impl ExistenceCaching {
    /// Remembers the answers of `inner`.
    pub fn new(inner: Arc<dyn BlobStore>, memory: Memory, clock: Clock) -> Self {
        let known = Known::new(memory.count);
        Self {
            inner,
            clock,
            time: memory.time,
            known: Mutex::new(known),
        }
    }

    /// Forgets that these are there: the server said that it has lost them.
    pub fn forget(&self, digests: &[Digest]) {
        self.with_known(|known| digests.iter().for_each(|digest| known.remove(*digest)));
    }

    fn with_known<T>(&self, look: impl FnOnce(&mut Known) -> T) -> T {
        // A map of independent entries is right after any panic.
        look(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn remember(&self, digests: impl Iterator<Item = Digest>, asked: Instant) {
        self.with_known(|known| digests.for_each(|digest| known.insert(digest, asked)));
    }

    fn unknown(&self, digests: &[Digest]) -> Vec<Digest> {
        let now = (self.clock)();
        let mut seen = HashSet::new();
        self.with_known(|known| {
            let unknown = digests.iter().copied().filter(|digest| {
                let fresh = known
                    .get(*digest)
                    .is_some_and(|asked| now.duration_since(asked) < self.time);
                !fresh && seen.insert(*digest)
            });
            unknown.collect()
        })
    }
}

#[async_trait]
impl BlobStore for ExistenceCaching {
    async fn find_missing(&self, digests: &[Digest]) -> Result<Vec<Digest>, StoreError> {
        let unknown = self.unknown(digests);
        if unknown.is_empty() {
            return Ok(unknown);
        }
        // The answer is as old as the question.
        let asked = (self.clock)();
        let missing = self.inner.find_missing(&unknown).await?;
        let absent: HashSet<Digest> = missing.iter().copied().collect();
        self.remember(unknown.into_iter().filter(|digest| !absent.contains(digest)), asked);
        Ok(missing)
    }

    async fn get(&self, digest: Digest) -> Result<Blob, StoreError> {
        let found = self.inner.get(digest).await;
        if found.as_ref().is_err_and(StoreError::is_not_found) {
            self.forget(&[digest]);
        }
        found
    }

    async fn put(&self, digest: Digest, blob: Blob) -> Result<(), StoreError> {
        if self.unknown(&[digest]).is_empty() {
            return Ok(());
        }
        let asked = (self.clock)();
        self.inner.put(digest, blob).await?;
        self.remember(std::iter::once(digest), asked);
        Ok(())
    }
}

/// A bounded map in two generations: when the young one is full it becomes the old one, and the old one goes. What is
/// in use comes back into the young one when its time is over and it is asked for again.
struct Known {
    young: HashMap<Digest, Instant>,
    old: HashMap<Digest, Instant>,
    generation: usize,
}

impl Known {
    fn new(count: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            generation: (count / 2).max(1),
        }
    }

    fn get(&self, digest: Digest) -> Option<Instant> {
        self.young.get(&digest).or_else(|| self.old.get(&digest)).copied()
    }

    fn insert(&mut self, digest: Digest, asked: Instant) {
        if self.young.len() >= self.generation {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(digest, asked);
    }

    fn remove(&mut self, digest: Digest) {
        self.young.remove(&digest);
        self.old.remove(&digest);
    }
}

#[cfg(test)]
mod tests;
