//! What `-march=native` and its like stand for on this machine: the driver shows it in the command lines that it would
//! run (`-###`). Every answer is proven by a second question: the driver is given the plain options and must show the
//! same command lines.
//!
//! Nothing of this outlives the process: a cache directory may come to another machine, a process may not.

use super::ToolchainFailure;
use super::answers::command_lines;
use super::identify::Identity;
use super::machine::{Ask, Environment, Question};
use crate::command::native::{is_native, placed};
use crate::command::{Family, Language, NativeWords};
use std::ffi::OsString;
use std::path::Path;

/// A compiler, and the flags of a step that may have a part in the answer; the native ones are among them.
#[derive(Clone, Copy, Debug)]
pub struct NativeSubject<'a> {
    /// The driver.
    pub identity: &'a Identity,
    /// Of the source; C for a link.
    pub language: Language,
    /// Without sources, outputs and anything that writes a file.
    pub flags: &'a [String],
    /// Where the step runs; absolute.
    pub cwd: &'a Path,
    /// The step's.
    pub env: &'a Environment,
}

/// Asks the driver. A failure means that the options are not understood: the step has no Action then.
pub(super) fn learn(subject: &NativeSubject<'_>, ask: &dyn Ask) -> Result<NativeWords, ToolchainFailure> {
    let family = subject.identity.family;
    let unclear = || ToolchainFailure::NoAnswer {
        driver: subject.identity.driver.clone(),
        what: "what this machine's processor is",
    };
    let own: Vec<String> = subject.flags.iter().filter(|flag| !is_native(flag)).cloned().collect();
    let native = shown(subject, ask, subject.flags)?.ok_or_else(unclear)?;
    let plain = shown(subject, ask, &own)?.ok_or_else(unclear)?;
    let words = difference(family, subject.flags, &native, &plain).ok_or_else(unclear)?;
    let resolved = shown(subject, ask, &placed(family, subject.flags, &words))?;
    Ok(NativeWords {
        words,
        equal: resolved.is_some_and(|resolved| resolved.same_effect(&native, family)),
    })
}

/// What a driver says that it would run, and its warnings.
#[derive(Debug, PartialEq, Eq)]
struct Shown {
    lines: Vec<Vec<String>>,
    warnings: Vec<String>,
}

/// `None` if the driver refuses the flags.
fn shown(subject: &NativeSubject<'_>, ask: &dyn Ask, flags: &[String]) -> Result<Option<Shown>, ToolchainFailure> {
    let ours = [
        "-c",
        "-x",
        subject.language.driver_name(),
        "/dev/null",
        "-o",
        "/dev/null",
    ];
    let args: Vec<OsString> = std::iter::once("-###")
        .chain(flags.iter().map(String::as_str))
        .chain(ours)
        .map(OsString::from)
        .collect();
    let answer = ask.ask(&Question {
        program: &subject.identity.driver,
        invoked_as: &subject.identity.invoked_as,
        args: &args,
        cwd: subject.cwd,
        env: &subject.env.for_questions(),
    })?;
    if !answer.success {
        return Ok(None);
    }
    let said = String::from_utf8_lossy(&answer.stderr);
    let lines = command_lines(&said).into_iter().map(normalised).collect();
    let warnings = said
        .lines()
        .filter(|line| line.contains("warning: "))
        .map(str::to_owned);
    Ok(Some(Shown {
        lines,
        warnings: warnings.collect(),
    }))
}

/// One spelling of parameters, and of gcc's temporary files, whose names are random.
fn normalised(line: Vec<String>) -> Vec<String> {
    let mut words: Vec<String> = Vec::with_capacity(line.len());
    for word in line {
        let last = words.last().map(String::as_str);
        if last == Some("--param") {
            words.pop();
            words.push(format!("--param={word}"));
        } else if is_temporary(&word) {
            words.push("a temporary file".to_owned());
        } else {
            words.push(word);
        }
    }
    words
}

/// `/tmp/ccXXXXXX.s`.
fn is_temporary(word: &str) -> bool {
    let name = Path::new(word).file_name().and_then(|name| name.to_str());
    let random = name.and_then(|name| name.strip_prefix("cc")?.split_once('.'));
    word.starts_with('/') && random.is_some_and(|(letters, _)| letters.len() == 6)
}

/// Options of clang's compiler proper about the processor, each with a value.
const CLANG_MACHINE: [&str; 3] = ["-target-cpu", "-tune-cpu", "-target-feature"];

/// A command line, taken apart into what says something about the processor and the rest.
#[derive(Debug, Default, PartialEq, Eq)]
struct Parts<'a> {
    /// In order.
    machine: Vec<(&'a str, &'a str)>,
    /// gcc's parameters, which no machine option changes and which change none.
    parameters: Vec<&'a str>,
    rest: Vec<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(family: Family, line: &'a [String]) -> Self {
        let mut parts = Self::default();
        let mut words = line.iter().map(String::as_str);
        while let Some(word) = words.next() {
            match family {
                Family::Clang if CLANG_MACHINE.contains(&word) => {
                    parts.machine.push((word, words.next().unwrap_or_default()));
                }
                Family::Gcc if word.starts_with("--param=") => parts.parameters.push(word),
                Family::Gcc if word.starts_with("-m") => parts.machine.push((word, "")),
                Family::Gcc | Family::Clang => parts.rest.push(word),
            }
        }
        parts
    }

    fn values(&self, name: &str) -> impl DoubleEndedIterator<Item = &'a str> {
        let machine = self.machine.iter().filter(move |(option, _)| *option == name);
        machine.map(|(_, value)| *value)
    }

    /// Without the processors that a later one replaces.
    fn effective(mut self) -> Self {
        for name in ["-target-cpu", "-tune-cpu"] {
            if let Some(last) = self.machine.iter().rposition(|(option, _)| *option == name) {
                let last = self.machine[last];
                self.machine.retain(|(option, _)| *option != name);
                self.machine.insert(0, last);
            }
        }
        self
    }
}

impl Shown {
    /// Whether the programs would do the same.
    fn same_effect(&self, other: &Self, family: Family) -> bool {
        let parts = |line| Parts::of(family, line).effective();
        self.warnings == other.warnings
            && self.lines.len() == other.lines.len()
            && self
                .lines
                .iter()
                .zip(&other.lines)
                .all(|(one, other)| parts(one) == parts(other))
    }
}

/// The options that the native ones stand for: what only the first command line has. `None` if it is nothing, or more
/// than options about the processor.
fn difference(family: Family, flags: &[String], native: &Shown, plain: &Shown) -> Option<Vec<String>> {
    let (native, plain) = (native.lines.first()?, plain.lines.first()?);
    let (native, plain) = (Parts::of(family, native), Parts::of(family, plain));
    if native.rest != plain.rest {
        return None;
    }
    let words = match family {
        Family::Gcc => {
            let machine = |parts: &Parts<'_>| -> Vec<String> {
                let options = parts.machine.iter().map(|(option, _)| *option);
                options
                    .chain(parts.parameters.iter().copied())
                    .map(str::to_owned)
                    .collect()
            };
            without(machine(&native), machine(&plain))
        }
        Family::Clang => {
            let features =
                |parts: &Parts<'_>| -> Vec<String> { parts.values("-target-feature").map(str::to_owned).collect() };
            let mut words = Vec::new();
            for flag in flags.iter().filter(|flag| is_native(flag)) {
                let (option, _) = flag.split_once('=')?;
                let shown_by = if option == "-mtune" { "-tune-cpu" } else { "-target-cpu" };
                words.push(format!("{option}={}", native.values(shown_by).next_back()?));
            }
            for feature in without(features(&native), features(&plain)) {
                words.extend(["-Xclang", "-target-feature", "-Xclang", &feature].map(str::to_owned));
            }
            words
        }
    };
    (!words.is_empty()).then_some(words)
}

/// The words of `all`, each of `some` taken out once.
fn without(mut all: Vec<String>, some: Vec<String>) -> Vec<String> {
    for word in some {
        if let Some(at) = all.iter().position(|other| *other == word) {
            all.remove(at);
        }
    }
    all
}
