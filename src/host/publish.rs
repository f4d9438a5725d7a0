//! Publishes whole files: written under a temporary name, then renamed, so that nobody ever sees half of one.
//!
//! Nothing is synced: after a power cut a published file may be short or empty, and whoever reads it must notice.

use super::fs::{PathContext as _, PathError};
use std::fs::{File, Permissions};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use tempfile::TempPath;

/// A file that is still being written. Dropped unpublished, it is removed; killed, it leaves a file whose name begins
/// with [`Draft::PREFIX`].
pub struct Draft {
    // The descriptor is closed before the name goes.
    file: File,
    path: TempPath,
}

impl Draft {
    /// How temporary names begin. The dot keeps them out of `*` patterns of the shell and of make.
    pub const PREFIX: &str = ".rewrap-";

    /// A draft in this directory, to be published on the same file system.
    pub fn within(directory: &Path) -> Result<Self, PathError> {
        let open = |path: &Path| {
            let mut options = File::options();
            options.read(true).write(true).create_new(true).mode(0o600).open(path)
        };
        // Not `tempfile_in`: its errors name the path once more and have lost the system's code.
        let temp = tempfile::Builder::new().prefix(Self::PREFIX).make_in(directory, open);
        let (file, path) = temp.at("create a file in", directory)?.into_parts();
        Ok(Self { file, path })
    }

    /// Where to write; also readable.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// The temporary name, for error messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the file this mode (the umask is not applied) and its name, replacing what had the name before.
    pub fn publish(self, target: &Path, mode: u32) -> Result<(), PathError> {
        let permissions = Permissions::from_mode(mode);
        self.file
            .set_permissions(permissions)
            .at("change the mode of", &self.path)?;
        let renamed = self.path.persist(target).map_err(|failed| failed.error);
        renamed.at("rename a new file to", target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{ErrorKind, Write as _};

    fn publish_bytes(directory: &Path, name: &str, bytes: &[u8], mode: u32) -> Result<(), PathError> {
        let draft = Draft::within(directory)?;
        draft.file().write_all(bytes).at("write", draft.path())?;
        draft.publish(&directory.join(name), mode)
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(directory).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_published_file_has_content_mode_and_no_leftovers() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("out");
        publish_bytes(dir.path(), "out", b"old", 0o600).unwrap();
        publish_bytes(dir.path(), "out", b"new", 0o751).unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"new");
        assert_eq!(target.metadata().unwrap().permissions().mode() & 0o7777, 0o751);
        assert_eq!(names(dir.path()), ["out"]);
    }

    #[test]
    fn a_dropped_draft_leaves_the_old_file_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("out");
        publish_bytes(dir.path(), "out", b"old", 0o644).unwrap();
        let draft = Draft::within(dir.path()).unwrap();
        draft.file().write_all(b"half").unwrap();
        assert_eq!(names(dir.path()).len(), 2);
        drop(draft);
        assert_eq!(std::fs::read(&target).unwrap(), b"old");
        assert_eq!(names(dir.path()), ["out"]);
    }

    #[test]
    fn errors_name_the_path_once() {
        let dir = tempfile::tempdir().unwrap();
        let error = publish_bytes(&dir.path().join("none"), "out", b"", 0o644).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("cannot create a file in `{}/none`", dir.path().display())
        );
        assert_eq!(error.source.kind(), ErrorKind::NotFound);
        assert_eq!(error.source.to_string(), "No such file or directory (os error 2)");

        std::fs::create_dir(dir.path().join("directory")).unwrap();
        let error = publish_bytes(dir.path(), "directory", b"", 0o644).unwrap_err();
        assert_eq!(error.source.kind(), ErrorKind::IsADirectory);
        assert_eq!(names(dir.path()), ["directory"]);
    }
}
