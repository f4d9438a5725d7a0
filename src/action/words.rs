//! The option words of a command, for questions about single options.

use crate::command::{CompileCommand, Form, Role};

/// The words of a command that are options, values of path options left out. It does not matter whether the parser
/// keeps `-gdwarf-4` as one name or as a name and a value.
pub(super) struct Words(Vec<String>);

impl Words {
    pub(super) fn of(command: &CompileCommand) -> Self {
        let mut words = Vec::new();
        for arg in &command.args {
            match (arg.role, arg.form) {
                (Role::Source | Role::Macro, _) => {}
                (Role::Plain | Role::Structure | Role::DepFlag, _) | (_, Form::Alone | Form::Joined) => {
                    words.extend(arg.words());
                }
                (_, Form::Separate) => words.push(arg.name.clone()),
                (_, Form::Through | Form::ThroughJoined) => words.extend([arg.name.clone(), arg.tail.clone()]),
            }
        }
        Self(words)
    }

    /// The first word that is one of these.
    pub(super) fn one_of(&self, names: &[&str]) -> Option<&str> {
        self.find(|word| names.contains(&word))
    }

    /// The first word that begins with one of these.
    pub(super) fn starting(&self, prefixes: &[&str]) -> Option<&str> {
        self.find(|word| prefixes.iter().any(|prefix| word.starts_with(prefix)))
    }

    /// The first word for which this holds.
    pub(super) fn find(&self, holds: impl Fn(&str) -> bool) -> Option<&str> {
        self.0.iter().map(String::as_str).find(|word| holds(word))
    }

    /// The last word for which this holds.
    pub(super) fn last(&self, holds: impl Fn(&str) -> bool) -> Option<&str> {
        self.0.iter().rev().map(String::as_str).find(|word| holds(word))
    }

    /// The values of all words with this prefix.
    pub(super) fn values<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter_map(move |word| word.strip_prefix(prefix))
    }

    /// Whether link-time optimisation is on in the end.
    pub(super) fn lto(&self) -> bool {
        self.last(|word| word == "-flto" || word == "-fno-lto" || word.starts_with("-flto="))
            .is_some_and(|word| word != "-fno-lto")
    }

    /// Whether debug information is asked for; in doubt yes.
    pub(super) fn debug(&self) -> bool {
        self.find(|word| {
            (word.starts_with("-g") && word != "-g0") || word.starts_with("-Wa,-g") || word.starts_with("-Wa,--g")
        })
        .is_some()
    }
}
