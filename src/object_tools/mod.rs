//! Archivers and tools on object files: who answers behind a name, and what a step of theirs reads.
//!
//! [`ObjectTools::identify`] → [`ToolIdentity::parse`] → [`inputs_of`]; the toolchain is that of
//! [`ToolIdentity::toolchain`]. Knows nothing of the input root: [`crate::inputs`] makes that of the files.

mod identify;
mod inputs;
mod plugins;
mod thin;

pub use identify::{ObjectTools, ToolIdentity};
pub use inputs::{Resolved, inputs_of};

use crate::command::archive::ArchiveCommand;
use crate::command::object_tool::ObjectCommand;
use crate::command::{LocalOnly, ToolCommand};
use crate::host::fs::PathError;
use crate::toolchain::ToolchainFailure;
use std::path::PathBuf;

/// Which program of the two suites.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Program {
    /// `ar`.
    Ar,
    /// `ranlib`.
    Ranlib,
    /// `strip`.
    Strip,
    /// `objcopy`.
    Objcopy,
    /// `dwp`.
    Dwp,
}

impl Program {
    const ALL: [Self; 5] = [Self::Ar, Self::Ranlib, Self::Strip, Self::Objcopy, Self::Dwp];

    /// Its plain name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ar => "ar",
            Self::Ranlib => "ranlib",
            Self::Strip => "strip",
            Self::Objcopy => "objcopy",
            Self::Dwp => "dwp",
        }
    }
}

/// A command as its tool understands it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// Of an archiver.
    Archive(ArchiveCommand),
    /// Of a tool on object files.
    Object(ObjectCommand),
}

impl Parsed {
    /// What all tools have in common. Modes, and which outputs are updated, are final only after [`inputs_of`].
    pub fn command(&self) -> &ToolCommand {
        match self {
            Self::Archive(archive) => &archive.command,
            Self::Object(object) => &object.command,
        }
    }
}

/// Why it cannot be said what a step reads. The step runs here, as if we were not there.
#[derive(Debug, thiserror::Error)]
pub enum ObjectToolFailure {
    /// A process could not be run, or a file not be read.
    #[error(transparent)]
    Path(#[from] PathError),
    /// What it consists of is not known.
    #[error(transparent)]
    Toolchain(#[from] ToolchainFailure),
    /// The command has no Action.
    #[error(transparent)]
    LocalOnly(#[from] LocalOnly),
    /// It is none of the tools that we know, or stands in for one in a way that we do not know.
    #[error("cannot tell what tool `{}` is", tool.display())]
    UnknownTool {
        /// Who was asked.
        tool: PathBuf,
    },
    /// The tool is to say so itself.
    #[error("cannot find `{}`, which the step reads", path.display())]
    MissingInput {
        /// The file.
        path: PathBuf,
    },
    /// `u` with an archive that is there already.
    #[error("cannot cache an update of `{}` that depends on times of files", path.display())]
    ModificationTimes {
        /// The archive.
        path: PathBuf,
    },
    /// Nothing is added to an archive: some tools do not touch it then.
    #[error("cannot cache a step that leaves `{}` as it is", path.display())]
    NothingToDo {
        /// The archive.
        path: PathBuf,
    },
    /// An output is also another file of the step, or has another name that keeps the old content where a new file
    /// replaces it.
    #[error("cannot publish `{}` as the tool does: the file has another name too", path.display())]
    Linked {
        /// The file.
        path: PathBuf,
    },
    /// A set-user-id bit and the like: what becomes of it no table says.
    #[error("cannot publish an output with the mode of `{}`", path.display())]
    SpecialMode {
        /// The input.
        path: PathBuf,
    },
    /// Neither ELF nor an archive of it.
    #[error("cannot follow what is done with `{}`: it is not an ELF file", path.display())]
    NotElf {
        /// The file.
        path: PathBuf,
    },
    /// An archive whose members are elsewhere, and cannot be told or may not be found.
    #[error("cannot tell what the thin archive `{}` names", path.display())]
    ThinArchive {
        /// The archive.
        path: PathBuf,
    },
    /// LLVM's archiver makes paths of members relative to the directory that the shell believes to be in.
    #[error("cannot make a thin archive in a directory that `PWD` calls by another name")]
    OtherWorkingDirectory,
}

impl ObjectToolFailure {
    /// The stable name of the reason in records and statistics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::LocalOnly(reason) => reason.code(),
            Self::Path(_) => "inputs",
            Self::Toolchain(_) | Self::UnknownTool { .. } => "toolchain_unknown",
            Self::MissingInput { .. } => "missing_input",
            Self::ModificationTimes { .. } => "modification_times",
            Self::NothingToDo { .. } => "nothing_to_do",
            Self::Linked { .. } => "linked_output",
            Self::SpecialMode { .. } => "special_mode",
            Self::NotElf { .. } => "not_elf",
            Self::ThinArchive { .. } => "thin_archive",
            Self::OtherWorkingDirectory => "other_working_directory",
        }
    }
}
