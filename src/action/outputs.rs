//! The outputs that an action declares, with their names for the worker and for the user.

use super::place::Location;
use super::reason::PlacedLocally;
use super::{ActionRequest, Frame};
use crate::command::{
    CompileCommand, Family, SecondaryKind, SecondaryOutput, Stage, ToolCommand, ToolOutput, ToolText,
};
use crate::exec_path::ExecPath;
use crate::inputs::Entry;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What an output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum OutputKind {
    /// Any other file.
    Secondary,
    /// The depfile.
    Depfile,
    /// What `-o` names.
    Primary,
}

/// How an output names paths, and so what has to be done to it for the user and for the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutputFormat {
    /// Not at all, or as they were recorded: its bytes are the user's.
    Bytes,
    /// As diagnostics do.
    Text,
    /// As diagnostics do, but only in the lines by which the preprocessor says where it is.
    LineMarkers,
    /// A link map of GNU ld or gold, whose tables are laid out by the length of names.
    LinkMap,
    /// A depfile as gcc lays it out.
    GccDepfile,
    /// A depfile as clang lays it out.
    ClangDepfile,
}

/// One output, in the order of publishing: secondary ones, depfile, primary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeclaredOutput {
    /// Its entry of `output_paths`: relative to the working directory.
    pub action_path: String,
    /// As the compiler here would open it: relative to the cwd, or absolute.
    pub user_path: String,
    /// What it is.
    pub kind: OutputKind,
    /// Permission bits before the umask.
    pub mode: u32,
    /// Whether the compiler may succeed without writing it.
    pub optional: bool,
    /// How it names paths.
    pub format: OutputFormat,
    /// Whether the compiler writes over a file of this name that is there already: its mode, its other hard links and
    /// a symlink to it stay. Otherwise a new file takes its place.
    pub in_place: bool,
    /// Whether the tool changes the old file of this name: it is an input too, and after a run here it is another one.
    pub updates: bool,
}

/// The outputs of a step, and what its input root needs for them.
pub(super) struct Outputs {
    pub(super) declared: Vec<DeclaredOutput>,
    /// Directories that the compiler goes through to write them.
    pub(super) directories: BTreeSet<ExecPath>,
    /// Why they keep the step here.
    pub(super) here: Option<PlacedLocally>,
}

impl Outputs {
    fn none() -> Self {
        Self {
            declared: Vec::new(),
            directories: BTreeSet::new(),
            here: None,
        }
    }

    /// The outputs of a compile.
    pub(super) fn of(request: &ActionRequest<'_>) -> Self {
        let command = request.command;
        let frame = request.frame();
        let mut outputs = Self::none();
        for secondary in &command.secondary {
            if let Some(output) = outputs.declare(&frame, OutputKind::Secondary, &secondary.path) {
                output.optional = secondary.optional;
                if secondary.kind == SecondaryKind::StackUsage {
                    output.format = OutputFormat::Text;
                }
                output.in_place = is_written_over(command, secondary);
            }
        }
        if let Some(depfile) = &command.depfile
            && let Some(output) = outputs.declare(&frame, OutputKind::Depfile, &depfile.path)
        {
            output.in_place = true;
            output.format = match command.family {
                Family::Gcc => OutputFormat::GccDepfile,
                Family::Clang => OutputFormat::ClangDepfile,
            };
        }
        if let Some(output) = outputs.declare(&frame, OutputKind::Primary, &command.output) {
            // gcc's assembler removes an old object; its compiler proper opens what there is.
            output.in_place = command.family == Family::Gcc && command.stage != Stage::Object;
            if command.stage == Stage::Preprocess {
                output.format = OutputFormat::LineMarkers;
            }
        }
        outputs
    }

    /// The outputs of a tool, the primary one last.
    pub(super) fn of_tool(frame: &Frame<'_>, command: &ToolCommand) -> Self {
        let mut outputs = Self::none();
        let mut rest = command.outputs.as_slice();
        while let Some((output, after)) = rest.split_first() {
            let kind = if after.is_empty() {
                OutputKind::Primary
            } else {
                OutputKind::Secondary
            };
            outputs.of_tool_one(frame, kind, output);
            rest = after;
        }
        outputs
    }

    fn of_tool_one(&mut self, frame: &Frame<'_>, kind: OutputKind, output: &ToolOutput) {
        // Without an old file there is nothing to update.
        let updates = output.updates
            && match frame.place.locate(&output.path) {
                Location::Inside { path, .. } => frame.inputs.entries.contains_key(&path),
                _ => true,
            };
        if updates {
            self.keep(PlacedLocally::UpdatesInPlace(output.path.clone()));
        }
        if let Some(declared) = self.declare(frame, kind, &output.path) {
            declared.mode = output.mode;
            declared.in_place = output.in_place;
            declared.optional = output.optional;
            declared.updates = updates;
            declared.format = match output.text {
                ToolText::None => OutputFormat::Bytes,
                // No linker fills lines in a dependency file.
                ToolText::Paths | ToolText::Depfile => OutputFormat::Text,
                ToolText::Map => OutputFormat::LinkMap,
            };
        }
    }

    fn declare(&mut self, frame: &Frame<'_>, kind: OutputKind, spelled: &str) -> Option<&mut DeclaredOutput> {
        let action_path = if let Location::Inside { path, walked } = frame.place.locate(spelled) {
            self.inside(frame, spelled, &path, &walked);
            frame.place.relative(&path)
        } else {
            self.keep(PlacedLocally::OutputOutside(spelled.to_owned()));
            // Never run elsewhere, so that this only needs to be a name.
            format!("outside{}", frame.place.absolute(spelled))
        };
        if self.declared.iter().any(|other| other.action_path == action_path) {
            self.keep(PlacedLocally::OutputsCollide(spelled.to_owned()));
            return None;
        }
        self.declared.push(DeclaredOutput {
            action_path,
            user_path: spelled.to_owned(),
            kind,
            mode: 0o666,
            optional: false,
            format: OutputFormat::Bytes,
            in_place: false,
            updates: false,
        });
        self.declared.last_mut()
    }

    fn inside(&mut self, frame: &Frame<'_>, spelled: &str, path: &ExecPath, walked: &[ExecPath]) {
        let entries = &frame.inputs.entries;
        if path.is_root() || entries.contains_key(path) {
            self.keep(PlacedLocally::OutputIsInput(spelled.to_owned()));
        }
        for dir in walked.iter().filter(|dir| *dir != path) {
            if leaf_on_the_way(entries, dir) {
                self.keep(PlacedLocally::OutputThroughLink(spelled.to_owned()));
            } else {
                self.directories.insert(dir.clone());
            }
        }
    }

    fn keep(&mut self, reason: PlacedLocally) {
        self.here.get_or_insert(reason);
    }
}

/// Whether a secondary output is written over what is there: all but those that another program than the compiler proper
/// makes (gcc leaves the `.dwo` to objcopy), clang's intermediate files, and its serialized diagnostics. As observed of gcc 12, clang 14 and 19.
fn is_written_over(command: &CompileCommand, output: &SecondaryOutput) -> bool {
    match command.family {
        Family::Gcc => output.kind != SecondaryKind::SplitDwarf,
        Family::Clang if output.kind == SecondaryKind::Intermediate => false,
        Family::Clang => !command
            .args
            .iter()
            .any(|arg| arg.name.ends_with("-serialize-diagnostics") && arg.value.as_ref() == Some(&output.path)),
    }
}

/// Whether a file or symlink of the inputs is this directory or above it.
fn leaf_on_the_way(entries: &BTreeMap<ExecPath, Entry>, dir: &ExecPath) -> bool {
    let mut at = Some(dir.clone());
    while let Some(path) = at {
        if matches!(entries.get(&path), Some(Entry::File { .. } | Entry::Symlink { .. })) {
            return true;
        }
        at = path.parent();
    }
    false
}
