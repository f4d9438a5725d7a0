//! What a translation unit reads. The compiler itself is asked for the files that it includes; what its answer leaves
//! out (files that are only tested for or embedded, names that were looked for in vain) is read from their text.
//!
//! Knows nothing of the input root: [`crate::inputs::collect`] makes that of a [`Scan`].

mod ask;
mod assembly;
mod cursor;
pub mod file_facts;
mod lexed;
pub mod lexer;
pub mod look;
mod question;
mod resolve;

pub use ask::{Scanner, Step};

use crate::digest::Digest;
use crate::host::fs::PathError;
use crate::observation::Observation;
use std::path::PathBuf;

/// How we know that a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// The source, and what the compiler lists, in its order.
    Listed,
    /// Another spelling of a listed file, by which it was included.
    Spelled,
    /// `__has_include`, `#embed`, `#pragma GCC dependency`, `.incbin`: its existence or its bytes are read.
    Mentioned,
    /// `.include` of the assembler.
    Assembled,
    /// A precompiled header that the compiler may take in place of a header.
    Precompiled,
    /// Named on a tool's command line.
    Operand,
    /// Found in a directory, for `-l` or a bare name.
    Searched,
    /// Named in a linker script.
    Scripted,
    /// A member of a thin archive.
    Member,
    /// A library that a shared library needs, or what says where that is.
    Needed,
}

/// A file that the step reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScannedFile {
    /// Absolute as walked: the cwd and the path as the compiler spells it, `..` kept.
    pub path: PathBuf,
    /// Its content.
    pub digest: Digest,
    /// How we know.
    pub found: Found,
    /// Whether it is read at most once (`#pragma once`, `#import`), by whatever path.
    pub once: bool,
}

/// What one translation unit reads, apart from what its options name; or all that another step reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// Listed files in the compiler's order, then the others sorted by path. No path twice.
    pub files: Vec<ScannedFile>,
    /// The existing directories of the effective search list, absolute as walked, in order.
    pub search_dirs: Vec<PathBuf>,
    /// Files that an `#include` in some branch finds and the compiler did not list: in an inactive branch, or passed
    /// over as a duplicate of a file that is read once.
    pub passed_over: Vec<PathBuf>,
    /// What was looked at besides the files: names in directories, links, directories that do not exist.
    pub observed: Observation,
    /// A file that uses `__DATE__` or `__TIME__`.
    pub date_or_time: Option<PathBuf>,
    /// A file that uses `__TIMESTAMP__`.
    pub timestamp: Option<PathBuf>,
    /// Absolute paths that the text of the files names; sorted, each once.
    pub named_absolutely: Vec<PathBuf>,
}

/// Why it cannot be said what a step reads.
#[derive(Debug, thiserror::Error)]
pub enum ScanFailure {
    /// A process could not be run, or a file not be read.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The compiler refuses the source: the step is to run here, for its own message.
    #[error("cannot preprocess `{source_file}`")]
    CompileError {
        /// The source as spelled.
        source_file: String,
    },
    /// The compiler succeeded and did not say what it read.
    #[error("cannot understand what the compiler says about `{source_file}`")]
    NoList {
        /// The source as spelled.
        source_file: String,
    },
    /// A file is named in a way that only a compilation resolves.
    #[error("cannot tell which file `{what}` in `{}` names", file.display())]
    Unresolvable {
        /// Where.
        file: PathBuf,
        /// The construct as it stands there.
        what: String,
    },
    /// A file was written while it was read.
    #[error("cannot rely on `{}`: it changed meanwhile", path.display())]
    Changed {
        /// Which.
        path: PathBuf,
    },
}
