//! A linker that is called itself, or the line by which a driver calls it.

use super::line::Walk;
use super::{Flavour, LinkLine, outputs, response};
use crate::command::response_file::ReadResponse;
use crate::command::{LocalOnly, ToolCommand, ToolKind, Word};

/// The inputs of a linker's whole command line (without `argv[0]`), or why they cannot be told.
///
/// `read` gives the content of a response file by its path as spelled after `@`, relative to the cwd; `None` if it
/// cannot be opened. The line of a driver may hold words that are for `collect2` alone: see
/// [`without_collect2_words`].
pub fn parse_line(flavour: Flavour, args: &[String], read: &mut ReadResponse<'_>) -> Result<LinkLine, LocalOnly> {
    let mut walk = Walk::new(flavour);
    for word in &response::expand(flavour, args, read)?.args {
        walk.word(word);
    }
    walk.finish().map(|(line, _)| line)
}

/// Understands the arguments (without `argv[0]`) of a linker that is called itself, or says why the step has no Action.
pub fn parse_ld(flavour: Flavour, args: &[String], read: &mut ReadResponse<'_>) -> Result<ToolCommand, LocalOnly> {
    let expanded = response::expand(flavour, args, read)?;
    let mut walk = Walk::new(flavour);
    let mut words = Vec::new();
    for word in &expanded.args {
        let pieces = walk.word(word);
        words.push(Word { pieces });
    }
    let (line, asked) = walk.finish()?;
    if let Some(reason) = asked.undeclared {
        return Err(reason);
    }
    Ok(ToolCommand {
        kind: ToolKind::Link,
        words,
        outputs: outputs::outputs(&line, &asked),
        removes_on_failure: outputs::removes_on_failure(flavour),
        response_files: expanded.files,
        placed_locally: outputs::unrelocatable(flavour, &asked),
    })
}

/// The words that gcc's `collect2` gives on to the linker: it keeps those about link-time optimisation and the choice
/// of the linker to itself (`ld -flto` alone would be `-f lto`).
pub fn without_collect2_words(args: &[String]) -> Vec<String> {
    let kept = |word: &&String| {
        let own = ["-flto", "-fno-lto", "-fuse-ld="]
            .iter()
            .any(|name| word.starts_with(name));
        !own
    };
    args.iter().filter(kept).cloned().collect()
}
