//! CompileCommand or ToolCommand + InputSet → Command and Action. The only place that decides arguments, environment, output paths,
//! platform and salt of an action. Pure.
//!
//! [`build`] relocates the user's command, so that it gives the user's bytes in any directory. Where no option can make
//! it do so the action is *placed locally*: it holds the user's own words and directory, is cached, and runs only here.
//!
//! In reading order: [`place`], `relocate`, `recipe`, `exactness` (what cannot be relocated), `assemble`; `tool` for links,
//! archives and other tools.

mod argv;
mod assemble;
mod environment;
mod exactness;
mod local_run;
mod outputs;
pub mod path_map;
pub mod place;
mod prefix_maps;
mod presentation;
mod reason;
mod recipe;
mod relocate;
mod salt;
#[cfg(test)]
mod tests;
mod tool;
mod words;

pub use exactness::Row;
pub use local_run::LocalRun;
pub use outputs::{DeclaredOutput, OutputFormat, OutputKind};
pub use path_map::PathMap;
pub use place::{BadPlace, Place};
pub use presentation::{Locale, Presentation};
pub use reason::{NoAction, PlacedLocally, Placement};
pub use tool::{ToolRequest, build_tool, build_tool_at_home, speaks_in_outputs};

use crate::command::CompileCommand;
use crate::config::PathsMode;
use crate::digest::Digest;
use crate::inputs::InputSet;
use crate::merkle;
use crate::pb::reapi;
use crate::toolchain::Toolchain;
use assemble::Parts;
use bytes::Bytes;
use outputs::Outputs;
use prefix_maps::UserMaps;
use recipe::Recipe;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use words::Words;

/// Everything that decides an action.
#[derive(Clone, Copy, Debug)]
pub struct ActionRequest<'a> {
    /// What the step means.
    pub command: &'a CompileCommand,
    /// The compiler.
    pub toolchain: &'a Toolchain,
    /// What the step reads.
    pub inputs: &'a InputSet,
    /// Where it stands.
    pub place: &'a Place,
    /// Which paths outputs record.
    pub paths: PathsMode,
    /// How diagnostics are to look.
    pub presentation: &'a Presentation,
    /// The user's variables that are [part of an action](crate::command::EnvironmentUse::is_in_action).
    pub environment: &'a [(String, String)],
    /// Platform properties, in any order.
    pub platform: &'a [(String, String)],
    /// `argv[0]`: the driver's absolute path on the worker, as invoked or resolved.
    pub invoked_as: &'a str,
    /// What the inputs say about times.
    pub time: TimeUse,
    /// The real path of the exec root and of every directory that exists and that the command names (search and tool
    /// directories, and those of the files it names), as spelled. A spelling that is not here is taken to be real.
    pub real_dirs: &'a BTreeMap<String, PathBuf>,
    /// A header inside the exec root that source text names by an absolute path, if there is one.
    pub absolute_include: Option<&'a Path>,
}

/// Which macros the inputs use whose values are times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct TimeUse {
    /// `__DATE__` or `__TIME__`.
    pub date_time: bool,
    /// `__TIMESTAMP__`.
    pub timestamp: bool,
}

/// An Action with everything that belongs to it.
#[derive(Clone, Debug)]
pub struct BuiltAction {
    /// The message.
    pub action: reapi::Action,
    /// Its Command.
    pub command: reapi::Command,
    /// The digest of the Action: the key.
    pub digest: Digest,
    /// The encoded Command and Action.
    pub small_blobs: Vec<(Digest, Bytes)>,
    /// The input root.
    pub tree: merkle::Tree,
    /// Where it may run.
    pub placement: Placement,
    /// What it writes, in the order of publishing.
    pub outputs: Vec<DeclaredOutput>,
    /// How its outputs name paths.
    pub paths: PathMap,
    /// How to run it here.
    pub local_run: LocalRun,
}

/// The Action of a step.
pub fn build(request: &ActionRequest<'_>) -> Result<BuiltAction, NoAction> {
    let words = Words::of(request.command);
    exactness::has_action(request, &words)?;
    let outputs = Outputs::of(request);
    match relocated(request, &words, &outputs) {
        Ok(parts) => assemble::assemble(&request.frame(), outputs, parts),
        Err(reason) => at_home(request, &words, outputs, reason),
    }
}

/// The Action that holds the user's own command and directory, whether or not the step could be relocated. What the
/// user's own command gave belongs under it where [`LocalRun::storable`] of the other action is false.
pub fn build_at_home(request: &ActionRequest<'_>) -> Result<BuiltAction, NoAction> {
    let words = Words::of(request.command);
    exactness::has_action(request, &words)?;
    at_home(request, &words, Outputs::of(request), PlacedLocally::Asked)
}

fn relocated(request: &ActionRequest<'_>, words: &Words, outputs: &Outputs) -> Result<Parts, PlacedLocally> {
    if let Some(reason) = exactness::local_by_inputs(request, words).or_else(|| outputs.here.clone()) {
        return Err(reason);
    }
    let mut relocated = relocate::relocate(request)?;
    let (environment, rewritten) = environment::relocated(request)?;
    relocated.rewritten.any |= rewritten;
    if let Some(reason) = exactness::respelled_system_header(request, &relocated.system_dirs) {
        return Err(reason);
    }
    let verdict = exactness::judge(request, words, relocated.rewritten);
    if let Some(row) = verdict.here {
        return Err(PlacedLocally::Option(row));
    }
    let maps = UserMaps::new(request.toolchain, std::mem::take(&mut relocated.maps));
    let recipe = Recipe {
        request,
        words,
        maps: &maps,
        rewritten: relocated.rewritten,
    };
    let added = recipe.for_worker()?;
    let local_run = LocalRun::of_relocated(&recipe, &relocated, verdict.same_here);
    let args = argv::with_options(relocated.words.into_iter(), added, request.presentation, words);
    if let Some(bytes) = argv::too_long(&args) {
        return Err(PlacedLocally::LongCommandLine(bytes));
    }
    Ok(Parts {
        args,
        environment,
        placement: request.frame().sendable(),
        paths: PathMap::relocated(request.place, request.paths),
        local_run,
    })
}

/// What every kind of step gives its action.
#[derive(Clone, Copy)]
struct Frame<'a> {
    toolchain: &'a Toolchain,
    inputs: &'a InputSet,
    place: &'a Place,
    presentation: &'a Presentation,
    platform: &'a [(String, String)],
    invoked_as: &'a str,
}

impl<'a> ActionRequest<'a> {
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

impl Frame<'_> {
    /// Whether a relocated action may go to a worker.
    fn sendable(&self) -> Placement {
        if let Some(file) = self.inputs.outside.iter().find(|file| !file.on_worker) {
            return Placement::Here(PlacedLocally::OutsideInput(file.path.clone()));
        }
        if !self.presentation.sendable() {
            return Placement::Here(PlacedLocally::Presentation);
        }
        Placement::Anywhere
    }
}

fn at_home(
    request: &ActionRequest<'_>,
    words: &Words,
    outputs: Outputs,
    reason: PlacedLocally,
) -> Result<BuiltAction, NoAction> {
    let own = request.command.args.iter().map(crate::command::Arg::words);
    let parts = Parts {
        args: argv::with_options(own, Vec::new(), request.presentation, words),
        environment: environment::at_home(request),
        placement: Placement::Here(reason),
        paths: PathMap::identity(),
        local_run: LocalRun::own(request, words, true),
    };
    assemble::assemble(&request.frame(), outputs, parts)
}
