//! ToolCommand + InputSet → Command and Action: links, archives and other tools on objects.
//!
//! What such a tool writes does not depend on where its inputs lie, so a relocated action names them by way of the
//! relocated root and leaves alone what is recorded. `exactness` has the cases that differ; they are *placed locally*.

mod environment;
mod exactness;
mod options;
mod relocate;
#[cfg(test)]
mod tests;

use super::assemble::{Parts, assemble};
use super::outputs::Outputs;
use super::{BuiltAction, Frame, LocalRun, NoAction, PathMap, Place, PlacedLocally, Placement, Presentation, argv};
use crate::command::{ToolCommand, ToolText};
use crate::config::PathsMode;
use crate::inputs::InputSet;
use crate::link::LinkTraits;
use crate::toolchain::Toolchain;
use relocate::Relocated;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Everything that decides the action of a tool.
#[derive(Clone, Copy, Debug)]
pub struct ToolRequest<'a> {
    /// What the step means.
    pub command: &'a ToolCommand,
    /// Of a link: what decides how it can be relocated, besides its words.
    pub traits: Option<&'a LinkTraits>,
    /// The tool, with every program that it starts.
    pub toolchain: &'a Toolchain,
    /// What the step reads. The old file of an output that is [updated](crate::command::ToolOutput::updates) is in it.
    pub inputs: &'a InputSet,
    /// Where it stands.
    pub place: &'a Place,
    /// Which paths outputs record.
    pub paths: PathsMode,
    /// How messages are to look.
    pub presentation: &'a Presentation,
    /// The user's variables that are [part of an action](crate::command::EnvironmentUse::is_in_action) by
    /// [`tool_environment_use`](crate::command::tool_environment_use).
    pub environment: &'a [(String, String)],
    /// Platform properties, in any order.
    pub platform: &'a [(String, String)],
    /// `argv[0]`: the tool's absolute path on the worker, as invoked or resolved.
    pub invoked_as: &'a str,
    /// The real path of the exec root and of every directory that exists and that the command names, as spelled, or
    /// that holds a file it names. A spelling that is not here is taken to be real.
    pub real_dirs: &'a BTreeMap<String, PathBuf>,
}

impl<'a> ToolRequest<'a> {
    fn frame(&self) -> Frame<'a> {
        Frame {
            toolchain: self.toolchain,
            inputs: self.inputs,
            place: self.place,
            presentation: self.presentation,
            platform: self.platform,
            invoked_as: self.invoked_as,
        }
    }
}

/// The Action of a tool's step.
pub fn build_tool(request: &ToolRequest<'_>) -> Result<BuiltAction, NoAction> {
    exactness::has_action(request)?;
    let frame = request.frame();
    let outputs = Outputs::of_tool(&frame, request.command);
    match relocated(request, &outputs) {
        Ok(parts) => assemble(&frame, outputs, parts),
        Err(reason) => at_home(request, outputs, reason),
    }
}

/// The Action that holds the user's own command and directory, whether or not the step could be relocated. What the
/// user's own command gave belongs under it where [`LocalRun::storable`] of the other action is false.
pub fn build_tool_at_home(request: &ToolRequest<'_>) -> Result<BuiltAction, NoAction> {
    exactness::has_action(request)?;
    let outputs = Outputs::of_tool(&request.frame(), request.command);
    at_home(request, outputs, PlacedLocally::Asked)
}

/// Whether an output holds text in the user's language (a link map's headings are translated). Results of such a step
/// serve only those of the same language, also where nothing was printed.
pub fn speaks_in_outputs(command: &ToolCommand) -> bool {
    command.outputs.iter().any(|output| output.text == ToolText::Map)
}

fn relocated(request: &ToolRequest<'_>, outputs: &Outputs) -> Result<Parts, PlacedLocally> {
    if let Some(reason) = &outputs.here {
        return Err(reason.clone());
    }
    let mut relocated = Relocated::of(request)?;
    let (environment, rewritten) = environment::relocated(request)?;
    relocated.rewritten.any |= rewritten;
    let verdict = exactness::judge(request, relocated.rewritten)?;
    let mut added = options::for_worker(request)?;
    added.extend(options::colour(request));
    let args = argv::inserted(relocated.words.into_iter(), added);
    if let Some(bytes) = argv::too_long(&args) {
        return Err(PlacedLocally::LongCommandLine(bytes));
    }
    Ok(Parts {
        args,
        environment,
        placement: request.frame().sendable(),
        paths: PathMap::relocated(request.place, request.paths),
        local_run: own_run(request, verdict.same_here),
    })
}

fn at_home(request: &ToolRequest<'_>, outputs: Outputs, reason: PlacedLocally) -> Result<BuiltAction, NoAction> {
    let parts = Parts {
        args: own_words(request),
        environment: environment::at_home(request),
        placement: Placement::Here(reason),
        paths: PathMap::identity(),
        local_run: own_run(request, true),
    };
    assemble(&request.frame(), outputs, parts)
}

/// The user's words, with colour forced where the presentation wants it.
fn own_words(request: &ToolRequest<'_>) -> Vec<String> {
    let words = request.command.words.iter().map(|word| vec![word.text()]);
    argv::inserted(words, options::colour(request))
}

/// The user's own command: what runs here is captured, so that the tool sees no terminal.
fn own_run(request: &ToolRequest<'_>, storable: bool) -> LocalRun {
    LocalRun {
        args: (!options::colour(request).is_empty()).then(|| own_words(request)),
        set_env: Vec::new(),
        extra_depfile: false,
        storable,
    }
    .kept_short()
}
