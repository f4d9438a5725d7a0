//! `rewrap completions`.

use super::{Cli, print};
use crate::failure::Failure;
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use std::process::ExitCode;

/// Print a script that teaches a shell to complete `rewrap` commands.
///
/// For bash: `rewrap completions bash > ~/.local/share/bash-completion/completions/rewrap`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The shell
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "rewrap", &mut script);
    print(&script)?;
    Ok(ExitCode::SUCCESS)
}
