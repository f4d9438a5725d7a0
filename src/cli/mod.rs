//! The command line for people: one file per subcommand.
//!
//! Parses, calls the library, prints. What a command does is not decided here.

mod build;
mod completions;
mod config;
pub mod daemon;
mod failures;
mod init;
mod inputs;
mod serve;
mod setting_flags;
mod stats;
mod store;
mod usage;

use crate::config::layers::unknown_variables;
use crate::failure::{Failure, FailureKind};
use crate::render;
use crate::serve::sandbox::init::become_init;
use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  rewrap init                                    write a rewrap.toml; how to wrap a build
  rewrap build -- make -j8                       build with compilers wrapped
  rewrap build -j200 -- cmake --build out
  cmake -DCMAKE_CXX_COMPILER_LAUNCHER=rewrap-cc  wrap them without `rewrap build`
  rewrap stats                                   what became of the last build
  rewrap inputs -- gcc -c main.c                 what a step reads and writes
  rewrap config show                             every setting and its origin

Without any setting results are kept in a store on this machine.
`rewrap build --help` lists what can be set.";

/// Run C and C++ builds on Bazel's remote execution infrastructure.
///
/// rewrap wraps compilers: each step is described as a Remote Execution API action, whose result comes from a cache, or
/// from a server that runs it, or from the compiler here.
#[derive(Debug, Parser)]
#[command(name = "rewrap", version, after_help = EXAMPLES, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Arguments),
    Build(build::Arguments),
    Stats(stats::Arguments),
    Inputs(inputs::Arguments),
    #[command(subcommand)]
    Config(config::Command),
    #[command(subcommand)]
    Store(store::Command),
    #[command(subcommand)]
    Daemon(daemon::Command),
    Serve(Box<serve::Arguments>),
    Completions(completions::Arguments),
}

/// Runs `rewrap` with these arguments, the program's name first; prints errors.
pub fn main(argv: impl IntoIterator<Item = OsString>) -> ExitCode {
    let argv: Vec<OsString> = argv.into_iter().collect();
    // Once for each action: the command line is not parsed for it.
    if let Some(ended) = become_init(&argv) {
        return ended;
    }
    let result = match Cli::try_parse_from(argv) {
        Ok(cli) => run(cli.command),
        Err(error) => usage::answer(&error),
    };
    result.unwrap_or_else(|failure| {
        render::to_stderr(&render::failure(&failure, render::stderr_has_colour()));
        ExitCode::from(failure.exit_code())
    })
}

fn run(command: Command) -> Result<ExitCode, Failure> {
    if !matches!(command, Command::Completions(_)) {
        warn_of_unknown_variables();
    }
    match command {
        Command::Init(arguments) => init::run(&arguments),
        Command::Build(arguments) => build::run(arguments),
        Command::Stats(arguments) => stats::run(&arguments),
        Command::Inputs(arguments) => inputs::run(arguments),
        Command::Config(command) => config::run(command),
        Command::Store(command) => store::run(command),
        Command::Daemon(command) => daemon::run(command),
        Command::Serve(arguments) => serve::run(*arguments),
        Command::Completions(arguments) => completions::run(&arguments),
    }
}

fn warn_of_unknown_variables() {
    let names: Vec<_> = std::env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .collect();
    for unknown in unknown_variables(names.iter().map(String::as_str)) {
        let advice = unknown
            .similar
            .map(|similar| format!("; did you mean {similar}?"))
            .unwrap_or_default();
        let text = format!("unknown variable {}{advice}", unknown.name);
        render::to_stderr(&render::warning(&text, render::stderr_has_colour()));
    }
}

/// Prints what was asked for. A reader that has seen enough (`rewrap stats | head`) is no failure.
fn print(text: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(FailureKind::Host, "cannot write to stdout").caused_by(&error))
        }
        _ => Ok(()),
    }
}

/// Prints a message as JSON, with a line break behind it.
fn print_json(message: &impl serde::Serialize) -> Result<(), Failure> {
    let mut text = serde_json::to_vec_pretty(message).expect("our messages have text keys only");
    text.push(b'\n');
    print(&text)
}

fn current_directory() -> Result<PathBuf, Failure> {
    std::env::current_dir()
        .map_err(|error| Failure::new(FailureKind::Host, "cannot find the current directory").caused_by(&error))
}
