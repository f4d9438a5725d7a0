//! What `rewrap inputs` says of a step: what it reads and writes, how we know, and what that means for it.
//!
//! Plain text and numbers; made by the pipeline, printed by the command line.

use super::units;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// The number that `--json` carries; raised when a field changes its meaning or goes away.
pub const SCHEMA: u32 = 1;

/// One step. Where it was not taken, only what was found out before that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InputsReport {
    /// `compile`, `link`, `archive`, `object`, `probe` or `other`, as in records.
    pub kind: String,
    /// The primary source as spelled; empty where there is none.
    pub source: String,
    /// The primary output as spelled; empty where none is known.
    pub output: String,
    /// The real tool.
    pub tool: String,
    /// Where the step runs.
    pub cwd: String,
    /// What is sent to workers lies in it; empty where that was not found out.
    pub exec_root: String,
    /// What becomes of the step.
    pub decision: Decision,
    /// `hash/size` of its Action.
    pub action_digest: Option<String>,
    /// The files that it reads, inside of the exec root first.
    pub inputs: Vec<Input>,
    /// Directories that it looks into or walks through, sorted.
    pub directories: Vec<String>,
    /// Symbolic links that are followed, sorted.
    pub symlinks: Vec<Symlink>,
    /// What is looked for and not there.
    pub looked_for: Vec<LookedFor>,
    /// Paths that were to be directories and are none.
    pub absent_directories: Vec<String>,
    /// Files that are found under names looked for, and not read.
    pub passed_over: Vec<String>,
    /// The tool's own files: programs, libraries, plugins.
    pub toolchain: Vec<ToolFile>,
    /// What it writes, in the order of publishing.
    pub outputs: Vec<Output>,
    /// How long finding this out took.
    pub micros: Micros,
}

/// What becomes of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Decision {
    /// It has an Action that may run on any worker with this toolchain.
    Anywhere,
    /// It has an Action, which runs only here.
    PlacedLocally(Why),
    /// It has none, and always runs here.
    LocalOnly(Why),
    /// It cannot be told what it reads: a gap of inference, or an error of the step itself. It runs here.
    Undecided(Why),
}

/// A code of a closed set and a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Why {
    /// As in records.
    pub code: String,
    /// Without a full stop.
    pub text: String,
}

/// A file that is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Input {
    /// Absolute; for a file of the exec root its real path.
    pub path: String,
    /// How it entered the set.
    pub how: &'static str,
    /// Where a worker has it from.
    pub place: InputPlace,
    /// SHA-256 of its content.
    pub digest: String,
    /// Its size.
    pub bytes: u64,
}

/// Where a worker has an input from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InputPlace {
    /// It lies in the exec root, and is sent.
    ExecRoot,
    /// It counts as present there.
    Worker,
    /// It lies outside of the exec root, and workers do not have it.
    Outside,
    /// It is read to understand the command, and what it says stands in the action.
    CommandLine,
}

/// A symbolic link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Symlink {
    /// Absolute, as walked.
    pub path: String,
    /// As it is written.
    pub target: String,
}

/// Names that are looked for in a directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LookedFor {
    /// Absolute, as walked.
    pub directory: String,
    /// Those that are not there, sorted.
    pub not_found: Vec<String>,
    /// Any change of its listing matters.
    pub any_name: bool,
}

/// A file of the tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ToolFile {
    /// Absolute.
    pub path: String,
    /// SHA-256 of its content.
    pub digest: String,
}

/// A file that is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Output {
    /// As the tool opens it: relative to the cwd, or absolute.
    pub path: String,
    /// `primary`, `depfile` or `secondary`.
    pub what: &'static str,
    /// Permission bits before the umask, in octal.
    pub mode: String,
    /// Whether the tool may succeed without it.
    pub optional: bool,
    /// Whether it writes over a file that is there already.
    pub in_place: bool,
}

/// Microseconds by phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Micros {
    /// Understanding the command line.
    pub parse: u64,
    /// Finding inputs.
    pub inputs: u64,
    /// Making the action.
    pub action: u64,
    /// All of it.
    pub total: u64,
}

impl Decision {
    /// Whether it is known what the step is: an Action, or a step that has none.
    pub fn is_decided(&self) -> bool {
        !matches!(self, Self::Undecided(_))
    }

    /// Whether it has an Action.
    pub fn is_taken(&self) -> bool {
        matches!(self, Self::Anywhere | Self::PlacedLocally(_))
    }

    fn sentence(&self) -> String {
        let because = |what: &str, why: &Why| format!("{what}: {} ({})", why.text, why.code);
        match self {
            Self::Anywhere => "is cached, and may run on any worker with this toolchain".into(),
            Self::PlacedLocally(why) => because("is cached, and runs only here", why),
            Self::LocalOnly(why) => because("is not cached", why),
            Self::Undecided(why) => because("is not understood, and not cached", why),
        }
    }

    fn why(&self) -> Option<&Why> {
        match self {
            Self::Anywhere => None,
            Self::PlacedLocally(why) | Self::LocalOnly(why) | Self::Undecided(why) => Some(why),
        }
    }
}

/// One step for people, all of it.
pub fn lines(report: &InputsReport) -> Vec<String> {
    let mut lines = vec![
        format!("this step ({}) {}", heading(report), report.decision.sentence()),
        format!("  by {} in {}", report.tool, report.cwd),
    ];
    if !report.exec_root.is_empty() {
        lines.push(format!("  exec root {}", report.exec_root));
    }
    let mut section = |title: &str, rows: Vec<String>| {
        if !rows.is_empty() {
            lines.push(format!("\n{title} ({}):", rows.len()));
            lines.extend(rows.into_iter().map(|row| format!("  {row}")));
        }
    };
    let read = |place: InputPlace| {
        let inputs = report.inputs.iter().filter(move |input| input.place == place);
        inputs.map(|input| format!("{}  {}", input.path, input.how)).collect()
    };
    section("Reads, in the exec root", read(InputPlace::ExecRoot));
    section(
        "Reads, outside of it, where workers have the same",
        read(InputPlace::Worker),
    );
    section(
        "Reads, outside of it, where workers have nothing",
        read(InputPlace::Outside),
    );
    section("Reads to understand the command", read(InputPlace::CommandLine));
    section(
        "Consists of",
        report.toolchain.iter().map(|file| file.path.clone()).collect(),
    );
    section("Looks into or walks through", report.directories.clone());
    let link = |link: &Symlink| format!("{} -> {}", link.path, link.target);
    section("Follows", report.symlinks.iter().map(link).collect());
    section(
        "Looks for in vain",
        report.looked_for.iter().filter_map(in_vain).collect(),
    );
    section("Misses directories", report.absent_directories.clone());
    section("Finds and passes over", report.passed_over.clone());
    section("Writes", report.outputs.iter().map(written).collect());
    lines.push(format!("\nTook {}.", took(report.micros)));
    lines
}

/// `compile of a.c to a.o`, as far as it is known.
fn heading(report: &InputsReport) -> String {
    let parts = [("", &report.kind), ("of ", &report.source), ("to ", &report.output)];
    let known = parts.iter().filter(|(_, name)| !name.is_empty());
    known
        .map(|(word, name)| format!("{word}{name}"))
        .collect::<Vec<_>>()
        .join(" ")
}

fn in_vain(looked: &LookedFor) -> Option<String> {
    if looked.any_name {
        return Some(format!("{}: any name", looked.directory));
    }
    (!looked.not_found.is_empty()).then(|| format!("{}: {}", looked.directory, looked.not_found.join(" ")))
}

fn written(output: &Output) -> String {
    let optional = if output.optional { ", or not" } else { "" };
    let how = if output.in_place { ", over what is there" } else { "" };
    format!("{}  {}, mode {}{how}{optional}", output.path, output.what, output.mode)
}

fn took(micros: Micros) -> String {
    let time = |n: u64| format!("{}.{} ms", n / 1000, n % 1000 / 100);
    format!(
        "{} (command line {}, inputs {}, action {})",
        time(micros.total),
        time(micros.parse),
        time(micros.inputs),
        time(micros.action)
    )
}

/// One step of many for people, in one line.
pub fn line(report: &InputsReport) -> String {
    let name = [&report.output, &report.source, &report.tool]
        .into_iter()
        .find(|name| !name.is_empty())
        .map_or("", String::as_str);
    match report.decision.why() {
        None => format!(
            "{} {name}: {}",
            report.kind,
            units::count(report.inputs.len() as u64, "input")
        ),
        Some(_) => format!("{} {name}: {}", report.kind, report.decision.sentence()),
    }
}

/// Sums over the steps of a project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// All commands.
    pub commands: u64,
    /// Those with an Action.
    pub with_action: u64,
    /// Of those, the ones that run only here.
    pub placed_locally: u64,
    /// Those that always run here, uncached.
    pub local_only: u64,
    /// Those of which it cannot be told what they read.
    pub undecided: u64,
    /// By kind.
    pub by_kind: BTreeMap<String, u64>,
    /// Codes of reasons, whatever they are for.
    pub reasons: BTreeMap<String, u64>,
    /// Inputs of all commands.
    pub inputs: u64,
    /// Microseconds, all commands together.
    pub micros: u64,
}

impl Totals {
    /// Adds a step.
    pub fn add(&mut self, report: &InputsReport) {
        self.commands += 1;
        self.with_action += u64::from(report.decision.is_taken());
        match &report.decision {
            Decision::Anywhere => {}
            Decision::PlacedLocally(_) => self.placed_locally += 1,
            Decision::LocalOnly(_) => self.local_only += 1,
            Decision::Undecided(_) => self.undecided += 1,
        }
        *self.by_kind.entry(report.kind.clone()).or_default() += 1;
        if let Some(why) = report.decision.why() {
            *self.reasons.entry(why.code.clone()).or_default() += 1;
        }
        self.inputs += report.inputs.len() as u64;
        self.micros += report.micros.total;
    }

    /// For people.
    pub fn lines(&self) -> Vec<String> {
        let share = units::percent(self.with_action, self.commands);
        let mut lines = vec![format!(
            "{}: {} can be cached ({share}), of which {} only here; {} run here uncached, {} are not understood",
            units::count(self.commands, "command"),
            self.with_action,
            self.placed_locally,
            self.local_only,
            self.undecided,
        )];
        let mut reasons: Vec<_> = self.reasons.iter().collect();
        reasons.sort_by_key(|(_, number)| std::cmp::Reverse(**number));
        lines.extend(reasons.into_iter().map(|(code, number)| format!("  {number}  {code}")));
        let time = units::duration(Duration::from_micros(self.micros));
        lines.push(format!("{} in {time}", units::count(self.inputs, "input")));
        lines
    }
}

#[cfg(test)]
mod tests;
