//! Which steps give other bytes elsewhere: the table of options that paths or times get through, whatever prefix maps
//! say. Every row was measured with gcc 12, clang 14 and clang 19.

use super::reason::{NoAction, PlacedLocally};
use super::words::Words;
use super::{ActionRequest, TimeUse};
use crate::command::{Chain, Family, Language, Native, Role, SecondaryKind, Stage};
use crate::config::PathsMode;
use crate::inputs::Entry;

/// One row: a condition, and what it means in each mode.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// The code in records: never rename one.
    pub code: &'static str,
    /// A sentence for the user, without a full stop.
    pub sentence: &'static str,
    family: Option<Family>,
    when: When,
    portable: Portable,
    option: Opt,
}

/// Which spellings a row concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    /// Every spelling.
    Always,
    /// Only where some word was rewritten.
    Absolute,
    /// Only where the name of the primary output was rewritten.
    AbsoluteOutput,
}

/// What a row means with `paths = portable`. (With `exact` every row means placed locally.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Portable {
    /// Workers give the same bytes for every checkout; a run here gives others.
    Remote,
    /// Placed locally too.
    Here,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opt {
    OldDwarf,
    SplitDwarfMacros,
    SplitDwarf,
    SplitDwarfSingle,
    Lto,
    Coverage,
    ProfileGenerate,
    ProfileUse,
    PathPatterns,
    ModuleFiles,
    PrefixedSearch,
    BroughtArguments,
    Sanitizer,
    Bitcode,
    AssemblerDebug,
    PreprocessedCoverage,
    RecordedCommand,
    CompilationDatabase,
    ExternalAssembler,
    MessageLength,
    OtherOutput,
    SaveTemps,
    Dump,
    PortableText,
    VerboseAssembly,
    AnnotatedAssembly,
    NativeRecorded,
}

const fn row(
    (code, sentence): (&'static str, &'static str),
    family: Option<Family>,
    when: When,
    portable: Portable,
    option: Opt,
) -> Row {
    Row {
        code,
        sentence,
        family,
        when,
        portable,
        option,
    }
}

const GCC: Option<Family> = Some(Family::Gcc);
const CLANG: Option<Family> = Some(Family::Clang);

#[rustfmt::skip]
static TABLE: &[Row] = &[
    row(("gcc_old_dwarf", "gcc's file tables before DWARF 5 hold the names as spelled"), GCC, When::Absolute, Portable::Remote, Opt::OldDwarf),
    row(("gcc_split_dwarf_macros", "gcc's split macro sections hold the names as spelled"), GCC, When::Absolute, Portable::Remote, Opt::SplitDwarfMacros),
    row(("gcc_split_dwarf", "gcc records the name of the split debug file as spelled"), GCC, When::AbsoluteOutput, Portable::Remote, Opt::SplitDwarf),
    row(("clang_split_dwarf_single", "clang records the name of the object as spelled"), CLANG, When::AbsoluteOutput, Portable::Remote, Opt::SplitDwarfSingle),
    row(("gcc_lto", "gcc's link-time objects hold the working directory"), GCC, When::Always, Portable::Remote, Opt::Lto),
    row(("gcc_coverage", "gcc records where coverage counts are to be written"), GCC, When::Always, Portable::Here, Opt::Coverage),
    row(("gcc_profile_generate", "gcc records where the profile is to be written"), GCC, When::Always, Portable::Here, Opt::ProfileGenerate),
    row(("gcc_profile_use", "gcc finds the profile by the working directory"), GCC, When::Always, Portable::Here, Opt::ProfileUse),
    row(("clang_profile_use", "clang finds a function's counts by the source's name as spelled"), CLANG, When::Absolute, Portable::Here, Opt::ProfileUse),
    row(("path_patterns", "a list of an option chooses sources by their names as spelled"), None, When::Absolute, Portable::Here, Opt::PathPatterns),
    row(("prefixed_search", "directories below a prefix are searched as they are spelled"), None, When::Always, Portable::Here, Opt::PrefixedSearch),
    row(("brought_arguments", "specs or a configuration file bring in arguments"), None, When::Always, Portable::Here, Opt::BroughtArguments),
    row(("module_files", "compiled modules hold names as they were spelled"), None, When::Always, Portable::Here, Opt::ModuleFiles),
    row(("clang_coverage", "the program writes coverage counts where it was compiled"), CLANG, When::Always, Portable::Here, Opt::Coverage),
    row(("sanitizer", "sanitizers record the names as spelled"), None, When::Absolute, Portable::Remote, Opt::Sanitizer),
    row(("clang_bitcode", "bitcode holds the source's name as spelled"), CLANG, When::Absolute, Portable::Remote, Opt::Bitcode),
    row(("clang_profile_generate", "clang names counters by the source's name as spelled"), CLANG, When::Absolute, Portable::Remote, Opt::ProfileGenerate),
    row(("clang_assembler_debug", "clang's debug information of assembler sources holds the names as spelled"), CLANG, When::Absolute, Portable::Remote, Opt::AssemblerDebug),
    row(("clang_preprocessed_coverage", "clang takes no coverage map for preprocessed sources"), CLANG, When::Absolute, Portable::Here, Opt::PreprocessedCoverage),
    row(("clang_recorded_command", "clang records its whole command line"), CLANG, When::Always, Portable::Remote, Opt::RecordedCommand),
    row(("clang_compilation_database", "the compilation database holds the working directory"), CLANG, When::Always, Portable::Here, Opt::CompilationDatabase),
    row(("clang_external_assembler", "the assembler's messages hold random names"), CLANG, When::Always, Portable::Here, Opt::ExternalAssembler),
    row(("message_length", "lines of diagnostics are broken by the length of names"), None, When::Always, Portable::Here, Opt::MessageLength),
    row(("gcc_native_recorded", "gcc records what the native options stand for in an order of its own"), GCC, When::Always, Portable::Here, Opt::NativeRecorded),
    row(("other_output", "another output may hold names as spelled"), None, When::Absolute, Portable::Here, Opt::OtherOutput),
    row(("gcc_verbose_assembly", "gcc's comments in assembly hold the names as spelled"), GCC, When::Absolute, Portable::Here, Opt::VerboseAssembly),
    row(("gcc_annotated_assembly", "gcc's comments in assembly hold the names and directories that no map reaches"), GCC, When::Always, Portable::Here, Opt::AnnotatedAssembly),
    row(("compiler_dump", "the compiler's dumps and listings may hold any of its names"), None, When::Always, Portable::Here, Opt::Dump),
    row(("preprocessed_text", "preprocessed text holds names that no map reaches"), None, When::Always, Portable::Here, Opt::PortableText),
    row(("save_temps", "intermediate files hold names as spelled"), None, When::Always, Portable::Here, Opt::SaveTemps),
];

impl Opt {
    /// Whether it says nothing about a step that makes no code.
    fn is_about_code(self) -> bool {
        matches!(
            self,
            Self::OldDwarf
                | Self::SplitDwarfMacros
                | Self::SplitDwarf
                | Self::SplitDwarfSingle
                | Self::Lto
                | Self::Coverage
                | Self::ProfileGenerate
                | Self::Sanitizer
                | Self::Bitcode
                | Self::AssemblerDebug
                | Self::PreprocessedCoverage
                | Self::RecordedCommand
                | Self::NativeRecorded
        )
    }

    /// How the options begin that alone decide the row; `None` where more decides it.
    fn option_starts(self) -> Option<&'static [&'static str]> {
        Some(match self {
            Self::OldDwarf => &["-gdwarf-2", "-gdwarf-3", "-gdwarf-4", "-gstabs", "-gvms"],
            Self::SplitDwarf => &["-gsplit-dwarf"],
            Self::ProfileGenerate => &["-fprofile-generate", "-fcs-profile-generate"],
            Self::ProfileUse => &[
                "-fprofile-use",
                "-fprofile-instr-use",
                "-fprofile-sample-use",
                "-fmemory-profile-use",
                "-fauto-profile",
                "-fbranch-probabilities",
                "-fprofile-instrument-use-path",
            ],
            Self::PathPatterns => &[
                "-fsanitize-ignorelist=",
                "-fsanitize-blacklist=",
                "-fsanitize-system-",
                "-fsanitize-coverage-allowlist=",
                "-fsanitize-coverage-ignorelist=",
                "-fsanitize-coverage-whitelist=",
                "-fsanitize-coverage-blacklist=",
                "-fexperimental-sanitize-metadata-ignorelist=",
                "-fxray-always-instrument=",
                "-fxray-never-instrument=",
                "-fxray-attr-list=",
                "-fprofile-list=",
                "-finstrument-functions-exclude-file-list=",
            ],
            Self::ModuleFiles => &["-fmodule-file="],
            Self::PrefixedSearch => &[
                "-iprefix",
                "-iwithprefix",
                "-iwithsysroot",
                "--include-prefix",
                "--include-with-prefix",
            ],
            Self::BroughtArguments => &["-specs", "--specs", "--config"],
            Self::CompilationDatabase => &["-MJ"],
            Self::SaveTemps => &["-save-temps", "--save-temps"],
            _ => return None,
        })
    }

    /// Whether the command has it; in doubt yes.
    fn is_in(self, words: &Words, request: &ActionRequest<'_>) -> bool {
        let language = request.command.language;
        match self {
            _ if self
                .option_starts()
                .is_some_and(|starts| words.starting(starts).is_some()) =>
            {
                true
            }
            Self::SplitDwarfMacros => {
                words.one_of(&["-g3", "-ggdb3"]).is_some() && words.starting(&["-gsplit-dwarf"]).is_some()
            }
            Self::SplitDwarfSingle => words.one_of(&["-gsplit-dwarf=single"]).is_some(),
            Self::Lto => words.lto(),
            Self::Coverage => words
                .one_of(&["--coverage", "-coverage", "-fprofile-arcs", "-ftest-coverage"])
                .or(words.starting(&["-fprofile-note", "-fprofile-dir"]))
                .is_some(),
            // Of all sanitizers only this one was seen to give equal objects.
            Self::Sanitizer => {
                words
                    .values("-fsanitize=")
                    .flat_map(|list| list.split(','))
                    .any(|name| name != "thread")
                    || words.starting(&["-fsanitize-coverage"]).is_some()
            }
            Self::Bitcode => {
                words.lto() || words.one_of(&["-emit-llvm"]).is_some() || words.starting(&["-fembed-bitcode"]).is_some()
            }
            Self::AssemblerDebug => {
                matches!(language, Language::Assembler | Language::AssemblerWithCpp) && words.debug()
            }
            Self::PreprocessedCoverage => {
                matches!(language, Language::CPreprocessed | Language::CxxPreprocessed)
                    && words.one_of(&["-fcoverage-mapping"]).is_some()
            }
            Self::RecordedCommand => words
                .one_of(&[
                    "-frecord-command-line",
                    "-grecord-command-line",
                    "-frecord-gcc-switches",
                    "-grecord-gcc-switches",
                ])
                .is_some(),
            Self::ExternalAssembler => words.one_of(&["-fno-integrated-as", "-no-integrated-as"]).is_some(),
            Self::MessageLength => {
                words.values("-fmessage-length=").any(|columns| columns != "0")
                    || words.one_of(&["-fdiagnostics-absolute-paths"]).is_some()
            }
            Self::OtherOutput => request
                .command
                .secondary
                .iter()
                .any(|output| output.kind == SecondaryKind::Other),
            Self::VerboseAssembly => {
                request.command.stage == Stage::Assembly && words.one_of(&["-fverbose-asm"]).is_some()
            }
            Self::AnnotatedAssembly => {
                let letters = words.find(|word| word.starts_with("-d") && !word.starts_with("-dump"));
                request.command.stage == Stage::Assembly && letters.is_some()
            }
            Self::Dump => request
                .command
                .secondary
                .iter()
                .any(|output| output.kind == SecondaryKind::Dump),
            Self::PortableText => {
                request.command.stage == Stage::Preprocess
                    && (request.paths == PathsMode::Portable || !is_plain_in_quotes(request.place.exec_root()))
            }
            // It takes a native option to pieces, and lists them in another place than where the user's own would stand.
            Self::NativeRecorded => {
                request.command.native().next().is_some()
                    && (words.debug()
                        || words.lto()
                        || words.one_of(&["-frecord-gcc-switches", "-fverbose-asm"]).is_some())
            }
            _ => false,
        }
    }
}

/// Whether a compiler prints a name between quotes as it is.
fn is_plain_in_quotes(name: &str) -> bool {
    name.bytes()
        .all(|byte| (b' '..=b'~').contains(&byte) && !matches!(byte, b'"' | b'\\'))
}

/// What was rewritten when the words of the command were relocated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rewritten {
    /// Some word.
    pub(super) any: bool,
    /// The name of the primary output.
    pub(super) output: bool,
    /// The name of a forced include.
    pub(super) forced: bool,
}

/// What the table says of a step.
pub(super) struct Verdict {
    /// The row that places the step locally.
    pub(super) here: Option<&'static Row>,
    /// Whether a run of the user's command here gives the bytes that a worker gives.
    pub(super) same_here: bool,
}

pub(super) fn judge(request: &ActionRequest<'_>, words: &Words, rewritten: Rewritten) -> Verdict {
    let mut rows = TABLE.iter().filter(|row| {
        let exact = request.paths == PathsMode::Exact;
        // With one more option clang's coverage is exact: see the recipe.
        let cured = exact && row.option == Opt::Coverage && row.family == CLANG && !words.has_profile_dir();
        let concerns = match row.when {
            When::Always => true,
            When::Absolute => rewritten.any,
            When::AbsoluteOutput => rewritten.output,
        };
        concerns
            && !cured
            && !(request.command.stage == Stage::Preprocess && row.option.is_about_code())
            && row.family.is_none_or(|family| family == request.command.family)
            && row.option.is_in(words, request)
    });
    match request.paths {
        PathsMode::Exact => {
            let here = rows.next();
            Verdict {
                here,
                same_here: here.is_none(),
            }
        }
        PathsMode::Portable => {
            let rows: Vec<_> = rows.collect();
            Verdict {
                here: rows.iter().find(|row| row.portable == Portable::Here).copied(),
                same_here: rows.is_empty(),
            }
        }
    }
}

impl Words {
    fn has_profile_dir(&self) -> bool {
        self.starting(&["-fprofile-dir", "-fprofile-note"]).is_some()
    }
}

/// Whether the step has an Action at all.
pub(super) fn has_action(request: &ActionRequest<'_>, words: &Words) -> Result<(), NoAction> {
    let unstable = words
        .one_of(&[
            "-v",
            "--verbose",
            "-###",
            "-Wp,-v",
            "-Q",
            "-time",
            "-ftime-report",
            "-fmem-report",
        ])
        .or(words.find(|word| word.to_ascii_lowercase().starts_with("-fdiagnostics-format=sarif")));
    if let Some(word) = unstable {
        return Err(NoAction::UnstableText(word.to_owned()));
    }
    if let Some((first, second)) = &request.inputs.once_alias {
        return Err(NoAction::OnceAlias(first.clone(), second.clone()));
    }
    let TimeUse { date_time, timestamp } = request.time;
    let epoch = request.environment.iter().any(|(name, _)| name == "SOURCE_DATE_EPOCH");
    // clang 14 ignores the variable; which release began to obey it was not tried.
    let (dates_obey, stamps_obey) = match (request.command.family, request.toolchain.version.0) {
        (Family::Gcc, major) => (major >= 12, false),
        (Family::Clang, major) => (major >= 19, major >= 19),
    };
    if date_time && !(epoch && dates_obey) {
        return Err(NoAction::DateTime);
    }
    if timestamp && !(epoch && stamps_obey) {
        return Err(NoAction::Timestamp);
    }
    Ok(())
}

/// The precompiled header that is made, named, or among the inputs.
fn precompiled_header(request: &ActionRequest<'_>, words: &Words) -> Option<String> {
    if request.command.stage == Stage::PrecompiledHeader {
        return Some(request.command.output.clone());
    }
    let is_compiled = |name: &str| [".gch", ".pch"].iter().any(|suffix| name.ends_with(suffix));
    let read = request.inputs.entries.iter().find(|(path, entry)| {
        matches!(entry, Entry::File { .. } | Entry::Symlink { .. }) && path.components().any(is_compiled)
    });
    let read = read.map(|(path, _)| path.to_string());
    let outside = request.inputs.outside.iter().map(|file| &file.path);
    let outside = outside
        .filter(|path| path.iter().filter_map(|name| name.to_str()).any(is_compiled))
        .map(|path| path.display().to_string());
    let named = words.find(|word| word.starts_with("-include-pch") || word == "-emit-pch");
    read.or_else(|| outside.min()).or(named.map(str::to_owned))
}

/// What places a step locally in both modes, whatever its words say about paths.
pub(super) fn local_by_inputs(request: &ActionRequest<'_>, words: &Words) -> Option<PlacedLocally> {
    if let Some(header) = precompiled_header(request, words) {
        return Some(PlacedLocally::PrecompiledHeader(header));
    }
    if let Some(arg) = request.command.native().next()
        && request
            .command
            .with_role(Role::Native(Native::Resolved))
            .next()
            .is_none()
    {
        return Some(PlacedLocally::NativeProcessor(arg.words().concat()));
    }
    if let Some(path) = request.absolute_include {
        return Some(PlacedLocally::AbsoluteInclude(path.to_owned()));
    }
    let covered = match request.command.family {
        Family::Gcc => request.toolchain.version.0 >= 12,
        Family::Clang => request.toolchain.version.0 >= 14,
    };
    (!covered).then_some(PlacedLocally::UntriedCompiler)
}

/// gcc records the real path of a header below a system directory where that is shorter than the spelled one. On a
/// worker it never is, so a header that `..` in an `#include` or a symbolic link leads to has two names.
pub(super) fn respelled_system_header(request: &ActionRequest<'_>, system_dirs: &[SystemDir]) -> Option<PlacedLocally> {
    let observed = &request.inputs.observed;
    for dir in system_dirs {
        for path in observed.files.keys() {
            let Some(text) = path.to_str() else { continue };
            let Some(rest) = super::place::inside(&dir.walked, text).filter(|rest| !rest.is_empty()) else {
                continue;
            };
            let real = super::place::normalised(&format!("{}{rest}", dir.real));
            if real.len() < dir.recorded.len() + rest.len() {
                return Some(PlacedLocally::SystemHeaderSpelling(path.clone()));
            }
        }
        let link = observed.links.keys().find(|link| {
            link.to_str()
                .and_then(|text| super::place::inside(&dir.walked, text))
                .is_some_and(|rest| !rest.is_empty())
        });
        if let Some(link) = link {
            return Some(PlacedLocally::SystemHeaderSpelling(link.clone()));
        }
    }
    None
}

/// A directory of the system part of gcc's search path, inside the exec root.
pub(super) struct SystemDir {
    /// Absolute, as the compiler walks it.
    pub(super) walked: String,
    /// Without symbolic links.
    pub(super) real: String,
    /// As gcc records it.
    pub(super) recorded: String,
}

/// Whether gcc counts headers of this directory option as system headers.
pub(super) fn is_system(role: Role) -> bool {
    matches!(role, Role::SearchDir(Chain::System | Chain::After))
}
