//! The command lines of `strip`, `objcopy` and `dwp`, GNU's and LLVM's.
//!
//! | | GNU | LLVM |
//! |---|---|---|
//! | `F` in place | written in place: inode, mode, hard links, symlinks stay | a new file of the same mode takes the name |
//! | to another file, of a program or a shared library | 0777 less the umask | the input's mode less the umask |
//! | of anything else, or as plain bytes | 0666 less the umask | the input's mode less the umask |
//! | existing other file | replaced, new inode; a symlink too | same |
//! | failed step | the other file is removed, one in place stays | stays |
//! | file of `--dump-section` | written in place, 0666 less the umask | replaced, 0666 less the umask |
//! | `dwp` | written in place, 0666 less the umask | same |
//!
//! Sources: GNU binutils 2.40, LLVM 14 and 19: manuals, `--help`, and what the programs were seen to do.

mod dwp;
mod options;
mod parse;
#[cfg(test)]
mod tests;

use super::response_file::ReadResponse;
use super::suite::Suite;
use super::{LocalOnly, ToolCommand};

/// Which of the programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectToolName {
    /// `strip`, `llvm-strip`.
    Strip,
    /// `objcopy`, `llvm-objcopy`.
    Objcopy,
    /// `dwp`, `llvm-dwp`.
    Dwp,
}

/// A tool on object files, as far as its command line depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectTool {
    /// Whose.
    pub suite: Suite,
    /// Which program.
    pub name: ObjectToolName,
    /// The first number of its version.
    pub major: u32,
    /// Whether it leaves times and owners out of archives unless told otherwise.
    pub deterministic_default: bool,
}

/// From what the mode of an output follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputMode {
    /// What the outputs say.
    Stated,
    /// The type of the input: executable, if that is a program or a shared library.
    InputType,
    /// The mode of the input.
    InputMode,
}

/// One step of such a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectCommand {
    /// The model that all tools share.
    pub command: ToolCommand,
    /// The files that it changes or copies, as spelled.
    pub subjects: Vec<String>,
    /// What the mode of the primary output follows from.
    pub mode: OutputMode,
    /// The input is taken as plain bytes, whatever it is.
    pub raw: bool,
    /// Whether an archive comes out without times and owners.
    pub deterministic: bool,
}

/// Understands the arguments of such a tool (without `argv[0]`).
pub fn parse(tool: ObjectTool, args: &[String], read: &mut ReadResponse<'_>) -> Result<ObjectCommand, LocalOnly> {
    match tool.name {
        ObjectToolName::Strip | ObjectToolName::Objcopy => parse::parse(tool, args, read),
        ObjectToolName::Dwp => dwp::parse(tool, args, read),
    }
}
