//! Finds programs on `PATH` as `execvp` does, and tells which of them are wrappers of ours and which are programs at all.

use crate::wire::view::InodeId;
use object::elf;
use object::read::elf::{Dyn as _, FileHeader, ProgramHeader as _};
use object::{Endianness, FileKind, ReadCache, ReadRef};
use rustix::fs::{Access, AtFlags, CWD};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The names of the wrapper that stand for a kind of tool; every other name stands for the tool of that name.
pub const WRAPPER_NAMES: [&str; 7] = [
    "rewrap-cc",
    "rewrap-c++",
    "rewrap-ld",
    "rewrap-ar",
    "rewrap-ranlib",
    "rewrap-strip",
    "rewrap-objcopy",
];

/// What tools look for on `PATH`, and what a directory of shims therefore holds.
const TELLING_NAMES: [&str; 4] = ["ld", "ar", "cc", "gcc"];

/// What `execvp` searches where `PATH` is not set (`confstr(_CS_PATH)` of glibc).
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// Programs as the caller of the wrapper would find them.
#[derive(Debug)]
pub struct Search {
    path: Option<OsString>,
    own: Option<InodeId>,
}

/// What a name on `PATH` led to.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// A program that is not a wrapper of ours.
    Program(PathBuf),
    /// A file of that name that may not be executed, and nothing better.
    NotExecutable(PathBuf),
    /// Nothing but wrappers of ours.
    OnlyOurs,
    /// Nothing.
    Nothing,
}

impl Search {
    /// In this `PATH`, by a wrapper whose program is `own`.
    pub fn new(path: Option<OsString>, own: Option<InodeId>) -> Self {
        Self { path, own }
    }

    /// The directories in order; an empty entry is the current one.
    fn directories(&self) -> impl Iterator<Item = PathBuf> {
        let path = self.path.as_deref().unwrap_or(OsStr::new(DEFAULT_PATH));
        std::env::split_paths(path).map(|entry| {
            if entry.as_os_str().is_empty() {
                ".".into()
            } else {
                entry
            }
        })
    }

    /// The first program of this name that is not ours, from the first directory that holds a wrapper of ours of this
    /// name onward if there is one: what stands before it has been here already (ccache, that found us as *its* next).
    pub fn next_after_ours(&self, name: &OsStr) -> Found {
        let ours = self
            .directories()
            .position(|directory| self.is_ours(&directory.join(name)));
        match ours.map_or(Found::Nothing, |position| self.find_from(name, position + 1)) {
            Found::Nothing | Found::OnlyOurs => self.find_from(name, 0),
            found => found,
        }
    }

    /// The first program of this name that is not ours.
    pub fn find(&self, name: &OsStr) -> Found {
        self.find_from(name, 0)
    }

    fn find_from(&self, name: &OsStr, skip: usize) -> Found {
        let mut best = Found::Nothing;
        for directory in self.directories().skip(skip) {
            let candidate = directory.join(name);
            if !is_file(&candidate) {
                continue;
            }
            if !is_executable(&candidate) {
                if best != Found::OnlyOurs {
                    best = Found::NotExecutable(candidate);
                }
            } else if self.is_ours(&candidate) {
                best = Found::OnlyOurs;
            } else {
                return Found::Program(candidate);
            }
        }
        best
    }

    /// Whether a path leads to a wrapper of ours: this very program, or one of its names (another build's).
    pub fn is_ours(&self, path: &Path) -> bool {
        let Ok(id) = InodeId::of(path) else { return false };
        if self.own == Some(id) {
            return true;
        }
        let resolved = std::fs::canonicalize(path);
        resolved.is_ok_and(|path| path.file_name().is_some_and(is_wrapper_name))
    }

    /// `PATH` for a real tool: without directories that hold nothing but wrappers of ours. Where the tool is started
    /// from within another (`nested`), also without any in which its own name is ours: two wrappers that each take the
    /// other for the real tool end there. `None` if there is no `PATH`.
    pub fn path_for_tool(&self, name: &OsStr, nested: bool) -> Option<OsString> {
        let kept = self
            .path
            .as_ref()?
            .as_bytes()
            .split(|&byte| byte == b':')
            .filter(|entry| {
                let directory = if entry.is_empty() {
                    Path::new(".")
                } else {
                    Path::new(OsStr::from_bytes(entry))
                };
                let is_ours = |name: &OsStr| self.is_ours(&directory.join(name));
                if is_ours(name) {
                    return !(nested || self.is_shim_directory(directory));
                }
                // Listing a directory like `/usr/bin` takes milliseconds: only where a tool would meet us again.
                !(TELLING_NAMES.iter().any(|name| is_ours(OsStr::new(name))) && self.is_shim_directory(directory))
            });
        Some(OsStr::from_bytes(&kept.collect::<Vec<_>>().join(&b':')).to_owned())
    }

    /// Hidden files aside, every entry is a wrapper of ours, and there is one.
    fn is_shim_directory(&self, directory: &Path) -> bool {
        let Ok(entries) = std::fs::read_dir(directory) else {
            return false;
        };
        let mut shims = 0;
        for entry in entries {
            let Ok(entry) = entry else { return false };
            if entry.file_name().as_bytes().starts_with(b".") {
                continue;
            }
            if !self.is_ours(&entry.path()) {
                return false;
            }
            shims += 1;
        }
        shims > 0
    }
}

/// Whether this is a name of the wrapper itself.
pub fn is_wrapper_name(name: &OsStr) -> bool {
    WRAPPER_NAMES.iter().any(|wrapper| OsStr::new(wrapper) == name)
}

/// Whether this leads to a regular file.
pub fn is_file(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.is_file())
}

/// Whether this user may execute it, by the effective ids as the kernel will judge.
pub fn is_executable(path: &Path) -> bool {
    rustix::fs::accessat(CWD, path, Access::EXEC_OK, AtFlags::EACCESS).is_ok()
}

/// Whether a file is a script or an ELF program; a shared library is neither, though it is often executable.
pub fn is_program(path: &Path) -> io::Result<bool> {
    let cache = ReadCache::new(File::open(path)?);
    if cache.read_bytes_at(0, 2) == Ok(b"#!") {
        return Ok(true);
    }
    Ok(match FileKind::parse(&cache) {
        Ok(FileKind::Elf32) => is_elf_program::<elf::FileHeader32<Endianness>, _>(&cache),
        Ok(FileKind::Elf64) => is_elf_program::<elf::FileHeader64<Endianness>, _>(&cache),
        _ => Ok(false),
    }
    .unwrap_or(false))
}

/// Position-independent programs and libraries are of one type. Linkers have marked programs (`DF_1_PIE`) since
/// binutils 2.26; older ones have an interpreter and no soname. The C library itself has both.
fn is_elf_program<'data, Elf, R>(file: R) -> object::Result<bool>
where
    Elf: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let header = Elf::parse(file)?;
    let endian = header.endian()?;
    match header.e_type(endian) {
        elf::ET_EXEC => return Ok(true),
        elf::ET_DYN => {}
        _ => return Ok(false),
    }
    let segments = header.program_headers(endian, file)?;
    let has_interpreter = segments.iter().any(|segment| segment.p_type(endian) == elf::PT_INTERP);
    let mut has_soname = false;
    for segment in segments {
        for entry in segment.dynamic(endian, file)?.unwrap_or_default() {
            match entry.tag32(endian) {
                Some(elf::DT_FLAGS_1) if entry.val32(endian).is_some_and(|flags| flags & elf::DF_1_PIE != 0) => {
                    return Ok(true);
                }
                Some(elf::DT_SONAME) => has_soname = true,
                _ => {}
            }
        }
    }
    Ok(has_interpreter && !has_soname)
}

#[cfg(test)]
mod tests;
