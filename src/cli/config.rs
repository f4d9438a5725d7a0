//! `rewrap config`.

use super::setting_flags::{ForConfig, SettingFlags};
use super::{current_directory, print, print_json};
use crate::config::show::{self, Shown};
use crate::config::{IgnoredFile, Origin, Resolved, Resolver, Withheld};
use crate::failure::Failure;
use crate::report::summary;
use clap::Args;
use serde::Serialize;
use std::process::ExitCode;

/// The number that `--json` carries; raised when a field changes its meaning or goes away.
const SCHEMA: u32 = 1;

/// Look at the configuration.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    Show(ShowArguments),
}

/// Print every setting, its value here and where that comes from.
///
/// The values are those of a step in the current directory. Secrets are not printed.
#[derive(Debug, Args)]
pub(super) struct ShowArguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: SettingFlags<ForConfig>,
}

#[derive(Serialize)]
struct Answer<'r> {
    schema: u32,
    settings: Vec<Shown>,
    ignored: &'r [IgnoredFile],
    withheld: &'r [Withheld],
}

pub(super) fn run(command: Command) -> Result<ExitCode, Failure> {
    let Command::Show(arguments) = command;
    let cwd = current_directory()?;
    let resolved = Resolver::new().for_command(&cwd, arguments.settings.into_layer(&cwd))?;
    let settings = show::all(&resolved);
    if arguments.json {
        let (ignored, withheld) = (&resolved.ignored, &resolved.withheld);
        print_json(&Answer {
            schema: SCHEMA,
            settings,
            ignored,
            withheld,
        })?;
    } else {
        print(table(&settings, &resolved).as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn table(settings: &[Shown], resolved: &Resolved) -> String {
    let value = |shown: &Shown| match shown.value.as_slice() {
        [] if shown.origin == Origin::Default => "not set".to_owned(),
        [] => "none".to_owned(),
        [word] if word.is_empty() => "\"\"".to_owned(),
        words => words.join(" "),
    };
    let keys = settings.iter().map(|shown| shown.key.len()).max().unwrap_or(0);
    let values = settings
        .iter()
        .map(|shown| value(shown).chars().count())
        .max()
        .unwrap_or(0);
    let row = |shown: &Shown| format!("{:keys$}  {:values$}  {}\n", shown.key, value(shown), shown.origin);
    let notes = summary::notes(resolved)
        .into_iter()
        .map(|note| format!("\nnote: {note}\n"));
    settings.iter().map(row).chain(notes).collect::<Vec<_>>().concat()
}
