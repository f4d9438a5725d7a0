//! What a linker is told: the model of its command line, and how the words of linkers and of drivers that link are read.

mod driver;
mod driver_options;
mod library_kinds;
mod line;
mod list;
mod meanings;
mod outputs;
mod plugin_option;
mod response;
mod table;
mod tool;

pub use driver::{machine_flags, parse_driver, unpredicted_with_lto};
pub use tool::{parse_ld, parse_line, without_collect2_words};

/// Whose options and behaviour a linker has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Flavour {
    /// GNU ld.
    Bfd,
    /// GNU gold.
    Gold,
    /// LLVM's lld.
    Lld,
    /// mold.
    Mold,
}

/// What is searched for where an input is named: the state of the command line at that place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct LinkState {
    /// `-Bstatic` and its synonyms: `-l` takes no shared library. `-l:FILE` takes what has that name.
    pub static_only: bool,
    /// `-b binary` and the like: the content is not looked at.
    pub raw: bool,
    /// `-R`, `--just-symbols`: only its symbols are taken.
    pub just_symbols: bool,
}

/// One input in command-line order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkItem {
    /// An object, an archive, a shared library or a script, by its path.
    File(String, LinkState),
    /// `-lNAME`, or `-l:FILE` with the colon.
    Library(String, LinkState),
    /// `-T`, `--script`: looked up in the cwd, then along the library directories.
    Script(String),
    /// Read as text or as it stands, by its path: version scripts, dynamic lists, ordering files, `--retain-symbols-file`,
    /// profiles, plugin inputs.
    Plain(String),
    /// `-plugin`: a program that the linker loads.
    Plugin(String),
}

/// A linker's whole command line, response files expanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkLine {
    /// Whose.
    pub flavour: Flavour,
    /// In order.
    pub items: Vec<LinkItem>,
    /// `-L`, in order. `=` and `$SYSROOT` at the beginning stand for the sysroot.
    pub library_dirs: Vec<String>,
    /// `-rpath` entries, in order, split at colons.
    pub rpath: Vec<String>,
    /// `-rpath-link` entries, in order, split at colons.
    pub rpath_link: Vec<String>,
    /// `--sysroot`; empty for none.
    pub sysroot: Option<String>,
    /// `-nostdlib`: the linker's own directories are not searched.
    pub nostdlib: bool,
    /// `-m`: the emulation, which decides the linker's own directories.
    pub emulation: Option<String>,
    /// Whether a shared library or a program that is loaded dynamically is made, so that needed libraries of needed
    /// libraries matter (`-static` and `-r` do not look at them).
    pub dynamic: bool,
}

#[cfg(test)]
mod tests;
