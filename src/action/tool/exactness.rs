//! Which steps of tools give other bytes elsewhere. Every case was measured with gcc 12, clang 14 and 19, GNU ld and gold
//! of binutils 2.40, mold 1.10, lld 14 and 19; `tests/it/link_relocation_oracle.rs` repeats it.

use super::super::place::inside;
use super::relocate::Rewritten;
use super::{NoAction, PlacedLocally, ToolRequest};
use crate::command::link::Flavour;
use crate::command::{Family, PieceRole, ToolCommand, ToolKind, ToolText};
use crate::config::PathsMode;
use crate::depfile::escape;
use crate::link::LinkTraits;
use std::path::Path;

/// Options by which compiling at link time leaves files besides the output.
const HIDDEN_OUTPUTS: &[&str] = &[
    "-gsplit-dwarf",
    "-save-temps",
    "--save-temps",
    "-fstack-usage",
    "-fcallgraph-info",
    "-fdump-",
    "-fopt-info",
    "-fsave-optimization-record",
    "-foptimization-record",
    "-ftime-trace",
    "-ftest-coverage",
    "-fprofile-note",
    "-dumpbase",
    "-dumpdir",
];

/// Options of gcc under which nobody has tried whether link-time optimisation gives the same code elsewhere: what they
/// record at compile time depends on names.
const UNTRIED_WITH_LTO: &[&str] = &[
    "-fprofile",
    "-fbranch-probabilities",
    "-fauto-profile",
    "--coverage",
    "-coverage",
    "-fsanitize",
    "-fdebug-prefix-map",
    "-ffile-prefix-map",
    "-fmacro-prefix-map",
    "-gdwarf-2",
    "-gdwarf-3",
    "-gdwarf-4",
    "-gstabs",
    "-gvms",
    "-flinker-output",
    "-Wa,",
];

/// What the table says of a step that can be relocated.
pub(super) struct Verdict {
    /// Whether a run of the user's command here gives the bytes that a worker gives.
    pub(super) same_here: bool,
}

/// Whether the step has an Action at all.
pub(super) fn has_action(request: &ToolRequest<'_>) -> Result<(), NoAction> {
    if request.traits.is_some_and(|traits| traits.lto)
        && let Some(word) = starting(request.command, HIDDEN_OUTPUTS)
    {
        return Err(NoAction::HiddenOutputs(word));
    }
    Ok(())
}

pub(super) fn judge(request: &ToolRequest<'_>, rewritten: Rewritten) -> Result<Verdict, PlacedLocally> {
    let mut same_here = true;
    if let Some(row) = &request.command.placed_locally
        && (rewritten.any || !row.only_if_rewritten)
    {
        if request.paths == PathsMode::Exact || row.also_portable {
            return Err(PlacedLocally::ToolWord(row.clone()));
        }
        same_here = false;
    }
    let reasons = [tools_inside(request), text_outputs(request)];
    if let Some(reason) = reasons.into_iter().flatten().next() {
        return Err(reason);
    }
    if request.traits.is_none() && request.command.kind == ToolKind::Link {
        return Err(PlacedLocally::UntriedCompiler);
    }
    if let Some(traits) = request.traits {
        if let Some(reason) = by_traits(request, traits, rewritten) {
            return Err(reason);
        }
        // The worker's link names the fixed root; one here would need the same map.
        same_here &= !(request.paths == PathsMode::Portable && traits.lto && traits.driver == Some(Family::Gcc));
    }
    Ok(Verdict { same_here })
}

fn by_traits(request: &ToolRequest<'_>, traits: &LinkTraits, rewritten: Rewritten) -> Option<PlacedLocally> {
    let root = request.place.exec_root();
    let is_inside = |path: &Path| path.to_str().is_none_or(|path| inside(root, path).is_some());
    // One that a script names has the name by which the linker finds it, whatever the script says.
    let own_word = |spelled: &str| request.command.with_role(PieceRole::Input).any(|word| word == spelled);
    let differs = |spelled: &&String| inside(root, spelled).is_some() || (rewritten.any && !own_word(spelled));
    if let Some(library) = traits.without_soname.iter().find(differs) {
        return Some(PlacedLocally::WithoutSoname(library.clone()));
    }
    // Of the paths in a text only one is known: a text of the project's own may name others inside.
    let named = traits.named_in_text.iter();
    if let Some((text, path)) = named.clone().find(|(text, path)| is_inside(text) || is_inside(path)) {
        return Some(PlacedLocally::PathInText(text.clone(), path.clone()));
    }
    // GNU ld takes the base name. The others record it beside versions, which come from options, scripts and objects.
    if rewritten.output && traits.flavour != Flavour::Bfd && !has_soname(request.command) {
        return Some(PlacedLocally::OutputNameRecorded(request.command.primary().to_owned()));
    }
    lto(request, traits)
}

fn lto(request: &ToolRequest<'_>, traits: &LinkTraits) -> Option<PlacedLocally> {
    let command = request.command;
    if !traits.lto {
        return None;
    }
    match traits.driver {
        None if traits.flavour != Flavour::Lld => Some(PlacedLocally::LtoWithoutDriver),
        Some(Family::Gcc) if request.toolchain.version.0 < 12 => Some(PlacedLocally::UntriedCompiler),
        Some(Family::Gcc) => {
            let partial = command.words.iter().find(|word| word.text() == "-r");
            let word = starting(command, UNTRIED_WITH_LTO).or(partial.map(|_| "-r".to_owned()));
            word.map(PlacedLocally::LtoOption)
        }
        _ => None,
    }
}

/// On a worker the tool's programs are not below the exec root, or not to be run.
fn tools_inside(request: &ToolRequest<'_>) -> Option<PlacedLocally> {
    let root = request.place.exec_root();
    let files = request.toolchain.files.iter().map(|file| file.path.as_path());
    let tool = [Path::new(request.invoked_as)].into_iter().chain(files);
    let mut found = tool.filter(|path| path.starts_with(root));
    found
        .next()
        .map(|path| PlacedLocally::ToolsInRoot(path.display().to_string()))
}

fn text_outputs(request: &ToolRequest<'_>) -> Option<PlacedLocally> {
    let has = |text: ToolText| request.command.outputs.iter().any(|output| output.text == text);
    if has(ToolText::Map) && request.presentation.locale.foreign().is_some() {
        return Some(PlacedLocally::Presentation);
    }
    let root = request.place.exec_root();
    let escaped = escape(root.as_bytes()) != root.as_bytes();
    (has(ToolText::Depfile) && escaped).then(|| PlacedLocally::EscapedRoot(root.to_owned()))
}

/// The first word that begins with one of these.
fn starting(command: &ToolCommand, prefixes: &[&str]) -> Option<String> {
    let words = command.words.iter().map(crate::command::Word::text);
    words
        .into_iter()
        .find(|word| prefixes.iter().any(|prefix| word.starts_with(prefix)))
}

/// Whether the linker is told a soname that is not empty.
fn has_soname(command: &ToolCommand) -> bool {
    let tokens = linker_tokens(command);
    let value = |at: usize| {
        let token = tokens[at].trim_start_matches('-');
        match token.strip_prefix("soname") {
            Some("") => tokens.get(at + 1).map(String::as_str),
            Some(rest) => rest.strip_prefix('='),
            None if token == "h" => tokens.get(at + 1).map(String::as_str),
            None => None,
        }
    };
    let last = (0..tokens.len()).rev().find_map(value);
    last.is_some_and(|name| !name.is_empty())
}

/// The words as a linker gets them, those that are not for it among them.
fn linker_tokens(command: &ToolCommand) -> Vec<String> {
    let mut tokens = Vec::new();
    for word in &command.words {
        let text = word.text();
        match text.strip_prefix("-Wl,") {
            Some(list) => tokens.extend(list.split(',').map(str::to_owned)),
            None if text == "-Xlinker" => {}
            None => tokens.push(text),
        }
    }
    tokens
}
