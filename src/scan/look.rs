//! Looking for names in directories as the kernel does, component by component, and noting everything that was looked
//! at: creating or removing any noted name is a reason to look again.

use crate::observation::{Names, Observation};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The kernel follows at most this many symlinks for one path.
const LINK_LIMIT: u32 = 40;

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// Nothing, or something that no compiler reads as a header.
    Nothing,
}

/// Looks, and remembers for one scan.
#[derive(Default)]
pub struct Look {
    known: HashMap<PathBuf, HashMap<Box<[u8]>, End>>,
    names: HashMap<PathBuf, HashSet<Box<[u8]>>>,
    observed: Observation,
}

impl Look {
    /// What `name`, which may have several components, leads to from the directory `dir`.
    pub fn at(&mut self, dir: &Path, name: &[u8]) -> End {
        if let Some(end) = self.known.get(dir).and_then(|names| names.get(name)) {
            return *end;
        }
        let end = self.follow(dir, name, 0);
        self.known.entry(dir.to_owned()).or_default().insert(name.into(), end);
        end
    }

    /// Notes that this directory is searched, whatever for. `false` if it is none.
    pub fn search(&mut self, dir: &Path) -> bool {
        let exists = dir.is_dir();
        if exists {
            self.names.entry(dir.to_owned()).or_default();
        } else {
            self.observed.absent.insert(dir.to_owned());
        }
        exists
    }

    /// Notes that any change of this directory's listing may matter.
    pub fn all_names(&mut self, dir: &Path) {
        self.observed.directories.insert(dir.to_owned(), Names::All);
    }

    /// The files of a directory; any change of its listing will matter.
    pub(super) fn files_in(&mut self, dir: &Path) -> Vec<PathBuf> {
        self.all_names(dir);
        let Ok(entries) = fs::read_dir(dir) else {
            return Vec::new();
        };
        let names: BTreeSet<Vec<u8>> = entries
            .flatten()
            .map(|entry| entry.file_name().into_encoded_bytes())
            .collect();
        let files = names.iter().filter(|name| self.at(dir, name) == End::File);
        files.map(|name| dir.join(OsStr::from_bytes(name))).collect()
    }

    /// Everything that was noted.
    pub fn into_observation(self) -> Observation {
        let mut observed = self.observed;
        for (dir, names) in self.names {
            let names: BTreeSet<Vec<u8>> = names.into_iter().map(<[u8]>::into_vec).collect();
            observed.directories.entry(dir).or_insert(Names::These(names));
        }
        observed
    }

    fn follow(&mut self, from: &Path, name: &[u8], links: u32) -> End {
        let mut at = if name.starts_with(b"/") {
            PathBuf::from("/")
        } else {
            from.to_owned()
        };
        let mut components = name.split(|byte| *byte == b'/').peekable();
        while let Some(component) = components.next() {
            let last = components.peek().is_none();
            match component {
                b"" | b"." => continue,
                b".." => {
                    at.push("..");
                    continue;
                }
                _ => {}
            }
            self.note(&at, component);
            let path = at.join(OsStr::from_bytes(component));
            match self.entry(&at, &path, links) {
                End::Nothing => return End::Nothing,
                End::File if last => return End::File,
                End::File => {
                    // It would have to be a directory.
                    self.observed.absent.insert(path);
                    return End::Nothing;
                }
                End::Directory => {
                    self.names.entry(path.clone()).or_default();
                    at = path;
                }
            }
        }
        End::Directory
    }

    fn entry(&mut self, dir: &Path, path: &Path, links: u32) -> End {
        let Ok(meta) = fs::symlink_metadata(path) else {
            return End::Nothing;
        };
        if !meta.is_symlink() {
            return match meta.is_dir() {
                true => End::Directory,
                false if meta.is_file() => End::File,
                false => End::Nothing,
            };
        }
        let Ok(target) = fs::read_link(path) else {
            return End::Nothing;
        };
        self.observed.links.insert(path.to_owned(), target.clone());
        if links >= LINK_LIMIT {
            return End::Nothing;
        }
        self.follow(dir, target.as_os_str().as_bytes(), links + 1)
    }

    fn note(&mut self, dir: &Path, name: &[u8]) {
        if let Some(names) = self.names.get_mut(dir) {
            if !names.contains(name) {
                names.insert(name.into());
            }
        } else {
            self.names.insert(dir.to_owned(), HashSet::from([name.into()]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn every_name_on_the_way_is_noted() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("real/sub")).expect("directory");
        fs::write(at("real/r.h"), "").expect("file");
        symlink("real/sub", at("lnk")).expect("link");
        symlink("gone", at("dangling")).expect("link");
        let mut look = Look::default();
        for (name, end) in [
            ("real/r.h", End::File),
            ("real/none.h", End::Nothing),
            ("lnk/../r.h", End::File),
            ("lnk", End::Directory),
            ("dangling", End::Nothing),
            ("real/r.h/x", End::Nothing),
            ("none/../real/r.h", End::Nothing),
            ("./real//r.h", End::File),
        ] {
            assert_eq!(look.at(dir.path(), name.as_bytes()), end, "{name}");
        }
        let observed = look.into_observation();
        let names = |name: &str| match &observed.directories[&at(name)] {
            Names::These(names) => names
                .iter()
                .map(|name| String::from_utf8_lossy(name))
                .collect::<Vec<_>>(),
            Names::All => panic!("{name}"),
        };
        assert_eq!(names(""), ["dangling", "gone", "lnk", "none", "real"]);
        assert_eq!(names("real"), ["none.h", "r.h", "sub"]);
        assert_eq!(names("lnk/.."), ["r.h"]);
        assert_eq!(observed.links[&at("lnk")], Path::new("real/sub"));
        assert_eq!(observed.links[&at("dangling")], Path::new("gone"));
        assert_eq!(observed.absent, BTreeSet::from([at("real/r.h")]));
    }
}
