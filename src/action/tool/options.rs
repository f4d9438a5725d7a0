//! The options that an action of a tool has besides the user's words.

use super::super::place::{FILLER, PORTABLE_ROOT, ROOT_NAME, inside};
use super::super::relocate::rewritten;
use super::{PlacedLocally, ToolRequest};
use crate::command::Family;
use crate::command::link::Flavour;
use crate::config::PathsMode;
use crate::link::LinkTraits;

/// Options for a relocated action.
pub(super) fn for_worker(request: &ToolRequest<'_>) -> Result<Vec<String>, PlacedLocally> {
    let Some(traits) = request.traits else {
        return Ok(Vec::new());
    };
    let mut options = rpath_links(request, traits)?;
    if traits.driver == Some(Family::Gcc) && traits.lto {
        options.extend(gcc_cwd_maps(request)?);
    }
    Ok(options)
}

/// GNU ld also searches run paths for what shared libraries need, and those inside the exec root are not on a worker. It
/// searches what `-rpath-link` names before them, and `LD_RUN_PATH` only without that option: if one entry is inside, all
/// are repeated in their order.
fn rpath_links(request: &ToolRequest<'_>, traits: &LinkTraits) -> Result<Vec<String>, PlacedLocally> {
    let root = request.place.exec_root();
    let entries: Vec<&str> = traits.rpath.iter().flat_map(|entry| entry.split(':')).collect();
    if traits.flavour != Flavour::Bfd || entries.iter().all(|entry| inside(root, entry).is_none()) {
        return Ok(Vec::new());
    }
    let mut options = Vec::new();
    for entry in entries {
        let relocated = if entry.starts_with('/') {
            rewritten(request.place, request.real_dirs, entry)?
        } else {
            None
        };
        let dir = relocated.unwrap_or_else(|| entry.to_owned());
        for word in ["-rpath-link".to_owned(), dir] {
            options.extend(traits.driver.map(|_| "-Xlinker".to_owned()));
            options.push(word);
        }
    }
    Ok(options)
}

/// gcc's link-time optimisation records `PWD`: `/proc/self/cwd`, or what a sandbox that mounts the input root at `/` puts
/// in its place.
fn gcc_cwd_maps(request: &ToolRequest<'_>) -> Result<[String; 2], PlacedLocally> {
    let root = match request.paths {
        PathsMode::Exact => request.place.exec_root(),
        PathsMode::Portable => PORTABLE_ROOT,
    };
    let cwd = request.place.cwd_below(root);
    // gcc splits a map at the last one.
    if cwd.contains('=') {
        return Err(PlacedLocally::EqualsSign(cwd));
    }
    let sandboxed = request.place.cwd_below(&format!("/{FILLER}/{ROOT_NAME}"));
    Ok([sandboxed.as_str(), "/proc/self/cwd"].map(|old| format!("-fdebug-prefix-map={old}={cwd}")))
}

/// Forces colour where the user would see it, unless the command line settles it. GNU binutils have none.
pub(super) fn colour(request: &ToolRequest<'_>) -> Vec<String> {
    let Some(traits) = request.traits.filter(|_| request.presentation.colour) else {
        return Vec::new();
    };
    let says = |text: &str| {
        let words = &request.command.words;
        words.iter().any(|word| word.text().contains(text))
    };
    let driver = traits.driver.is_some();
    let mut options = Vec::new();
    if driver && !says("diagnostics-color") && !says("-fcolor-diagnostics") && !says("-fno-color-diagnostics") {
        options.push("-fdiagnostics-color=always".to_owned());
    }
    if matches!(traits.flavour, Flavour::Lld | Flavour::Mold) && !says("color-diagnostics") {
        options.extend(driver.then(|| "-Xlinker".to_owned()));
        options.push("--color-diagnostics=always".to_owned());
    }
    options
}
