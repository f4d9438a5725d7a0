//! The command of a linker, an archiver or another tool on object files, or of a driver that links: every word
//! understood piece by piece, as what stands behind a comma of `-Wl,` is as much a path as a word of its own.

/// What a piece of a word is to us. Decides what a relocated action does with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PieceRole {
    /// The name of an option, or a value that names no path: stays as it is. If it holds the exec root's name the step
    /// is placed locally.
    Plain,
    /// Recorded in the output (`-rpath`, `-soname`, `-dynamic-linker`): stays as it is, whatever it holds.
    Recorded,
    /// A file that is read as it is named.
    Input,
    /// A directory that is searched for libraries or scripts.
    SearchDir,
    /// A directory below which the tool finds programs or a whole system: `-B`, `--sysroot`.
    ToolDir,
    /// A file that is written, or read and written.
    Output,
}

/// A part of a word that means one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// As spelled.
    pub text: String,
    /// What it is.
    pub role: PieceRole,
}

/// One word of the command line: the texts of its pieces, one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Word {
    /// In order.
    pub pieces: Vec<Piece>,
}

impl Word {
    /// A word of one piece.
    pub fn of(text: impl Into<String>, role: PieceRole) -> Self {
        Self {
            pieces: vec![Piece {
                text: text.into(),
                role,
            }],
        }
    }

    /// The word as it stands on the command line.
    pub fn text(&self) -> String {
        self.pieces.iter().map(|piece| piece.text.as_str()).collect()
    }
}

/// The kind of a step that is no compile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ToolKind {
    /// A program, a shared library or, with `-r`, one object of several.
    Link,
    /// `ar`, `ranlib`.
    Archive,
    /// `strip`, `objcopy`, `dwp`.
    Object,
}

impl ToolKind {
    /// The stable name in records and statistics.
    pub fn code(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Archive => "archive",
            Self::Object => "object",
        }
    }
}

/// What an output of a tool holds, as far as paths in it matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolText {
    /// Bytes that name no path of the step's, or only recorded ones.
    None,
    /// Text that names paths as diagnostics do.
    Paths,
    /// A link map of GNU ld or gold, whose tables are laid out by the length of names.
    Map,
    /// A make rule.
    Depfile,
}

/// A file that the tool writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolOutput {
    /// As the tool opens it: relative to the cwd, or absolute.
    pub path: String,
    /// Permission bits before the umask.
    pub mode: u32,
    /// Whether it writes over a file that is there already: inode, mode, other hard links and a symlink to it stay.
    /// Otherwise a new file takes the name.
    pub in_place: bool,
    /// Whether the tool may succeed without writing it.
    pub optional: bool,
    /// What paths in it look like.
    pub text: ToolText,
    /// Whether the tool reads the old file of this name and changes it (`ar r`, `strip F`). Runs only here: some
    /// workers hand out inputs as hard links into their store.
    pub updates: bool,
}

/// What one step of a tool means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCommand {
    /// What it does.
    pub kind: ToolKind,
    /// All words in order, response files expanded, without `argv[0]`.
    pub words: Vec<Word>,
    /// In the order of publishing, the primary one last.
    pub outputs: Vec<ToolOutput>,
    /// Whether a failed step removes an older primary output.
    pub removes_on_failure: bool,
    /// Response files that were expanded, as spelled.
    pub response_files: Vec<String>,
    /// Why an Action of it cannot be relocated, if the command alone tells: a row of the table of what cannot.
    pub placed_locally: Option<Unrelocatable>,
}

impl ToolCommand {
    /// The texts of all pieces with this role, in order.
    pub fn with_role(&self, role: PieceRole) -> impl Iterator<Item = &str> {
        let pieces = self.words.iter().flat_map(|word| &word.pieces);
        pieces
            .filter(move |piece| piece.role == role)
            .map(|piece| piece.text.as_str())
    }

    /// The primary output as spelled.
    pub fn primary(&self) -> &str {
        self.outputs.last().map_or("", |output| &output.path)
    }
}

/// What of a tool's command gives other bytes elsewhere. Some rows hold only where paths are absolute; what decides
/// that stands in the action's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unrelocatable {
    /// The option or word.
    pub option: String,
    /// Why, as the end of a sentence that begins with the option.
    pub why: &'static str,
    /// Whether it matters only if a word of the command had to be rewritten.
    pub only_if_rewritten: bool,
    /// Whether it matters also in portable mode.
    pub also_portable: bool,
}
