//! What a link writes, how, and which of its words keep an Action of it at home.

use super::line::{Asked, Product};
use super::{Flavour, LinkItem, LinkLine};
use crate::command::{ToolOutput, ToolText, Unrelocatable};

/// The outputs, the primary one last.
///
/// Seen with GNU ld and gold 2.40, lld 14 and 19, mold 1.10: maps, dependency files and other lists are written over a
/// file that is there, and through a symlink; all but mold put a new file in the place of an older program.
pub(super) fn outputs(line: &LinkLine, asked: &Asked) -> Vec<ToolOutput> {
    let mut outputs: Vec<ToolOutput> = asked.secondary.iter().map(|(_, output)| output.clone()).collect();
    let path = asked.output.clone().unwrap_or_else(|| "a.out".to_owned());
    outputs.push(ToolOutput {
        updates: line
            .items
            .iter()
            .any(|item| matches!(item, LinkItem::File(input, _) if *input == path)),
        path,
        mode: if asked.product == Product::Object { 0o666 } else { 0o777 },
        // mold gives a shared library a new inode: a program that has loaded the old one goes on with it.
        in_place: line.flavour == Flavour::Mold && asked.product != Product::SharedLibrary,
        optional: false,
        text: ToolText::None,
    });
    outputs
}

/// Whether a failed link removes an older output.
pub(super) fn removes_on_failure(flavour: Flavour) -> bool {
    matches!(flavour, Flavour::Bfd | Flavour::Gold)
}

/// The first row that applies, the widest before the others.
pub(super) fn unrelocatable(flavour: Flavour, asked: &Asked) -> Option<Unrelocatable> {
    if let Some(option) = &asked.cache {
        return Some(Unrelocatable {
            option: option.clone(),
            why: "reads and writes a directory of earlier results",
            only_if_rewritten: false,
            also_portable: true,
        });
    }
    if let Some(path) = &asked.raw_absolute {
        return Some(Unrelocatable {
            option: path.clone(),
            why: "is taken as raw bytes, and the linker makes symbols of its absolute path",
            only_if_rewritten: true,
            also_portable: true,
        });
    }
    let output = asked.output.as_deref().filter(|path| path.starts_with('/'))?;
    let records_output = flavour != Flavour::Bfd && !asked.soname && asked.product != Product::Object;
    let versions = asked.version_script || (flavour == Flavour::Gold && asked.product == Product::SharedLibrary);
    (records_output && versions).then(|| Unrelocatable {
        option: format!("-o {output}"),
        why: "is absolute and without a soname, and the linker records it as the name of the symbol versions",
        only_if_rewritten: true,
        also_portable: false,
    })
}
