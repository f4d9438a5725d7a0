//! `dwp`: files with split debug information, packed into one.

use super::{ObjectCommand, ObjectTool, OutputMode};
use crate::command::response_file::ReadResponse;
use crate::command::suite::{Suite, Words, expanded};
use crate::command::{LocalOnly, PieceRole, ToolCommand, ToolKind, ToolOutput, ToolText};

pub(super) fn parse(
    tool: ObjectTool,
    args: &[String],
    read: &mut ReadResponse<'_>,
) -> Result<ObjectCommand, LocalOnly> {
    let expanded = expanded(tool.suite, args, read)?;
    let args = &expanded.args;
    let mut words = Words::of(args);
    let mut output = None;
    let mut subjects = Vec::new();
    let mut at = 0;
    while let Some(word) = args.get(at) {
        at += 1;
        let gnu = tool.suite == Suite::Gnu;
        let unknown = || LocalOnly::UnknownOption { option: word.clone() };
        match word.as_str() {
            "-o" => {
                let path = args
                    .get(at)
                    .ok_or_else(|| LocalOnly::MissingValue { option: word.clone() })?;
                if output.replace(path.clone()).is_some() {
                    return Err(unknown());
                }
                words.mark(at, 0, PieceRole::Output);
                at += 1;
            }
            "--output" if gnu => {
                let path = args
                    .get(at)
                    .ok_or_else(|| LocalOnly::MissingValue { option: word.clone() })?;
                if output.replace(path.clone()).is_some() {
                    return Err(unknown());
                }
                words.mark(at, 0, PieceRole::Output);
                at += 1;
            }
            "-e" | "--exec" => return Err(LocalOnly::NamedByDebugInformation { option: word.clone() }),
            "-h" | "-V" | "--help" | "--version" | "-help" | "-version" => return Err(LocalOnly::NoSource),
            "-v" | "--verbose" if gnu => {}
            other if other.starts_with("-e") || other.starts_with("--exec") => {
                return Err(LocalOnly::NamedByDebugInformation { option: word.clone() });
            }
            other if other.starts_with('-') => return Err(unknown()),
            _ => {
                words.mark(at - 1, 0, PieceRole::Input);
                subjects.push(word.clone());
            }
        }
    }
    let path = output.ok_or(LocalOnly::NoSource)?;
    if subjects.is_empty() {
        return Err(LocalOnly::NoSource);
    }
    Ok(ObjectCommand {
        subjects,
        mode: OutputMode::Stated,
        raw: false,
        deterministic: true,
        command: ToolCommand {
            kind: ToolKind::Object,
            words: words.finish(),
            outputs: vec![ToolOutput {
                path,
                mode: 0o666,
                in_place: true,
                optional: false,
                text: ToolText::None,
                updates: false,
            }],
            removes_on_failure: false,
            response_files: expanded.files,
            placed_locally: None,
        },
    })
}
