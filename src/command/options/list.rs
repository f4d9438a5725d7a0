//! The options that the compilers list themselves: name, forms, and whether the value is from a closed set.

use super::{Family, Forms};
use std::sync::LazyLock;

/// One listed option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    /// Up to its value.
    pub(super) name: &'static str,
    /// How it takes its value.
    pub(super) forms: Forms,
    /// The value is a number or one of a fixed set.
    pub(super) closed: bool,
}

static LISTS: LazyLock<[Vec<Listed>; 2]> =
    LazyLock::new(|| [include_str!("gcc.txt"), include_str!("clang.txt")].map(read));

/// Lines of `name letters`, sorted by name; the letters: see `tests/it/option_lists.rs`, which writes the files.
fn read(text: &'static str) -> Vec<Listed> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_once(' '))
        .map(|(name, letters)| Listed {
            name,
            forms: Forms::new(letters.contains('A'), letters.contains('J'), letters.contains('S')),
            closed: letters.contains('#'),
        })
        .collect()
}

/// All options of a family, sorted by name.
pub(super) fn all(family: Family) -> &'static [Listed] {
    match family {
        Family::Gcc => &LISTS[0],
        Family::Clang => &LISTS[1],
    }
}

/// The option of exactly this name.
pub(super) fn entry(family: Family, name: &str) -> Option<Listed> {
    let list = all(family);
    list.binary_search_by(|listed| listed.name.cmp(name))
        .ok()
        .map(|at| list[at])
}
