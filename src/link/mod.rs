//! What a link reads: the driver is asked for the linker's command line, and that is resolved as the linker would:
//! libraries along their directories, scripts and thin archives by what they name, needed libraries of libraries.
//!
//! Where linkers differ, or the order of their searches is not documented, every file that one of them would take
//! counts as read. Knows nothing of the input root: [`crate::inputs`] makes that of the files.

mod content;
mod directories;
mod linker;
mod needed;
mod plan;
mod resolve;
mod script;
mod shown;
#[cfg(test)]
mod tests;

pub use plan::{LinkPlan, LinkStep, plan};
pub use resolve::{Resolved, resolve};

use crate::command::Family;
use crate::command::link::Flavour;
use crate::host::fs::PathError;
use std::path::PathBuf;

/// What decides how a link can be relocated, besides its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkTraits {
    /// Which linker it is.
    pub flavour: Flavour,
    /// The compiler driver that was called; `None` if the linker itself was.
    pub driver: Option<Family>,
    /// Run paths as spelled, from options or from `LD_RUN_PATH`, and those of shared libraries by which others were found:
    /// GNU ld also searches them.
    pub rpath: Vec<String>,
    /// Whether an object, or a member of an archive, holds code for link-time optimisation.
    pub lto: bool,
    /// Shared libraries that have no soname, as spelled: what they are called by is recorded.
    pub without_soname: Vec<String>,
    /// Inputs that name files by absolute paths (linker scripts, thin archives, libraries that need others), with one such
    /// path.
    pub named_in_text: Vec<(PathBuf, PathBuf)>,
}

/// Why it cannot be said what a link reads. The step runs here, as if we were not there.
#[derive(Debug, thiserror::Error)]
pub enum LinkFailure {
    /// A process could not be run, or a file not be read.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The driver refuses the command, or would run more than a linker.
    #[error("cannot learn one linker command line from `{}`", driver.display())]
    NoLine {
        /// Who was asked.
        driver: PathBuf,
    },
    /// The program that links is none that is known.
    #[error("cannot tell what linker `{}` is", path.display())]
    UnknownLinker {
        /// Which program.
        path: PathBuf,
    },
    /// The linker does not say where it looks.
    #[error("cannot learn the library directories of `{}`", linker.display())]
    NoSearchDirs {
        /// Who was asked.
        linker: PathBuf,
    },
    /// A variable changes what the linker does.
    #[error("cannot tell what the linker does while `{name}` is set")]
    Variable {
        /// Which.
        name: &'static str,
    },
    /// A plugin may read anything.
    #[error("cannot tell what the linker plugin `{}` reads", path.display())]
    Plugin {
        /// Which.
        path: PathBuf,
    },
    /// A file or a library is not there: the linker will say so.
    #[error("cannot find `{name}`, which the linker is to read")]
    Missing {
        /// As spelled.
        name: String,
    },
    /// A file is not what a linker reads, or names others in a way that cannot be followed.
    #[error("cannot tell what a linker reads in `{}`: {what}", path.display())]
    Strange {
        /// Which.
        path: PathBuf,
        /// Why.
        what: &'static str,
    },
}

impl LinkFailure {
    /// The stable name in records and statistics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Path(_) => "link_unreadable",
            Self::NoLine { .. } => "link_no_line",
            Self::UnknownLinker { .. } => "link_unknown_linker",
            Self::NoSearchDirs { .. } => "link_no_search_dirs",
            Self::Variable { .. } => "link_variable",
            Self::Plugin { .. } => "link_plugin",
            Self::Missing { .. } => "link_missing_input",
            Self::Strange { .. } => "link_strange_input",
        }
    }
}
