//! Thin archives: the files that they name.

use super::ObjectToolFailure;
use crate::toolchain::FileDigests;
use object::read::archive::ArchiveFile;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// How an archive that only names its members begins.
pub(super) const MAGIC: &[u8] = b"!<thin>\n";

/// What thin archives name.
#[derive(Debug, Default)]
pub(super) struct Members {
    /// As they are opened: the archive's directory and the member's name, sorted.
    pub(super) files: BTreeSet<PathBuf>,
    /// An archive with a member that it names by an absolute path.
    pub(super) absolute: Option<PathBuf>,
}

impl Members {
    /// Adds what the thin archive at `archive` names, and what thin archives among that name.
    pub(super) fn add(&mut self, archive: &Path, digests: &dyn FileDigests) -> Result<(), ObjectToolFailure> {
        let failure = || ObjectToolFailure::ThinArchive {
            path: archive.to_owned(),
        };
        let bytes = digests.bytes(archive)?;
        let parsed = ArchiveFile::parse(&*bytes).map_err(|_| failure())?;
        let dir = archive.parent().unwrap_or(Path::new("/"));
        for member in parsed.members() {
            let member = member.map_err(|_| failure())?;
            let name = Path::new(OsStr::from_bytes(member.name()));
            if name.is_absolute() {
                self.absolute = Some(archive.to_owned());
            }
            let path = dir.join(name);
            if !path.is_file() {
                return Err(failure());
            }
            if self.files.insert(path.clone()) && super::inputs::head(&path)?.starts_with(MAGIC) {
                self.add(&path, digests)?;
            }
        }
        Ok(())
    }
}
