//! Option tables: which options exist, whether they take a value, and what the value is to us.
//!
//! Two sources. *Names and forms* come from the compilers themselves: `gcc.txt` and `clang.txt`, written by
//! `tests/it/option_lists.rs`. *Meanings* are written by hand: `common.rs`, `gnu.rs`, `llvm.rs`. A word is looked up as
//! the drivers do it: the longest name that fits wins, exactly or as the front of a joined value, never as an
//! abbreviation.
//!
//! An option of a list without a meaning by hand is [`Role::Plain`] only by these rules (see `rule`), because it
//! cannot name a file:
//! - a flag that starts with `-f`, `-m`, `-W`, `-g` or `-O`: it has no value (flags that write or read a file of an
//!   implied name have a meaning by hand);
//! - `-W…=`: no warning takes a path;
//! - a value that the compiler's list says to be a number or one of a fixed set;
//! - `-m…=` of gcc, whose machine options take no path; also those that only clang's list has, which holds those of
//!   all targets where gcc's holds one;
//! - `-fno-…`, `-mno-…`, `-gno-…` of a listed option; `-Wno-…` of anything: gcc ignores an unknown one, clang warns.
//!
//! Everything else is unknown, and the step is local-only.

mod common;
mod gnu;
mod list;
mod llvm;

use super::{Family, LocalOnly, MapKind, Role, Stage};
use std::collections::HashMap;
use std::sync::LazyLock;

/// The forms in which an option stands on the command line; several may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forms {
    /// Without a value.
    pub alone: bool,
    /// Value in the same word.
    pub joined: bool,
    /// Value in the next word.
    pub separate: bool,
}

impl Forms {
    const ALONE: Self = Self::new(true, false, false);
    const JOINED: Self = Self::new(false, true, false);
    const SEPARATE: Self = Self::new(false, false, true);
    const EITHER: Self = Self::new(false, true, true);
    const OPTIONAL: Self = Self::new(true, true, false);

    const fn new(alone: bool, joined: bool, separate: bool) -> Self {
        Self {
            alone,
            joined,
            separate,
        }
    }
}

/// A state of the compiler that decides which files it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// Debug information of a kind that can be split.
    Debug,
    /// `-gsplit-dwarf`.
    SplitDwarf,
    /// `--coverage`: nothing takes it back.
    Coverage,
    /// `-ftest-coverage`.
    TestCoverage,
    /// `-fstack-usage`.
    StackUsage,
    /// `-fcallgraph-info`.
    CallGraph,
    /// `-fdeps-format=`: which modules the source needs and makes.
    ModuleDependencies,
    /// `-ftime-trace`.
    TimeTrace,
    /// `-fsave-optimization-record`.
    OptimizationRecord,
    /// `-fembed-bitcode`: one more step between source and object.
    EmbedBitcode,
    /// `-emit-llvm`.
    EmitLlvm,
    /// `-flto`: the output holds an intermediate form.
    Lto,
    /// `-ffat-lto-objects`: and machine code too, if the version of clang knows the option.
    FatLto,
}

/// A file that an option names and the compiler writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// `-fprofile-note=`: instead of the `.gcno` file.
    CoverageNotes,
    /// `-foptimization-record-file=`.
    OptimizationRecord,
    /// `-aux-info`: prototypes, of C only.
    Prototypes,
    /// `-MJ`: not for plain assembler.
    CompilationDatabase,
    /// `--serialize-diagnostics`.
    Diagnostics,
    /// `-ftime-trace=`: instead of the `.json` file.
    TimeTrace,
    /// `-fthin-link-bitcode=`.
    ThinLink,
    /// `-dumpdir`: no file, but the front of the names of others.
    DumpDirectory,
    /// `-dumpbase`: their stem.
    DumpBase,
    /// `-dumpbase-ext`: what is cut off it.
    DumpExtension,
}

/// Another program that a word is handed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inner {
    /// `-Wp,` and `-Xpreprocessor`.
    Preprocessor,
    /// `-Wa,` and `-Xassembler`.
    Assembler,
    /// `-Xclang`: clang's compiler proper.
    Frontend,
    /// `-mllvm`.
    Backend,
}

/// A value that decides whether the step can be shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// `native` is this machine's processor.
    Processor,
    /// Only UTF-8 will do.
    Charset,
    /// Anything but SARIF and files.
    DiagnosticsFormat,
    /// gcc `-d<letters>`: some print into the assembly, others write dumps.
    DumpLetters,
    /// `-fopt-info-…`: standard error, or `=file`.
    OptimizationInfo,
    /// `-gsplit-dwarf=`: `split` or `single`.
    SplitDwarf,
    /// `-fsave-optimization-record=`: the format.
    RecordFormat,
}

/// What an option does to the command.
#[derive(Clone, Copy, Debug)]
pub enum Meaning {
    /// Its role says all.
    Is(Role),
    /// `-c`, `-S`.
    Stop(Stage),
    /// `-x`.
    Language,
    /// `-o`.
    Output,
    /// `-MD`, `-MMD`.
    WriteDepfile {
        /// `-MMD`.
        user_headers_only: bool,
    },
    /// `-MF`.
    DepfileName,
    /// Turns a feature on or off.
    Switch(Feature, bool),
    /// Names a file that is written.
    Writes(Named),
    /// `-save-temps`.
    SaveTemps,
    /// `-fdump-…`: may name a file.
    NamedDump,
    /// Its value decides.
    Check(Checked),
    /// `-fmodule-file=`: a module's compiled form, with or without its name.
    ModuleFile,
    /// Its value is for another program.
    Passes(Inner),
    /// Ends all thoughts of sharing, and says what the whole step is (`-E`, `--version`): goes before other reasons.
    Mode(fn(&str) -> LocalOnly),
    /// Makes the step local-only.
    Local(fn(&str) -> LocalOnly),
}

/// One option as rewrap knows it.
#[derive(Clone, Copy, Debug)]
pub struct OptionSpec {
    /// As spelled up to its value.
    pub name: &'static str,
    /// How it takes its value.
    pub forms: Forms,
    /// What it does.
    pub meaning: Meaning,
}

/// Options of one meaning and form: how the tables by hand are written.
#[derive(Clone, Copy)]
struct Group {
    meaning: Meaning,
    forms: Forms,
    /// Names with blanks between them.
    names: &'static str,
}

const fn group(meaning: Meaning, forms: Forms, names: &'static str) -> Group {
    Group { meaning, forms, names }
}

const PLAIN: Meaning = Meaning::Is(Role::Plain);

const fn map(kind: MapKind) -> Meaning {
    Meaning::Is(Role::PrefixMap(kind))
}

/// What a word is, by the tables.
#[derive(Clone, Copy, Debug)]
pub enum Lookup<'a> {
    /// The whole word is this option, without a value.
    Alone(OptionSpec),
    /// The option, and its value in the same word.
    Joined(OptionSpec, &'a str),
    /// The option; its value is the next word.
    Separate(OptionSpec),
    /// In no table. `takes_next`: a compiler's list says that the next word is its value.
    Unknown {
        /// Whether the next word belongs to it.
        takes_next: bool,
    },
}

type Table = HashMap<&'static str, OptionSpec>;

static BY_HAND: LazyLock<[Table; 2]> = LazyLock::new(|| {
    [Family::Gcc, Family::Clang].map(|family| {
        let own = match family {
            Family::Gcc => gnu::GROUPS,
            Family::Clang => llvm::GROUPS,
        };
        let mut table = Table::new();
        for group in common::GROUPS.iter().chain(own) {
            for name in group.names.split_ascii_whitespace() {
                let spec = OptionSpec {
                    name,
                    forms: group.forms,
                    meaning: group.meaning,
                };
                table.insert(name, spec);
            }
        }
        table
    })
});

fn by_hand(family: Family) -> &'static Table {
    match family {
        Family::Gcc => &BY_HAND[0],
        Family::Clang => &BY_HAND[1],
    }
}

/// Looks a word up that starts with `-`.
pub fn look_up(family: Family, word: &str) -> Lookup<'_> {
    let ends = || (2..=word.len()).rev().filter(|end| word.is_char_boundary(*end));
    // `-fdump-` and its like speak for all that starts so: no rule goes before them.
    let is_family = |end: usize| word[..end].ends_with('-') && by_hand(family).contains_key(&word[..end]);
    let family_end = ends().find(|end| is_family(*end)).unwrap_or_default();
    for end in ends() {
        let (name, rest) = word.split_at(end);
        let hand = by_hand(family).get(name).copied();
        let ruled = end <= family_end || family_end == 0;
        let Some(spec) = hand.or_else(|| rule(family, name).filter(|_| ruled)) else {
            // The compiler reads the word as this option; `-object-x=` is not `-o bject-x=`.
            let listed = list::entry(family, name).filter(|_| ruled);
            if listed.is_some_and(|listed| rest.is_empty() || listed.forms.joined) {
                break;
            }
            continue;
        };
        match (rest.is_empty(), spec.forms) {
            (true, Forms { alone: true, .. }) => return Lookup::Alone(spec),
            (true, Forms { separate: true, .. }) => return Lookup::Separate(spec),
            (true, Forms { joined: true, .. }) => return Lookup::Joined(spec, ""),
            (false, Forms { joined: true, .. }) => return Lookup::Joined(spec, rest),
            _ => {}
        }
    }
    negative(family, word).unwrap_or_else(|| Lookup::Unknown {
        takes_next: list::entry(family, word).is_some_and(|entry| entry.forms.separate),
    })
}

/// The meaning of a listed option that no hand gave one, by the rules of this module's page.
fn rule(family: Family, name: &str) -> Option<OptionSpec> {
    let (name, listed) = match (list::entry(family, name), family) {
        (Some(entry), _) => (entry.name, entry),
        (None, Family::Gcc) if name.starts_with("-m") => {
            let entry = list::entry(Family::Clang, name).filter(|entry| !entry.forms.separate)?;
            (entry.name, entry)
        }
        _ => return None,
    };
    let lettered = ["-f", "-m", "-W", "-g", "-O"]
        .iter()
        .any(|letter| name.starts_with(letter));
    let no_path = listed.closed
        || name.starts_with("-W")
        || (family == Family::Gcc && name.starts_with("-m") && name.ends_with('='));
    let forms = Forms {
        alone: listed.forms.alone && lettered,
        joined: listed.forms.joined && no_path && lettered,
        separate: false,
    };
    let meaning = PLAIN;
    (forms != Forms::default()).then_some(OptionSpec { name, forms, meaning })
}

/// `-fno-x` where `-fx` is listed, and so on. The negative of an option takes no path.
fn negative(family: Family, word: &str) -> Option<Lookup<'_>> {
    let alone = |name| {
        let forms = Forms::ALONE;
        let meaning = PLAIN;
        Some(Lookup::Alone(OptionSpec { name, forms, meaning }))
    };
    if word.starts_with("-Wno-") {
        return alone("-Wno-");
    }
    let positive = ["-fno-", "-mno-", "-gno-"]
        .iter()
        .find_map(|no| Some(format!("{}{}", &no[..2], word.strip_prefix(no)?)))?;
    match look_up(family, &positive) {
        Lookup::Alone(_) | Lookup::Joined(..) => alone("-fno-"),
        Lookup::Separate(_) | Lookup::Unknown { .. } => None,
    }
}

#[cfg(test)]
mod tests;
