//! What one file's text says about other files: the immutable result of lexing it, shared by all who read it.

use std::collections::{BTreeMap, BTreeSet};

/// How a mentioned name is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// `"name"`: beside the file that mentions it, then along the quote list.
    Quote,
    /// `<name>`: along the angled list.
    Angle,
}

/// In what way a file names another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Use {
    /// `#include`, `#import`.
    Include,
    /// `#include_next`.
    IncludeNext,
    /// `__has_include`.
    Test,
    /// `__has_include_next`.
    TestNext,
    /// `#embed`, `__has_embed`.
    Embed,
    /// `#pragma GCC dependency`: opened for its modification time.
    Dependency,
    /// The assembler's `.include`.
    AsmInclude,
    /// The assembler's `.incbin`.
    AsmBinary,
}

/// A file named literally.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mention {
    /// In what way.
    pub used: Use,
    /// How it is looked up.
    pub form: Form,
    /// The name between the quotes or brackets.
    pub name: Box<[u8]>,
}

/// Function-like names that ask for a file: `__has_include` and the macros that stand for it.
pub type Questions = BTreeMap<Box<[u8]>, Use>;

/// The questions that every preprocessor knows; the names with trailing underscores are those of gcc 5 to 9.
pub fn builtin_questions() -> Questions {
    let builtin: [(&[u8], Use); 5] = [
        (b"__has_include", Use::Test),
        (b"__has_include__", Use::Test),
        (b"__has_include_next", Use::TestNext),
        (b"__has_include_next__", Use::TestNext),
        (b"__has_embed", Use::Embed),
    ];
    builtin.into_iter().map(|(name, used)| (name.into(), used)).collect()
}

/// Something about a text that names no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Remark {
    /// `#include` or `#embed` of a macro.
    Computed,
    /// `__DATE__` or `__TIME__`.
    DateOrTime,
    /// `__TIMESTAMP__`.
    Timestamp,
    /// `#pragma once`.
    Once,
    /// `#import`: makes the file that it names be read once.
    Imports,
    /// Something that only a whole compilation carries out and that later conditions may see: `__COUNTER__` in the text,
    /// pragmas for a target, `_Pragma` operators that act on macros.
    Effects,
}

/// Everything in a text that matters, in any branch of its conditionals: a superset of what one compilation sees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileFacts {
    /// Files named literally; sorted, each once.
    pub mentions: Vec<Mention>,
    /// What else is to be known.
    pub remarks: BTreeSet<Remark>,
    /// Something that names a file in a way that only running the compiler would resolve, as it stands in the text.
    pub unresolvable: Option<String>,
    /// Macros that stand for one of the questions: `#define HAS(x) __has_include(x)`.
    pub aliases: Questions,
}

impl FileFacts {
    /// Whether this is so.
    pub fn is(&self, remark: Remark) -> bool {
        self.remarks.contains(&remark)
    }

    /// The facts of a text that may be read in either of two ways.
    #[must_use]
    pub(super) fn united(mut self, other: Self) -> Self {
        self.mentions.extend(other.mentions);
        self.remarks.extend(other.remarks);
        self.unresolvable = self.unresolvable.or(other.unresolvable);
        self.aliases.extend(other.aliases);
        self.sorted()
    }

    /// Mentions sorted, each once.
    #[must_use]
    pub(super) fn sorted(mut self) -> Self {
        self.mentions.sort();
        self.mentions.dedup();
        self.mentions.shrink_to_fit();
        self
    }
}
