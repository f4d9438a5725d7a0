//! The plugins that GNU's tools load unasked: all that lies in the directories `bfd-plugins` of their installation.

use super::ObjectToolFailure;
use crate::host::fs::PathContext;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What a tool may load.
#[derive(Debug, Default)]
pub(super) struct Plugins {
    /// The libraries, sorted.
    pub(super) files: Vec<PathBuf>,
    /// Where they lie, or would.
    pub(super) directories: Vec<PathBuf>,
}

/// The plugins of the installation that `tool` belongs to: the directories below `lib` beside the tool's own, as it is
/// called and where it really lies.
pub(super) fn plugins_of(tool: &Path) -> Result<Plugins, ObjectToolFailure> {
    let mut directories = BTreeSet::new();
    let real = tool.canonicalize().at("resolve", tool)?;
    for program in [tool, &real] {
        let Some(prefix) = program.parent().and_then(|dir| dir.canonicalize().ok()) else {
            continue;
        };
        for lib in ["lib", "lib64"] {
            let lib = prefix.join("..").join(lib);
            let Ok(lib) = lib.canonicalize() else { continue };
            directories.insert(lib.join("bfd-plugins"));
            // A directory per target: `lib/x86_64-linux-gnu`.
            let entries = std::fs::read_dir(&lib).at("list", &lib)?;
            let targets = entries.flatten().map(|entry| entry.path().join("bfd-plugins"));
            directories.extend(targets.filter(|dir| dir.is_dir()));
        }
    }
    let mut files = BTreeSet::new();
    for dir in directories.iter().filter(|dir| dir.is_dir()) {
        let entries = std::fs::read_dir(dir).at("list", dir)?;
        files.extend(
            entries
                .flatten()
                .map(|entry| entry.path())
                .filter(|path| path.is_file()),
        );
    }
    Ok(Plugins {
        files: files.into_iter().collect(),
        directories: directories.into_iter().collect(),
    })
}
