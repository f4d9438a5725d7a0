//! Everything a step reads, as exec-root-relative path → entry.
//!
//! [`collect()`] makes it of a scan and of what the options name. Knows nothing of compilers' languages, and nothing of
//! how the entries become a Merkle tree.

mod collect;
mod place;
mod profiles;
#[cfg(test)]
mod tests;

pub use collect::{InputsFailure, Places, collect, collect_tool};

use crate::digest::Digest;
use crate::exec_path::ExecPath;
use crate::observation::Observation;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// One entry of the input root below the exec root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A regular file.
    File {
        /// Its content.
        digest: Digest,
        /// Where it lies here, for uploading.
        host: PathBuf,
    },
    /// A symbolic link, with the text of its target; relative, and resolving inside the exec root.
    Symlink {
        /// The target as it is sent.
        target: String,
    },
    /// A directory that must exist even if nothing in it is read.
    Directory,
}

/// A file outside of the exec root that the step reads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OutsideFile {
    /// Absolute, without `.` and `..`.
    pub path: PathBuf,
    /// Its content.
    pub digest: Digest,
    /// Whether the worker counts as having it: a directory of the compiler, or below one of `worker_roots`.
    pub on_worker: bool,
}

/// All inputs of a step. Sorted by construction; the same for the same command and file system contents, however found.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct InputSet {
    /// Below the exec root.
    pub entries: BTreeMap<ExecPath, Entry>,
    /// Outside of it, sorted by path.
    pub outside: Vec<OutsideFile>,
    /// What the scan looked at, for the manifest.
    pub observed: Observation,
    /// The real path of each directory that `-isystem` and its relatives name and that exists, by the spelling of the
    /// option's value. gcc replaces a system header's path by its real one where that is shorter.
    pub real_dirs: BTreeMap<String, PathBuf>,
    /// Two different paths of equal content that use `#pragma once` or `#import`: on a worker they may be one file.
    pub once_alias: Option<(PathBuf, PathBuf)>,
    /// Modification times in seconds, as clang writes them into a precompiled header and demands them of its headers
    /// later. Empty where no such file is made or read.
    pub times: BTreeMap<String, i64>,
}
