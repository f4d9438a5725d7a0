//! Libraries that shared libraries need. GNU ld opens them to see whether all symbols are there; the other linkers do
//! not. The order of its search stands in its manual under `-rpath-link`.

use super::LinkFailure;
use super::content::{Content, sniff};
use super::resolve::{Loaded, Resolver};
use crate::scan::Found;
use crate::toolchain::Environment;
use crate::toolchain::elf::Dynamic;
use crate::toolchain::loader::configured;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// What `$LIB` stands for.
const LIBS: [&str; 2] = ["lib", "lib64"];

/// Where needed libraries are searched, besides what each library says.
struct Places {
    /// `-rpath-link`, `-rpath`, `LD_RUN_PATH`, `LD_LIBRARY_PATH`.
    first: Vec<String>,
    /// The linker's own.
    own: Vec<PathBuf>,
    /// Of `ld.so.conf`; read when they are reached.
    configured: Option<Vec<PathBuf>>,
}

/// How choosy the search is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    Careful,
    Any,
}

impl Resolver<'_> {
    /// Follows all of them. One that is not found is no failure: the linker only warns.
    pub(super) fn needed(&mut self, run_path: &[String], env: &Environment) -> Result<(), LinkFailure> {
        let line = self.line();
        let mut first = [line.rpath_link.as_slice(), &self.rpath].concat();
        if first.is_empty() {
            first.extend_from_slice(run_path);
        }
        let variable = env.get("LD_LIBRARY_PATH").and_then(OsStr::to_str).unwrap_or_default();
        first.extend(
            variable
                .split([':', ';'])
                .filter(|_| !variable.is_empty())
                .map(str::to_owned),
        );
        let mut places = Places {
            first,
            own: self.directories.for_needed(),
            configured: None,
        };
        let mut asked = BTreeSet::new();
        let mut at = 0;
        // The list grows while it is worked off.
        while at < self.loaded.len() {
            let (path, dynamic) = (self.loaded[at].path.clone(), self.loaded[at].dynamic.clone());
            for name in &dynamic.needed {
                if asked.insert(name.clone()) && !self.is_loaded(name) {
                    self.find_needed(name, &path, &dynamic, &mut places)?;
                }
            }
            at += 1;
        }
        Ok(())
    }

    fn is_loaded(&self, name: &Path) -> bool {
        let same = |loaded: &Loaded| match &loaded.dynamic.soname {
            Some(soname) => soname == name,
            None => loaded.path.file_name() == name.file_name(),
        };
        self.loaded.iter().any(same)
    }

    /// GNU ld goes through all places twice: the second time it takes what it had doubts about the first time.
    fn find_needed(&mut self, name: &Path, by: &Path, needs: &Dynamic, places: &mut Places) -> Result<(), LinkFailure> {
        for pass in [Pass::Careful, Pass::Any] {
            if self.search_needed(name, by, needs, places, pass)? {
                break;
            }
        }
        Ok(())
    }

    fn search_needed(
        &mut self,
        name: &Path,
        by: &Path,
        needs: &Dynamic,
        places: &mut Places,
        pass: Pass,
    ) -> Result<bool, LinkFailure> {
        if name.is_absolute() {
            self.names_absolutely(by, name);
            return self.try_needed(Path::new("/"), name, pass);
        }
        let run_paths = needs.rpath.iter().chain(&needs.runpath);
        let run_paths: Vec<String> = run_paths.map(|dir| dir.to_string_lossy().into_owned()).collect();
        for (at, entry) in places.first.iter().chain(&run_paths).enumerate() {
            // What the names in it mean differs between versions: every meaning is followed.
            let mut found = false;
            for dir in self.meanings(entry, by) {
                found |= self.try_needed(&dir, name, pass)?;
            }
            if found {
                let of_library = at >= places.first.len() && entry.starts_with('/');
                if of_library && !self.run_paths.contains(entry) {
                    self.run_paths.push(entry.clone());
                }
                return Ok(true);
            }
        }
        if places.configured.is_none() {
            places.configured = Some(self.configured()?);
        }
        // GNU ld 2.40 takes these the other way round than its manual says.
        let mut found = false;
        for dirs in [places.configured.as_deref().unwrap_or_default(), &places.own] {
            for dir in dirs {
                if self.try_needed(dir, name, pass)? {
                    found = true;
                    break;
                }
            }
        }
        Ok(found)
    }

    /// The directories that an entry of a run path may stand for.
    fn meanings(&self, entry: &str, by: &Path) -> Vec<PathBuf> {
        let mut texts = vec![entry.to_owned()];
        let beside = [Some(by.to_owned()), by.canonicalize().ok()];
        let beside: Vec<PathBuf> = beside
            .iter()
            .flatten()
            .filter_map(|by| by.parent().map(Path::to_owned))
            .collect();
        for token in ["$ORIGIN", "${ORIGIN}"] {
            texts = replaced(
                texts,
                token,
                &beside.iter().map(|dir| dir.to_string_lossy()).collect::<Vec<_>>(),
            );
        }
        for token in ["$LIB", "${LIB}"] {
            texts = replaced(texts, token, &LIBS);
        }
        let paths: BTreeSet<PathBuf> = texts.iter().map(|text| self.directories.expanded(text)).collect();
        paths.into_iter().collect()
    }

    /// Whether a library of this name is in the directory and is taken.
    fn try_needed(&mut self, dir: &Path, name: &Path, pass: Pass) -> Result<bool, LinkFailure> {
        if !self.directories.exists(dir) {
            return Ok(false);
        }
        let Some(path) = self.directories.file(dir, name.as_os_str()) else {
            return Ok(false);
        };
        self.note(&path, Found::Needed)?;
        let Content::Shared(dynamic) = sniff(&path)? else {
            return Ok(false);
        };
        if !self.fits(Some(dynamic.kind)) || (pass == Pass::Careful && self.is_doubtful(&dynamic)) {
            return Ok(false);
        }
        self.loaded.push(Loaded { path, dynamic });
        Ok(true)
    }

    /// A library that needs another version of one that is there, or others but not the C library.
    fn is_doubtful(&self, dynamic: &Dynamic) -> bool {
        let of_c = |name: &PathBuf| name.as_os_str().as_encoded_bytes().starts_with(b"libc.so");
        let without_c = !dynamic.needed.is_empty() && !dynamic.needed.iter().any(of_c);
        let loaded = || self.loaded.iter().filter_map(|loaded| loaded.dynamic.soname.as_deref());
        let other_version = dynamic.needed.iter().any(|needed| {
            let wanted = stem(needed);
            wanted.is_some() && loaded().any(|other| stem(other) == wanted && other != needed)
        });
        without_c || other_version
    }

    /// The directories that the loader of the target is set up with.
    fn configured(&mut self) -> Result<Vec<PathBuf>, LinkFailure> {
        let mut dirs = Vec::new();
        for name in ["=/usr/etc/ld.so.conf", "=/etc/ld.so.conf"] {
            let file = self.directories.expanded(name);
            let found = self.directories.file(Path::new("/"), file.as_os_str());
            let Some(file) = found else { continue };
            let configured = configured(&file);
            for dir in &configured.listed {
                self.directories.all_names(dir);
            }
            for file in &configured.files {
                self.note(file, Found::Needed)?;
            }
            let below = |dir: &PathBuf| self.directories.below_sysroot(dir).unwrap_or_else(|| dir.clone());
            dirs.extend(configured.dirs.iter().map(below));
            break;
        }
        Ok(dirs)
    }
}

fn replaced(texts: Vec<String>, token: &str, by: &[impl AsRef<str>]) -> Vec<String> {
    let mut all = Vec::new();
    for text in texts {
        if text.contains(token) {
            all.extend(by.iter().map(|by| text.replace(token, by.as_ref())));
        } else {
            all.push(text);
        }
    }
    all
}

/// `libx` of `libx.so.1`.
fn stem(name: &Path) -> Option<&str> {
    name.file_name()?.to_str()?.split_once(".so.").map(|(stem, _)| stem)
}
