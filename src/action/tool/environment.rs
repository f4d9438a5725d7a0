//! The environment of a tool's action: an explicit list, sorted by name.

use super::super::environment::{ANY_CWD, directories, fixed, sorted, variable};
use super::{PlacedLocally, ToolRequest};
use crate::command::link::Flavour;
use crate::command::{EnvironmentUse, ToolKind, tool_environment_use};
use crate::pb::reapi::command::EnvironmentVariable;

/// The environment of a relocated action, and whether some path in it was rewritten.
pub(super) fn relocated(request: &ToolRequest<'_>) -> Result<(Vec<EnvironmentVariable>, bool), PlacedLocally> {
    let mut rewritten = false;
    // gcc's link-time optimisation records it. llvm-ar believes it, and would climb out of the input root by it.
    let pwd = (request.command.kind == ToolKind::Link).then_some(ANY_CWD);
    let mut variables = fixed(request.presentation, pwd);
    for (name, value) in relevant(request) {
        let value = match tool_environment_use(name) {
            Some(EnvironmentUse::Forward) => value.clone(),
            // The tool's own programs would find other libraries by it.
            Some(EnvironmentUse::Paths) if name != "LD_LIBRARY_PATH" || !request.toolchain.library_path_matters => {
                let relocated = directories(request.place, value)?;
                rewritten |= relocated != *value;
                relocated
            }
            _ => return Err(PlacedLocally::Environment(name.clone())),
        };
        variables.push(variable(name, &value));
    }
    Ok((sorted(variables), rewritten))
}

/// The environment of an action that is placed locally: the user's values, and `PWD` the user's directory.
pub(super) fn at_home(request: &ToolRequest<'_>) -> Vec<EnvironmentVariable> {
    let mut variables = fixed(request.presentation, Some(request.place.cwd()));
    variables.extend(relevant(request).map(|(name, value)| variable(name, value)));
    sorted(variables)
}

/// The variables that this step looks at: many have `LD_LIBRARY_PATH` set for other programs.
fn relevant<'a>(request: &ToolRequest<'a>) -> impl Iterator<Item = &'a (String, String)> {
    let links = request.command.kind == ToolKind::Link;
    let own_programs = request.toolchain.library_path_matters;
    // Only GNU ld looks for what shared libraries need; a driver alone passes `LIBRARY_PATH` on.
    let searches = request.traits.is_none_or(|traits| traits.flavour == Flavour::Bfd);
    let drives = request.traits.is_none_or(|traits| traits.driver.is_some());
    request.environment.iter().filter(move |(name, _)| match name.as_str() {
        "LD_LIBRARY_PATH" => own_programs || (links && searches),
        "LIBRARY_PATH" => links && drives,
        "LD_RUN_PATH" | "LDEMULATION" => links,
        _ => true,
    })
}
