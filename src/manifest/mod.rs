//! What was found for a command, with everything in the file system that it depends on.
//!
//! A manifest never decides what the inputs of a step *are*; it says whether finding them again would give the same. It
//! depends on what lies where, all of it physical: regular files with their content, real directories, symbolic links
//! with their targets, and names that are or are not there. A path as the user spells it leads over these facts alone, so
//! while they hold it leads to the same file. That also covers what other caches miss: a header that appears earlier in
//! the search path, a directory that becomes a link, a target of `__has_include` that is written later.
//!
//! What was found is opaque here.

mod check;
mod encode;
mod names;
mod observe;
mod store;
#[cfg(test)]
mod tests;

pub use check::Change;
pub use encode::BadManifest;
pub use observe::NotRemembered;
pub use store::{Key, Manifests};

use crate::digest::Digest;
use crate::host::file_id::FileId;
use bytes::Bytes;
use names::{NameList, There};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::hash::{Hash, Hasher};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::Arc;

/// A finding and what it depends on. Built by [`observe`](Manifest::observe), judged by
/// [`still_holds`](Manifest::still_holds), kept by [`Manifests`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Sorted by path, so that neighbours are looked at together.
    files: Vec<Arc<FileFact>>,
    directories: Vec<DirectoryFact>,
    links: Vec<LinkFact>,
    absent: Vec<AbsentFact>,
    payload: Bytes,
}

impl Manifest {
    /// What was found, as it was given to [`observe`](Manifest::observe).
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// The same without the content of the files at `updated` and without the names of `written` in directories whose
    /// names were looked for: what the step itself changes. Real paths.
    #[must_use]
    pub fn apart_from(&self, updated: &BTreeSet<PathBuf>, written: &BTreeSet<PathBuf>) -> Self {
        let mut rest = self.clone();
        rest.files.retain(|file| !updated.contains(&file.path));
        for directory in &mut rest.directories {
            if let Names::These(names) = &mut directory.names {
                names.retain(|name| !written.contains(&directory.path.join(OsStr::from_bytes(name))));
            }
        }
        rest
    }

    /// The files it depends on, sorted by path.
    pub fn files(&self) -> impl Iterator<Item = &FileFact> {
        self.files.iter().map(|file| &**file)
    }
}

/// A regular file with its content. Equal facts of different manifests are one in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFact {
    /// Where it really lies.
    pub path: PathBuf,
    /// The identity that vouches for the content; `None` if it was too fresh when it was seen.
    pub id: Option<FileId>,
    /// Its content.
    pub digest: Digest,
}

impl Hash for FileFact {
    /// The content and the path's bytes: enough to tell facts apart, and quicker than all of it.
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.digest.hash()[..8]);
        state.write(self.path.as_os_str().as_bytes());
    }
}

/// A directory, and no link to one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct DirectoryFact {
    path: PathBuf,
    /// The identity that vouches for the names; `None` if the directory was too fresh, or if a name is that of a link,
    /// whose end may change without the directory.
    id: Option<FileId>,
    names: Names,
}

/// Which names in a directory matter, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Names {
    /// None: it was only passed.
    Unread,
    /// These, each with what was there.
    These(NameList),
    /// All: the hash of the whole listing.
    All([u8; 32]),
}

impl Names {
    /// Bytes they take in memory, about.
    fn len(&self) -> usize {
        match self {
            Self::These(names) => names.as_bytes().len(),
            Self::Unread | Self::All(_) => 0,
        }
    }
}

/// A symbolic link.
#[derive(Clone, Debug, PartialEq, Eq)]
struct LinkFact {
    path: PathBuf,
    target: PathBuf,
}

/// Where the way to a directory ends that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
struct AbsentFact {
    /// The first place on the way, which really lies in a directory, with nothing or no directory in it.
    path: PathBuf,
    /// What is there instead.
    instead: There,
}
