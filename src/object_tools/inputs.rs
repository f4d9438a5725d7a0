//! What a step of an archiver or object tool reads and what becomes of its outputs, by the files that are there.

use super::thin::{self, Members};
use super::{ObjectToolFailure, Parsed, ToolIdentity};
use crate::command::archive::{ArchiveCommand, Operation, thin_names};
use crate::command::object_tool::{ObjectCommand, OutputMode};
use crate::command::{LocalOnly, PieceRole, Suite, ToolCommand, Unrelocatable};
use crate::host::fs::PathContext;
use crate::observation::{Names, Observation};
use crate::scan::{Found, Scan, ScannedFile};
use crate::toolchain::{Environment, FileDigests};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Variables that change how GNU's tools read their arguments or files.
const GNU_VARIABLES: [&str; 2] = ["GNUTARGET", "POSIXLY_CORRECT"];

/// Where the type stands in the header of an ELF file.
const ELF_TYPE: usize = 16;

/// How much of a file tells what it is: the longest is an archive's magic and the name of its first member.
const HEAD: u64 = 24;

/// A step whose files have been looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The command: outputs with their final modes, and said to be updated only where there is something to update.
    pub command: ToolCommand,
    /// What is read, apart from what the words name as inputs.
    pub scan: Scan,
    /// Whether all that this follows from is in the scan. Modes and other names of files are not: a step that rests on
    /// them is to be looked at anew every time.
    pub lasting: bool,
}

/// Looks at the files of a step: which outputs are there, what thin archives name, what a mode follows from.
pub fn inputs_of(
    parsed: Parsed,
    identity: &ToolIdentity,
    cwd: &Path,
    env: &Environment,
    digests: &dyn FileDigests,
) -> Result<Resolved, ObjectToolFailure> {
    if identity.suite == Suite::Gnu
        && let Some(name) = GNU_VARIABLES.iter().find(|name| env.get(name).is_some())
    {
        return Err(LocalOnly::EnvironmentVariable {
            name: (*name).to_owned(),
        }
        .into());
    }
    let mut look = Look {
        suite: identity.suite,
        cwd,
        digests,
        files: BTreeSet::new(),
        members: Members::default(),
        observed: Observation::default(),
    };
    let (mut command, lasting) = match parsed {
        Parsed::Archive(archive) => (look.archive(archive, env)?, true),
        Parsed::Object(object) => {
            let stated = object.mode != OutputMode::InputMode;
            let command = look.object(object)?;
            let replaced = look.suite == Suite::Llvm && command.outputs.iter().any(|output| output.updates);
            (command, stated && !replaced)
        }
    };
    look.all_are_different(&command)?;
    if let Some(archive) = &look.members.absolute {
        command.placed_locally = Some(Unrelocatable {
            option: archive.display().to_string(),
            why: "names its members by absolute paths",
            only_if_rewritten: false,
            also_portable: true,
        });
    }
    Ok(Resolved {
        command,
        scan: look.scan()?,
        lasting,
    })
}

struct Look<'a> {
    suite: Suite,
    cwd: &'a Path,
    digests: &'a dyn FileDigests,
    /// Read besides what the words name as inputs.
    files: BTreeSet<PathBuf>,
    members: Members,
    observed: Observation,
}

impl Look<'_> {
    fn archive(&mut self, archive: ArchiveCommand, env: &Environment) -> Result<ToolCommand, ObjectToolFailure> {
        let mut command = archive.command;
        let mut thin = archive.thin;
        for output in &mut command.outputs {
            let path = self.cwd.join(&output.path);
            let Some(_) = self.existing(&path, &output.path)? else {
                output.updates = false;
                continue;
            };
            if archive.newer_only {
                return Err(ObjectToolFailure::ModificationTimes { path });
            }
            if archive.members == 0 && archive.operation != Operation::Index {
                return Err(ObjectToolFailure::NothingToDo { path });
            }
            let head = head(&path)?;
            if head.starts_with(thin::MAGIC) {
                // It stays thin, whatever is done with it.
                thin = true;
                command.placed_locally = Some(thin_names());
                self.members.add(&path, self.digests)?;
            }
            // Left as it is, mode included: its own bytes come to lie there again.
            if self.suite == Suite::Llvm && archive.operation == Operation::Index && has_symbol_table(&head) {
                output.in_place = true;
            }
            self.files.insert(path);
        }
        let pwd = env.get("PWD").filter(|pwd| *pwd != self.cwd.as_os_str());
        if thin && self.suite == Suite::Llvm && pwd.is_some() {
            return Err(ObjectToolFailure::OtherWorkingDirectory);
        }
        self.named_inputs(&command)?;
        Ok(command)
    }

    fn object(&mut self, object: ObjectCommand) -> Result<ToolCommand, ObjectToolFailure> {
        let mut command = object.command;
        self.named_inputs(&command)?;
        let mut mode = None;
        for subject in &object.subjects {
            let path = self.cwd.join(subject);
            let meta = input(&path)?;
            let head = head(&path)?;
            let archive = head.starts_with(b"!<arch>\n");
            if archive && !object.deterministic {
                return Err(LocalOnly::ArchiveTimes.into());
            }
            if !(object.raw || archive || head.starts_with(b"\x7fELF")) {
                return Err(ObjectToolFailure::NotElf { path });
            }
            mode = match object.mode {
                OutputMode::Stated => None,
                OutputMode::InputType => Some(if is_program(&head) { 0o777 } else { 0o666 }),
                OutputMode::InputMode if meta.mode() & 0o7000 != 0 => {
                    return Err(ObjectToolFailure::SpecialMode { path });
                }
                OutputMode::InputMode => Some(meta.mode() & 0o777),
            };
        }
        for output in &mut command.outputs {
            let path = self.cwd.join(&output.path);
            let old = self.existing(&path, &output.path)?;
            if output.updates {
                self.replaced_alone(&path, old.as_ref())?;
                self.files.insert(path);
            }
        }
        if let (Some(mode), Some(primary)) = (mode, command.outputs.last_mut()) {
            primary.mode = mode;
        }
        Ok(command)
    }

    /// No output may be another one under another name, or a file that is only read.
    fn all_are_different(&self, command: &ToolCommand) -> Result<(), ObjectToolFailure> {
        let inode = |path: &Path| path.metadata().ok().map(|meta| (meta.dev(), meta.ino()));
        let inputs = command.with_role(PieceRole::Input).map(|input| self.cwd.join(input));
        let mut met: BTreeSet<_> = inputs.filter_map(|path| inode(&path)).collect();
        let mut names = BTreeSet::new();
        for output in &command.outputs {
            let path = self.cwd.join(&output.path);
            let dir = path.parent().and_then(|dir| dir.canonicalize().ok());
            let name = (dir, path.file_name().map(OsStr::to_owned));
            if !names.insert(name) || inode(&path).is_some_and(|inode| !met.insert(inode)) {
                return Err(ObjectToolFailure::Linked { path });
            }
        }
        Ok(())
    }

    /// LLVM's tools put a new file of the old mode in the place of the old one. That is like writing it in place, if
    /// nothing else leads to the old one.
    fn replaced_alone(&self, path: &Path, old: Option<&Metadata>) -> Result<(), ObjectToolFailure> {
        let is_link = path.symlink_metadata().is_ok_and(|meta| meta.is_symlink());
        let alone = old.is_some_and(|old| old.nlink() == 1) && !is_link;
        if self.suite == Suite::Llvm && !alone {
            return Err(ObjectToolFailure::Linked { path: path.to_owned() });
        }
        Ok(())
    }

    /// An output that is there already; where it is not, that is noted.
    fn existing(&mut self, path: &Path, spelled: &str) -> Result<Option<Metadata>, ObjectToolFailure> {
        match path.metadata() {
            Ok(meta) if meta.is_file() => return Ok(Some(meta)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !path.is_symlink() => {}
            _ => {
                let path = spelled.to_owned();
                return Err(LocalOnly::OutputNotRegular { path }.into());
            }
        }
        if let (Some(dir), Some(name)) = (path.parent(), path.file_name())
            && dir.is_dir()
        {
            let names = self.observed.directories.entry(dir.to_owned());
            if let Names::These(names) = names.or_insert_with(|| Names::These(BTreeSet::new())) {
                names.insert(name.as_bytes().to_owned());
            }
        }
        Ok(None)
    }

    fn named_inputs(&mut self, command: &ToolCommand) -> Result<(), ObjectToolFailure> {
        for named in command.with_role(PieceRole::Input) {
            let path = self.cwd.join(named);
            input(&path)?;
            self.thin_members(&path)?;
        }
        Ok(())
    }

    fn thin_members(&mut self, path: &Path) -> Result<(), ObjectToolFailure> {
        if head(path)?.starts_with(thin::MAGIC) {
            self.members.add(path, self.digests)?;
        }
        Ok(())
    }

    fn scan(self) -> Result<Scan, ObjectToolFailure> {
        let mut files = Vec::new();
        for path in self.files.into_iter().chain(self.members.files) {
            files.push(ScannedFile {
                digest: self.digests.digest(&path)?,
                path,
                found: Found::Listed,
                once: false,
            });
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.dedup_by(|a, b| a.path == b.path);
        Ok(Scan {
            files,
            search_dirs: Vec::new(),
            passed_over: Vec::new(),
            observed: self.observed,
            date_or_time: None,
            timestamp: None,
            named_absolutely: Vec::new(),
        })
    }
}

/// A file that has to be there.
fn input(path: &Path) -> Result<Metadata, ObjectToolFailure> {
    let meta = path.metadata().ok().filter(Metadata::is_file);
    meta.ok_or_else(|| ObjectToolFailure::MissingInput { path: path.to_owned() })
}

/// The beginning of a file, enough to tell what it is.
pub(super) fn head(path: &Path) -> Result<Vec<u8>, ObjectToolFailure> {
    let mut head = Vec::new();
    let file = File::open(path).at("open", path)?;
    file.take(HEAD).read_to_end(&mut head).at("read", path)?;
    Ok(head)
}

/// Whether the first member of an archive is a symbol table.
fn has_symbol_table(head: &[u8]) -> bool {
    const MAGIC_LENGTH: usize = 8;
    let name = head.get(MAGIC_LENGTH..).unwrap_or_default();
    ["/ ", "/SYM64/ "]
        .iter()
        .any(|table| name.starts_with(table.as_bytes()))
}

/// Whether an ELF file is a program or a shared library: GNU's make it executable then.
fn is_program(head: &[u8]) -> bool {
    const BIG_ENDIAN: u8 = 2;
    let Some(bytes) = head
        .get(ELF_TYPE..ELF_TYPE + 2)
        .filter(|_| head.starts_with(b"\x7fELF"))
    else {
        return false;
    };
    let kind = if head[5] == BIG_ENDIAN {
        u16::from_be_bytes([bytes[0], bytes[1]])
    } else {
        u16::from_le_bytes([bytes[0], bytes[1]])
    };
    kind == object::elf::ET_EXEC || kind == object::elf::ET_DYN
}
