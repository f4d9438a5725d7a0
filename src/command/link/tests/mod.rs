use super::*;
use crate::command::tool_command::PieceRole;
use crate::command::{Driver, Family, LocalOnly, ToolCommand, ToolText};

mod driver;
mod ld;
mod line;

const ALL: [Flavour; 4] = [Flavour::Bfd, Flavour::Gold, Flavour::Lld, Flavour::Mold];

fn words(line: &str) -> Vec<String> {
    line.split_ascii_whitespace().map(str::to_owned).collect()
}

/// Files by name, for `@file`.
type Files<'a> = &'a [(&'a str, &'a str)];

fn read(files: Files<'_>) -> impl FnMut(&str) -> Option<Vec<u8>> {
    move |path| {
        let (_, text) = files.iter().find(|(name, _)| *name == path)?;
        Some(text.as_bytes().to_vec())
    }
}

/// The pieces of a command that are more than plain, as `text:Role`, and the words that hold them.
fn roles(command: &ToolCommand) -> Vec<String> {
    let pieces = command.words.iter().flat_map(|word| &word.pieces);
    let telling = pieces.filter(|piece| piece.role != PieceRole::Plain);
    telling
        .map(|piece| format!("{}:{:?}", piece.text, piece.role))
        .collect()
}

/// The words as they go to the program.
fn texts(command: &ToolCommand) -> String {
    let words: Vec<String> = command.words.iter().map(super::super::Word::text).collect();
    words.join(" ")
}
