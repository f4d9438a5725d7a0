//! What lies below a directory, to compare and to put back.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

/// Everything below a directory, by relative path.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tree(BTreeMap<PathBuf, Entry>);

#[derive(Debug, PartialEq, Eq)]
enum Entry {
    Directory,
    File { mode: u32, links: u64, bytes: Vec<u8> },
    Symlink(PathBuf),
}

impl Tree {
    pub(super) fn of(dir: &Path) -> Self {
        let entries = walkdir::WalkDir::new(dir).min_depth(1).into_iter().map(|found| {
            let found = found.unwrap();
            let metadata = found.path().symlink_metadata().unwrap();
            let entry = if metadata.is_dir() {
                Entry::Directory
            } else if metadata.is_symlink() {
                Entry::Symlink(fs::read_link(found.path()).unwrap())
            } else {
                Entry::File {
                    mode: metadata.mode() & 0o7777,
                    links: metadata.nlink(),
                    bytes: fs::read(found.path()).unwrap(),
                }
            };
            (found.path().strip_prefix(dir).unwrap().to_owned(), entry)
        });
        Self(entries.collect())
    }

    /// Only what compilers, archivers and linkers write: objects, assembly, depfiles, archives, programs.
    pub(super) fn products(mut self) -> Self {
        self.0.retain(|path, entry| {
            let Entry::File { bytes, .. } = entry else { return false };
            let thrown_away = ["CMakeScratch", "CMakeTmp", "CompilerId", "meson-private", "conftest"];
            let name = path.to_string_lossy();
            let text = [".d", ".Po", ".Tpo", ".s"].iter().any(|end| name.ends_with(end));
            (text || bytes.starts_with(b"\x7fELF") || bytes.starts_with(b"!<arch>\n"))
                && !thrown_away.iter().any(|part| name.contains(part))
        });
        self
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn names(&self) -> Vec<String> {
        let names = self.0.keys().map(|path| path.to_string_lossy().into_owned());
        names.collect()
    }

    /// A line per difference.
    pub(super) fn differences(&self, other: &Self) -> Vec<String> {
        let paths = self
            .0
            .keys()
            .chain(other.0.keys().filter(|path| !self.0.contains_key(*path)));
        let differing = paths.filter(|path| self.0.get(*path) != other.0.get(*path));
        let shown = |entry: Option<&Entry>| match entry {
            None => "nothing".to_owned(),
            Some(Entry::File { mode, links, bytes }) => {
                let text = String::from_utf8_lossy(&bytes[..bytes.len().min(400)]).into_owned();
                let sum = bytes
                    .iter()
                    .fold(0_u32, |sum, byte| sum.rotate_left(5) ^ u32::from(*byte));
                format!(
                    "file {mode:o}, {links} links, {} bytes, {sum:08x} {text:?}",
                    bytes.len()
                )
            }
            Some(entry) => format!("{entry:?}"),
        };
        differing
            .map(|path| {
                format!(
                    "{}: {}\n    instead of {}",
                    path.display(),
                    shown(other.0.get(path)),
                    shown(self.0.get(path))
                )
            })
            .collect()
    }

    /// Makes the directory what it was. What is still equal is not touched.
    pub(super) fn restore(&self, dir: &Path) {
        let now = Self::of(dir);
        for (path, _) in now
            .0
            .iter()
            .rev()
            .filter(|(path, entry)| self.0.get(*path) != Some(entry))
        {
            let path = dir.join(path);
            if path.symlink_metadata().unwrap().is_dir() {
                fs::remove_dir(path).unwrap();
            } else {
                fs::remove_file(path).unwrap();
            }
        }
        for (path, entry) in self.0.iter().filter(|(path, entry)| now.0.get(*path) != Some(entry)) {
            let path = dir.join(path);
            match entry {
                Entry::Directory => fs::create_dir(path).unwrap(),
                Entry::Symlink(target) => symlink(target, path).unwrap(),
                Entry::File { mode, bytes, .. } => {
                    fs::write(&path, bytes).unwrap();
                    fs::set_permissions(path, Permissions::from_mode(*mode)).unwrap();
                }
            }
        }
    }
}
