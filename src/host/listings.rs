//! What directories hold, listed once for everyone.

use super::file_id::{FileId, Kind};
use super::fs::{PathContext as _, PathError};
use super::trust::Trust;
use quick_cache::{Weighter, sync::Cache};
use rustix::fs::{CWD, Dir, Mode, OFlags};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Names kept in memory over all directories: about 100 MB at most.
const CAPACITY: u64 = 1_000_000;
/// How often a listing starts over while the directory changes. In a busy build directory the last one is taken as it
/// is: what was there all the time is in it, what came or went meanwhile may be either way.
const TRIES: usize = 3;

/// The names in a directory, as of one moment.
#[derive(Debug)]
pub struct Listing {
    id: FileId,
    settled: bool,
    names: HashMap<Box<[u8]>, Kind>,
}

impl Listing {
    /// The directory's identity when it was listed.
    pub fn id(&self) -> &FileId {
        &self.id
    }

    /// Whether that identity may stand for the listing from now on.
    pub fn settled(&self) -> bool {
        self.settled
    }

    /// What lies there under this name; symbolic links are not followed.
    pub fn kind(&self, name: &[u8]) -> Option<Kind> {
        self.names.get(name).copied()
    }

    /// All names but `.` and `..`, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], Kind)> {
        self.names.iter().map(|(name, kind)| (&name[..], *kind))
    }
}

#[derive(Clone)]
struct ByNames;

impl Weighter<PathBuf, Arc<Listing>> for ByNames {
    fn weight(&self, _path: &PathBuf, listing: &Arc<Listing>) -> u64 {
        1 + listing.names.len() as u64
    }
}

/// Listings by path, each believed as long as the directory keeps its identity. Shared by all threads.
pub struct Listings {
    known: Cache<PathBuf, Arc<Listing>, ByNames>,
    trust: Arc<Trust>,
}

impl Listings {
    /// None yet; believes identities as `trust` says.
    pub fn new(trust: Arc<Trust>) -> Self {
        Self {
            known: Cache::with_weighter(10_000, CAPACITY, ByNames),
            trust,
        }
    }

    /// The listing of the directory that `path` leads to, as it is now: one stat if it is known.
    pub fn list(&self, path: &Path) -> Result<Arc<Listing>, PathError> {
        let mut busy = None;
        for _ in 0..TRIES {
            let looked = self.trust.now();
            let id = FileId::of(path).at("list", path)?;
            if let Some(listing) = self.known.get(path).filter(|listing| listing.id == id) {
                return Ok(listing);
            }
            let names = read(path).at("list", path)?;
            let unchanged = FileId::of(path).at("list", path)? == id;
            let settled = unchanged && self.trust.settled(path, &id, looked);
            let listing = Arc::new(Listing { id, settled, names });
            if settled {
                self.known.insert(path.to_owned(), Arc::clone(&listing));
            }
            if unchanged {
                return Ok(listing);
            }
            busy = Some(listing);
        }
        Ok(busy.expect("set by each try"))
    }
}

fn read(path: &Path) -> io::Result<HashMap<Box<[u8]>, Kind>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut names = HashMap::new();
    for entry in Dir::new(rustix::fs::openat(CWD, path, flags, Mode::empty())?)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if matches!(name, b"." | b"..") {
            continue;
        }
        let kind = match entry.file_type() {
            // Some file systems do not say.
            rustix::fs::FileType::Unknown => match FileId::of_entry(&path.join(OsStr::from_bytes(name))) {
                Ok(id) => id.kind(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            },
            kind => kind.into(),
        };
        names.insert(name.into(), kind);
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::clock::Clock;
    use std::os::unix::fs::symlink;
    use std::time::Duration;

    #[test]
    fn a_listing_is_what_is_there_now_fresh_or_not() {
        for clock in [
            Clock::behind(Duration::from_hours(1)),
            Clock::ahead(Duration::from_hours(1)),
        ] {
            let listings = Listings::new(Arc::new(Trust::new(clock)));
            let dir = tempfile::tempdir().expect("directory");
            let at = |name: &str| dir.path().join(name);
            let check = |expected: &[(&str, Kind)]| {
                for _ in 0..2 {
                    let listing = listings.list(dir.path()).expect("list");
                    let mut found: Vec<_> = listing.iter().collect();
                    found.sort_unstable();
                    let expected: Vec<_> = expected.iter().map(|(name, kind)| (name.as_bytes(), *kind)).collect();
                    assert_eq!(found, expected);
                }
            };
            check(&[]);
            std::fs::write(at("file"), "").expect("write");
            symlink("nowhere", at("link")).expect("symlink");
            std::fs::create_dir(at("sub")).expect("mkdir");
            check(&[("file", Kind::File), ("link", Kind::Link), ("sub", Kind::Directory)]);
            std::fs::rename(at("file"), at("moved")).expect("rename");
            std::fs::remove_dir(at("sub")).expect("rmdir");
            check(&[("link", Kind::Link), ("moved", Kind::File)]);
        }
    }

    #[test]
    fn a_settled_directory_is_listed_once() {
        let dir = tempfile::tempdir().expect("directory");
        for (clock, shared) in [
            (Clock::ahead(Duration::from_hours(1)), true),
            (Clock::behind(Duration::from_hours(1)), false),
        ] {
            let listings = Listings::new(Arc::new(Trust::new(clock)));
            let (one, two) = (
                listings.list(dir.path()).expect("list"),
                listings.list(dir.path()).expect("list"),
            );
            assert_eq!(Arc::ptr_eq(&one, &two), shared);
            assert_eq!(one.settled(), shared);
        }
    }

    #[test]
    fn a_file_has_no_listing() {
        let listings = Listings::new(Arc::default());
        let error = listings.list(Path::new("/dev/null")).expect_err("no directory");
        assert_eq!(error.source.kind(), io::ErrorKind::NotADirectory);
        let error = listings.list(Path::new("/nowhere")).expect_err("no directory");
        assert_eq!(error.source.kind(), io::ErrorKind::NotFound);
    }
}
