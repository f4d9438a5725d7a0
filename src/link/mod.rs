//! What a link reads: the driver is asked for the linker's command line, and that is resolved as the linker would:
//! libraries along their directories, scripts and thin archives by what they name, needed libraries of libraries.
//!
//! Knows nothing of the input root: [`crate::inputs`] makes that of the files.

use crate::command::Family;
use crate::command::link::Flavour;
use std::path::PathBuf;

/// What decides how a link can be relocated, besides its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkTraits {
    /// Which linker it is.
    pub flavour: Flavour,
    /// The compiler driver that was called; `None` if the linker itself was.
    pub driver: Option<Family>,
    /// Run paths as spelled, from options and from `LD_RUN_PATH`: GNU ld also searches them.
    pub rpath: Vec<String>,
    /// Whether an object, or a member of an archive, holds code for link-time optimisation.
    pub lto: bool,
    /// Shared libraries that have no soname, as spelled: what they are called by is recorded.
    pub without_soname: Vec<String>,
    /// Inputs whose text names files by absolute paths (linker scripts, thin archives), with one such path.
    pub named_in_text: Vec<(PathBuf, PathBuf)>,
}
