//! Names in a directory and what was there.

use crate::host::file_id::{FileId, Kind};
use crate::host::fs::{PathContext as _, PathError};
use crate::host::listings::Listing;
use crate::host::walk::is_absence;
use sha2::Digest as _;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// What a name stands for. A link is told from what it leads to, because input roots tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum There {
    /// Nothing, or what is no link.
    Entry(Option<Kind>),
    /// A link, and what it leads to in the end.
    Link(Option<Kind>),
}

impl There {
    /// What lies at this path.
    pub(super) fn at(path: &Path) -> Result<Self, PathError> {
        Self::of(path, kind(FileId::of_entry(path)).at("look at", path)?)
    }

    /// As the directory names it; links are followed.
    fn of(path: &Path, entry: Option<Kind>) -> Result<Self, PathError> {
        match entry {
            Some(Kind::Link) => Ok(Self::Link(led_to(path)?)),
            entry => Ok(Self::Entry(entry)),
        }
    }

    /// Of a name in a listed directory. Names that no directory can hold (`a/b`, `..`) are looked at themselves.
    fn listed(listing: &Listing, directory: &Path, name: &[u8]) -> Result<Self, PathError> {
        let path = || directory.join(OsStr::from_bytes(name));
        match listing.kind(name) {
            Some(Kind::Link) => Self::of(&path(), Some(Kind::Link)),
            None if !is_plain(name) => Self::at(&path()),
            entry => Ok(Self::Entry(entry)),
        }
    }

    pub(super) fn is_link(self) -> bool {
        matches!(self, Self::Link(_))
    }

    pub(super) fn exists(self) -> bool {
        self != Self::Entry(None)
    }

    /// A byte for it.
    pub(super) fn code(self) -> u8 {
        let at = CODES.iter().position(|there| *there == self);
        let at = at.expect("a link is told by what it leads to, never as a kind");
        u8::try_from(at).expect("few codes")
    }

    /// The reverse of [`code`](Self::code).
    pub(super) fn from_code(code: u8) -> Option<Self> {
        CODES.get(usize::from(code)).copied()
    }
}

/// By their codes.
const CODES: [There; 8] = [
    There::Entry(None),
    There::Entry(Some(Kind::File)),
    There::Entry(Some(Kind::Directory)),
    There::Entry(Some(Kind::Other)),
    There::Link(None),
    There::Link(Some(Kind::File)),
    There::Link(Some(Kind::Directory)),
    There::Link(Some(Kind::Other)),
];

/// What a path leads to, links followed.
fn led_to(path: &Path) -> Result<Option<Kind>, PathError> {
    kind(FileId::of(path)).at("look at", path)
}

/// A link that leads round in a circle is as good as one that leads nowhere.
fn kind(looked: io::Result<FileId>) -> io::Result<Option<Kind>> {
    match looked {
        Ok(id) => Ok(Some(id.kind())),
        Err(error) if is_absence(&error) => Ok(None),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a directory can hold the name.
pub(super) fn is_plain(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..") && !name.contains(&b'/')
}

/// Names of one directory with what was there, packed: there are thousands for each step, and they are read only when the
/// directory has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NameList(Box<[u8]>);

impl NameList {
    /// From pairs, which keep their order. `None` if a name is longer than any name can be.
    pub(super) fn pack<'a>(names: impl IntoIterator<Item = Pair<'a>>) -> Option<Self> {
        let mut packed = Vec::new();
        for (name, there) in names {
            packed.extend_from_slice(&u16::try_from(name.len()).ok()?.to_le_bytes());
            packed.push(there.code());
            packed.extend_from_slice(name);
        }
        Some(Self(packed.into()))
    }

    /// From bytes that someone else kept; `None` if they are no packed names.
    pub(super) fn unpack(packed: &[u8]) -> Option<Self> {
        let mut rest = packed;
        while !rest.is_empty() {
            rest = split(rest)?.1;
        }
        Some(Self(packed.into()))
    }

    /// The packed form.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Drops the names for which this does not hold.
    pub(super) fn retain(&mut self, keep: impl Fn(&[u8]) -> bool) {
        if self.iter().any(|(name, _)| !keep(name)) {
            let kept = Self::pack(self.iter().filter(|(name, _)| keep(name)));
            *self = kept.expect("names that were packed before");
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Pair<'_>> {
        let mut rest = &self.0[..];
        std::iter::from_fn(move || {
            let (pair, after) = split(rest)?;
            rest = after;
            Some(pair)
        })
    }

    /// The first name for which the directory now holds something else, and what it held. With a listing by that, else
    /// by a look at each name.
    pub(super) fn first_change(
        &self,
        directory: &Path,
        listing: Option<&Listing>,
    ) -> Result<Option<Pair<'_>>, PathError> {
        for (name, was) in self.iter() {
            let is = match listing {
                Some(listing) => There::listed(listing, directory, name)?,
                None => There::at(&directory.join(OsStr::from_bytes(name)))?,
            };
            if is != was {
                return Ok(Some((name, was)));
            }
        }
        Ok(None)
    }
}

/// A name and what was there.
type Pair<'a> = (&'a [u8], There);

/// Takes the first pair off packed names.
fn split(packed: &[u8]) -> Option<(Pair<'_>, &[u8])> {
    let (len, rest) = packed.split_first_chunk()?;
    let (there, rest) = rest.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*len)))?;
    Some(((name, There::from_code(*there)?), rest))
}

/// What is there now for each name.
pub(super) fn look<'a>(
    listing: &Listing,
    directory: &Path,
    names: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Vec<Pair<'a>>, PathError> {
    let look = |name| Ok((name, There::listed(listing, directory, name)?));
    names.into_iter().map(look).collect()
}

/// A hash over a whole listing, and whether there is a link in it.
pub(super) fn hash_listing(listing: &Listing, directory: &Path) -> Result<([u8; 32], bool), PathError> {
    let mut names: Vec<_> = listing.iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    let mut sha = sha2::Sha256::new();
    let mut links = false;
    for (name, there) in look(listing, directory, names)? {
        links |= there.is_link();
        sha.update((name.len() as u64).to_le_bytes());
        sha.update([there.code()]);
        sha.update(name);
    }
    Ok((sha.finalize().into(), links))
}
