//! What an ELF program asks the dynamic loader for. Reads only the headers and the dynamic segment.

use super::ToolchainFailure;
use crate::host::fs::PathContext;
use object::elf::{DT_NEEDED, DT_RPATH, DT_RUNPATH, DT_SONAME, DT_STRSZ, DT_STRTAB, FileHeader32, FileHeader64};
use object::read::elf::{Dyn, FileHeader, ProgramHeader};
use object::read::{ReadCache, ReadRef, StringTable};
use object::{Endianness, FileKind};
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The dynamic section, as far as it names files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dynamic {
    /// `PT_INTERP`: the loader.
    pub interpreter: Option<PathBuf>,
    /// `DT_NEEDED`.
    pub needed: Vec<PathBuf>,
    /// `DT_SONAME`: what those that are linked with it will need.
    pub soname: Option<PathBuf>,
    /// `DT_RPATH`: searched for the whole program, unless there is a run path.
    pub rpath: Vec<PathBuf>,
    /// `DT_RUNPATH`: searched for this file's own libraries.
    pub runpath: Vec<PathBuf>,
    /// Class and machine: a loader passes over libraries of another kind.
    pub kind: (bool, u16),
}

/// Reads it; `None` if the file is not ELF.
pub fn dynamic(path: &Path) -> Result<Option<Dynamic>, ToolchainFailure> {
    let file = ReadCache::new(File::open(path).at("open", path)?);
    let parsed = match FileKind::parse(&file) {
        Ok(FileKind::Elf64) => parse::<FileHeader64<Endianness>, _>(&file, true),
        Ok(FileKind::Elf32) => parse::<FileHeader32<Endianness>, _>(&file, false),
        _ => return Ok(None),
    };
    let mut dynamic = parsed.map_err(|source| ToolchainFailure::Elf {
        path: path.to_owned(),
        source,
    })?;
    let origin = path.parent().unwrap_or(Path::new("/"));
    for dir in dynamic.rpath.iter_mut().chain(&mut dynamic.runpath) {
        *dir = expand_origin(dir, origin);
    }
    Ok(Some(dynamic))
}

fn parse<'data, Elf, R>(data: R, wide: bool) -> Result<Dynamic, object::read::Error>
where
    Elf: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let header = Elf::parse(data)?;
    let endian = header.endian()?;
    let mut found = Dynamic {
        kind: (wide, header.e_machine(endian)),
        ..Dynamic::default()
    };
    let segments = header.program_headers(endian, data)?;
    for segment in segments {
        if let Some(loader) = segment.interpreter(endian, data)? {
            found.interpreter = Some(path(loader));
        }
        let Some(entries) = segment.dynamic(endian, data)? else {
            continue;
        };
        let value = |tag: u32| {
            let entry = entries.iter().find(|entry| entry.tag32(endian) == Some(tag));
            entry.map(|entry| entry.d_val(endian).into())
        };
        let (Some(address), Some(size)) = (value(DT_STRTAB), value(DT_STRSZ)) else {
            continue;
        };
        let Some(offset) = file_offset::<Elf>(segments, endian, address) else {
            continue;
        };
        let strings = StringTable::new(data, offset, offset.saturating_add(size));
        for entry in entries {
            let list = match entry.tag32(endian) {
                Some(DT_SONAME) => {
                    found.soname = Some(path(entry.string(endian, strings)?));
                    continue;
                }
                Some(DT_NEEDED) => &mut found.needed,
                Some(DT_RPATH) => &mut found.rpath,
                Some(DT_RUNPATH) => &mut found.runpath,
                _ => continue,
            };
            let text = entry.string(endian, strings)?;
            list.extend(text.split(|byte| *byte == b':').map(path));
        }
    }
    Ok(found)
}

fn file_offset<Elf: FileHeader<Endian = Endianness>>(
    segments: &[Elf::ProgramHeader],
    endian: Endianness,
    address: u64,
) -> Option<u64> {
    segments
        .iter()
        .filter(|segment| segment.p_type(endian) == object::elf::PT_LOAD)
        .find_map(|segment| {
            let inside = address.checked_sub(segment.p_vaddr(endian).into())?;
            (inside < segment.p_filesz(endian).into()).then(|| segment.p_offset(endian).into() + inside)
        })
}

fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

fn expand_origin(dir: &Path, origin: &Path) -> PathBuf {
    for token in ["$ORIGIN", "${ORIGIN}"] {
        if let Ok(below) = dir.strip_prefix(token) {
            return origin.join(below);
        }
    }
    dir.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origin_is_the_directory_of_the_file() {
        let check = |dir: &str, expected: &str| {
            assert_eq!(
                expand_origin(Path::new(dir), Path::new("/opt/bin")),
                Path::new(expected)
            );
        };
        check("$ORIGIN/../lib", "/opt/bin/../lib");
        check("${ORIGIN}", "/opt/bin");
        check("/usr/lib", "/usr/lib");
    }

    #[test]
    fn this_test_needs_the_c_library() {
        let found = dynamic(&std::env::current_exe().expect("own path"))
            .expect("readable")
            .expect("ELF");
        assert!(found.needed.contains(&PathBuf::from("libc.so.6")), "{found:?}");
        assert!(found.interpreter.is_some());
    }

    #[test]
    fn text_is_no_program() {
        assert_eq!(dynamic(Path::new("/etc/passwd")).expect("readable"), None);
    }
}
