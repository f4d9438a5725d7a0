//! Why an action may run only here, or why a step has none: closed sets, each with a code for records and a sentence
//! for the user.

use super::exactness::Row;
use crate::command::Unrelocatable;
use crate::merkle::TreeError;
use std::path::PathBuf;

/// Where an action may run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placement {
    /// On any worker that has the toolchain.
    Anywhere,
    /// Only on this machine; its result is cached all the same.
    Here(PlacedLocally),
}

/// Why an action is placed locally. Codes are in records and statistics: never rename one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlacedLocally {
    /// Asked for: [`build_at_home`](super::build_at_home).
    Asked,
    /// A word holds the exec root in a way that no rule covers.
    RootInOption(String),
    /// A word has the form of the names that actions use.
    ReservedName(String),
    /// A path leaves the exec root by `..`.
    PathLeavesRoot(String),
    /// A path reaches the exec root by another spelling of it.
    OtherSpelling(String),
    /// A path is a directory above the exec root.
    AboveRoot(String),
    /// The compiler's own files lie inside the exec root, and it would name or run them by the worker's path.
    ToolsInRoot(String),
    /// An output lies outside of the exec root.
    OutputOutside(String),
    /// An output takes the place of an input.
    OutputIsInput(String),
    /// An output's directory is reached through a symbolic link that is also an input.
    OutputThroughLink(String),
    /// Two outputs are one file.
    OutputsCollide(String),
    /// A variable is set that changes what the compiler does in a way that an action cannot repeat.
    Environment(String),
    /// An input lies outside of the exec root and of what workers are known to have.
    OutsideInput(PathBuf),
    /// Diagnostics in the user's language or for the user's terminal.
    Presentation,
    /// Code for this machine's processor.
    NativeProcessor(String),
    /// Source text names a header inside the exec root by its absolute path.
    AbsoluteInclude(PathBuf),
    /// gcc would record another spelling of this system header here than on a worker.
    SystemHeaderSpelling(PathBuf),
    /// A precompiled header is made or used.
    PrecompiledHeader(String),
    /// A path with `=` cannot stand in a prefix map.
    EqualsSign(String),
    /// Which of several prefix maps this compiler prefers is not known.
    PrefixMapOrder,
    /// A compiler whose behaviour with relocated paths is not known.
    UntriedCompiler,
    /// More text on the command line than a worker's kernel may take.
    LongCommandLine(usize),
    /// A row of the table of options whose outputs cannot be exact.
    Option(&'static Row),

    // Of links, archives and other tools.
    /// The tool changes a file where it lies, and some workers hand out inputs as hard links into their store.
    UpdatesInPlace(String),
    /// A word of the command gives other bytes elsewhere.
    ToolWord(Unrelocatable),
    /// A shared library without a soname is named by its absolute path, which is recorded as what is needed.
    WithoutSoname(String),
    /// A linker script or thin archive (the first) names a file by its absolute path (the second).
    PathInText(PathBuf, PathBuf),
    /// The linker records the output's name as spelled beside symbol versions where there is no soname.
    OutputNameRecorded(String),
    /// Link-time optimisation with an option under which nobody has tried whether its code is the same elsewhere.
    LtoOption(String),
    /// gcc's link-time optimisation without the driver that it asks for its options.
    LtoWithoutDriver,
    /// A dependency file would hold the exec root with characters that some linkers escape and others do not.
    EscapedRoot(String),
}

impl PlacedLocally {
    /// The code in records.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::RootInOption(_) => "root_in_option",
            Self::ReservedName(_) => "reserved_name",
            Self::PathLeavesRoot(_) => "path_leaves_root",
            Self::OtherSpelling(_) => "other_spelling",
            Self::AboveRoot(_) => "above_root",
            Self::ToolsInRoot(_) => "tools_in_root",
            Self::OutputOutside(_) => "output_outside",
            Self::OutputIsInput(_) => "output_is_input",
            Self::OutputThroughLink(_) => "output_through_link",
            Self::OutputsCollide(_) => "outputs_collide",
            Self::Environment(_) => "environment",
            Self::OutsideInput(_) => "outside_input",
            Self::Presentation => "presentation",
            Self::NativeProcessor(_) => "native_processor",
            Self::AbsoluteInclude(_) => "absolute_include",
            Self::SystemHeaderSpelling(_) => "system_header_spelling",
            Self::PrecompiledHeader(_) => "precompiled_header",
            Self::EqualsSign(_) => "equals_sign",
            Self::PrefixMapOrder => "prefix_map_order",
            Self::UntriedCompiler => "untried_compiler",
            Self::LongCommandLine(_) => "long_command_line",
            Self::Option(row) => row.code,
            Self::UpdatesInPlace(_) => "updates_in_place",
            Self::ToolWord(_) => "tool_word",
            Self::WithoutSoname(_) => "without_soname",
            Self::PathInText(..) => "path_in_text",
            Self::OutputNameRecorded(_) => "output_name_recorded",
            Self::LtoOption(_) => "lto_option",
            Self::LtoWithoutDriver => "lto_without_driver",
            Self::EscapedRoot(_) => "escaped_root",
        }
    }

    /// A sentence for the user, without a full stop.
    pub fn sentence(&self) -> String {
        match self {
            Self::Asked => "asked to run here".to_owned(),
            Self::RootInOption(word) => format!("`{word}` holds the exec root and is not known to be a path"),
            Self::ReservedName(word) => format!("`{word}` has the form of a name that actions use"),
            Self::PathLeavesRoot(word) => format!("`{word}` leaves the exec root"),
            Self::OtherSpelling(word) => format!("`{word}` is inside the exec root but is spelled another way"),
            Self::AboveRoot(word) => format!("`{word}` is above the exec root"),
            Self::ToolsInRoot(path) => format!("`{path}` has parts of the compiler inside the exec root"),
            Self::OutputOutside(path) => format!("the output `{path}` is outside of the exec root"),
            Self::OutputIsInput(path) => format!("the output `{path}` is an input too"),
            Self::OutputThroughLink(path) => format!("the output `{path}` is reached through a symbolic link"),
            Self::OutputsCollide(path) => format!("two outputs are the file `{path}`"),
            Self::Environment(name) => format!("the variable `{name}` is set"),
            Self::OutsideInput(path) => {
                format!(
                    "the input `{}` is outside of the exec root and of `worker_roots`",
                    path.display()
                )
            }
            Self::Presentation => "diagnostics for this terminal or language cannot be made elsewhere".to_owned(),
            Self::NativeProcessor(word) => format!("`{word}` compiles for this machine's processor"),
            Self::AbsoluteInclude(path) => {
                format!("source text names `{}` by its absolute path", path.display())
            }
            Self::SystemHeaderSpelling(path) => {
                format!("gcc would record another spelling of `{}` elsewhere", path.display())
            }
            Self::PrecompiledHeader(path) => format!("the precompiled header `{path}` belongs to this machine"),
            Self::EqualsSign(path) => format!("`{path}` holds `=` and cannot stand in a prefix map"),
            Self::PrefixMapOrder => "which prefix map this compiler prefers is not known".to_owned(),
            Self::UntriedCompiler => "this compiler's way with relocated paths is not known".to_owned(),
            Self::LongCommandLine(bytes) => format!("the command line has {bytes} bytes"),
            Self::Option(row) => row.sentence.to_owned(),
            Self::UpdatesInPlace(path) => format!("`{path}` is changed where it lies"),
            Self::ToolWord(found) => format!("`{}` {}", found.option, found.why),
            Self::WithoutSoname(path) => {
                format!("`{path}` has no soname, so that programs are to find it by the path as spelled")
            }
            Self::PathInText(text, path) => {
                format!("`{}` names `{}` by its absolute path", text.display(), path.display())
            }
            Self::OutputNameRecorded(path) => {
                format!("the linker records `{path}` as spelled where there is no soname")
            }
            Self::LtoOption(word) => {
                format!("`{word}` is not known to give the same code elsewhere with link-time optimisation")
            }
            Self::LtoWithoutDriver => {
                "link-time optimisation is not known to give the same code elsewhere without the compiler".to_owned()
            }
            Self::EscapedRoot(root) => format!("linkers do not agree on how to write `{root}` in a dependency file"),
        }
    }
}

/// Why a step has no Action: its outputs depend on something that no key holds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAction {
    /// Prints the compiler's own command lines, times or random names.
    #[error("`{0}` prints text that differs from run to run")]
    UnstableText(String),
    /// `__DATE__` or `__TIME__` without a `SOURCE_DATE_EPOCH` that this compiler obeys.
    #[error("uses `__DATE__` or `__TIME__`")]
    DateTime,
    /// `__TIMESTAMP__`, a file's modification time.
    #[error("uses `__TIMESTAMP__`")]
    Timestamp,
    /// Whether two equal files are one depends on times or inodes.
    #[error("includes `{0}` and `{1}`, two equal files that are to be included once")]
    OnceAlias(PathBuf, PathBuf),
    /// Link-time optimisation with an option that makes the compiler leave files besides the output.
    #[error("`{0}` makes link-time optimisation write files whose names rewrap does not predict")]
    HiddenOutputs(String),
    /// The inputs contradict each other.
    #[error("cannot make an input root of the inputs")]
    Inputs(#[from] TreeError),
}

impl NoAction {
    /// The code in records: never rename one.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnstableText(_) => "unstable_text",
            Self::DateTime => "date_time",
            Self::Timestamp => "timestamp",
            Self::OnceAlias(..) => "once_alias",
            Self::HiddenOutputs(_) => "hidden_outputs",
            Self::Inputs(_) => "contradicting_inputs",
        }
    }
}
