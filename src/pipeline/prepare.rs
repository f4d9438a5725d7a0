//! Request → action: who the compiler is, what the command means, what it reads, and the actions that follow.

use super::candidate::Remembered;
use super::history::{Note, timed};
use super::parts::{Parts, ResponseFiles, Subject, place};
use super::request::Request;
use super::{Pipeline, key};
use crate::action::{self, BuiltAction, NoAction, Presentation};
use crate::command::{
    self, CompileCommand, Driver, EnvironmentUse, LocalOnly, Tool, ToolKind, environment_use, is_configure_probe,
};
use crate::config::Config;
use crate::digest::Digest;
use crate::host::clock::Timestamp;
use crate::inputs::{self, InputSet, InputsFailure};
use crate::link::LinkFailure;
use crate::manifest::Manifest;
use crate::object_tools::ObjectToolFailure;
use crate::scan::{self, ScanFailure};
use crate::toolchain::{Environment, Fact, Identity, Toolchain, ToolchainFailure};
use std::ffi::OsStr;
use std::path::Path;
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
    /// It cannot be said what a link reads.
    #[error(transparent)]
    Link(#[from] LinkFailure),
    /// It cannot be said what an archiver or its like reads.
    #[error(transparent)]
    ObjectTool(#[from] ObjectToolFailure),
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
            Self::Link(failure) => failure.code(),
            Self::ObjectTool(failure) => failure.code(),
            Self::Inputs(_) => "inputs",
            Self::Place(_) => "place",
        }
    }

    /// Whether the step is one of a configure script's questions, which no statistics count as part of a build.
    pub(super) fn is_probe(&self) -> bool {
        matches!(self, Self::Command(reason) if reason.is_probe())
    }

    /// Puts the kind of step right where the tool's name does not tell it.
    pub(super) fn correct_kind(&self, kind: &mut String) {
        match self {
            _ if self.is_probe() => "probe".clone_into(kind),
            Self::Command(LocalOnly::NotACompiler { .. }) | Self::Toolchain(ToolchainFailure::Unknown { .. }) => {
                "other".clone_into(kind);
            }
            _ => {}
        }
    }
}

/// A step with its action.
pub(super) struct Prepared {
    /// Under which key its manifest is kept.
    pub(super) key: crate::manifest::Key,
    /// What kind of tool's step it is; `None` for a compile.
    pub(super) tool: Option<ToolKind>,
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
    /// Whether the manifest tells all that the step follows from, so that it may lead to the action later.
    pub(super) lasting: bool,
    /// The presentation is the base one.
    pub(super) base_presentation: bool,
    /// Why it stays on this machine, if it does: a code and a sentence.
    pub(super) stays_here: Option<(String, String)>,
}

/// A step whose action is to be found.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) request: &'a Request<'a>,
    pub(super) config: &'a Config,
    pub(super) env: &'a Environment,
    /// When what is read from now on was begun to be looked at.
    pub(super) began: Timestamp,
}

/// A command that was understood, with the response files that it was read from.
pub(super) struct Understood<C> {
    pub(super) command: C,
    pub(super) response_files: ResponseFiles,
}

impl Pipeline {
    /// Everything about a step that does not depend on results.
    pub(super) fn prepare(&self, request: &Request<'_>, config: &Config, note: &mut Note) -> Result<Prepared, NoStep> {
        let env = request.environment();
        let asked = Asked {
            request,
            config,
            env: &env,
            began: self.digests.trust().now(),
        };
        let parts = self.find_out(asked, note)?;
        let mut action_micros = 0;
        let prepared = timed(&mut action_micros, || self.assemble(parts));
        note.phases().action += action_micros;
        prepared
    }

    /// What the step means and what it reads.
    pub(super) fn find_out<'a>(&self, asked: Asked<'a>, note: &mut Note) -> Result<Parts<'a>, NoStep> {
        let Asked { request, env, .. } = asked;
        let tool = Tool::of(file_name(request.invoked_as));
        tool.kind()
            .map_or("compile", ToolKind::code)
            .clone_into(&mut note.record.kind);
        match tool {
            Tool::Linker => return self.link(asked, None, note),
            Tool::Archiver | Tool::Binutil => return self.object_tool(asked, note),
            Tool::Compiler => {}
        }
        match self.understand(request, env, note) {
            Ok(understood) => self.compile(asked, understood, note),
            Err(NoStep::Command(LocalOnly::Link)) => {
                let identity = self
                    .toolchains
                    .identify(request.tool, OsStr::new(request.invoked_as), env)?;
                self.link(asked, Some(&identity), note)
            }
            Err(reason) => Err(reason),
        }
    }

    /// A compile: the compiler is asked what it reads.
    fn compile<'a>(
        &self,
        asked: Asked<'a>,
        understood: Understood<CompileCommand>,
        note: &mut Note,
    ) -> Result<Parts<'a>, NoStep> {
        let Asked {
            request,
            config,
            env,
            began,
        } = asked;
        let Understood {
            command,
            response_files,
        } = understood;
        let place = place(request, config)?;
        place.root.exec_root().clone_into(&mut note.record.exec_root);
        let identity = self
            .toolchains
            .identify(request.tool, OsStr::new(request.invoked_as), env)?;
        let (command, processor) = self.with_processor(command, &identity, request, env)?;
        let mut inputs_micros = 0;
        let found = timed(&mut inputs_micros, || -> Result<_, NoStep> {
            let (toolchain, ground) = self.toolchains.toolchain(&identity, &command, &request.cwd, env)?;
            let step = scan::Step {
                command: &command,
                toolchain: &toolchain,
                invoked_as: OsStr::new(request.invoked_as),
                cwd: &request.cwd,
                env,
            };
            let scan = self.scanner.scan(&step)?;
            let inputs = inputs::collect(&command, &scan, &toolchain, place.places(request, config), &*self.files)?;
            Ok((toolchain, ground, scan, inputs))
        });
        note.phases().inputs += inputs_micros;
        let (toolchain, ground, scan, inputs) = found?;
        Ok(Parts {
            request,
            config,
            subject: Subject::Compile { command, scan },
            response_files,
            toolchain,
            ground: ground.with_processor(processor),
            inputs,
            place,
            began,
            lasting: true,
        })
    }

    /// What native options stand for here becomes part of the command.
    fn with_processor(
        &self,
        command: CompileCommand,
        identity: &Identity,
        request: &Request<'_>,
        env: &Environment,
    ) -> Result<(CompileCommand, Option<Fact>), NoStep> {
        let native = command.native().next().map(|arg| arg.words().concat());
        let known = self.toolchains.with_processor(identity, command, &request.cwd, env);
        known.map_err(|failure| {
            tracing::info!(%failure, "not known which processor this is");
            let option = native.unwrap_or_default();
            LocalOnly::NativeTuning { option }.into()
        })
    }

    /// The command and the response files it was read from, or why there is none.
    fn understand(
        &self,
        request: &Request<'_>,
        env: &Environment,
        note: &mut Note,
    ) -> Result<Understood<CompileCommand>, NoStep> {
        refuse_variables(request, environment_use)?;
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
            command::parse(&driver, &args, &mut response_reader(&request.cwd, &mut response_files))
        });
        note.phases().parse += parse_micros;
        let command = parsed?;
        note.record.source.clone_from(&command.source);
        note.record.output.clone_from(&command.output);
        "compile".clone_into(&mut note.record.kind);
        if is_configure_probe(&command.source, &request.cwd.to_string_lossy()) {
            return Err(LocalOnly::ConfigureProbe { path: command.source }.into());
        }
        let depfile = command.depfile.iter().map(|depfile| depfile.path.as_str());
        let secondary = command.secondary.iter().map(|output| output.path.as_str());
        let outputs = std::iter::once(command.output.as_str()).chain(depfile).chain(secondary);
        if let Some(path) = irregular_output(outputs, &request.cwd) {
            return Err(LocalOnly::OutputNotRegular { path }.into());
        }
        Ok(Understood {
            command,
            response_files,
        })
    }

    /// The actions, the candidates, the manifest.
    pub(super) fn assemble(&self, parts: Parts<'_>) -> Result<Prepared, NoStep> {
        let presentation = parts.presentation();
        let base_look = Presentation::default();
        let (base, mut candidates) = parts.candidates(&base_look, presentation != base_look)?;
        let base_presentation = presentation == base_look;
        if !base_presentation && parts.subject.speaks_in_outputs() {
            candidates.clear();
        }
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
            removes_on_failure: parts.subject.removes_on_failure(),
            kind: parts.subject.code().to_owned(),
            source: parts.subject.source().to_owned(),
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
            tool: parts.subject.tool(),
            toolchain: parts.toolchain,
            inputs: parts.inputs,
            base,
            own,
            remembered,
            manifest,
            lasting: parts.lasting,
            base_presentation,
            stays_here,
        })
    }

    fn manifest(&self, parts: &Parts<'_>, remembered: &Remembered) -> Option<Manifest> {
        let mut observed = parts.inputs.observed.clone();
        observed.files.extend(parts.response_files.clone());
        // The tool itself: another one under the same name must be noticed without asking it.
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
            .inspect_err(|reason| tracing::info!(%reason, output = remembered.primary(), "not remembered"))
            .ok()
    }
}

/// Reads response files, relative to the directory, and notes their content. A pipe can be read only once, and that is
/// the tool's.
pub(super) fn response_reader<'a>(
    cwd: &'a Path,
    contents: &'a mut ResponseFiles,
) -> impl FnMut(&str) -> Option<Vec<u8>> + 'a {
    move |path| {
        let path = cwd.join(path);
        let is_file = std::fs::metadata(&path).is_ok_and(|found| found.is_file());
        let bytes = is_file.then(|| std::fs::read(&path).ok())??;
        contents.insert(path, Digest::of(&bytes));
        Some(bytes)
    }
}

pub(super) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A variable that is set and makes every step of this kind local-only.
pub(super) fn refuse_variables(
    request: &Request<'_>,
    usage: fn(&str) -> Option<EnvironmentUse>,
) -> Result<(), LocalOnly> {
    let names = request
        .variables()
        .filter_map(|(name, _)| std::str::from_utf8(name).ok());
    let first = names
        .filter(|name| usage(name) == Some(EnvironmentUse::LocalOnly))
        .min();
    match first {
        Some(name) => Err(LocalOnly::EnvironmentVariable { name: name.to_owned() }),
        None => Ok(()),
    }
}

/// An output that is there already and is neither a regular file nor a symlink to one (`-o /dev/null`).
pub(super) fn irregular_output<'a>(mut outputs: impl Iterator<Item = &'a str>, cwd: &Path) -> Option<String> {
    outputs
        .find(|path| std::fs::metadata(cwd.join(path)).is_ok_and(|metadata| !metadata.is_file()))
        .map(str::to_owned)
}
