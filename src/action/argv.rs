//! The order of the words of a command line.

use super::Presentation;
use super::words::Words;

/// The longest command line that is sent, in bytes: half of what Linux takes with usual limits.
const LONGEST: usize = 1 << 20;

/// The longest single word that Linux takes, in bytes.
const LONGEST_WORD: usize = 128 << 10;

/// Whether a kernel might refuse these words; response files are expanded in them. The size in bytes then.
pub(super) fn too_long<'a>(words: impl IntoIterator<Item = &'a String>) -> Option<usize> {
    let mut total = 0;
    let mut longest = 0;
    for word in words {
        total += word.len() + 1;
        longest = longest.max(word.len() + 1);
    }
    (total > LONGEST || longest > LONGEST_WORD).then_some(total)
}

/// The user's words and then ours: of several prefix maps most compilers take the last. Ours stand before a `--`, after
/// which everything is an operand.
pub(super) fn with_options(
    words: impl Iterator<Item = Vec<String>>,
    mut added: Vec<String>,
    presentation: &Presentation,
    options: &Words,
) -> Vec<String> {
    added.extend(colour(presentation, options));
    inserted(words, added)
}

/// The words of all arguments, with `added` after them, or before a `--`.
pub(super) fn inserted(words: impl Iterator<Item = Vec<String>>, added: Vec<String>) -> Vec<String> {
    let mut all = Vec::new();
    let mut end_of_options = None;
    for argument in words {
        if end_of_options.is_none() && argument == ["--"] {
            end_of_options = Some(all.len());
        }
        all.extend(argument);
    }
    let at = end_of_options.unwrap_or(all.len());
    all.splice(at..at, added);
    all
}

/// Forces colour where the user would see it, unless the command line says it already.
pub(super) fn colour(presentation: &Presentation, options: &Words) -> Option<String> {
    let said = options.last(|word| {
        let word = word
            .strip_prefix("-fno-")
            .or(word.strip_prefix("-f"))
            .unwrap_or_default();
        word.starts_with("diagnostics-color") || word.starts_with("color-diagnostics")
    });
    let open = said.is_none_or(|word| word.ends_with("=auto"));
    (presentation.colour && open).then(|| "-fdiagnostics-color=always".to_owned())
}
