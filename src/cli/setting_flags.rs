//! Flags made from the table of settings.

use crate::config::layers::Layer;
use crate::config::reference;
use crate::config::settings::{Kind, SETTINGS, Setting, Taker};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, ValueHint};
use std::marker::PhantomData;
use std::path::Path;

/// Which rows of the table a command takes.
pub(super) trait Scope {
    /// Its rows have this among their takers.
    const TAKER: Taker;
}

/// `rewrap build`.
#[derive(Debug)]
pub(super) struct ForBuild;

impl Scope for ForBuild {
    const TAKER: Taker = Taker::Build;
}

/// `rewrap config show`.
#[derive(Debug)]
pub(super) struct ForConfig;

impl Scope for ForConfig {
    const TAKER: Taker = Taker::Config;
}

/// `rewrap store …`.
#[derive(Debug)]
pub(super) struct ForStore;

impl Scope for ForStore {
    const TAKER: Taker = Taker::Store;
}

/// The settings given as flags of a command.
#[derive(Debug)]
pub(super) struct SettingFlags<S> {
    values: Vec<(&'static Setting, Vec<String>)>,
    scope: PhantomData<S>,
}

impl<S> SettingFlags<S> {
    /// As a layer of the configuration.
    pub(super) fn into_layer(self, cwd: &Path) -> Layer {
        Layer::from_flags(self.values.into_iter(), cwd)
    }
}

fn rows<S: Scope>() -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().filter(|setting| setting.takers.contains(&S::TAKER))
}

impl<S: Scope> Args for SettingFlags<S> {
    fn augment_args(command: Command) -> Command {
        rows::<S>().fold(command, |command, setting| command.arg(argument(setting)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<S: Scope> FromArgMatches for SettingFlags<S> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = |setting: &'static Setting| {
            let words = matches.get_many::<String>(setting.key)?.cloned().collect();
            Some((setting, words))
        };
        Ok(Self {
            values: rows::<S>().filter_map(given).collect(),
            scope: PhantomData,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn argument(setting: &'static Setting) -> Arg {
    let first_sentence = setting.doc.split_inclusive(". ").next().unwrap_or_default().trim_end();
    let details = format!(
        "{}\n\nTakes: {}\nDefault: {}\nVariable: {}",
        setting.doc,
        setting.kind.syntax().replace('`', ""),
        reference::fallback(setting).replace('`', ""),
        setting.variable(),
    );
    let argument = Arg::new(setting.key)
        .long(setting.key)
        .alias(setting.key.replace('_', "-"))
        .value_name(setting.kind.placeholder())
        .help(first_sentence)
        .long_help(details)
        .help_heading("Settings (docs/settings.md; with dashes too)")
        .action(ArgAction::Append);
    match setting.kind {
        // `--flag` alone means yes, so a value needs the `=`.
        Kind::Switch => argument
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true"),
        Kind::Path | Kind::Paths => argument.value_hint(ValueHint::AnyPath),
        _ => argument,
    }
}
