//! Everything that was found out about a step, on its way to an action: what is the same for compiles and for tools.

use super::Root;
use super::candidate::Candidate;
use super::prepare::NoStep;
use super::request::Request;
use crate::action::{
    self, ActionRequest, BuiltAction, Place, Placement, Presentation, TimeUse, ToolRequest, speaks_in_outputs,
};
use crate::command::{
    CompileCommand, EnvironmentUse, Family, Piece, PieceRole, Role, Stage, ToolCommand, ToolKind, environment_use,
    tool_environment_use,
};
use crate::config::Config;
use crate::digest::Digest;
use crate::host::clock::Timestamp;
use crate::inputs::{InputSet, Places};
use crate::link::LinkTraits;
use crate::scan::Scan;
use crate::toolchain::{Ground, Toolchain};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a step stands, and why it may not leave by that.
pub(super) struct StepPlace {
    pub(super) root: Place,
    too_wide: bool,
}

pub(super) fn place(request: &Request<'_>, config: &Config) -> Result<StepPlace, NoStep> {
    let root = Root::of(request, config);
    Ok(StepPlace {
        root: Place::new(&root.path, &request.cwd)?,
        too_wide: root.too_wide,
    })
}

impl StepPlace {
    /// The directories by which inputs are collected.
    pub(super) fn places<'a>(&'a self, request: &'a Request<'_>, config: &'a Config) -> Places<'a> {
        Places {
            cwd: &request.cwd,
            exec_root: Path::new(self.root.exec_root()),
            worker_roots: &config.worker_roots,
        }
    }
}

/// Response files with the content that the command was read from.
pub(super) type ResponseFiles = BTreeMap<PathBuf, Digest>;

/// What the step is.
pub(super) enum Subject {
    /// One source, compiled.
    Compile { command: CompileCommand, scan: Scan },
    /// Anything else.
    Tool {
        command: ToolCommand,
        /// Of a link.
        traits: Option<LinkTraits>,
        scan: Scan,
    },
}

impl Subject {
    /// The kind of step in records.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Compile { .. } => "compile",
            Self::Tool { command, .. } => command.kind.code(),
        }
    }

    /// The kind of tool; `None` for a compile.
    pub(super) fn tool(&self) -> Option<ToolKind> {
        match self {
            Self::Compile { .. } => None,
            Self::Tool { command, .. } => Some(command.kind),
        }
    }

    /// Whether a failed step removes an older primary output. gcc leaves an old object, and nothing else; clang
    /// leaves nothing.
    pub(super) fn removes_on_failure(&self) -> bool {
        match self {
            Self::Compile { command, .. } => command.family == Family::Clang || command.stage != Stage::Object,
            Self::Tool { command, .. } => command.removes_on_failure,
        }
    }

    /// Whether an output holds text in the user's language, so that even a silent result serves only the same one.
    pub(super) fn speaks_in_outputs(&self) -> bool {
        match self {
            Self::Compile { .. } => false,
            Self::Tool { command, .. } => speaks_in_outputs(command),
        }
    }

    /// Which variables matter to it.
    fn environment_use(&self) -> fn(&str) -> Option<EnvironmentUse> {
        match self {
            Self::Compile { .. } => environment_use,
            Self::Tool { .. } => tool_environment_use,
        }
    }

    /// What it reads, apart from what options name.
    pub(super) fn scan(&self) -> &Scan {
        match self {
            Self::Compile { scan, .. } | Self::Tool { scan, .. } => scan,
        }
    }

    /// The primary source as spelled; empty where there is none.
    pub(super) fn source(&self) -> &str {
        match self {
            Self::Compile { command, .. } => &command.source,
            Self::Tool { .. } => "",
        }
    }
}

/// Everything that was found, on its way to an action.
pub(super) struct Parts<'a> {
    pub(super) request: &'a Request<'a>,
    pub(super) config: &'a Config,
    pub(super) subject: Subject,
    pub(super) response_files: ResponseFiles,
    pub(super) toolchain: Arc<Toolchain>,
    pub(super) ground: Ground,
    pub(super) inputs: InputSet,
    pub(super) place: StepPlace,
    pub(super) began: Timestamp,
    /// Whether everything that decides the step is known to its manifest.
    pub(super) lasting: bool,
}

impl Parts<'_> {
    /// The actions of one presentation: the one that may leave this machine, and where results of the user's own
    /// command lie if they are not that one's.
    pub(super) fn candidates(
        &self,
        look: &Presentation,
        only_if_silent: bool,
    ) -> Result<(BuiltAction, Vec<Candidate>), NoStep> {
        let built = self.build(look, self.place.too_wide)?;
        let mut candidates = vec![Candidate::of(&built, only_if_silent)];
        if !built.local_run.storable {
            candidates.push(Candidate::of(&self.build(look, true)?, only_if_silent));
        }
        Ok((built, candidates))
    }

    /// The action that looks so; `at_home`: with the user's own words, whether or not it could be relocated.
    fn build(&self, look: &Presentation, at_home: bool) -> Result<BuiltAction, NoStep> {
        let environment = self
            .request
            .action_environment(&self.toolchain, self.subject.environment_use());
        let invoked_as = self.request.tool.to_str().expect("checked to be UTF-8");
        let platform = &self.config.remote_default_exec_properties;
        let real_dirs = self.real_dirs();
        match &self.subject {
            Subject::Compile { command, scan } => {
                let request = ActionRequest {
                    command,
                    toolchain: &self.toolchain,
                    inputs: &self.inputs,
                    place: &self.place.root,
                    paths: self.config.paths,
                    presentation: look,
                    environment: &environment,
                    platform,
                    invoked_as,
                    time: TimeUse {
                        date_time: scan.date_or_time.is_some(),
                        timestamp: scan.timestamp.is_some(),
                    },
                    real_dirs: &real_dirs,
                    absolute_include: self.absolute_include(scan),
                };
                let build = if at_home { action::build_at_home } else { action::build };
                Ok(build(&request)?)
            }
            Subject::Tool { command, traits, .. } => {
                let request = ToolRequest {
                    command,
                    traits: traits.as_ref(),
                    toolchain: &self.toolchain,
                    inputs: &self.inputs,
                    place: &self.place.root,
                    paths: self.config.paths,
                    presentation: look,
                    environment: &environment,
                    platform,
                    invoked_as,
                    real_dirs: &real_dirs,
                };
                let build = if at_home {
                    action::build_tool_at_home
                } else {
                    action::build_tool
                };
                Ok(build(&request)?)
            }
        }
    }

    /// The real path of every directory that the command names, and of the exec root, by spelling.
    fn real_dirs(&self) -> BTreeMap<String, PathBuf> {
        let dir_of = |path: &str| path.rsplit_once('/').map(|(dir, _)| dir.to_owned());
        let mut named: Vec<String> = match &self.subject {
            Subject::Compile { command, .. } => command
                .args
                .iter()
                .filter_map(|arg| {
                    let value = arg.value.as_deref()?;
                    match arg.role {
                        Role::SearchDir(_) | Role::ToolDir | Role::ProfileDir => Some(value.to_owned()),
                        Role::Source | Role::Input | Role::ForcedInclude | Role::Output | Role::Depfile => {
                            dir_of(value)
                        }
                        _ => None,
                    }
                })
                .collect(),
            Subject::Tool { command, .. } => {
                let pieces = command.words.iter().flat_map(|word| &word.pieces);
                let dir = |piece: &Piece| match piece.role {
                    PieceRole::SearchDir | PieceRole::ToolDir => Some(piece.text.clone()),
                    PieceRole::Input | PieceRole::Output => dir_of(&piece.text),
                    PieceRole::Plain | PieceRole::Recorded => None,
                };
                pieces.filter_map(dir).collect()
            }
        };
        named.push(self.place.root.exec_root().to_owned());
        let real = |dir: &str| std::fs::canonicalize(self.request.cwd.join(dir)).ok();
        named
            .into_iter()
            .filter_map(|dir| Some((real(&dir)?, dir)))
            .map(|(real, dir)| (dir, real))
            .collect()
    }

    /// A file inside the exec root that source text names by its absolute path: on a worker it is not there.
    fn absolute_include<'s>(&self, scan: &'s Scan) -> Option<&'s Path> {
        let root = Path::new(self.place.root.exec_root());
        let names = scan.named_absolutely.iter();
        names.map(PathBuf::as_path).find(|path| path.starts_with(root))
    }

    pub(super) fn stays_here(&self, base: &BuiltAction) -> Option<(String, String)> {
        if self.place.too_wide {
            let sentence = format!(
                "`{}` would be the exec root, which is too wide; set `exec_root` to the project's directory",
                self.place.root.exec_root()
            );
            return Some(("exec_root_too_wide".to_owned(), sentence));
        }
        match &base.placement {
            Placement::Anywhere => None,
            Placement::Here(reason) => Some((reason.code().to_owned(), reason.sentence())),
        }
    }

    /// How the diagnostics look to this user. Colour and width matter only where the command does not settle them.
    pub(super) fn presentation(&self) -> Presentation {
        let look = self.request.presentation(self.toolchain.family);
        match &self.subject {
            Subject::Compile { command, .. } if settles_colour(command) => Presentation { colour: false, ..look },
            Subject::Compile { .. } | Subject::Tool { .. } => look,
        }
    }
}

fn settles_colour(command: &CompileCommand) -> bool {
    let settled = [
        "-fno-diagnostics-color",
        "-fno-color-diagnostics",
        "-fdiagnostics-color=never",
    ];
    settled.iter().any(|name| command.has(name)) || command.last("-fdiagnostics-color=") == Some("never")
}
