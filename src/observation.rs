//! What a scan saw of the file system. The scanner and [`inputs`](crate::inputs) write it down,
//! [`manifest`](crate::manifest) keeps it.

use crate::digest::Digest;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Which names of a directory mattered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Names {
    /// These were looked for; whether each exists decides.
    These(BTreeSet<Vec<u8>>),
    /// Any change to the listing may matter (a computed include).
    All,
}

/// Enough to tell later whether another scan would see the same.
/// All paths are absolute as walked; `..` is kept.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Observation {
    /// Regular files whose content was read, with the content.
    pub files: BTreeMap<PathBuf, Digest>,
    /// Symlinks that were followed, with their targets as they are written.
    pub links: BTreeMap<PathBuf, PathBuf>,
    /// Directories in which names were looked for, each of them existing; no names if it only had to be there.
    pub directories: BTreeMap<PathBuf, Names>,
    /// Other files that were found under names that were looked for: in inactive branches, or passed over.
    pub present: BTreeSet<PathBuf>,
    /// Paths that were to be directories and are none: they do not exist, or are something else.
    pub absent: BTreeSet<PathBuf>,
}
