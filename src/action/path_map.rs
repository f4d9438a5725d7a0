//! How the paths of an action's outputs and the user's own correspond.

use super::place::{FILLER, PORTABLE_ROOT, Place, ROOT_NAME};
use crate::config::PathsMode;
use serde::{Deserialize, Serialize};

/// The names that an action's depfile and diagnostics use, and the user's names for the same.
///
/// `None` of an action that is placed locally: what its command writes are the user's own paths already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathMap {
    names: Option<Names>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Names {
    relocated: String,
    /// How a relocated forced include is printed.
    forced: String,
    home: String,
    cwd: String,
    portable: bool,
}

/// One name and what stands in its place, with where it may be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replacement<'a> {
    /// What is looked for; a slash or the end of the word follows it.
    pub from: &'a str,
    /// What replaces it.
    pub to: &'a str,
    /// Whether no character of a path may stand before it. Otherwise only a slash or a dot may not.
    pub at_word_start: bool,
}

impl PathMap {
    /// Nothing was rewritten.
    pub fn identity() -> Self {
        Self { names: None }
    }

    /// The map of a relocated action.
    pub fn relocated(place: &Place, mode: PathsMode) -> Self {
        Self {
            names: Some(Names {
                relocated: place.relocated_root(),
                forced: format!("./{}", place.relocated_root()),
                home: place.exec_root().to_owned(),
                cwd: place.cwd().to_owned(),
                portable: mode == PathsMode::Portable,
            }),
        }
    }

    /// The exec root as the action names it and as the user does, for words that are paths.
    pub fn roots(&self) -> Option<(&str, &str)> {
        self.names
            .as_ref()
            .map(|names| (names.relocated.as_str(), names.home.as_str()))
    }

    /// What to replace in text that a relocated action printed.
    pub fn to_home(&self) -> Vec<Replacement<'_>> {
        let Some(names) = &self.names else {
            return Vec::new();
        };
        let mut all = vec![
            Replacement {
                from: &names.forced,
                to: &names.home,
                at_word_start: false,
            },
            Replacement {
                from: &names.relocated,
                to: &names.home,
                at_word_start: false,
            },
            Replacement {
                from: "/proc/self/cwd",
                to: &names.cwd,
                at_word_start: true,
            },
        ];
        all.extend(self.recorded());
        all
    }

    /// What to replace in text that the action's own local run printed: names that its prefix maps made.
    pub fn recorded(&self) -> Option<Replacement<'_>> {
        let names = self.names.as_ref().filter(|names| names.portable)?;
        Some(Replacement {
            from: PORTABLE_ROOT,
            to: &names.home,
            at_word_start: true,
        })
    }

    /// What to replace in text that the user's own command printed, so that it reads as the relocated action's.
    pub fn from_home(&self) -> Option<Replacement<'_>> {
        self.names.as_ref().map(|names| Replacement {
            from: &names.home,
            to: &names.relocated,
            at_word_start: false,
        })
    }

    /// Whether text names a worker's own directory: no replacement can give the user's text then.
    pub fn names_worker(bytes: &[u8]) -> bool {
        memchr::memmem::find(bytes, FILLER.as_bytes()).is_some()
    }

    /// Whether a word of the user's looks like one of ours; such a step cannot be told apart afterwards.
    pub(super) fn could_be_ours(word: &str) -> bool {
        word.match_indices(ROOT_NAME).any(|(at, _)| {
            let after = &word[at + ROOT_NAME.len()..];
            word[..at].ends_with("../") && (after.is_empty() || after.starts_with('/'))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_climbing_root_name_could_be_ours() {
        for (word, expected) in [
            ("../_rw", true),
            ("-I../../_rw/x", true),
            ("../_rwx/y", false),
            ("_rw/x", false),
            ("../a_rw/x", false),
            ("src/_rw/x", false),
        ] {
            assert_eq!(PathMap::could_be_ours(word), expected, "{word}");
        }
    }
}
