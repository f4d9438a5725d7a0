//! The user's words as the action says them: each piece that is a path inside the exec root by way of the relocated
//! root, everything that is recorded unchanged.

use super::super::path_map::PathMap;
use super::super::relocate::rewritten;
use super::{PlacedLocally, ToolRequest};
use crate::command::{Piece, PieceRole, Word};

/// What was rewritten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rewritten {
    /// Some piece, or a variable.
    pub(super) any: bool,
    /// The name of the primary output.
    pub(super) output: bool,
}

/// The command line of a relocated action, before options are added.
pub(super) struct Relocated {
    /// One list of one word per word of the user's.
    pub(super) words: Vec<Vec<String>>,
    pub(super) rewritten: Rewritten,
}

impl Relocated {
    /// Relocates the words, or says by which of them the step is placed locally.
    pub(super) fn of(request: &ToolRequest<'_>) -> Result<Self, PlacedLocally> {
        let mut relocated = Self {
            words: Vec::with_capacity(request.command.words.len()),
            rewritten: Rewritten::default(),
        };
        for word in &request.command.words {
            let word = relocated.word(request, word)?;
            relocated.words.push(vec![word]);
        }
        Ok(relocated)
    }

    fn word(&mut self, request: &ToolRequest<'_>, word: &Word) -> Result<String, PlacedLocally> {
        let whole = word.text();
        let mut text = String::with_capacity(whole.len());
        for piece in &word.pieces {
            if PathMap::could_be_ours(&piece.text) || PathMap::could_be_ours(&whole) {
                return Err(PlacedLocally::ReservedName(whole));
            }
            match self.piece(request, piece)? {
                Some(relocated) => text.push_str(&relocated),
                None => text.push_str(&piece.text),
            }
        }
        Ok(text)
    }

    /// `None` for a piece that stays as it is.
    fn piece(&mut self, request: &ToolRequest<'_>, piece: &Piece) -> Result<Option<String>, PlacedLocally> {
        let spelled = piece.text.as_str();
        let is_path = match piece.role {
            PieceRole::Recorded => return Ok(None),
            PieceRole::Plain => false,
            // Means a directory below the sysroot, which is an option of its own.
            PieceRole::SearchDir => !spelled.starts_with('=') && !spelled.starts_with("$SYSROOT"),
            PieceRole::Input | PieceRole::ToolDir | PieceRole::Output => true,
        };
        if !is_path {
            return if spelled.contains(request.place.exec_root()) {
                Err(PlacedLocally::RootInOption(spelled.to_owned()))
            } else {
                Ok(None)
            };
        }
        let relocated = rewritten(request.place, request.real_dirs, spelled)?;
        if relocated.is_some() {
            self.rewritten.any = true;
            self.rewritten.output |= piece.role == PieceRole::Output && spelled == request.command.primary();
        }
        Ok(relocated)
    }
}
