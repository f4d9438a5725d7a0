//! Which compiler a driver is, and everything it consists of. Nothing is concluded from a name: the driver is asked,
//! so scripts and programs that stand in for a compiler are identified by what answers behind them.
//!
//! [`Toolchains`] is what others call: it remembers answers. Knows nothing of sources and headers of a step.

mod answers;
mod brought;
pub mod elf;
mod evidence;
mod facts;
mod flags;
mod identify;
mod known;
pub mod loader;
pub mod machine;
mod native;
mod parts;
mod programs;
pub mod search_list;
#[cfg(test)]
pub(crate) mod tests;
mod tool;

pub use answers::command_lines;
pub use flags::{flags_for_questions, writes_files_besides};
pub use identify::Identity;
pub use known::{Fact, Ground, Keep, Toolchains};
pub use machine::{Answer, Ask, Environment, FileDigests, Question};
pub use native::NativeSubject;
pub use programs::find_in_path;
pub use tool::ToolSubject;

use crate::command::Family;
use crate::digest::Digest;
use crate::host::fs::PathError;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A file that a tool consists of or reads by itself, with its content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ToolFile {
    /// Absolute.
    pub path: PathBuf,
    /// Its content.
    #[serde(with = "evidence::digest_text")]
    pub digest: Digest,
}

/// A compiler, identified: enough to say that another machine's is the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Toolchain {
    /// The driver's absolute path as invoked (found in PATH, symlinks not resolved).
    pub driver: PathBuf,
    /// What that resolves to.
    pub driver_real: PathBuf,
    /// Whose options it takes.
    #[serde(with = "identify::FamilyName")]
    pub family: Family,
    /// Major, minor, patch.
    pub version: (u32, u32, u32),
    /// The target triple it compiles for, as it states it.
    pub target: String,
    /// Driver, helpers (`cc1`, `as`, …), their shared libraries, plugins, specs and configuration files; sorted by path.
    pub files: Vec<ToolFile>,
    /// What the compiler states for the flags of the step: predefined macros, search list; digest of the text.
    #[serde(with = "evidence::digest_text")]
    pub facts: Digest,
    /// The compiler's own include directories for the step's language and flags, in search order, as it prints them.
    pub include_dirs: Vec<PathBuf>,
    /// Whether a library of its programs comes, or may come, from `LD_LIBRARY_PATH`. Many have that variable set for
    /// other programs.
    pub library_path_matters: bool,
}

/// Why a compiler could not be identified. The step runs here, as if we were not there.
#[derive(Debug, thiserror::Error)]
pub enum ToolchainFailure {
    /// A process could not be run, or a file not be read.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The driver ended with an error when it was asked.
    #[error("cannot learn {what} from `{}`", driver.display())]
    NoAnswer {
        /// Who was asked.
        driver: PathBuf,
        /// For what.
        what: &'static str,
    },
    /// It answered, but is neither gcc nor clang.
    #[error("cannot tell what compiler `{}` is", driver.display())]
    Unknown {
        /// Who was asked.
        driver: PathBuf,
    },
    /// A program that it runs is a script, which may run any other.
    #[error("cannot tell what the script `{}` runs in the compiler's place", path.display())]
    Script {
        /// Which.
        path: PathBuf,
    },
    /// Its specs or its configuration file bring in arguments that nobody follows.
    #[error("cannot follow `{word}`, which `{}` brings in", path.display())]
    Brought {
        /// The file.
        path: PathBuf,
        /// What is in it.
        word: String,
    },
    /// One of its files has a name that no message can hold.
    #[error("the compiler's files have names that are not UTF-8")]
    NotUtf8,
    /// One of its programs is not one that can be read.
    #[error("cannot read the ELF file `{}`", path.display())]
    Elf {
        /// Which.
        path: PathBuf,
        /// Why.
        source: object::read::Error,
    },
}
