//! What a step reads and writes, without running it: the long way up to the action, told to a person.

use super::Pipeline;
use super::history::{Note, micros};
use super::parts::Parts;
use super::prepare::{Asked, NoStep, Prepared};
use super::request::Request;
use super::slow::sentence;
use crate::action::{DeclaredOutput, NoAction, OutputKind};
use crate::command::LocalOnly;
use crate::config::ConfigError;
use crate::digest::Digest;
use crate::exec_path::ExecPath;
use crate::inputs::{Entry, InputSet};
use crate::observation::Names;
use crate::pb::wire::StepRequest;
use crate::report::inputs::{
    Decision, Input, InputPlace, InputsReport, LookedFor, Micros, Output, Symlink, ToolFile, Why,
};
use crate::scan::Found;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Why nothing more can be told.
#[derive(Debug, thiserror::Error)]
enum Untold {
    #[error(transparent)]
    Step(#[from] NoStep),
    #[error(transparent)]
    Settings(#[from] ConfigError),
}

impl From<LocalOnly> for Untold {
    fn from(reason: LocalOnly) -> Self {
        Self::Step(reason.into())
    }
}

const ON_COMMAND_LINE: &str = "named on the command line";

/// How files entered the set, by their real paths.
type Ways = BTreeMap<PathBuf, &'static str>;

impl Pipeline {
    /// What the step reads and writes, how that is known, and what becomes of it. Runs no step; asks the tool as for a
    /// real one.
    pub fn explain_inputs(&self, step: &StepRequest) -> InputsReport {
        let began = Instant::now();
        let mut note = Note::begin(step);
        let mut report = match self.explained(step, &mut note) {
            Ok(report) => report,
            Err(untold) => {
                if let Untold::Step(reason) = &untold {
                    reason.correct_kind(&mut note.record.kind);
                }
                empty(&note, untold.decision())
            }
        };
        let phases = *note.phases();
        report.micros = Micros {
            parse: phases.parse,
            inputs: phases.inputs,
            action: phases.action,
            total: micros(began.elapsed()),
        };
        report
    }

    fn explained(&self, step: &StepRequest, note: &mut Note) -> Result<InputsReport, Untold> {
        let request = Request::new(step)?;
        let resolved = self.settings(&request)?;
        let env = request.environment();
        let asked = Asked {
            request: &request,
            config: &resolved.config,
            env: &env,
            began: self.digests.trust().now(),
        };
        let parts = self.find_out(asked, note)?;
        let ways = ways(&parts);
        let response_files: Vec<_> = parts.response_files.clone().into_iter().collect();
        let began = Instant::now();
        let prepared = self.assemble(parts)?;
        note.phases().action += micros(began.elapsed());
        super::describe(note, &prepared.remembered);
        Ok(told(note, &prepared, &ways, &response_files))
    }
}

impl Untold {
    fn decision(&self) -> Decision {
        let why = |code: &str| Why {
            code: code.to_owned(),
            text: sentence(self),
        };
        match self {
            Self::Settings(_) => Decision::Undecided(why("bad_settings")),
            Self::Step(reason @ NoStep::Action(NoAction::Inputs(_))) => Decision::Undecided(why(reason.code())),
            Self::Step(reason @ (NoStep::Command(_) | NoStep::Action(_))) => Decision::LocalOnly(why(reason.code())),
            Self::Step(reason) => Decision::Undecided(why(reason.code())),
        }
    }
}

/// What is known of a step without an Action.
fn empty(note: &Note, decision: Decision) -> InputsReport {
    let record = &note.record;
    InputsReport {
        kind: record.kind.clone(),
        source: record.source.clone(),
        output: record.output.clone(),
        tool: record.tool.clone(),
        cwd: record.cwd.clone(),
        exec_root: record.exec_root.clone(),
        decision,
        action_digest: None,
        inputs: Vec::new(),
        directories: Vec::new(),
        symlinks: Vec::new(),
        looked_for: Vec::new(),
        absent_directories: Vec::new(),
        passed_over: Vec::new(),
        toolchain: Vec::new(),
        outputs: Vec::new(),
        micros: Micros::default(),
    }
}

fn told(note: &Note, prepared: &Prepared, ways: &Ways, response_files: &[(PathBuf, Digest)]) -> InputsReport {
    let decision = match prepared.stays_here.clone() {
        None => Decision::Anywhere,
        Some((code, text)) => Decision::PlacedLocally(Why { code, text }),
    };
    let observed = &prepared.inputs.observed;
    InputsReport {
        action_digest: Some(prepared.base.digest.to_string()),
        inputs: read(prepared, ways, response_files),
        directories: directories(&prepared.inputs, Path::new(&note.record.exec_root)),
        symlinks: observed
            .links
            .iter()
            .map(|(path, target)| Symlink {
                path: text(path),
                target: text(target),
            })
            .collect(),
        looked_for: observed
            .directories
            .iter()
            .map(|(directory, names)| looked_for(directory, names))
            .filter(|looked| looked.any_name || !looked.not_found.is_empty())
            .collect(),
        absent_directories: observed.absent.iter().map(|path| text(path)).collect(),
        passed_over: observed.present.iter().map(|path| text(path)).collect(),
        toolchain: prepared
            .toolchain
            .files
            .iter()
            .map(|file| ToolFile {
                path: text(&file.path),
                digest: file.digest.hex(),
            })
            .collect(),
        outputs: prepared.base.outputs.iter().map(written).collect(),
        ..empty(note, decision)
    }
}

/// How each file that the scan names was found, the first way of several.
fn ways(parts: &Parts<'_>) -> Ways {
    let mut ways = Ways::new();
    let source = parts.request.cwd.join(parts.subject.source());
    for file in &parts.subject.scan().files {
        let how = match file.found {
            _ if file.path == source => "source",
            Found::Listed if parts.subject.tool().is_some() => "read by the tool",
            Found::Listed => "listed by the compiler",
            Found::Spelled => "another spelling of a listed file",
            Found::Mentioned => "named by a directive that only looks or embeds",
            Found::Assembled => "included by the assembler",
            Found::Precompiled => "precompiled header that may stand for a header",
            Found::Operand => ON_COMMAND_LINE,
            Found::Searched => "found in a library directory",
            Found::Scripted => "named by a linker script",
            Found::Member => "member of a thin archive",
            Found::Needed => "needed by a shared library",
        };
        ways.entry(real(&file.path)).or_insert(how);
    }
    ways
}

fn read(prepared: &Prepared, ways: &Ways, response_files: &[(PathBuf, Digest)]) -> Vec<Input> {
    let inputs = &prepared.inputs;
    // What no scan names, a word names.
    let by_word = match prepared.tool {
        None => "named by an option",
        Some(_) => ON_COMMAND_LINE,
    };
    let input = |path: &Path, real: &Path, digest: &Digest, place| Input {
        path: text(path),
        how: ways.get(real).copied().unwrap_or(by_word),
        place,
        digest: digest.hex(),
        bytes: digest.size(),
    };
    let inside = inputs.entries.values().filter_map(|entry| match entry {
        Entry::File { digest, host } => Some(input(host, host, digest, InputPlace::ExecRoot)),
        Entry::Symlink { .. } | Entry::Directory => None,
    });
    let outside = inputs.outside.iter().map(|file| {
        let place = if file.on_worker {
            InputPlace::Worker
        } else {
            InputPlace::Outside
        };
        input(&file.path, &real(&file.path), &file.digest, place)
    });
    let response = response_files.iter().map(|(path, digest)| Input {
        how: "response file",
        ..input(path, path, digest, InputPlace::CommandLine)
    });
    let mut seen = BTreeSet::new();
    let all = inside.chain(outside).chain(response);
    // A file can lie at two places of the input root.
    all.filter(|input| seen.insert((input.path.clone(), input.how)))
        .collect()
}

fn directories(inputs: &InputSet, exec_root: &Path) -> Vec<String> {
    let is_directory =
        |(path, entry): (&ExecPath, &Entry)| matches!(entry, Entry::Directory).then(|| exec_root.join(path.as_str()));
    let inside = inputs.entries.iter().filter_map(is_directory);
    let all: BTreeSet<PathBuf> = inside.chain(inputs.observed.directories.keys().cloned()).collect();
    all.iter()
        .map(|path| text(path).trim_end_matches('/').to_owned())
        .collect()
}

fn looked_for(directory: &Path, names: &Names) -> LookedFor {
    let not_found = match names {
        Names::All => Vec::new(),
        Names::These(names) => names
            .iter()
            .map(|name| OsStr::from_bytes(name))
            .filter(|name| !directory.join(name).exists())
            .map(|name| name.to_string_lossy().into_owned())
            .collect(),
    };
    LookedFor {
        directory: text(directory),
        not_found,
        any_name: *names == Names::All,
    }
}

fn written(output: &DeclaredOutput) -> Output {
    Output {
        path: output.user_path.clone(),
        what: match output.kind {
            OutputKind::Primary => "primary",
            OutputKind::Depfile => "depfile",
            OutputKind::Secondary => "secondary",
        },
        mode: format!("{:04o}", output.mode),
        optional: output.optional,
        in_place: output.in_place,
    }
}

fn real(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
