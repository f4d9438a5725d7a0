//! The command lines of `ar` and `ranlib`, GNU's and LLVM's.
//!
//! | | GNU | LLVM |
//! |---|---|---|
//! | new archive | 0666 less the umask | same |
//! | existing file | written in place: inode, mode, hard links, symlinks stay | a new file takes the name, 0666 less the umask |
//! | failed step | an existing archive stays, a new one is removed | same |
//! | `d`, `m` on no archive | makes an empty one | fails |
//! | `r` without members | an existing archive is not touched | written anew |
//! | symbol table that is there already | written anew | nothing is written |
//! | thin archive | members named by absolute paths if the archive or a member is so spelled | if a member is |
//!
//! Sources: GNU binutils 2.40, LLVM 14 and 19: manuals, `--help`, and what the programs were seen to do.

mod ar;
mod ranlib;
#[cfg(test)]
mod tests;

use super::response_file::ReadResponse;
use super::suite::Suite;
use super::{LocalOnly, ToolCommand, ToolOutput, ToolText, Unrelocatable};

/// Which of the two programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ArchiveName {
    /// `ar`, `gcc-ar`, `llvm-ar`.
    Ar,
    /// `ranlib`, `gcc-ranlib`, `llvm-ranlib`.
    Ranlib,
}

/// An archiver, as far as its command line depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArchiveTool {
    /// Whose.
    pub suite: Suite,
    /// Which program.
    pub name: ArchiveName,
    /// Whether it leaves out times and owners unless told otherwise: a choice of who built it.
    pub deterministic_default: bool,
}

/// What is done with an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `d`.
    Delete,
    /// `m`.
    Move,
    /// `q`.
    Append,
    /// `r`.
    Replace,
    /// `s`, `ranlib`: makes the symbol table.
    Index,
}

/// One step of an archiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveCommand {
    /// The model that all tools share. Each archive counts as updated: whether there is one to update, nobody has
    /// looked.
    pub command: ToolCommand,
    /// What is done.
    pub operation: Operation,
    /// How many members are named.
    pub members: usize,
    /// Whether the archive only names its members.
    pub thin: bool,
    /// `u`: files that are older than the member of their name are passed over.
    pub newer_only: bool,
    /// `--plugin` of GNU's: a library that it loads, in place of those in its own directories.
    pub plugin: Option<String>,
}

/// Understands the arguments of an archiver (without `argv[0]`).
pub fn parse(tool: ArchiveTool, args: &[String], read: &mut ReadResponse<'_>) -> Result<ArchiveCommand, LocalOnly> {
    match tool.name {
        ArchiveName::Ar => ar::parse(tool, args, read),
        ArchiveName::Ranlib => ranlib::parse(tool, args, read),
    }
}

/// That members of a thin archive are recorded by paths that depend on how it and they are spelled.
pub fn thin_names() -> Unrelocatable {
    Unrelocatable {
        option: "T".to_owned(),
        why: "makes a thin archive, which holds absolute paths where it or a member is named by one",
        only_if_rewritten: true,
        also_portable: true,
    }
}

/// An archive, as an output.
fn output(suite: Suite, path: &str) -> ToolOutput {
    ToolOutput {
        path: path.to_owned(),
        mode: 0o666,
        in_place: suite == Suite::Gnu,
        optional: false,
        text: ToolText::None,
        updates: true,
    }
}
