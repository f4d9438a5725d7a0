//! Whether what a manifest depends on is still so.

use super::names::{There, hash_listing};
use super::{AbsentFact, DirectoryFact, FileFact, LinkFact, Manifest, Names};
use crate::host::digest_cache::DigestCache;
use crate::host::file_id::{FileId, Kind};
use crate::host::fs::PathError;
use crate::host::listings::{Listing, Listings};
use crate::host::trust::{Trust, changed_since};
use crate::host::walk::is_absence;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Up to so many names are looked at one by one in a directory that changes all the time; listing it might mean reading
/// thousands of objects, and the listing could not be kept.
const LOOK_AT_EACH: usize = 64;

/// Why a manifest does not hold. The sentence is for `rewrap explain`.
#[derive(Debug, thiserror::Error)]
pub enum Change {
    /// A file has another content.
    #[error("`{}` has another content", .0.display())]
    Content(PathBuf),
    /// A file or directory is no longer there.
    #[error("`{}` is gone", .0.display())]
    Gone(PathBuf),
    /// A name that was not there, or not a directory, is now.
    #[error("`{}` has appeared", .0.display())]
    Appeared(PathBuf),
    /// A file, directory or link is now something else.
    #[error("`{}` is now something else", .0.display())]
    Replaced(PathBuf),
    /// A link has another target.
    #[error("the link `{}` leads elsewhere", .0.display())]
    Retargeted(PathBuf),
    /// A directory whose whole listing matters holds other names.
    #[error("`{}` holds other files", .0.display())]
    Listing(PathBuf),
    /// It cannot be found out.
    #[error(transparent)]
    Unknown(#[from] PathError),
}

impl Manifest {
    /// Whether finding again would find the same. The usual answer takes one stat for each file and directory; what has
    /// another identity is read or listed again.
    ///
    /// Stops at the first thing that changed.
    pub fn still_holds(&self, digests: &DigestCache, listings: &Listings) -> Result<(), Change> {
        self.check(digests, listings).map(drop)
    }

    /// As [`still_holds`](Self::still_holds), and what the next check need not do again.
    pub(super) fn check(&self, digests: &DigestCache, listings: &Listings) -> Result<Renewed, Change> {
        let mut renewed = Renewed::default();
        for (at, file) in self.files.iter().enumerate() {
            renewed.files.extend(file.check(digests)?.map(|id| (at, id)));
        }
        for (at, directory) in self.directories.iter().enumerate() {
            let id = directory.check(listings, digests.trust())?;
            renewed.directories.extend(id.map(|id| (at, id)));
        }
        self.links.iter().try_for_each(LinkFact::check)?;
        self.absent.iter().try_for_each(AbsentFact::check)?;
        Ok(renewed)
    }

    /// The same manifest with the identities that a check has found. `share` makes one of equal facts.
    pub(super) fn renew(&self, renewed: &Renewed, share: impl Fn(Arc<FileFact>) -> Arc<FileFact>) -> Self {
        let mut manifest = self.clone();
        for (at, id) in &renewed.files {
            let file = &mut manifest.files[*at];
            *file = share(Arc::new(FileFact {
                path: file.path.clone(),
                id: Some(*id),
                digest: file.digest,
            }));
        }
        for (at, id) in &renewed.directories {
            manifest.directories[*at].id = Some(*id);
        }
        manifest
    }
}

/// Identities that vouch from now on for what had to be read or listed in a check: of files that were too fresh when
/// they were observed, or were written again with the same content. By position.
#[derive(Debug, Default)]
pub(super) struct Renewed {
    files: Vec<(usize, FileId)>,
    directories: Vec<(usize, FileId)>,
}

impl Renewed {
    /// Whether nothing had to be read or listed, or it cannot be believed yet.
    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.directories.is_empty()
    }
}

/// The entry at a path that must be of this kind.
fn entry(path: &Path, kind: Kind) -> Result<FileId, Change> {
    match FileId::of_entry(path) {
        Ok(id) if id.kind() == kind => Ok(id),
        Ok(_) => Err(Change::Replaced(path.to_owned())),
        Err(error) if is_absence(&error) => Err(Change::Gone(path.to_owned())),
        Err(error) => Err(unknown("look at", path, error)),
    }
}

fn unknown(verb: &'static str, path: &Path, source: io::Error) -> Change {
    let path = path.to_owned();
    Change::Unknown(PathError { verb, path, source })
}

impl FileFact {
    /// Whether it holds; and another identity that vouches for it from now on.
    fn check(&self, digests: &DigestCache) -> Result<Option<FileId>, Change> {
        let id = entry(&self.path, Kind::File)?;
        if self.id == Some(id) {
            return Ok(None);
        }
        let seen = digests.look(&self.path)?;
        if seen.digest == self.digest {
            Ok((seen.settled && seen.id == id).then_some(id))
        } else {
            Err(Change::Content(self.path.clone()))
        }
    }
}

impl DirectoryFact {
    /// Whether it holds; and another identity that vouches for it from now on.
    fn check(&self, listings: &Listings, trust: &Trust) -> Result<Option<FileId>, Change> {
        let id = entry(&self.path, Kind::Directory)?;
        if self.id == Some(id) {
            return Ok(None);
        }
        match &self.names {
            Names::Unread => Ok(None),
            Names::These(names) => {
                let busy = changed_since(&id, trust.now());
                let listing: Option<Arc<Listing>> = if busy && names.iter().nth(LOOK_AT_EACH).is_none() {
                    None
                } else {
                    Some(listings.list(&self.path)?)
                };
                if let Some((name, was)) = names.first_change(&self.path, listing.as_deref())? {
                    return Err(self.changed(name, was.exists()));
                }
                let has_links = || names.iter().any(|(_, there)| there.is_link());
                Ok(vouched(listing.as_deref(), id).filter(|_| !has_links()))
            }
            Names::All(hash) => {
                let listing = listings.list(&self.path)?;
                let (now, has_links) = hash_listing(&listing, &self.path)?;
                if now != *hash {
                    return Err(Change::Listing(self.path.clone()));
                }
                Ok(vouched(Some(&listing), id).filter(|_| !has_links))
            }
        }
    }

    fn changed(&self, name: &[u8], existed: bool) -> Change {
        let path = self.path.join(OsStr::from_bytes(name));
        if existed {
            Change::Replaced(path)
        } else {
            Change::Appeared(path)
        }
    }
}

/// The identity of a directory, if it may stand for its listing.
fn vouched(listing: Option<&Listing>, id: FileId) -> Option<FileId> {
    listing
        .is_some_and(|listing| listing.settled() && *listing.id() == id)
        .then_some(id)
}

impl LinkFact {
    fn check(&self) -> Result<(), Change> {
        match std::fs::read_link(&self.path) {
            Ok(target) if target == self.target => Ok(()),
            Ok(_) => Err(Change::Retargeted(self.path.clone())),
            Err(error) if is_absence(&error) => Err(Change::Gone(self.path.clone())),
            // Not a link.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Err(Change::Replaced(self.path.clone())),
            Err(error) => Err(unknown("read", &self.path, error)),
        }
    }
}

impl AbsentFact {
    fn check(&self) -> Result<(), Change> {
        if There::at(&self.path)? == self.instead {
            Ok(())
        } else {
            Err(Change::Appeared(self.path.clone()))
        }
    }
}
