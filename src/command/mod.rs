//! argv → command model. Pure functions of bytes: no file system, no environment, no processes.
//!
//! [`parse`] turns a compiler's arguments into a [`CompileCommand`], or says by [`LocalOnly`] why the step must run
//! here. It never guesses: an option that the tables do not know makes the step local-only.

pub mod archive;
pub mod compile;
pub mod configure_probe;
pub mod environment;
mod inner;
mod inner_inputs;
pub mod language;
pub mod link;
pub mod local_only;
mod modules;
pub mod native;
pub mod object_tool;
pub mod options;
mod outputs;
pub mod response_file;
pub mod suite;
pub mod tool;
pub mod tool_command;

pub use compile::{Driver, parse};
pub use configure_probe::is_configure_probe;
pub use environment::{EnvironmentUse, environment_use, tool_environment_use};
pub use language::Language;
pub use local_only::LocalOnly;
pub use native::{Native, NativeWords};
pub use suite::Suite;
pub use tool::{Tool, behave_alike, is_driver_name, is_object_tool_name};
pub use tool_command::{Piece, PieceRole, ToolCommand, ToolKind, ToolOutput, ToolText, Unrelocatable, Word};

/// Which family of options and file formats a driver speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// GNU Compiler Collection.
    Gcc,
    /// LLVM's clang.
    Clang,
}

/// Where the step stops: of several the greatest counts, in whatever order they are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// `-c`: an object file.
    Object,
    /// `-S`: assembly text.
    Assembly,
    /// A header is the source: a precompiled header.
    PrecompiledHeader,
    /// `-E`: the source after the preprocessor.
    Preprocess,
}

/// How an option and its value stand on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// No value.
    Alone,
    /// `-Idir`, `-std=c++17`: one word; the name holds everything before the value, `=` included.
    Joined,
    /// `-I dir`: two words.
    Separate,
    /// `-Xclang -include -Xclang file`: four words; the name is the option that passes words on, the tail the inner one.
    Through,
    /// `-Xclang -Idir`: two words; the inner option in the tail, its value joined.
    ThroughJoined,
}

/// The search list that a directory option adds to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    /// `-iquote`: only for `#include "…"`.
    Quote,
    /// `-I`.
    Angled,
    /// `-isystem` and its relatives.
    System,
    /// `-idirafter`.
    After,
    /// `--embed-dir`: only for `#embed`.
    Embed,
    /// `-Wa,-I`: only for the assembler's `.include` and `.incbin`.
    Assembler,
}

/// Which names a prefix map (`-f…-prefix-map=old=new`) acts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapKind {
    /// `-ffile-prefix-map`: all of the others.
    File,
    /// `-fmacro-prefix-map`: `__FILE__`.
    Macro,
    /// `-fdebug-prefix-map`.
    Debug,
    /// `-fprofile-prefix-map` (gcc).
    Profile,
    /// `-fcoverage-prefix-map` (clang).
    Coverage,
}

/// What an option's value is to us. Decides what the action does with the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Changes the meaning, names no path: goes unchanged. If its text holds the exec root the step is placed locally.
    Plain,
    /// A macro definition, `-D` or `-U`: recorded in the output, goes unchanged.
    Macro,
    /// `-MT`, `-MQ`: recorded in the depfile, goes unchanged.
    DepTarget,
    /// `-MF`, or the file of `-Wp,-MD,F`.
    Depfile,
    /// `-M…` options without a value.
    DepFlag,
    /// The primary output, `-o`.
    Output,
    /// A file that is written besides it.
    SecondaryOutput,
    /// A directory that is searched for headers.
    SearchDir(Chain),
    /// Another directory that the driver looks into: `-B`, `--sysroot=`, `-isysroot`.
    ToolDir,
    /// `-include`, `-imacros`: looked up in the cwd, then along the quote chain.
    ForcedInclude,
    /// A file that is read as it is named.
    Input,
    /// A directory, or for clang a file or a directory, in which the compiler finds a profile.
    ProfileDir,
    /// A prefix map, `old=new`.
    PrefixMap(MapKind),
    /// `-f{debug,file,coverage}-compilation-dir=`: recorded.
    CompilationDir,
    /// The primary source file (an operand).
    Source,
    /// `-march=native` and what it stands for here.
    Native(Native),
    /// `-x`, stage and language options that `parse` has understood; go unchanged.
    Structure,
}

/// One option with its value, or one operand, in command-line order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arg {
    /// The option as spelled up to its value (`-I`, `-std=`, `--param`); empty for an operand.
    pub name: String,
    /// The value, or the operand itself.
    pub value: Option<String>,
    /// How the two stand together.
    pub form: Form,
    /// What it is to us.
    pub role: Role,
    /// Text of the same word that follows the value, `,` included (`-Wp,-MD,F` has none); nearly always empty. The inner
    /// option where another one passes it on.
    pub tail: String,
}

impl Arg {
    /// The words of this argument, with another value in place of its own.
    pub fn words_with(&self, value: &str) -> Vec<String> {
        match self.form {
            Form::Alone => vec![self.name.clone()],
            Form::Joined => vec![format!("{}{value}{}", self.name, self.tail)],
            Form::Separate => vec![self.name.clone(), value.to_owned()],
            Form::Through => vec![
                self.name.clone(),
                self.tail.clone(),
                self.name.clone(),
                value.to_owned(),
            ],
            Form::ThroughJoined => vec![self.name.clone(), format!("{}{value}", self.tail)],
        }
    }

    /// The words of this argument as the user gave them.
    pub fn words(&self) -> Vec<String> {
        self.words_with(self.value.as_deref().unwrap_or_default())
    }
}

/// What a secondary output is, for the record and for its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondaryKind {
    /// `.dwo` of `-gsplit-dwarf`.
    SplitDwarf,
    /// `.gcno` of `--coverage`.
    CoverageNotes,
    /// `.su` of `-fstack-usage`.
    StackUsage,
    /// What one of the compiler's programs leaves to the next, kept by `-save-temps`.
    Intermediate,
    /// What a program of the compiler says about its own work: a dump, a listing.
    Dump,
    /// Anything else that an option names or implies.
    Other,
}

/// A file that the step writes besides its primary output and depfile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondaryOutput {
    /// As the compiler opens it: relative to the cwd, or absolute.
    pub path: String,
    /// What it is.
    pub kind: SecondaryKind,
    /// Whether the compiler may succeed without writing it.
    pub optional: bool,
}

/// The depfile that the step writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Depfile {
    /// As the compiler opens it: relative to the cwd, or absolute.
    pub path: String,
    /// `-MMD`: headers found through the system part of the search path are left out.
    pub user_headers_only: bool,
}

/// What one compile means: one source, `-c`, `-S` or `-E -o`, or a header that is precompiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileCommand {
    /// Whose options these are.
    pub family: Family,
    /// Where the step stops.
    pub stage: Stage,
    /// The language of the source, from `-x` or its suffix (and the driver's name: `g++` takes `.c` for C++).
    pub language: Language,
    /// All arguments in order, response files expanded, without `argv[0]`.
    pub args: Vec<Arg>,
    /// The primary source file as spelled.
    pub source: String,
    /// The primary output as the compiler opens it: the value of `-o`, or the name made from the source.
    pub output: String,
    /// What else is written, in a fixed order.
    pub secondary: Vec<SecondaryOutput>,
    /// The depfile, if one is asked for.
    pub depfile: Option<Depfile>,
    /// Response files that were expanded, as spelled.
    pub response_files: Vec<String>,
}

impl CompileCommand {
    /// Whether an option of exactly this name is given (`-g`, `-flto`; for a joined one the name with its `=`).
    pub fn has(&self, name: &str) -> bool {
        self.args.iter().any(|arg| arg.name == name)
    }

    /// The value of the last option of this name.
    pub fn last(&self, name: &str) -> Option<&str> {
        self.args
            .iter()
            .rev()
            .find(|arg| arg.name == name)
            .and_then(|arg| arg.value.as_deref())
    }

    /// All options with this role, in order.
    pub fn with_role(&self, role: Role) -> impl Iterator<Item = &Arg> {
        self.args.iter().filter(move |arg| arg.role == role)
    }
}
