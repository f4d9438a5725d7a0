//! `ranlib`: archives, and next to no options.

use super::{ArchiveCommand, ArchiveTool, Operation, output};
use crate::command::response_file::{Expanded, ReadResponse};
use crate::command::suite::{Suite, Words, expanded};
use crate::command::{LocalOnly, PieceRole, ToolCommand, ToolKind};

pub(super) fn parse(
    tool: ArchiveTool,
    args: &[String],
    read: &mut ReadResponse<'_>,
) -> Result<ArchiveCommand, LocalOnly> {
    let Expanded { args, files } = match tool.suite {
        Suite::Gnu => expanded(tool.suite, args, read)?,
        // Whether it expands them differs by version.
        Suite::Llvm => match args.iter().find(|arg| arg.starts_with('@')) {
            Some(option) => return Err(LocalOnly::UnknownOption { option: option.clone() }),
            None => Expanded {
                args: args.to_vec(),
                files: Vec::new(),
            },
        },
    };
    let mut deterministic = tool.deterministic_default;
    let mut plugin = None;
    let mut words = Words::of(&args);
    let mut outputs = Vec::new();
    let mut operands_only = false;
    let mut at = 0;
    while let Some(word) = args.get(at) {
        at += 1;
        let option = word.strip_prefix('-').filter(|rest| !rest.is_empty() && !operands_only);
        match option {
            None => {
                words.mark(at - 1, 0, PieceRole::Output);
                outputs.push(output(tool.suite, word));
            }
            Some("-") if tool.suite == Suite::Gnu => operands_only = true,
            Some("-help" | "-version") => return Err(LocalOnly::NoSource),
            Some("-plugin") if tool.suite == Suite::Gnu => {
                let missing = || LocalOnly::MissingValue { option: word.clone() };
                plugin = Some(args.get(at).ok_or_else(missing)?.clone());
                at += 1;
            }
            Some(long) if long.starts_with('-') => match long.strip_prefix("-plugin=") {
                Some(path) if tool.suite == Suite::Gnu => plugin = Some(path.to_owned()),
                _ => return Err(LocalOnly::UnknownOption { option: word.clone() }),
            },
            Some(letters) => {
                for letter in letters.chars() {
                    match letter {
                        'D' => deterministic = true,
                        'U' => deterministic = false,
                        'h' | 'v' | 'V' | 'H' => return Err(LocalOnly::NoSource),
                        // The time of the symbol table becomes that of the file.
                        't' => return Err(LocalOnly::RealTimes { option: word.clone() }),
                        _ => return Err(LocalOnly::UnknownOption { option: word.clone() }),
                    }
                }
            }
        }
    }
    if !deterministic {
        return Err(LocalOnly::ArchiveTimes);
    }
    if outputs.is_empty() {
        return Err(LocalOnly::NoSource);
    }
    Ok(ArchiveCommand {
        command: ToolCommand {
            kind: ToolKind::Archive,
            words: words.finish(),
            outputs,
            removes_on_failure: false,
            response_files: files,
            placed_locally: None,
        },
        operation: Operation::Index,
        members: 0,
        thin: false,
        newer_only: false,
        plugin,
    })
}
