//! Steps that are no compiles: what a link, an archiver or another tool on object files means, and what it reads.

use super::history::{Note, timed};
use super::parts::{Parts, ResponseFiles, Subject, place};
use super::prepare::{Asked, NoStep, file_name, irregular_output, refuse_variables, response_reader};
use super::{Pipeline, request::Request};
use crate::command::link::{self as link_command, Flavour};
use crate::command::native::placed;
use crate::command::response_file::{self, ReadResponse};
use crate::command::{
    Driver, Family, Language, LocalOnly, Tool, ToolCommand, ToolKind, is_configure_probe, tool_environment_use,
};
use crate::inputs;
use crate::link::{self, LinkPlan, LinkStep};
use crate::toolchain::{Fact, Identity, NativeSubject};
use std::ffi::OsStr;

impl Pipeline {
    /// A link by this driver, or by the linker that was called itself.
    pub(super) fn link<'a>(
        &self,
        asked: Asked<'a>,
        driver: Option<&Identity>,
        note: &mut Note,
    ) -> Result<Parts<'a>, NoStep> {
        let Asked { request, env, .. } = asked;
        let args = words(request);
        "link".clone_into(&mut note.record.kind);
        refuse_variables(request, tool_environment_use)?;
        refuse_probes(request)?;
        let step = LinkStep {
            driver,
            tool: request.tool,
            invoked_as: OsStr::new(request.invoked_as),
            args: &args,
            cwd: &request.cwd,
            env,
        };
        let mut parse_micros = 0;
        let understood = timed(&mut parse_micros, || self.understand_link(&step, request));
        note.phases().parse += parse_micros;
        let Understood {
            command,
            plan,
            response_files,
            native,
        } = understood?;
        check_outputs(&command, request, note)?;
        let place = place(request, asked.config)?;
        place.root.exec_root().clone_into(&mut note.record.exec_root);
        let mut inputs_micros = 0;
        let found = timed(&mut inputs_micros, || -> Result<_, NoStep> {
            let mut response_files = response_files;
            let line = link_command::parse_line(
                plan.flavour,
                &plan.line,
                &mut response_reader(&request.cwd, &mut response_files),
            )?;
            let resolved = link::resolve(&line, &plan, &request.cwd, env, &*self.files)?;
            // gcc compiles then with the driver's own words, which no linker command line shows.
            if let (Some(native), Some(Family::Gcc), true) = (&native, resolved.traits.driver, resolved.traits.lto) {
                let option = native.option.clone();
                return Err(LocalOnly::NativeTuning { option }.into());
            }
            if resolved.traits.lto
                && let Some(reason) = link_command::unpredicted_with_lto(&command)
            {
                return Err(reason.into());
            }
            let facts = plan.facts();
            let (toolchain, ground) = self.toolchains.tool(&plan.subject(&step, &facts))?;
            let places = place.places(request, asked.config);
            let inputs = inputs::collect_tool(&command, &resolved.scan, &toolchain, places, &*self.files)?;
            Ok((response_files, toolchain, ground, inputs, resolved))
        });
        note.phases().inputs += inputs_micros;
        let (response_files, toolchain, ground, inputs, resolved) = found?;
        Ok(Parts {
            request,
            config: asked.config,
            subject: Subject::Tool {
                command,
                traits: Some(resolved.traits),
                scan: resolved.scan,
            },
            response_files,
            toolchain,
            ground: ground.with_processor(native.and_then(|native| native.processor)),
            inputs,
            place,
            began: asked.began,
            lasting: true,
        })
    }

    /// What the user's words mean to driver and linker, and the line that the linker is given in the end.
    fn understand_link(&self, step: &LinkStep<'_>, request: &Request<'_>) -> Result<Understood, NoStep> {
        let mut response_files = ResponseFiles::new();
        let mut read = response_reader(&request.cwd, &mut response_files);
        let plan = match link::plan(&*self.ask, step) {
            Ok(plan) => plan,
            // The words alone may tell why: a source among the operands is compiled first. Any linker will do for that.
            Err(failure) => {
                let parsed = self.parse_link(step, Flavour::Bfd, None, &mut read);
                return Err(parsed.map_or_else(|reason| reason, |_| failure.into()));
            }
        };
        let (command, native) = self.parse_link(step, plan.flavour, Some(&plan), &mut read)?;
        drop(read);
        Ok(Understood {
            command,
            plan,
            response_files,
            native,
        })
    }

    fn parse_link(
        &self,
        step: &LinkStep<'_>,
        flavour: Flavour,
        plan: Option<&LinkPlan>,
        read: &mut ReadResponse<'_>,
    ) -> Result<(ToolCommand, Option<NativeLink>), NoStep> {
        let Some(identity) = step.driver else {
            return Ok((link_command::parse_ld(flavour, step.args, read)?, None));
        };
        let driver = Driver {
            family: identity.family,
            cxx: identity.cxx,
            version: identity.version,
        };
        match link_command::parse_driver(&driver, flavour, step.args, read) {
            Err(LocalOnly::NativeTuning { option }) => {
                let args = response_file::expand(&driver, step.args, read)?.args;
                let (args, processor) = self.without_native(step, identity, &args, plan, &option)?;
                let command = link_command::parse_driver(&driver, flavour, &args, read)?;
                Ok((command, Some(NativeLink { option, processor })))
            }
            parsed => Ok((parsed?, None)),
        }
    }

    /// The words of a driver with none that means the processor at hand. Most links have `-march=native` only because
    /// compiles do, and the linker never hears of it; where it does, what it stands for takes its place.
    fn without_native(
        &self,
        step: &LinkStep<'_>,
        identity: &Identity,
        args: &[String],
        plan: Option<&LinkPlan>,
        option: &str,
    ) -> Result<(Vec<String>, Option<Fact>), NoStep> {
        let without = placed(identity.family, args, &[]);
        let same_line = |args: &[String]| -> Result<bool, NoStep> {
            let Some(plan) = plan else { return Ok(true) };
            let step = LinkStep { args, ..*step };
            Ok(is_same_line(&link::plan(&*self.ask, &step)?.line, &plan.line))
        };
        if same_line(&without)? {
            return Ok((without, None));
        }
        let refused = || LocalOnly::NativeTuning {
            option: option.to_owned(),
        };
        let native = self.toolchains.native(&NativeSubject {
            identity,
            language: Language::C,
            flags: &link_command::machine_flags(args),
            cwd: step.cwd,
            env: step.env,
        });
        let (native, fact) = native.map_err(|failure| {
            tracing::info!(%failure, "not known which processor this is");
            refused()
        })?;
        // Features of clang's compiler proper are nothing to a link, and it would say so.
        let words = native.words.iter().take_while(|word| *word != "-Xclang");
        let resolved = placed(identity.family, args, &words.cloned().collect::<Vec<_>>());
        if !same_line(&resolved)? {
            return Err(refused().into());
        }
        Ok((resolved, Some(fact)))
    }

    /// `ar`, `ranlib`, `strip`, `objcopy`, `dwp`.
    pub(super) fn object_tool<'a>(&self, asked: Asked<'a>, note: &mut Note) -> Result<Parts<'a>, NoStep> {
        let Asked { request, env, .. } = asked;
        let kind = match Tool::of(file_name(request.invoked_as)) {
            Tool::Binutil => ToolKind::Object,
            Tool::Archiver | Tool::Linker | Tool::Compiler => ToolKind::Archive,
        };
        kind.code().clone_into(&mut note.record.kind);
        refuse_variables(request, tool_environment_use)?;
        refuse_probes(request)?;
        let identity = self
            .object_tools
            .identify(request.tool, OsStr::new(request.invoked_as), env)?;
        let mut response_files = ResponseFiles::new();
        let mut parse_micros = 0;
        let parsed = timed(&mut parse_micros, || {
            identity.parse(&words(request), &mut response_reader(&request.cwd, &mut response_files))
        });
        note.phases().parse += parse_micros;
        let parsed = parsed?;
        check_outputs(parsed.command(), request, note)?;
        let place = place(request, asked.config)?;
        place.root.exec_root().clone_into(&mut note.record.exec_root);
        let mut inputs_micros = 0;
        let found = timed(&mut inputs_micros, || -> Result<_, NoStep> {
            let (toolchain, ground) = identity.toolchain(&parsed, &request.cwd, env, &self.toolchains)?;
            let resolved = crate::object_tools::inputs_of(parsed, &identity, &request.cwd, env, &*self.files)?;
            let places = place.places(request, asked.config);
            let inputs = inputs::collect_tool(&resolved.command, &resolved.scan, &toolchain, places, &*self.files)?;
            Ok((toolchain, ground, resolved, inputs))
        });
        note.phases().inputs += inputs_micros;
        let (toolchain, ground, resolved, inputs) = found?;
        Ok(Parts {
            request,
            config: asked.config,
            subject: Subject::Tool {
                command: resolved.command,
                traits: None,
                scan: resolved.scan,
            },
            response_files,
            toolchain,
            ground,
            inputs,
            place,
            began: asked.began,
            lasting: resolved.lasting,
        })
    }
}

/// A link by its words.
struct Understood {
    command: ToolCommand,
    plan: LinkPlan,
    response_files: ResponseFiles,
    native: Option<NativeLink>,
}

/// A link with an option that means the processor at hand.
struct NativeLink {
    option: String,
    /// What it stands for, where the linker hears of it.
    processor: Option<Fact>,
}

/// Whether a linker is given the same. gcc names a temporary file at random.
fn is_same_line(one: &[String], other: &[String]) -> bool {
    let fixed = |line: &[String]| -> Vec<String> {
        let words = line.iter().filter(|word| !word.contains("-fresolution="));
        words.cloned().collect()
    };
    fixed(one) == fixed(other)
}

fn words(request: &Request<'_>) -> Vec<String> {
    request.args.iter().map(|word| (*word).to_owned()).collect()
}

/// What configure scripts and CMake try is none of the build's steps.
fn refuse_probes(request: &Request<'_>) -> Result<(), NoStep> {
    let cwd = request.cwd.to_string_lossy();
    match request.args.iter().find(|word| is_configure_probe(word, &cwd)) {
        Some(path) => Err(LocalOnly::ConfigureProbe {
            path: (*path).to_owned(),
        }
        .into()),
        None => Ok(()),
    }
}

fn check_outputs(command: &ToolCommand, request: &Request<'_>, note: &mut Note) -> Result<(), NoStep> {
    command.primary().clone_into(&mut note.record.output);
    let outputs = command.outputs.iter().map(|output| output.path.as_str());
    match irregular_output(outputs, &request.cwd) {
        Some(path) => Err(LocalOnly::OutputNotRegular { path }.into()),
        None => Ok(()),
    }
}
