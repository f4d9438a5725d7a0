//! Why a step has no Action at all and must run here, uncached: a closed list, each with a sentence for the user.

use thiserror::Error;

/// A reason. The [code](LocalOnly::code) (`snake_case` of the name) is in records and statistics: never rename one.
/// The message is one sentence, without a full stop, that a user can act on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LocalOnly {
    // What the step does.
    /// Links its operands (no `-c`, `-S` or `-E`): no compile. What [`link`](super::link) says of it counts.
    #[error("the step links")]
    Link,
    /// `-E` to standard output, or of something that has no directives.
    #[error("`-E` prints what it makes; with `-o` and a source it would be cached")]
    Preprocess,
    /// `-M`, `-MM`.
    #[error("`-M` and `-MM` only list dependencies, which costs less here than sharing the list")]
    DependenciesOnly,
    /// `-fsyntax-only`.
    #[error("`-fsyntax-only` writes no output that could be shared")]
    SyntaxOnly,
    /// No operand at all, or a question about the compiler itself: `--version`, `-print-search-dirs`, `-dumpmachine`.
    #[error("the command names no source: it asks the compiler about itself")]
    NoSource,
    /// `-v`, `-###`: prints the commands that the driver runs.
    #[error("`{option}` prints the compiler's own commands, which differ between machines")]
    Probe {
        /// The option.
        option: String,
    },
    /// A check by a configure script or by CMake. See [`is_configure_probe`](super::is_configure_probe).
    #[error("`{path}` is a check by a configure script, built once and thrown away")]
    ConfigureProbe {
        /// The source.
        path: String,
    },

    // Its operands.
    /// `-` as source.
    #[error("the source comes from standard input; give the compiler a file to have it cached")]
    StdinSource,
    /// More than one source with `-c` or `-S`.
    #[error("the command compiles several sources at once; compile one per command to have them cached")]
    SeveralSources,
    /// `-c` with an operand for the linker.
    #[error("`{path}` is an input for the linker, which a compile does not use")]
    LinkerInput {
        /// The operand.
        path: String,
    },
    /// Neither C, C++ nor assembler.
    #[error("`{language}` is not a language that rewrap follows: C, C++ and assembler are")]
    UnsupportedLanguage {
        /// The value of `-x`, or the operand.
        language: String,
    },
    /// A source among the operands of a link.
    #[error("`{path}` is compiled and linked by one command; compile with `-c` first to have both cached")]
    CompileAndLink {
        /// The source.
        path: String,
    },
    /// A header is the source, in a command whose outputs have names that no rule describes.
    #[error(
        "the compiler writes more than a precompiled header of `{path}`; name the output with `-o`, and leave out `-S`"
    )]
    PchOutput {
        /// The header.
        path: String,
    },

    // Its options.
    /// No table has it.
    #[error("rewrap does not know the option `{option}`; please report it")]
    UnknownOption {
        /// The word.
        option: String,
    },
    /// An option at the end of the line lacks its value: the compiler shall say so itself.
    #[error("the option `{option}` has no value")]
    MissingValue {
        /// The option.
        option: String,
    },
    /// An option for another program (`-Wa,…`, `-Xclang …`, `-mllvm …`) that no table has.
    #[error("rewrap does not know what `{option}` means to the program that `{through}` hands it to")]
    InnerOption {
        /// `-Wa,`, `-Xclang`, …
        through: String,
        /// The word inside.
        option: String,
    },
    /// `-march=native` and the like.
    #[error("`{option}` depends on this machine's processor; name an architecture to have the result shared")]
    NativeTuning {
        /// The option with its value.
        option: String,
    },
    /// A compiler plugin: it may read and write anything.
    #[error("`{option}` loads a plugin into the compiler, which may read any file")]
    Plugin {
        /// The option.
        option: String,
    },
    /// Modules, header units, module maps.
    #[error("`{option}` uses modules, which rewrap does not follow yet")]
    Modules {
        /// The option, or the module unit.
        option: String,
    },
    /// `-save-temps`.
    #[error("`{option}` keeps intermediate files whose names rewrap does not predict")]
    SaveTemps {
        /// The option.
        option: String,
    },
    /// `-fdump-…`, `-d…`, statistics: files that are named by compiler passes.
    #[error("`{option}` writes dump files whose names rewrap does not predict")]
    DumpFiles {
        /// The option.
        option: String,
    },
    /// What is there already stays in front of what is written.
    #[error("`{option}` adds to a file that may be there already")]
    AppendedOutput {
        /// The option with its value.
        option: String,
    },
    /// An output that no rule describes.
    #[error("`{option}` writes a file whose name rewrap does not predict")]
    ExoticOutput {
        /// The option.
        option: String,
    },
    /// Two ways of asking for a depfile in one command: the compilers do not agree on which counts.
    #[error("`{option}` asks for a second depfile")]
    SecondDepfile {
        /// The later option.
        option: String,
    },
    /// An output goes to standard output.
    #[error("`{option}` writes to standard output")]
    StdoutOutput {
        /// The option with its value.
        option: String,
    },
    /// `-specs=`: rewrites the driver's behaviour.
    #[error("`{option}` replaces the compiler's specs, which can change everything about it")]
    Specs {
        /// The option.
        option: String,
    },
    /// clang's configuration files.
    #[error("`{option}` brings in arguments that are not on the command line")]
    ConfigFile {
        /// The option.
        option: String,
    },
    /// `-traditional-cpp`, `-fdirectives-only`, `-fpreprocessed`: another preprocessor than the one we know.
    #[error("`{option}` changes how the preprocessor reads the source")]
    OldPreprocessor {
        /// The option.
        option: String,
    },
    /// `-I-`, `-iprefix`, frameworks, overlays: another search than the one we know.
    #[error("`{option}` changes how headers are searched in a way rewrap does not follow")]
    SearchRules {
        /// The option.
        option: String,
    },
    /// `-R F`, `--mri-script`, `--chroot`: other inputs, or another search, than the linker's line tells.
    #[error("`{option}` makes the linker find its inputs in a way rewrap does not follow")]
    LinkRules {
        /// The option with its value.
        option: String,
    },
    /// `-finput-charset=` other than UTF-8.
    #[error("`{option}` makes the compiler convert the source, whose directives rewrap then cannot read")]
    InputCharset {
        /// The option with its value.
        option: String,
    },
    /// `-fprofile-use` without a file named on the command line.
    #[error("`{option}` reads a profile whose name rewrap does not predict")]
    ProfileInput {
        /// The option.
        option: String,
    },
    /// `-wrapper` and the like: another program stands between.
    #[error("`{option}` runs the compiler's programs in another way")]
    ExoticTool {
        /// The option.
        option: String,
    },
    /// Offloading to GPUs, several architectures: more than one compile in one command.
    #[error("`{option}` compiles for more than one machine at once")]
    SeveralTargets {
        /// The option.
        option: String,
    },
    /// `-ftime-report`, `-fmem-report`, `-Q`, `-time`: prints measurements.
    #[error("`{option}` prints measurements, which differ from run to run")]
    Measurements {
        /// The option.
        option: String,
    },
    /// SARIF diagnostics: they hold absolute paths and times.
    #[error("`{option}` writes diagnostics as SARIF, which holds paths and times of this machine")]
    SarifDiagnostics {
        /// The option with its value.
        option: String,
    },
    /// `-Wa,-I…`: a search list of the assembler alone.
    #[error("`{option}` gives the assembler a search list of its own")]
    AssemblerSearch {
        /// The word inside of `-Wa,`.
        option: String,
    },
    /// Response files that name each other.
    #[error("the response file `{path}` is nested too deep")]
    ResponseFileDepth {
        /// As spelled after `@`.
        path: String,
    },
    /// A response file that is not UTF-8 text with one reading.
    #[error("the response file `{path}` is not text that all versions of the compiler read alike")]
    ResponseFileText {
        /// As spelled after `@`.
        path: String,
    },
    /// Arguments or paths that are not UTF-8: the protocol has only UTF-8 strings.
    #[error("the command holds bytes that are not UTF-8")]
    NonUtf8,
    /// A variable that changes outputs in ways no table describes.
    #[error("the environment variable `{name}` changes what the compiler reads or writes")]
    EnvironmentVariable {
        /// Its name.
        name: String,
    },

    // Archives and tools on object files.
    /// `ar t`, `ar p`, `ar x`: writes nothing, or files that only the archive names.
    #[error("`ar {operation}` takes members out of an archive or lists them, which costs less here than sharing that")]
    ArchiveRead {
        /// The letter.
        operation: String,
    },
    /// `ar -M`.
    #[error("`ar -M` takes its script from standard input; give `ar` the members as arguments to have it cached")]
    ArchiveScript,
    /// Without the modifier `D`, or an archiver whose default that is.
    #[error("the archive would hold times and owners of files; give the archiver the modifier `D` to have it cached")]
    ArchiveTimes,
    /// An option that makes times part of the result.
    #[error("`{option}` keeps times or owners of files, which differ between machines")]
    RealTimes {
        /// The option.
        option: String,
    },
    /// A modifier that means different things to different versions.
    #[error("`{option}` does not mean the same to all versions of the archiver")]
    AmbiguousModifier {
        /// The letter.
        option: String,
    },
    /// A file format other than ELF, plain bytes and their text forms.
    #[error("`{option}` names a file format that rewrap does not follow")]
    UnsupportedFormat {
        /// The option.
        option: String,
    },
    /// An option that does not give the same bytes twice.
    #[error("`{option}` gives other bytes from run to run with this version of the tool")]
    DiffersByRun {
        /// The option.
        option: String,
    },
    /// `dwp -e`.
    #[error("`{option}` reads the files that a program's debug information names, which rewrap does not follow")]
    NamedByDebugInformation {
        /// The option.
        option: String,
    },

    // Its files.
    /// An existing output that is neither a regular file nor a symlink to one.
    #[error("the output `{path}` is not a regular file")]
    OutputNotRegular {
        /// As spelled.
        path: String,
    },

    // Its surroundings.
    /// The program is none of the compilers that rewrap knows.
    #[error("`{tool}` is not a compiler that rewrap knows")]
    NotACompiler {
        /// As invoked.
        tool: String,
    },
}

impl LocalOnly {
    /// The stable name of the reason in records and statistics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Preprocess => "preprocess",
            Self::DependenciesOnly => "dependencies_only",
            Self::SyntaxOnly => "syntax_only",
            Self::NoSource => "no_source",
            Self::Probe { .. } => "probe",
            Self::ConfigureProbe { .. } => "configure_probe",
            Self::StdinSource => "stdin_source",
            Self::SeveralSources => "several_sources",
            Self::LinkerInput { .. } => "linker_input",
            Self::UnsupportedLanguage { .. } => "unsupported_language",
            Self::CompileAndLink { .. } => "compile_and_link",
            Self::PchOutput { .. } => "pch_output",
            Self::UnknownOption { .. } => "unknown_option",
            Self::MissingValue { .. } => "missing_value",
            Self::InnerOption { .. } => "inner_option",
            Self::NativeTuning { .. } => "native_tuning",
            Self::Plugin { .. } => "plugin",
            Self::Modules { .. } => "modules",
            Self::SaveTemps { .. } => "save_temps",
            Self::DumpFiles { .. } => "dump_files",
            Self::AppendedOutput { .. } => "appended_output",
            Self::ExoticOutput { .. } => "exotic_output",
            Self::SecondDepfile { .. } => "second_depfile",
            Self::StdoutOutput { .. } => "stdout_output",
            Self::Specs { .. } => "specs",
            Self::ConfigFile { .. } => "config_file",
            Self::OldPreprocessor { .. } => "old_preprocessor",
            Self::SearchRules { .. } => "search_rules",
            Self::LinkRules { .. } => "link_rules",
            Self::InputCharset { .. } => "input_charset",
            Self::ProfileInput { .. } => "profile_input",
            Self::ExoticTool { .. } => "exotic_tool",
            Self::SeveralTargets { .. } => "several_targets",
            Self::Measurements { .. } => "measurements",
            Self::SarifDiagnostics { .. } => "sarif_diagnostics",
            Self::AssemblerSearch { .. } => "assembler_search",
            Self::ResponseFileDepth { .. } => "response_file_depth",
            Self::ResponseFileText { .. } => "response_file_text",
            Self::NonUtf8 => "non_utf8",
            Self::EnvironmentVariable { .. } => "environment_variable",
            Self::ArchiveRead { .. } => "archive_read",
            Self::ArchiveScript => "archive_script",
            Self::ArchiveTimes => "archive_times",
            Self::RealTimes { .. } => "real_times",
            Self::AmbiguousModifier { .. } => "ambiguous_modifier",
            Self::UnsupportedFormat { .. } => "unsupported_format",
            Self::DiffersByRun { .. } => "differs_by_run",
            Self::NamedByDebugInformation { .. } => "named_by_debug_information",
            Self::OutputNotRegular { .. } => "output_not_regular",
            Self::NotACompiler { .. } => "not_a_compiler",
        }
    }

    /// Whether this is a question to the compiler, as configure scripts and build tools ask them, and no build step:
    /// statistics do not count it.
    pub fn is_probe(&self) -> bool {
        matches!(
            self,
            Self::NoSource | Self::Probe { .. } | Self::ConfigureProbe { .. } | Self::StdinSource
        )
    }
}

#[cfg(test)]
mod tests;
