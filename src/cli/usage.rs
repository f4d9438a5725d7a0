//! What clap says about a command line → help, version or a failure in our form.

use super::print;
use crate::failure::{Failure, FailureKind};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::process::ExitCode;

/// Prints help and version; anything else is the user's mistake.
pub(super) fn answer(error: &clap::Error) -> Result<ExitCode, Failure> {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // Coloured on a terminal, as far as clap finds that right.
            return match error.print() {
                Ok(()) => Ok(ExitCode::SUCCESS),
                Err(_) => print(error.render().to_string().as_bytes()).map(|()| ExitCode::SUCCESS),
            };
        }
        _ => {}
    }
    let text = error.render().to_string();
    let mut lines = text.lines();
    let what = match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => "a command is missing".to_owned(),
        // The rest of a message about missing arguments is on lines of their own.
        ErrorKind::MissingRequiredArgument => format!("missing: {}", missing(error)),
        _ => lines
            .next()
            .unwrap_or_default()
            .trim_start_matches("error: ")
            .to_owned(),
    };
    let mut failure = Failure::new(FailureKind::Usage, "cannot understand the command line");
    failure.causes.push(what);
    failure.hints.extend(
        lines
            .filter_map(|line| line.trim_start().strip_prefix("tip: "))
            .map(str::to_owned),
    );
    Err(failure.hint("`rewrap --help` and `rewrap COMMAND --help` show what there is"))
}

fn missing(error: &clap::Error) -> String {
    match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::Strings(names)) => names.join(", "),
        _ => "an argument".into(),
    }
}
