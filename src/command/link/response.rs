//! `@file` among a linker's words, expanded as that linker does.

use super::Flavour;
use crate::command::response_file::{self, Expanded, ReadResponse};
use crate::command::{Driver, Family, LocalOnly};

/// Expands every `@file` of `args`.
///
/// GNU ld and gold read such a file as gcc does, lld as clang does. mold has rules of its own: only text on which all
/// agree is taken. Newer GNU linkers read a backslash inside of quotes in another way than older ones.
pub(super) fn expand(flavour: Flavour, args: &[String], read: &mut ReadResponse<'_>) -> Result<Expanded, LocalOnly> {
    let family = match flavour {
        Flavour::Bfd | Flavour::Gold | Flavour::Mold => Family::Gcc,
        Flavour::Lld => Family::Clang,
    };
    let newest = Driver {
        family,
        cxx: false,
        version: (u32::MAX, 0, 0),
    };
    let mut refused = None;
    let expanded = response_file::expand(&newest, args, &mut |path| {
        let content = read(path)?;
        if flavour == Flavour::Mold && content.iter().any(|byte| b"'\"\\@".contains(byte)) {
            refused.get_or_insert_with(|| path.to_owned());
        }
        Some(content)
    });
    match refused {
        Some(path) => Err(LocalOnly::ResponseFileText { path }),
        None => expanded,
    }
}
