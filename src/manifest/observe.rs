//! Turns what a scan saw into facts that can be checked later.
//!
//! The scan is over when this looks, so each fact is what is there *now*; it must also be what the scan saw. Contents and
//! link targets are compared with the scan's own. Of names the scan says only that it looked for them: in a directory
//! that may have changed since the scan began, or may have been put there as part of another one, a name that is there
//! now must be one that the scan found. Whatever is in doubt is not remembered; the next step will be.

use super::check::Change;
use super::names::{NameList, There, hash_listing, look};
use super::{AbsentFact, DirectoryFact, FileFact, LinkFact, Manifest, Names};
use crate::digest::Digest;
use crate::host::clock::Timestamp;
use crate::host::digest_cache::DigestCache;
use crate::host::file_id::FileId;
use crate::host::fs::{PathContext as _, PathError};
use crate::host::listings::Listings;
use crate::host::trust::changed_since;
use crate::host::walk::{End, Walk, Walker, walk};
use crate::observation::{self, Observation};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a finding is not remembered.
#[derive(Debug, thiserror::Error)]
pub enum NotRemembered {
    /// Something may have changed while the scan ran.
    #[error("changed while it was looked at: {0}")]
    Changed(Change),
    /// A name cannot be kept.
    #[error("cannot remember a name in `{}`", .0.display())]
    Name(PathBuf),
    /// The operating system refused.
    #[error(transparent)]
    Path(#[from] PathError),
}

impl Manifest {
    /// The manifest of a finding (`payload`) that depends on what `observation` says. `began` is
    /// [`Trust::now`](crate::host::trust::Trust::now) from before the scan's first look.
    pub fn observe(
        observation: &Observation,
        began: Timestamp,
        digests: &DigestCache,
        listings: &Listings,
        payload: Bytes,
    ) -> Result<Self, NotRemembered> {
        let mut observer = Observer {
            observation,
            began,
            walker: Walker::new(Path::new("/")),
            digests,
            listings,
            files: BTreeMap::new(),
            directories: BTreeMap::new(),
            links: BTreeMap::new(),
            found: BTreeSet::new(),
        };
        observer.walk_all()?;
        let absent = observer.absent()?;
        observer.check_links()?;
        let directories = observer.directory_facts()?;
        let files = observer.file_facts()?;
        let links = observer.links.into_iter();
        Ok(Self {
            files,
            directories,
            links: links.map(|(path, target)| LinkFact { path, target }).collect(),
            absent,
            payload,
        })
    }
}

/// Everything physical that the observation leads over.
struct Observer<'a> {
    observation: &'a Observation,
    began: Timestamp,
    walker: Walker,
    digests: &'a DigestCache,
    listings: &'a Listings,
    files: BTreeMap<PathBuf, Digest>,
    directories: BTreeMap<PathBuf, Wanted<'a>>,
    links: BTreeMap<PathBuf, PathBuf>,
    /// What the scan found there: places that lead to its files and directories, and its links.
    found: BTreeSet<PathBuf>,
}

/// Which names of a directory the scan looked for, under all of the directory's spellings.
#[derive(Default)]
struct Wanted<'a> {
    names: BTreeSet<&'a [u8]>,
    all: bool,
}

impl<'a> Observer<'a> {
    fn walk_all(&mut self) -> Result<(), NotRemembered> {
        let observation = self.observation;
        for (path, digest) in &observation.files {
            let real = self.find(path, End::File)?;
            // Even if that is `/`, which walks leave out.
            let parent = real.parent().expect("a file lies in a directory");
            self.directories.entry(parent.to_owned()).or_default();
            if self.files.insert(real, *digest).is_some_and(|other| other != *digest) {
                return Err(NotRemembered::Changed(Change::Content(path.clone())));
            }
        }
        for (path, names) in &observation.directories {
            let real = self.find(path, End::Directory)?;
            let wanted = self.directories.entry(real).or_default();
            match names {
                observation::Names::All => wanted.all = true,
                observation::Names::These(names) => wanted.names.extend(names.iter().map(Vec::as_slice)),
            }
        }
        for path in &observation.present {
            self.find(path, End::File)?;
        }
        for (path, target) in &observation.links {
            if std::fs::read_link(path).at("read", path)? != *target {
                return Err(NotRemembered::Changed(Change::Retargeted(path.clone())));
            }
            // The link itself; where it leads is a matter of those who went there.
            if let (Some(directory), Some(name)) = (path.parent(), path.file_name()) {
                let place = self.walk(directory)?.real.join(name);
                self.found.insert(place.clone());
                self.links.insert(place, target.clone());
            }
        }
        Ok(())
    }

    /// Walks to something that the scan found.
    fn find(&mut self, path: &Path, end: End) -> Result<PathBuf, NotRemembered> {
        let walk = self.walk(path)?;
        if walk.end != end {
            return Err(NotRemembered::Changed(Change::Gone(path.to_owned())));
        }
        self.found.extend(walk.links.into_iter().map(|(place, _)| place));
        self.found.extend(walk.directories);
        self.found.insert(walk.real.clone());
        Ok(walk.real)
    }

    /// Walks a path and keeps what it passed.
    fn walk(&mut self, path: &Path) -> Result<Walk, NotRemembered> {
        let walk = self.walker.walk(path).at("look at", path)?;
        for directory in &walk.directories {
            if !self.directories.contains_key(directory) {
                self.directories.insert(directory.clone(), Wanted::default());
            }
        }
        self.links.extend(walk.links.iter().cloned());
        Ok(walk)
    }

    fn absent(&mut self) -> Result<Vec<AbsentFact>, NotRemembered> {
        let mut facts = BTreeMap::new();
        for path in &self.observation.absent {
            let walk = self.walk(path)?;
            if walk.end == End::Directory {
                return Err(NotRemembered::Changed(Change::Appeared(path.clone())));
            }
            let instead = There::at(&walk.real)?;
            facts.insert(walk.real, instead);
        }
        let facts = facts.into_iter();
        Ok(facts.map(|(path, instead)| AbsentFact { path, instead }).collect())
    }

    /// The links that are there now are those that the scan followed.
    fn check_links(&self) -> Result<(), NotRemembered> {
        for path in self
            .links
            .keys()
            .filter(|path| !self.observation.links.contains_key(*path))
        {
            let id = FileId::of_entry(path).at("look at", path)?;
            if changed_since(&id, self.began) {
                return Err(NotRemembered::Changed(Change::Appeared(path.clone())));
            }
        }
        Ok(())
    }

    fn directory_facts(&self) -> Result<Vec<DirectoryFact>, NotRemembered> {
        let mut facts = Vec::with_capacity(self.directories.len());
        let mut fresh = BTreeSet::new();
        // Sorted: a directory comes after those above it.
        for (path, wanted) in &self.directories {
            let id = FileId::of_entry(path).at("look at", path)?;
            let above = path.parent().is_some_and(|parent| fresh.contains(parent));
            if above || changed_since(&id, self.began) {
                fresh.insert(&**path);
            }
            facts.push(self.directory_fact(path, wanted, fresh.contains(&**path))?);
        }
        Ok(facts)
    }

    /// `fresh`: what the scan saw there may have been something else.
    fn directory_fact(&self, path: &Path, wanted: &Wanted<'a>, fresh: bool) -> Result<DirectoryFact, NotRemembered> {
        if !wanted.all && wanted.names.is_empty() {
            return Ok(DirectoryFact {
                path: path.to_owned(),
                id: None,
                names: Names::Unread,
            });
        }
        let listing = self.listings.list(path)?;
        let fresh = fresh || changed_since(listing.id(), self.began);
        let (names, has_links) = if wanted.all {
            if fresh {
                return Err(NotRemembered::Changed(Change::Listing(path.to_owned())));
            }
            let (hash, has_links) = hash_listing(&listing, path)?;
            (Names::All(hash), has_links)
        } else {
            let names = look(&listing, path, wanted.names.iter().copied())?;
            for (name, there) in &names {
                self.check_found(&path.join(OsStr::from_bytes(name)), *there, fresh)?;
            }
            let has_links = names.iter().any(|(_, there)| there.is_link());
            let packed = NameList::pack(names).ok_or_else(|| NotRemembered::Name(path.to_owned()))?;
            (Names::These(packed), has_links)
        };
        Ok(DirectoryFact {
            path: path.to_owned(),
            id: (listing.settled() && !has_links).then_some(*listing.id()),
            names,
        })
    }

    /// What is there now was there for the scan: the scan found it, or nothing on the way to it is fresh.
    fn check_found(&self, path: &Path, there: There, fresh: bool) -> Result<(), NotRemembered> {
        let appeared = || Err(NotRemembered::Changed(Change::Appeared(path.to_owned())));
        if fresh && there.exists() && !self.found.contains(path) {
            return appeared();
        }
        // Where a link leads is a second question.
        let There::Link(Some(_)) = there else {
            return Ok(());
        };
        let walk = walk(Path::new("/"), path).at("look at", path)?;
        if self.found.contains(&walk.real) {
            return Ok(());
        }
        for passed in walk.directories.iter().chain([&walk.real]) {
            if changed_since(&FileId::of_entry(passed).at("look at", passed)?, self.began) {
                return appeared();
            }
        }
        Ok(())
    }

    fn file_facts(&self) -> Result<Vec<Arc<FileFact>>, NotRemembered> {
        let fact = |(path, digest): (&PathBuf, &Digest)| {
            let seen = self.digests.look(path)?;
            if seen.digest != *digest {
                return Err(NotRemembered::Changed(Change::Content(path.clone())));
            }
            Ok(Arc::new(FileFact {
                path: path.clone(),
                id: seen.settled.then_some(seen.id),
                digest: *digest,
            }))
        };
        self.files.iter().map(fact).collect()
    }
}
