//! The directories in which a linker looks, in its order, and looking for names in them.

use crate::command::link::{Flavour, LinkLine};
use crate::observation::Observation;
use crate::scan::look::{End, Look};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Where libraries and scripts are searched. Remembers everything that was looked at.
pub(super) struct Directories {
    look: Look,
    cwd: PathBuf,
    sysroot: Option<PathBuf>,
    /// Of the command line.
    named: Vec<PathBuf>,
    /// Of scripts: nothing is sure about their place in the order.
    scripted: Vec<PathBuf>,
    /// The linker's own.
    own: Vec<PathBuf>,
}

impl Directories {
    pub(super) fn new(line: &LinkLine, own: &[String], cwd: &Path) -> Self {
        let sysroot = line.sysroot.as_deref().filter(|root| !root.is_empty() && *root != "/");
        let mut directories = Self {
            look: Look::default(),
            cwd: cwd.to_owned(),
            sysroot: sysroot.map(|root| cwd.join(root)),
            named: Vec::new(),
            scripted: Vec::new(),
            own: Vec::new(),
        };
        for dir in &line.library_dirs {
            let dir = directories.expanded(dir);
            if directories.exists(&dir) {
                directories.named.push(dir);
            }
        }
        let own = own.iter().filter(|_| !line.nostdlib);
        for dir in own {
            let dir = match line.flavour {
                // It has put the sysroot before them already.
                Flavour::Gold => cwd.join(dir),
                _ => directories.expanded(dir),
            };
            if directories.exists(&dir) {
                directories.own.push(dir);
            }
        }
        directories
    }

    /// A path in which `=` or `$SYSROOT` at the beginning stands for the sysroot.
    pub(super) fn expanded(&self, path: &str) -> PathBuf {
        match path.strip_prefix('=').or_else(|| path.strip_prefix("$SYSROOT")) {
            Some(below) => match &self.sysroot {
                Some(root) => root.join(below.trim_start_matches('/')),
                None => self.cwd.join(below),
            },
            None => self.cwd.join(path),
        }
    }

    /// The same path below the sysroot; `None` without one, and for what is relative.
    pub(super) fn below_sysroot(&self, path: &Path) -> Option<PathBuf> {
        let root = self.sysroot.as_ref()?;
        Some(root.join(path.strip_prefix("/").ok()?))
    }

    /// Whether the file lies in the sysroot: a script there means absolute paths below it.
    pub(super) fn is_in_sysroot(&self, path: &Path) -> bool {
        let root = self.sysroot.as_ref().and_then(|root| root.canonicalize().ok());
        let real = path.canonicalize().ok();
        root.zip(real).is_some_and(|(root, real)| real.starts_with(root))
    }

    /// Notes that this directory is searched. `false` if it is none.
    pub(super) fn exists(&mut self, dir: &Path) -> bool {
        self.look.search(dir)
    }

    /// Notes that any file that comes to be there may matter.
    pub(super) fn all_names(&mut self, dir: &Path) {
        if self.look.search(dir) {
            self.look.all_names(dir);
        }
    }

    /// A directory from a script.
    pub(super) fn add_scripted(&mut self, dir: &str) {
        let dir = self.expanded(dir);
        if self.exists(&dir) && !self.scripted.contains(&dir) {
            self.scripted.push(dir);
        }
    }

    /// The file of this name in a directory, or at an absolute path.
    pub(super) fn file(&mut self, dir: &Path, name: &OsStr) -> Option<PathBuf> {
        (self.look.at(dir, name.as_bytes()) == End::File).then(|| dir.join(name))
    }

    /// The file of this name, relative to the cwd.
    pub(super) fn in_cwd(&mut self, name: &str) -> Option<PathBuf> {
        let cwd = self.cwd.clone();
        self.file(&cwd, OsStr::new(name))
    }

    /// The directories of libraries in order, and for each whether a hit there ends the search.
    pub(super) fn for_libraries(&self) -> Vec<(PathBuf, bool)> {
        let sure = self.scripted.is_empty();
        let named = self.named.iter().map(|dir| (dir, true));
        let rest = self.scripted.iter().chain(&self.own).map(|dir| (dir, sure));
        named.chain(rest).map(|(dir, ends)| (dir.clone(), ends)).collect()
    }

    /// Those of the command line.
    pub(super) fn named(&self) -> &[PathBuf] {
        &self.named
    }

    /// Those that needed libraries of libraries are searched in.
    pub(super) fn for_needed(&self) -> Vec<PathBuf> {
        self.scripted.iter().chain(&self.own).cloned().collect()
    }

    pub(super) fn cwd(&self) -> &Path {
        &self.cwd
    }

    /// The existing directories of the search, and everything that was noted.
    pub(super) fn into_parts(self) -> (Vec<PathBuf>, Observation) {
        let mut dirs = self.named;
        dirs.extend(self.scripted);
        dirs.extend(self.own);
        (dirs, self.look.into_observation())
    }
}
