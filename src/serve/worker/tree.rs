//! The input tree of an action: all its Directory messages, read from the store before anything is written.
//!
//! A Directory may be in many places, so that few messages can name more paths than there are atoms: they are counted
//! first.

use super::super::job::RunError;
use super::listing::Listing;
use super::perform::store_failed;
use crate::digest::Digest;
use crate::pb::reapi;
use crate::store::DiskStore;
use prost::Message as _;
use std::collections::{HashMap, HashSet};

/// Paths of one tree. Ten times what a large build has in one action.
const MOST_ENTRIES: u64 = 1_000_000;

/// A tree whose Directory messages are all there.
#[derive(Debug)]
pub(super) struct InputTree {
    pub(super) root: Digest,
    listings: HashMap<Digest, Listing>,
}

/// What is below a directory, each path counted.
#[derive(Clone, Copy, Debug, Default)]
struct Extent {
    entries: u64,
    bytes: u64,
}

impl InputTree {
    /// Reads it. `free` is how many bytes there is room for.
    pub(super) fn load(store: &DiskStore, root: Digest, free: u64) -> Result<Self, RunError> {
        let mut tree = Self {
            root,
            listings: HashMap::new(),
        };
        let mut missing = tree.read(store)?;
        if !missing.is_empty() {
            // Otherwise files that are not there are found when they are opened, which is cheaper.
            missing.extend(tree.missing_files(store)?);
            missing.sort_unstable();
            return Err(RunError::Missing(missing));
        }
        let extent = tree.extent()?;
        if extent.entries > MOST_ENTRIES {
            let text = format!("the input tree has more than {MOST_ENTRIES} entries");
            return Err(RunError::Invalid(text));
        }
        if extent.bytes > free {
            let text = format!(
                "the inputs have {} bytes, and the disk has room for {free}",
                extent.bytes
            );
            return Err(RunError::Exhausted(text));
        }
        Ok(tree)
    }

    fn missing_files(&self, store: &DiskStore) -> Result<Vec<Digest>, RunError> {
        let files = self.listings.values().flat_map(|listing| &listing.files);
        let files: Vec<Digest> = files.map(|file| file.digest).collect();
        store.missing(&files).map_err(store_failed)
    }

    /// The entries of a directory of this tree.
    pub(super) fn listing(&self, directory: Digest) -> &Listing {
        &self.listings[&directory]
    }

    /// Reads every message once; says which are not there.
    fn read(&mut self, store: &DiskStore) -> Result<Vec<Digest>, RunError> {
        let mut missing = Vec::new();
        let mut known = HashSet::from([self.root]);
        let mut waiting = vec![self.root];
        while let Some(directory) = waiting.pop() {
            let Some(content) = store.read(directory).map_err(store_failed)? else {
                missing.push(directory);
                continue;
            };
            let invalid = |what: String| RunError::Invalid(format!("the input tree {what} (in Directory {directory})"));
            let message =
                reapi::Directory::decode(content).map_err(|error| invalid(format!("cannot be read: {error}")))?;
            let listing = Listing::of(message, directory.function()).map_err(invalid)?;
            let below = listing.directories.iter().map(|(_, digest)| *digest);
            waiting.extend(below.filter(|digest| known.insert(*digest)));
            self.listings.insert(directory, listing);
        }
        Ok(missing)
    }

    /// How much is below the root, by adding up from the leaves.
    fn extent(&self) -> Result<Extent, RunError> {
        let mut extents: HashMap<Digest, Extent> = HashMap::with_capacity(self.listings.len());
        let mut open = HashSet::new();
        let mut waiting = vec![self.root];
        while let Some(&directory) = waiting.last() {
            let listing = self.listing(directory);
            if extents.contains_key(&directory) {
                waiting.pop();
                continue;
            }
            if open.insert(directory) {
                let below = listing.directories.iter().map(|(_, digest)| *digest);
                for digest in below.filter(|digest| !extents.contains_key(digest)) {
                    if open.contains(&digest) {
                        return Err(RunError::Invalid(format!(
                            "the input tree has Directory {digest} inside itself"
                        )));
                    }
                    waiting.push(digest);
                }
                continue;
            }
            let mut extent = Extent {
                entries: listing.len() as u64,
                bytes: listing
                    .files
                    .iter()
                    .map(|file| file.digest.size())
                    .fold(0, u64::saturating_add),
            };
            for (_, digest) in &listing.directories {
                let below = extents[digest];
                extent.entries = extent.entries.saturating_add(below.entries);
                extent.bytes = extent.bytes.saturating_add(below.bytes);
            }
            extents.insert(directory, extent);
            waiting.pop();
        }
        Ok(extents.get(&self.root).copied().unwrap_or_default())
    }
}
