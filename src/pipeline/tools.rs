//! Steps that are no compiles: what a link, an archiver or another tool on object files means, and what it reads.

use super::history::{Note, timed};
use super::parts::{Parts, ResponseFiles, Subject, place};
use super::prepare::{Asked, NoStep, file_name, irregular_output, refuse_variables, response_reader};
use super::{Pipeline, request::Request};
use crate::command::link as link_command;
use crate::command::native::{is_native, placed};
use crate::command::{
    Driver, Family, Language, LocalOnly, Tool, ToolCommand, ToolKind, is_configure_probe, tool_environment_use,
};
use crate::inputs;
use crate::link::{self, LinkPlan, LinkStep, LinkTraits};
use crate::toolchain::{Fact, Identity, NativeSubject};
use std::borrow::Cow;
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
            processor,
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
            refuse_recorded_native(&step, &resolved.traits)?;
            let facts = plan.facts();
            let (toolchain, ground) = self.toolchains.tool(&plan.subject(&step, &facts))?;
            let ground = ground.with_processor(processor);
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
            ground,
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
        let plan = link::plan(&*self.ask, step)?;
        let (args, processor) = self.without_native(step, &plan)?;
        let command = match step.driver {
            None => link_command::parse_ld(plan.flavour, &args, &mut read)?,
            Some(identity) => {
                let driver = Driver {
                    family: identity.family,
                    cxx: identity.cxx,
                    version: identity.version,
                };
                link_command::parse_driver(&driver, plan.flavour, &args, &mut read)?
            }
        };
        drop(read);
        Ok(Understood {
            command,
            plan,
            response_files,
            processor,
        })
    }

    /// The words of a link with nothing in them that means the processor at hand. Most links have `-march=native` only
    /// because compiles do, and the linker never hears of it; where it does, the words that it stands for take its place.
    fn without_native<'s>(
        &self,
        step: &LinkStep<'s>,
        plan: &LinkPlan,
    ) -> Result<(Cow<'s, [String]>, Option<Fact>), NoStep> {
        let native = step.args.iter().find(|word| is_native(word));
        let (Some(driver), Some(native)) = (step.driver, native) else {
            return Ok((Cow::Borrowed(step.args), None));
        };
        let heard = |args: &[String]| -> Result<bool, NoStep> {
            let step = LinkStep { args, ..*step };
            Ok(!is_same_line(&link::plan(&*self.ask, &step)?.line, &plan.line))
        };
        let refused = || LocalOnly::NativeTuning { option: native.clone() };
        let without = placed(driver.family, step.args, &[]);
        if !heard(&without)? {
            return Ok((Cow::Owned(without), None));
        }
        let machine = step.args.iter().filter(|word| word.starts_with("-m"));
        let subject = NativeSubject {
            identity: driver,
            language: Language::C,
            flags: &machine.cloned().collect::<Vec<_>>(),
            cwd: step.cwd,
            env: step.env,
        };
        let (words, fact) = self.toolchains.native(&subject).map_err(|_| refused())?;
        // Features of clang's compiler proper are nothing to a link, and it would say so.
        let words = words.words.iter().take_while(|word| *word != "-Xclang");
        let words: Vec<String> = words.cloned().collect();
        let resolved = placed(driver.family, step.args, &words);
        if heard(&resolved)? {
            return Err(refused().into());
        }
        Ok((Cow::Owned(resolved), Some(fact)))
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
            lasting: !resolved.mode_of_input,
        })
    }
}

/// A link by its words.
struct Understood {
    command: ToolCommand,
    plan: LinkPlan,
    response_files: ResponseFiles,
    /// What native options stand for, where that has a part in it.
    processor: Option<Fact>,
}

/// Whether the linker is given the same. gcc names a temporary file at random.
fn is_same_line(one: &[String], other: &[String]) -> bool {
    let fixed = |line: &[String]| -> Vec<String> {
        let words = line.iter().filter(|word| !word.contains("-fresolution="));
        words.cloned().collect()
    };
    fixed(one) == fixed(other)
}

/// gcc compiles at link time with the words of the driver, which no linker command line shows.
fn refuse_recorded_native(step: &LinkStep<'_>, traits: &LinkTraits) -> Result<(), LocalOnly> {
    let gcc = step.driver.is_some_and(|driver| driver.family == Family::Gcc);
    match step.args.iter().find(|word| is_native(word)) {
        Some(native) if gcc && traits.lto => Err(LocalOnly::NativeTuning { option: native.clone() }),
        _ => Ok(()),
    }
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
