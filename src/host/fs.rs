//! File system calls whose errors name the path.

use std::io;
use std::path::{Path, PathBuf};

/// An operating system error with what was tried: "cannot read `/path`".
#[derive(Debug, thiserror::Error)]
#[error("cannot {verb} `{}`", path.display())]
pub struct PathError {
    /// "read", "write", "rename", …
    pub verb: &'static str,
    /// The path.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// Names the path in an `io::Result`.
pub trait PathContext<T> {
    /// `verb` in the infinitive: "read".
    fn at(self, verb: &'static str, path: &Path) -> Result<T, PathError>;
}

impl<T> PathContext<T> for io::Result<T> {
    fn at(self, verb: &'static str, path: &Path) -> Result<T, PathError> {
        self.map_err(|source| PathError {
            verb,
            path: path.to_owned(),
            source,
        })
    }
}
