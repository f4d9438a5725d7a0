//! The linkers' options: which exist, how they take a value, and what the value is to us.
//!
//! All four linkers take an option of several letters with one dash or two; one dash before a name with `o` is `-o` and
//! its value. What takes a value or does something that matters here is in `meanings.rs`, by hand; flags that only
//! change the output are in the lists that the linkers print (`list.rs`). Every other word is unknown and the step is
//! local-only: an abbreviation that GNU ld would complete, too.

use super::Flavour;
use super::list;
use super::meanings;
use crate::command::LocalOnly;
use std::collections::HashMap;
use std::sync::LazyLock;

/// A set of linkers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flavours(u8);

impl Flavours {
    pub(super) const BFD: Self = Self(1);
    pub(super) const GOLD: Self = Self(2);
    pub(super) const LLD: Self = Self(4);
    pub(super) const MOLD: Self = Self(8);
    pub(super) const GNU: Self = Self(3);
    pub(super) const ALL: Self = Self(15);

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn contains(self, flavour: Flavour) -> bool {
        let one = match flavour {
            Flavour::Bfd => Self::BFD,
            Flavour::Gold => Self::GOLD,
            Flavour::Lld => Self::LLD,
            Flavour::Mold => Self::MOLD,
        };
        self.0 & one.0 != 0
    }
}

/// How an option stands with its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// It has none.
    Flag,
    /// `--name value` and `--name=value`; of one letter: `-x value` and `-xvalue`.
    Value,
    /// `--name` and `--name=value`; of one letter: `-x` and `-xvalue`.
    Optional,
    /// `--nameVALUE`.
    Glued,
}

/// A file that is written besides the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// `-Map`.
    Map,
    /// `--dependency-file`.
    Depfile,
    /// `--out-implib`.
    ImportLibrary,
    /// Text that names inputs.
    Paths,
    /// Text that names symbols only.
    Symbols,
}

/// What an option does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Meaning {
    /// Neither it nor its value names a file.
    Plain,
    /// The value is recorded in the output.
    Recorded,
    /// `-soname`: recorded.
    Soname,
    /// `-rpath`: recorded, and GNU ld searches it.
    Rpath,
    /// `-R`: `-rpath` or `--just-symbols`, as the value is a directory or a file.
    RpathOrSymbols,
    /// `-rpath-link`.
    RpathLink,
    /// A file that is read as it is named.
    Reads,
    /// `--version-script`: the same.
    VersionScript,
    /// `--just-symbols`.
    JustSymbols,
    /// `-T`.
    Script,
    /// `-l`.
    Library,
    /// `-L`.
    LibraryDir,
    /// `--sysroot`.
    Sysroot,
    /// `-m`.
    Emulation,
    /// `-nostdlib`.
    NoStandardDirs,
    /// `-o`.
    Output,
    /// Names a file that is written.
    Writes(Written),
    /// `-Bstatic`, `-Bdynamic`: whether `-l` takes archives only.
    StaticLibraries(bool),
    /// `-static`: the same, and nothing is loaded dynamically.
    Static,
    /// `--push-state`.
    PushState,
    /// `--pop-state`.
    PopState,
    /// `-b`: the format of the inputs that follow.
    Format,
    /// `-r`.
    Relocatable,
    /// `-shared`.
    Shared,
    /// `-plugin`.
    Plugin,
    /// `-plugin-opt`, and `--mllvm` of lld.
    PluginOption,
    /// A directory of results that the linker reads and writes.
    Cache,
    /// The linker prints a map to standard output.
    PrintMap,
    /// A question: says what the whole step is, and goes before other reasons.
    Mode(fn(&str) -> LocalOnly),
    /// Makes the step local-only.
    Local(fn(&str) -> LocalOnly),
}

/// One option as rewrap knows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spec {
    pub(super) form: Form,
    pub(super) meaning: Meaning,
}

/// Options of one meaning and form: how the table by hand is written.
#[derive(Clone, Copy)]
pub(super) struct Group {
    pub(super) flavours: Flavours,
    pub(super) meaning: Meaning,
    pub(super) form: Form,
    /// Names without dashes, with blanks between them.
    pub(super) names: &'static str,
}

/// What a word is, by the tables.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lookup<'a> {
    /// The whole word is this option, without a value.
    Alone(Spec),
    /// The option up to this byte, and its value in the rest of the word.
    Joined(Spec, usize),
    /// The option; its value is the next word.
    Separate(Spec),
    /// An operand.
    Operand,
    /// In no table, or a spelling that the linkers do not read alike.
    Unknown(&'a str),
}

type Table = HashMap<&'static str, Spec>;

const FLAVOURS: [Flavour; 4] = [Flavour::Bfd, Flavour::Gold, Flavour::Lld, Flavour::Mold];

static TABLES: LazyLock<[Table; 4]> = LazyLock::new(|| {
    FLAVOURS.map(|flavour| {
        let flag = Spec {
            form: Form::Flag,
            meaning: Meaning::Plain,
        };
        let mut table: Table = list::flags(flavour).map(|name| (name, flag)).collect();
        for group in meanings::GROUPS {
            if !group.flavours.contains(flavour) {
                continue;
            }
            let spec = Spec {
                form: group.form,
                meaning: group.meaning,
            };
            table.extend(group.names.split_ascii_whitespace().map(|name| (name, spec)));
        }
        table
    })
});

fn table(flavour: Flavour) -> &'static Table {
    &TABLES[flavour as usize]
}

/// Looks a word of a linker's command line up.
pub(super) fn look_up(flavour: Flavour, word: &str) -> Lookup<'_> {
    let Some(body) = word.strip_prefix('-').filter(|body| !body.is_empty()) else {
        return Lookup::Operand;
    };
    match body.strip_prefix('-') {
        Some(long) => look_up_long(flavour, word, long).unwrap_or(Lookup::Unknown(word)),
        None => look_up_one_dash(flavour, word, body),
    }
}

fn look_up_one_dash<'a>(flavour: Flavour, word: &'a str, body: &str) -> Lookup<'a> {
    let unknown = Lookup::Unknown(word);
    let mut letters = body.chars();
    let only_letter = letters.next().is_some() && letters.next().is_none();
    // `-oformat` is `-o format`; GNU ld reads `-library=x` as `-l ibrary=x`.
    let short_first = body.starts_with('o') || (flavour == Flavour::Bfd && body.starts_with('l'));
    if !only_letter && !short_first {
        if let Some(found) = look_up_long(flavour, word, body) {
            return found;
        }
        // GNU ld completes abbreviations; which of them are unique differs by version.
        let name = body.split_once('=').map_or(body, |(name, _)| name);
        if table(flavour)
            .keys()
            .any(|known| known.len() > 1 && known.starts_with(name))
        {
            return unknown;
        }
    }
    let first = body.chars().next().map_or(0, char::len_utf8);
    match (table(flavour).get(&body[..first]), only_letter) {
        (Some(spec), true) if spec.form == Form::Value => Lookup::Separate(*spec),
        (Some(spec), true) => Lookup::Alone(*spec),
        (Some(spec), false) if spec.form != Form::Flag => Lookup::Joined(*spec, 1 + first),
        // Flags in one word (`-sr`) are read letter by letter by some, and not at all by others.
        (Some(_), false) | (None, _) => unknown,
    }
}

/// `body` is the word without its dashes.
fn look_up_long<'a>(flavour: Flavour, word: &'a str, body: &str) -> Option<Lookup<'a>> {
    let dashes = word.len() - body.len();
    let (name, value) = match body.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (body, None),
    };
    let spec = table(flavour).get(name).filter(|_| name.len() > 1);
    match (spec, value) {
        (Some(spec), None) => match spec.form {
            Form::Flag | Form::Optional => Some(Lookup::Alone(*spec)),
            Form::Value => Some(Lookup::Separate(*spec)),
            Form::Glued => None,
        },
        (Some(spec), Some(_)) => {
            let takes = matches!(spec.form, Form::Value | Form::Optional);
            takes.then_some(Lookup::Joined(*spec, dashes + name.len() + 1))
        }
        (None, _) => {
            let glued = |end: &usize| {
                table(flavour)
                    .get(&body[..*end])
                    .is_some_and(|spec| spec.form == Form::Glued)
            };
            let end = (2..body.len())
                .rev()
                .filter(|end| body.is_char_boundary(*end))
                .find(glued)?;
            Some(Lookup::Joined(table(flavour)[&body[..end]], dashes + end))
        }
    }
}
