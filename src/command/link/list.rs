//! The options that the linkers list themselves, in `{bfd,gold,lld,mold}.txt`, written by `tests/it/linker_lists.rs`.

use super::Flavour;

/// Names of the options without a value.
pub(super) fn flags(flavour: Flavour) -> impl Iterator<Item = &'static str> {
    entries(flavour).filter_map(|(name, letters)| (letters == "A").then_some(name))
}

/// Every option of the list with its letters: `A`lone, `V`alue.
pub(super) fn entries(flavour: Flavour) -> impl Iterator<Item = (&'static str, &'static str)> {
    let text = match flavour {
        Flavour::Bfd => include_str!("bfd.txt"),
        Flavour::Gold => include_str!("gold.txt"),
        Flavour::Lld => include_str!("lld.txt"),
        Flavour::Mold => include_str!("mold.txt"),
    };
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(' '))
}
