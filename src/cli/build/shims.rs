//! The directory of symlinks that stands before compilers, linkers and archivers on `PATH`.
//!
//! It holds exactly the names of such tools that `PATH` has: one more, and `configure` would find a tool that is not
//! there. Its place depends on those names alone and is never removed, because CMake's cache remembers it; what it links
//! to follows rewrap when it moves.

use crate::command::{is_driver_name, is_object_tool_name};
use crate::config::Places;
use crate::digest::Digest;
use crate::failure::{Failure, FailureKind};
use crate::host::fs::{PathContext, PathError};
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// The wrapper, which lies beside `rewrap`.
const WRAPPER: &str = "rewrap-cc";

/// What `execvp` searches where `PATH` is not set.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// Makes the directory for the tools of this `PATH`; gives back the `PATH` that begins with it.
pub(super) fn prepare(places: &Places, path: Option<OsString>) -> Result<OsString, Failure> {
    let Some(data) = &places.data else {
        let failure = Failure::new(
            FailureKind::Host,
            "cannot place shims: neither HOME nor XDG_DATA_HOME is set",
        );
        return Err(failure.hint("set XDG_DATA_HOME to a directory that you may write"));
    };
    let root = data.join("rewrap").join("shims");
    let wrapper = wrapper()?;
    let path = path.unwrap_or_else(|| DEFAULT_PATH.into());
    // Those of an enclosing `rewrap build` would only be in the way.
    let directories: Vec<PathBuf> = std::env::split_paths(&path)
        .filter(|directory| !directory.starts_with(&root))
        .collect();
    let names = tools_in(&directories, &wrapper);
    let shims = root.join(place_of(&names));
    let made = make(&shims, &names, &wrapper).and_then(|()| repair(&root, &wrapper));
    made.map_err(Failure::from)?;
    std::env::join_paths(std::iter::once(shims).chain(directories))
        .map_err(|error| Failure::new(FailureKind::Host, "cannot put shims on PATH").caused_by(&error))
}

/// The wrapper beside this program.
fn wrapper() -> Result<PathBuf, Failure> {
    let cannot = |error: &dyn std::error::Error| format!("cannot find `{WRAPPER}` beside `rewrap`: {error}");
    let own = std::env::current_exe()
        .and_then(fs::canonicalize)
        .map_err(|error| Failure::new(FailureKind::Host, cannot(&error)))?;
    let wrapper = own.with_file_name(WRAPPER);
    match fs::metadata(&wrapper) {
        Ok(_) => Ok(wrapper),
        Err(error) => Err(Failure::new(FailureKind::Host, cannot(&error))),
    }
}

/// The names of the tools that are wrapped in these directories.
fn tools_in(directories: &[PathBuf], wrapper: &Path) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    // A directory that cannot be read is one in which nothing is found.
    for entry in directories
        .iter()
        .filter_map(|directory| fs::read_dir(directory).ok())
        .flatten()
        .flatten()
    {
        let name = entry.file_name();
        let is_wrapped = |name: &&str| is_driver_name(name) || is_object_tool_name(name);
        let Some(name) = name.to_str().filter(is_wrapped) else {
            continue;
        };
        if !names.contains(name) && is_foreign_program(&entry.path(), wrapper) {
            names.insert(name.to_owned());
        }
    }
    names
}

fn is_foreign_program(path: &Path, wrapper: &Path) -> bool {
    let executable = rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok();
    let is_wrapper = |real: PathBuf| real == wrapper || real.file_name() == Some(OsStr::new(WRAPPER));
    executable && path.is_file() && !fs::canonicalize(path).is_ok_and(is_wrapper)
}

fn place_of(names: &BTreeSet<String>) -> String {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Digest::of(names.join("\n").as_bytes()).hex()[..16].to_owned()
}

fn make(shims: &Path, names: &BTreeSet<String>, wrapper: &Path) -> Result<(), PathError> {
    fs::create_dir_all(shims).at("make", shims)?;
    for name in names {
        let shim = shims.join(name);
        if fs::read_link(&shim).is_ok_and(|target| target == wrapper) {
            continue;
        }
        point(&shim, wrapper)?;
    }
    Ok(())
}

/// Points shims of other places to this wrapper where theirs is gone: build directories still name them.
fn repair(root: &Path, wrapper: &Path) -> Result<(), PathError> {
    for place in fs::read_dir(root).at("list", root)? {
        let place = place.at("list", root)?.path();
        let Ok(shims) = fs::read_dir(&place) else { continue };
        for shim in shims {
            let shim = shim.at("list", &place)?.path();
            // Another process's draft may be gone at any time.
            let is_draft = shim
                .file_name()
                .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            if !is_draft && shim.is_symlink() && !shim.exists() {
                point(&shim, wrapper)?;
            }
        }
    }
    Ok(())
}

/// Makes or replaces the symlink in one step: a build that runs at the same time always finds one.
fn point(shim: &Path, wrapper: &Path) -> Result<(), PathError> {
    let name = shim.file_name().unwrap_or_default().to_string_lossy();
    let draft = shim.with_file_name(format!(".{name}.{}", std::process::id()));
    match fs::remove_file(&draft) {
        // Left by a process of this number that was killed.
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).at("remove", &draft),
    }
    symlink(wrapper, &draft).at("make", &draft)?;
    fs::rename(&draft, shim).at("rename", &draft)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Machine {
        root: tempfile::TempDir,
    }

    impl Machine {
        fn new(compilers: &[&str]) -> Self {
            let machine = Self {
                root: tempfile::tempdir().expect("temporary directory"),
            };
            for directory in ["bin", "old"] {
                fs::create_dir(machine.path(directory)).expect("made");
            }
            for name in compilers.iter().chain(&["bash"]) {
                machine.program(&format!("bin/{name}"));
            }
            machine.program("old/rewrap-cc");
            machine
        }

        fn path(&self, name: &str) -> PathBuf {
            self.root.path().join(name)
        }

        fn program(&self, name: &str) {
            fs::write(self.path(name), "").expect("written");
            rustix::fs::chmod(self.path(name), rustix::fs::Mode::from_raw_mode(0o755)).expect("mode set");
        }

        fn make(&self, wrapper: &str) -> PathBuf {
            let wrapper = self.path(wrapper);
            let names = tools_in(&[self.path("none"), self.path("bin")], &wrapper);
            let shims = self.path("shims").join(place_of(&names));
            make(&shims, &names, &wrapper)
                .and_then(|()| repair(&self.path("shims"), &wrapper))
                .expect("made");
            shims
        }
    }

    #[test]
    fn shims_are_the_tools_of_the_path_and_nothing_else() {
        let machine = Machine::new(&["gcc", "clang-19", "ld", "llvm-ar-19", "strip", "nm", "ld.so", "tar"]);
        fs::write(machine.path("bin/g++"), "not executable").expect("written");
        symlink(machine.path("old/rewrap-cc"), machine.path("bin/clang")).expect("linked");
        let shims = machine.make("old/rewrap-cc");
        let mut names: Vec<_> = fs::read_dir(&shims)
            .expect("there")
            .map(|e| e.expect("entry").file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["clang-19", "gcc", "ld", "llvm-ar-19", "strip"]);
        assert_eq!(
            fs::read_link(shims.join("gcc")).expect("a link"),
            machine.path("old/rewrap-cc")
        );
        assert_eq!(machine.make("old/rewrap-cc"), shims);
    }

    #[test]
    fn shims_follow_rewrap_when_it_moves() {
        let machine = Machine::new(&["gcc"]);
        let old = machine.make("old/rewrap-cc");
        fs::rename(machine.path("old"), machine.path("new")).expect("moved");
        machine.program("bin/cc");
        let new = machine.make("new/rewrap-cc");
        assert_ne!(old, new);
        for shim in [old.join("gcc"), new.join("gcc"), new.join("cc")] {
            assert_eq!(fs::read_link(shim).expect("a link"), machine.path("new/rewrap-cc"));
        }
    }
}
