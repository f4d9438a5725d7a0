//! Which compiler a driver is, and everything it consists of.

use crate::command::Family;
use crate::digest::Digest;
use std::path::PathBuf;

/// A file that a tool consists of or reads by itself, with its content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ToolFile {
    /// Absolute.
    pub path: PathBuf,
    /// Its content.
    pub digest: Digest,
}

/// A compiler, identified: enough to say that another machine's is the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toolchain {
    /// The driver's absolute path as invoked (found in PATH, symlinks not resolved).
    pub driver: PathBuf,
    /// What that resolves to.
    pub driver_real: PathBuf,
    /// Whose options it takes.
    pub family: Family,
    /// Major, minor, patch.
    pub version: (u32, u32, u32),
    /// The target triple it compiles for, as it states it.
    pub target: String,
    /// Driver, helpers (`cc1`, `as`, …), their shared libraries, plugins, specs and configuration files; sorted by path.
    pub files: Vec<ToolFile>,
    /// What the compiler states for the flags of the step: predefined macros, search list; digest of the text.
    pub facts: Digest,
    /// The compiler's own include directories for the step's language and flags, in search order, as it prints them.
    pub include_dirs: Vec<PathBuf>,
}
