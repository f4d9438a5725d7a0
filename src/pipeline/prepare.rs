//! Request → action: who the compiler is, what the command means, what it reads, and the actions that follow.

use super::candidate::{Candidate, Remembered};
use super::history::{Note, timed};
use super::request::Request;
use super::{Pipeline, Root, key};
use crate::action::{self, ActionRequest, BuiltAction, NoAction, Place, Placement, Presentation, TimeUse};
use crate::command::{
    self, CompileCommand, Driver, EnvironmentUse, Family, LocalOnly, Role, Tool, environment_use, is_configure_probe,
};
use crate::config::Config;
use crate::digest::Digest;
use crate::host::clock::Timestamp;
use crate::inputs::{self, InputSet, InputsFailure};
use crate::manifest::Manifest;
use crate::scan::{self, Scan, ScanFailure};
use crate::toolchain::{Environment, Ground, Toolchain, ToolchainFailure};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a step has no action: it runs here, uncached. The code and the sentence are for the record.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoStep {
    /// By its command.
    #[error(transparent)]
    Command(#[from] LocalOnly),
    /// By what it reads or prints.
    #[error(transparent)]
    Action(#[from] NoAction),
    /// The compiler could not be asked.
    #[error(transparent)]
    Toolchain(#[from] ToolchainFailure),
    /// It cannot be said what it reads.
    #[error(transparent)]
    Scan(#[from] ScanFailure),
    /// The inputs make no input root.
    #[error(transparent)]
    Inputs(#[from] InputsFailure),
    /// The directories cannot be those of an action.
    #[error(transparent)]
    Place(#[from] action::BadPlace),
}

impl NoStep {
    /// The code in records.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Command(reason) => reason.code(),
            Self::Action(reason) => reason.code(),
            Self::Toolchain(_) => "toolchain_unknown",
            Self::Scan(ScanFailure::CompileError { .. }) => "compile_error",
            Self::Scan(ScanFailure::Unresolvable { .. }) => "unresolvable_input",
            Self::Scan(ScanFailure::Changed { .. }) => "input_changed",
            Self::Scan(_) => "scan_failed",
            Self::Inputs(_) => "inputs",
            Self::Place(_) => "place",
        }
    }

    /// Whether the step is one of a configure script's questions, which no statistics count as part of a build.
    pub(super) fn is_probe(&self) -> bool {
        matches!(self, Self::Command(reason) if reason.is_probe())
    }

    /// What kind of step it is, for the record.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Command(LocalOnly::Link) => "link",
            Self::Command(LocalOnly::Archive) => "archive",
            _ if self.is_probe() => "probe",
            Self::Command(LocalOnly::NotACompiler { .. }) => "other",
            _ => "compile",
        }
    }
}

/// A step with its action.
pub(super) struct Prepared {
    /// Under which key its manifest is kept.
    pub(super) key: crate::manifest::Key,
    pub(super) command: CompileCommand,
    pub(super) toolchain: Arc<Toolchain>,
    pub(super) inputs: InputSet,
    /// The action of the base presentation.
    pub(super) base: BuiltAction,
    /// The action that looks as this user's diagnostics do, where that is another one.
    pub(super) own: Option<BuiltAction>,
    /// Where results may lie, and what to do with them.
    pub(super) remembered: Remembered,
    /// What was seen; `None` if something changed meanwhile, so that nothing may be kept.
    pub(super) manifest: Option<Manifest>,
    /// The presentation is the base one.
    pub(super) base_presentation: bool,
    /// Why it stays on this machine, if it does: a code and a sentence.
    pub(super) stays_here: Option<(String, String)>,
}

impl Pipeline {
    /// Everything about a step that does not depend on results.
    pub(super) fn prepare(&self, request: &Request<'_>, config: &Config, note: &mut Note) -> Result<Prepared, NoStep> {
        let began = self.digests.trust().now();
        let env = request.environment();
        let (command, response_files) = self.understand(request, &env, note)?;
        let place = place(request, config)?;
        place.root.exec_root().clone_into(&mut note.record.exec_root);
        let identity = self
            .toolchains
            .identify(request.tool, OsStr::new(request.invoked_as), &env)?;
        let mut inputs_micros = 0;
        let found = timed(&mut inputs_micros, || -> Result<_, NoStep> {
            let (toolchain, ground) = self.toolchains.toolchain(&identity, &command, &request.cwd, &env)?;
            let step = scan::Step {
                command: &command,
                toolchain: &toolchain,
                invoked_as: OsStr::new(request.invoked_as),
                cwd: &request.cwd,
                env: &env,
            };
            let scan = self.scanner.scan(&step)?;
            let places = inputs::Places {
                cwd: &request.cwd,
                exec_root: Path::new(place.root.exec_root()),
                worker_roots: &config.worker_roots,
            };
            let inputs = inputs::collect(&command, &scan, &toolchain, places, &*self.files)?;
            Ok((toolchain, ground, scan, inputs))
        });
        note.phases().inputs += inputs_micros;
        let (toolchain, ground, scan, inputs) = found?;
        let mut action_micros = 0;
        let prepared = timed(&mut action_micros, || {
            let parts = Parts {
                request,
                config,
                command,
                response_files,
                toolchain,
                ground,
                scan,
                inputs,
                place,
                began,
            };
            self.assemble(parts)
        });
        note.phases().action += action_micros;
        prepared
    }

    /// The command and the response files it was read from, or why there is none.
    fn understand(
        &self,
        request: &Request<'_>,
        env: &Environment,
        note: &mut Note,
    ) -> Result<(CompileCommand, ResponseFiles), NoStep> {
        if let Some(reason) = not_a_compiler(request.invoked_as) {
            return Err(reason.into());
        }
        if let Some(name) = local_only_variable(request) {
            return Err(LocalOnly::EnvironmentVariable { name }.into());
        }
        let identity = self
            .toolchains
            .identify(request.tool, OsStr::new(request.invoked_as), env)?;
        let driver = Driver {
            family: identity.family,
            cxx: identity.cxx,
            version: identity.version,
        };
        let args: Vec<String> = request.args.iter().map(|word| (*word).to_owned()).collect();
        let mut parse_micros = 0;
        let mut response_files = ResponseFiles::new();
        let parsed = timed(&mut parse_micros, || {
            command::parse(&driver, &args, &mut |path| {
                let path = request.cwd.join(path);
                // A pipe can be read only once, and that is the compiler's.
                let bytes = std::fs::metadata(&path)
                    .is_ok_and(|found| found.is_file())
                    .then(|| std::fs::read(&path).ok())??;
                response_files.insert(path, Digest::of(&bytes));
                Some(bytes)
            })
        });
        note.phases().parse += parse_micros;
        let command = parsed?;
        note.record.source.clone_from(&command.source);
        note.record.output.clone_from(&command.output);
        "compile".clone_into(&mut note.record.kind);
        if is_configure_probe(&command.source, &request.cwd.to_string_lossy()) {
            return Err(LocalOnly::ConfigureProbe { path: command.source }.into());
        }
        if let Some(path) = irregular_output(&command, &request.cwd) {
            return Err(LocalOnly::OutputNotRegular { path }.into());
        }
        Ok((command, response_files))
    }

    /// The actions, the candidates, the manifest.
    fn assemble(&self, parts: Parts<'_>) -> Result<Prepared, NoStep> {
        let presentation = presentation_of(&parts);
        let base_look = Presentation::default();
        let (base, mut candidates) = parts.candidates(&base_look, presentation != base_look)?;
        let base_presentation = presentation == base_look;
        let mut own = None;
        if !base_presentation {
            let (built, more) = parts.candidates(&presentation, false)?;
            candidates.extend(more);
            own = Some(built);
        }
        let stays_here = parts.stays_here(&base);
        let entries = parts.inputs.entries.values();
        let remembered = Remembered {
            ground: parts.ground,
            candidates,
            outputs: base.outputs.clone(),
            clang: parts.command.family == Family::Clang,
            source: parts.command.source.clone(),
            exec_root: parts.place.root.exec_root().to_owned(),
            input_files: u32::try_from(entries.len()).unwrap_or(u32::MAX),
            input_bytes: base.tree.total_bytes,
            placed_locally: stays_here.as_ref().map(|(code, _)| code.clone()),
            times: parts
                .inputs
                .times
                .iter()
                .map(|(path, time)| (path.clone(), *time))
                .collect(),
        };
        let manifest = self.manifest(&parts, &remembered);
        Ok(Prepared {
            key: key::of(parts.request, parts.config, Path::new(&remembered.exec_root)),
            command: parts.command,
            toolchain: parts.toolchain,
            inputs: parts.inputs,
            base,
            own,
            remembered,
            manifest,
            base_presentation,
            stays_here,
        })
    }

    fn manifest(&self, parts: &Parts<'_>, remembered: &Remembered) -> Option<Manifest> {
        let mut observed = parts.inputs.observed.clone();
        observed.files.extend(parts.response_files.clone());
        // The compiler itself: another one under the same name must be noticed without asking it.
        let toolchain = &parts.toolchain;
        let tools = toolchain.files.iter().map(|file| (file.path.clone(), file.digest));
        observed.files.extend(tools);
        // The name that it is called by may be a link, which can come to lead elsewhere.
        if let Some(driver) = toolchain.files.iter().find(|file| file.path == toolchain.driver_real) {
            observed.files.insert(toolchain.driver.clone(), driver.digest);
        }
        let payload = serde_json::to_vec(remembered).expect("text and numbers");
        let observed = Manifest::observe(&observed, parts.began, &self.digests, &self.listings, payload.into());
        observed
            .inspect_err(|reason| tracing::info!(%reason, source = %parts.command.source, "not remembered"))
            .ok()
    }
}

/// Where a step stands, and why it may not leave by that.
struct StepPlace {
    root: Place,
    too_wide: bool,
}

fn place(request: &Request<'_>, config: &Config) -> Result<StepPlace, NoStep> {
    let root = Root::of(request, config);
    Ok(StepPlace {
        root: Place::new(&root.path, &request.cwd)?,
        too_wide: root.too_wide,
    })
}

/// Response files with the content that the command was read from.
type ResponseFiles = BTreeMap<PathBuf, Digest>;

/// Everything that was found, on its way to an action.
struct Parts<'a> {
    request: &'a Request<'a>,
    config: &'a Config,
    command: CompileCommand,
    response_files: ResponseFiles,
    toolchain: Arc<Toolchain>,
    ground: Ground,
    scan: Scan,
    inputs: InputSet,
    place: StepPlace,
    began: Timestamp,
}

impl Parts<'_> {
    /// The actions of one presentation: the one that may leave this machine, and where results of the user's own
    /// command lie if they are not that one's.
    fn candidates(&self, look: &Presentation, only_if_silent: bool) -> Result<(BuiltAction, Vec<Candidate>), NoStep> {
        let environment = self.request.action_environment(&self.toolchain);
        let real_dirs = self.real_dirs();
        let request = ActionRequest {
            command: &self.command,
            toolchain: &self.toolchain,
            inputs: &self.inputs,
            place: &self.place.root,
            paths: self.config.paths,
            presentation: look,
            environment: &environment,
            platform: &self.config.remote_default_exec_properties,
            invoked_as: self.request.tool.to_str().expect("checked to be UTF-8"),
            time: TimeUse {
                date_time: self.scan.date_or_time.is_some(),
                timestamp: self.scan.timestamp.is_some(),
            },
            real_dirs: &real_dirs,
            absolute_include: self.absolute_include(),
        };
        let built = if self.place.too_wide {
            action::build_at_home(&request)?
        } else {
            action::build(&request)?
        };
        let mut candidates = vec![Candidate::of(&built, only_if_silent)];
        if !built.local_run.storable {
            candidates.push(Candidate::of(&action::build_at_home(&request)?, only_if_silent));
        }
        Ok((built, candidates))
    }

    /// The real path of every directory that the command names, and of the exec root, by spelling.
    fn real_dirs(&self) -> BTreeMap<String, PathBuf> {
        let words = self.command.args.iter().filter_map(|arg| {
            let value = arg.value.as_deref()?;
            match arg.role {
                Role::SearchDir(_) | Role::ToolDir => Some(value),
                Role::Source | Role::Input | Role::ForcedInclude | Role::Output | Role::Depfile => {
                    value.rsplit_once('/').map(|(dir, _)| dir)
                }
                _ => None,
            }
        });
        let all = words.chain([self.place.root.exec_root()]);
        let real = |dir: &str| std::fs::canonicalize(self.request.cwd.join(dir)).ok();
        all.filter_map(|dir| Some((dir.to_owned(), real(dir)?))).collect()
    }

    /// A file inside the exec root that source text names by its absolute path: on a worker it is not there.
    fn absolute_include(&self) -> Option<&Path> {
        let root = Path::new(self.place.root.exec_root());
        let names = self.scan.named_absolutely.iter();
        names.map(PathBuf::as_path).find(|path| path.starts_with(root))
    }

    fn stays_here(&self, base: &BuiltAction) -> Option<(String, String)> {
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
}

/// Colour and width matter only where the command does not settle them.
fn presentation_of(parts: &Parts<'_>) -> Presentation {
    let look = parts.request.presentation(parts.command.family);
    let settled = [
        "-fno-diagnostics-color",
        "-fno-color-diagnostics",
        "-fdiagnostics-color=never",
    ];
    if settled.iter().any(|name| parts.command.has(name)) || parts.command.last("-fdiagnostics-color=") == Some("never")
    {
        return Presentation { colour: false, ..look };
    }
    look
}

/// Names of tools that are no compilers.
fn not_a_compiler(invoked_as: &str) -> Option<LocalOnly> {
    let name = invoked_as.rsplit('/').next().unwrap_or(invoked_as);
    match Tool::of(name) {
        Tool::Compiler => None,
        Tool::Archiver => Some(LocalOnly::Archive),
        Tool::Linker => Some(LocalOnly::Link),
        Tool::Binutil => Some(LocalOnly::NotACompiler { tool: name.to_owned() }),
    }
}

/// The first variable that is set and makes every step local-only.
fn local_only_variable(request: &Request<'_>) -> Option<String> {
    let names = request
        .variables()
        .filter_map(|(name, _)| std::str::from_utf8(name).ok());
    names
        .filter(|name| environment_use(name) == Some(EnvironmentUse::LocalOnly))
        .min()
        .map(str::to_owned)
}

/// An output that is there already and is neither a regular file nor a symlink to one (`-o /dev/null`).
fn irregular_output(command: &CompileCommand, cwd: &Path) -> Option<String> {
    let depfile = command.depfile.iter().map(|depfile| &depfile.path);
    let secondary = command.secondary.iter().map(|output| &output.path);
    std::iter::once(&command.output)
        .chain(depfile)
        .chain(secondary)
        .find(|path| std::fs::metadata(cwd.join(path)).is_ok_and(|metadata| !metadata.is_file()))
        .cloned()
}
