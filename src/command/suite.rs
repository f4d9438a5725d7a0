//! The two suites of tools on object files, and how they read `@file` and options.

use super::response_file::{Expanded, ReadResponse, expand};
use super::{Driver, Family, LocalOnly, PieceRole, Word};
use serde::{Deserialize, Serialize};

/// Whose archiver or object tool it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Suite {
    /// GNU binutils.
    Gnu,
    /// LLVM.
    Llvm,
}

impl Suite {
    /// The compilers' family whose rules for response files and whose libraries it shares.
    pub fn family(self) -> Family {
        match self {
            Self::Gnu => Family::Gcc,
            Self::Llvm => Family::Clang,
        }
    }
}

/// The arguments with their response files expanded, as these tools do: libiberty for one suite, LLVM's support library
/// for the other, as in the compilers.
pub(super) fn expanded(suite: Suite, args: &[String], read: &mut ReadResponse<'_>) -> Result<Expanded, LocalOnly> {
    let driver = Driver {
        family: suite.family(),
        cxx: false,
        // libiberty changed in binutils too; which release has which is nothing to rely on, so that text with two
        // readings is refused.
        version: (u32::MAX, 0, 0),
    };
    expand(&driver, args, read)
}

/// The words of a command, each of which begins as text and is told its role when that is known.
#[derive(Debug, Default)]
pub(super) struct Words {
    words: Vec<Word>,
}

impl Words {
    pub(super) fn of(args: &[String]) -> Self {
        Self {
            words: args
                .iter()
                .map(|arg| Word::of(arg.as_str(), PieceRole::Plain))
                .collect(),
        }
    }

    /// The text from byte `start` on of the word at `index` has this role. Empty text has none.
    pub(super) fn mark(&mut self, index: usize, start: usize, role: PieceRole) {
        let text = self.words[index].text();
        let (name, value) = text.split_at(start);
        let mut word = Word::default();
        for (text, role) in [(name, PieceRole::Plain), (value, role)] {
            if !text.is_empty() {
                word.pieces.extend(Word::of(text, role).pieces);
            }
        }
        self.words[index] = word;
    }

    pub(super) fn finish(self) -> Vec<Word> {
        self.words
    }
}
