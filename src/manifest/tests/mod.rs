//! A small include search stands for the scan: it looks names up in directories as a compiler would and notes what it
//! saw. Whatever is done to the tree, a manifest that holds must mean that this search would note the same.

mod edits;
mod rows;
mod scripts;

use super::*;
use crate::host::clock::{Clock, Timestamp};
use crate::host::digest_cache::DigestCache;
use crate::host::index::Index;
use crate::host::listings::Listings;
use crate::host::trust::Trust;
use crate::host::walk::{End, Walker};
use crate::observation::{self, Observation};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// A machine that looks at one tree.
struct Host {
    tree: TempDir,
    trust: Arc<Trust>,
    digests: DigestCache,
    listings: Listings,
}

impl Host {
    /// For which everything has just been written, so that nothing is believed.
    fn fresh() -> Self {
        Self::with(Clock::behind(Duration::from_hours(1)))
    }

    /// For which everything was written long ago.
    fn settled() -> Self {
        Self::with(Clock::ahead(Duration::from_hours(1)))
    }

    fn with(clock: Clock) -> Self {
        let trust = Arc::new(Trust::new(clock));
        // Without links in its path, as the kernel names it.
        let parent = std::env::temp_dir().canonicalize().expect("temporary directory");
        Self {
            tree: TempDir::new_in(parent).expect("directory"),
            digests: DigestCache::new(Arc::new(Index::in_memory()), Arc::clone(&trust)),
            listings: Listings::new(Arc::clone(&trust)),
            trust,
        }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.tree.path().join(name)
    }

    /// Looks each name up in the directories in order and stops at the first file of that name.
    fn search(&self, directories: &[&str], names: &[&str]) -> Observation {
        let mut search = Search {
            walker: Walker::new(self.tree.path()),
            seen: Observation::default(),
        };
        let directories: Vec<_> = directories.iter().map(|name| self.at(name)).collect();
        for directory in &directories {
            if search.end(directory) != End::Directory {
                search.seen.absent.insert(directory.clone());
            }
        }
        for name in names {
            directories.iter().any(|directory| search.find(directory, name));
        }
        search.seen
    }

    fn observe(&self, seen: &Observation, began: Timestamp) -> Result<Manifest, NotRemembered> {
        Manifest::observe(seen, began, &self.digests, &self.listings, Bytes::from_static(b"found"))
    }

    fn holds(&self, manifest: &Manifest) -> Result<(), Change> {
        manifest.still_holds(&self.digests, &self.listings)
    }
}

struct Search {
    walker: Walker,
    seen: Observation,
}

impl Search {
    fn end(&mut self, path: &Path) -> End {
        // Links in a circle are not found, as by a compiler.
        let Ok(walk) = self.walker.walk(path) else {
            return End::Missing;
        };
        self.seen.links.extend(walk.links);
        walk.end
    }

    fn find(&mut self, directory: &Path, name: &str) -> bool {
        if self.seen.absent.contains(directory) {
            return false;
        }
        let (first, rest) = name.split_once('/').unwrap_or((name, ""));
        let names = self.seen.directories.entry(directory.to_owned());
        let observation::Names::These(names) = names.or_insert(observation::Names::These(BTreeSet::new())) else {
            unreachable!("only these");
        };
        names.insert(first.as_bytes().to_vec());
        let path = directory.join(first);
        match self.end(&path) {
            End::Directory if !rest.is_empty() => self.find(&path, rest),
            End::File if rest.is_empty() => {
                let digest = Digest::of(&std::fs::read(&path).expect("read"));
                self.seen.files.insert(path, digest);
                true
            }
            _ => false,
        }
    }
}
