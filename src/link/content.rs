//! What a file is to a linker, by its content.

use super::LinkFailure;
use crate::host::fs::PathContext;
use crate::toolchain::elf::{self, Dynamic};
use memchr::memmem::Finder;
use object::elf::{ET_DYN, ET_REL, FileHeader32, FileHeader64};
use object::read::archive::ArchiveFile;
use object::read::elf::{FileHeader, SectionHeader};
use object::read::{ReadCache, ReadRef};
use object::{Endianness, FileKind};
use std::fs::File;
use std::path::Path;

/// A file that begins with more than this many bytes of text is text.
const HEAD: u64 = 4096;

/// A section of names of libraries (LLVM's extensions to ELF; the `object` crate does not know it).
const SHT_LLVM_DEPENDENT_LIBRARIES: u32 = 0x6fff_4c04;

/// The name of the same in bitcode.
const DEPENDENT_LIBRARIES: &[u8] = b"llvm.dependent-libraries";

/// Class and machine of an ELF file: a linker passes over libraries of another kind.
pub(super) type Kind = (bool, u16);

/// What was found in a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// An object, or a program whose symbols are taken.
    Object {
        kind: Kind,
        /// It has sections of link-time optimisation.
        lto: bool,
        /// It names libraries to link with (`#pragma comment(lib, …)`), which lld follows.
        names_libraries: bool,
    },
    /// A shared library.
    Shared(Dynamic),
    /// An archive that holds its members.
    Archive {
        /// That of the first member which has one.
        kind: Option<Kind>,
        lto: bool,
        names_libraries: bool,
    },
    /// An archive of names, as they stand there.
    Thin(Vec<Vec<u8>>),
    /// LLVM's intermediate code.
    Bitcode { names_libraries: bool },
    /// Perhaps a script.
    Text,
    /// Nothing that a linker reads.
    Unknown,
}

/// Looks into the file.
pub(super) fn sniff(path: &Path) -> Result<Content, LinkFailure> {
    let file = ReadCache::new(File::open(path).at("open", path)?);
    let failed = |_| LinkFailure::Strange {
        path: path.to_owned(),
        what: "a damaged object or archive",
    };
    let length = (&file).len().unwrap_or_default();
    let head = (&file).read_bytes_at(0, length.min(HEAD)).unwrap_or_default();
    if head.starts_with(b"!<arch>\n") || head.starts_with(b"!<thin>\n") {
        return archive(&file).map_err(failed);
    }
    if is_bitcode(head) {
        let bytes = (&file).read_bytes_at(0, length).unwrap_or_default();
        return Ok(Content::Bitcode {
            names_libraries: bitcode_names_libraries(bytes),
        });
    }
    if !head.starts_with(b"\x7fELF") {
        let is_text = !head.contains(&0) && std::str::from_utf8(&head[..head.len().min(64)]).is_ok();
        return Ok(if is_text { Content::Text } else { Content::Unknown });
    }
    let object = object(&file).map_err(failed)?;
    match object {
        Some(found) if found.shared => {
            let dynamic = elf::dynamic(path).map_err(|_| LinkFailure::Strange {
                path: path.to_owned(),
                what: "a damaged shared library",
            })?;
            Ok(dynamic.map_or(Content::Unknown, Content::Shared))
        }
        Some(found) => Ok(Content::Object {
            kind: found.kind,
            lto: found.lto,
            names_libraries: found.names_libraries,
        }),
        None => Ok(Content::Unknown),
    }
}

fn is_bitcode(head: &[u8]) -> bool {
    head.starts_with(b"BC\xC0\xDE") || head.starts_with(&0x0B17_C0DE_u32.to_le_bytes())
}

/// Bitcode is a stream of bits: the name may begin at any of them.
fn bitcode_names_libraries(bytes: &[u8]) -> bool {
    let finder = Finder::new(DEPENDENT_LIBRARIES);
    (0..8).any(|shift| {
        let pairs = bytes.iter().zip(bytes.iter().skip(1).chain(&[0]));
        let shifted: Vec<u8> = pairs
            .map(|(low, high)| (u16::from_le_bytes([*low, *high]) >> shift).to_le_bytes()[0])
            .collect();
        finder.find(&shifted).is_some()
    })
}

struct Found {
    kind: Kind,
    shared: bool,
    lto: bool,
    names_libraries: bool,
}

fn object<'data, R: ReadRef<'data>>(bytes: R) -> Result<Option<Found>, object::read::Error> {
    match FileKind::parse(bytes) {
        Ok(FileKind::Elf64) => elf_object::<FileHeader64<Endianness>, R>(bytes, true).map(Some),
        Ok(FileKind::Elf32) => elf_object::<FileHeader32<Endianness>, R>(bytes, false).map(Some),
        _ => Ok(None),
    }
}

fn elf_object<'data, Elf, R>(bytes: R, wide: bool) -> Result<Found, object::read::Error>
where
    Elf: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let header = Elf::parse(bytes)?;
    let endian = header.endian()?;
    let mut found = Found {
        kind: (wide, header.e_machine(endian)),
        shared: header.e_type(endian) == ET_DYN,
        lto: false,
        names_libraries: false,
    };
    if header.e_type(endian) == ET_REL {
        let sections = header.sections(endian, bytes)?;
        for section in sections.iter() {
            let name = sections.section_name(endian, section)?;
            // clang's fat objects hold bitcode in a section.
            let of_llvm = name.starts_with(b".llvm.lto") || name == b".llvmbc";
            found.names_libraries |= section.sh_type(endian) == SHT_LLVM_DEPENDENT_LIBRARIES;
            found.lto |= name.starts_with(b".gnu.lto_") || (of_llvm && section.sh_size(endian).into() > 0);
        }
    }
    Ok(found)
}

fn archive(bytes: &ReadCache<File>) -> Result<Content, object::read::Error> {
    let archive = ArchiveFile::parse(bytes)?;
    if archive.is_thin() {
        let members = archive
            .members()
            .map(|member| member.map(|member| member.name().to_vec()));
        return members.collect::<Result<_, _>>().map(Content::Thin);
    }
    let (mut kind, mut lto, mut names_libraries) = (None, false, false);
    for member in archive.members() {
        let (start, length) = member?.file_range();
        let member = bytes.range(start, length);
        let head = member.read_bytes_at(0, length.min(4)).unwrap_or_default();
        if is_bitcode(head) {
            lto = true;
            names_libraries |= bitcode_names_libraries(member.read_bytes_at(0, length).unwrap_or_default());
        } else if head == b"\x7fELF"
            && let Some(found) = object(member)?
        {
            kind = kind.or(Some(found.kind));
            lto |= found.lto;
            names_libraries |= found.names_libraries;
        }
    }
    Ok(Content::Archive {
        kind,
        lto,
        names_libraries,
    })
}
