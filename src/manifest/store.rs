//! All manifests: in the index, and decoded in memory.

use super::check::{Change, Renewed};
use super::{FileFact, Manifest, encode};
use crate::host::digest_cache::DigestCache;
use crate::host::index::{Index, Table};
use crate::host::listings::Listings;
use bytes::Bytes;
use quick_cache::{Weighter, sync::Cache};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Names a command and its source: a hash that the pipeline makes of everything else that decides what is found.
pub type Key = [u8; 32];

/// As many findings are kept for one command: going back and forth between branches finds each again.
const VARIANTS: usize = 8;
/// Bytes of decoded manifests, estimated; the files' facts, which they share, are not counted.
const CAPACITY: u64 = 128 << 20;

/// Newest first.
type Variants = Arc<[Arc<Manifest>]>;

/// Manifests by command. Shared by all threads.
pub struct Manifests {
    index: Arc<Index>,
    decoded: Cache<Key, Variants, ByBytes>,
    facts: Mutex<SharedFacts>,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Key, Variants> for ByBytes {
    fn weight(&self, _: &Key, manifests: &Variants) -> u64 {
        let manifest = |manifest: &Arc<Manifest>| {
            let directories = manifest.directories.iter();
            let directories: usize = directories.map(|fact| 200 + fact.names.len()).sum();
            500 + manifest.payload.len() + directories + 16 * manifest.files.len() + 200 * manifest.links.len()
        };
        100 + manifests.iter().map(manifest).sum::<usize>() as u64
    }
}

impl Manifests {
    /// Kept in `index`.
    pub fn new(index: Arc<Index>) -> Self {
        Self {
            index,
            decoded: Cache::with_weighter(10_000, CAPACITY, ByBytes),
            facts: Mutex::default(),
        }
    }

    /// The manifest of this command that holds now; or why each that is known does not, newest first, none if there is
    /// none.
    pub fn find(&self, key: &Key, digests: &DigestCache, listings: &Listings) -> Result<Arc<Manifest>, Vec<Change>> {
        let manifests = self.known(key);
        let mut changes = Vec::new();
        for (at, manifest) in manifests.iter().enumerate() {
            match manifest.check(digests, listings) {
                Ok(renewed) if at == 0 && renewed.is_empty() => return Ok(Arc::clone(manifest)),
                Ok(renewed) => return Ok(self.bring_to_front(key, &manifests, at, &renewed)),
                Err(change) => changes.push(change),
            }
        }
        Err(changes)
    }

    /// Keeps a manifest as the newest of its command. One with the same finding makes place for it, then the oldest.
    pub fn add(&self, key: &Key, manifest: Manifest) {
        let mut manifest = manifest;
        for file in &mut manifest.files {
            *file = self.share(Arc::clone(file));
        }
        let manifest = Arc::new(manifest);
        let older = self.known(key);
        let older = older.iter().filter(|known| known.payload != manifest.payload);
        let manifests: Vec<_> = std::iter::once(&manifest)
            .chain(older)
            .take(VARIANTS)
            .cloned()
            .collect();
        self.index.put(Table::Manifests, key, encode::encode(&manifests));
        self.decoded.insert(*key, manifests.into());
    }

    fn known(&self, key: &Key) -> Variants {
        if let Some(manifests) = self.decoded.get(key) {
            return manifests;
        }
        let Some(row) = self.index.get(Table::Manifests, key) else {
            return Variants::default();
        };
        let manifests: Variants = match self.decode(row) {
            Ok(manifests) => manifests.into(),
            Err(error) => {
                tracing::warn!(%error, "row dropped");
                self.index.remove(Table::Manifests, key);
                return Variants::default();
            }
        };
        self.decoded.insert(*key, Arc::clone(&manifests));
        manifests
    }

    fn decode(&self, row: Bytes) -> Result<Vec<Arc<Manifest>>, encode::BadManifest> {
        encode::decode(row, |fact| self.share(Arc::new(fact)))
    }

    /// In memory only: which of them is used most says nothing for the next process, and it finds the identities again.
    fn bring_to_front(&self, key: &Key, manifests: &[Arc<Manifest>], at: usize, renewed: &Renewed) -> Arc<Manifest> {
        let mut manifests = manifests.to_vec();
        manifests[..=at].rotate_right(1);
        if !renewed.is_empty() {
            manifests[0] = Arc::new(manifests[0].renew(renewed, |fact| self.share(fact)));
        }
        let first = Arc::clone(&manifests[0]);
        self.decoded.insert(*key, manifests.into());
        first
    }

    fn share(&self, fact: Arc<FileFact>) -> Arc<FileFact> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner).share(fact)
    }
}

/// One of each fact: hundreds of headers are the same for thousands of commands.
#[derive(Default)]
struct SharedFacts {
    facts: HashSet<Arc<FileFact>>,
    /// How many are let in before those that nobody holds any more are thrown out.
    sweep_at: usize,
}

impl SharedFacts {
    fn share(&mut self, fact: Arc<FileFact>) -> Arc<FileFact> {
        if let Some(known) = self.facts.get(&fact) {
            return Arc::clone(known);
        }
        if self.facts.len() >= self.sweep_at {
            self.facts.retain(|fact| Arc::strong_count(fact) > 1);
            self.sweep_at = (2 * self.facts.len()).max(10_000);
        }
        self.facts.insert(Arc::clone(&fact));
        fact
    }
}
