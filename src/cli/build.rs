//! `rewrap build`: runs any build command with its compilers, linkers and archivers wrapped.
//!
//! They are wrapped by a directory of symlinks at the front of `PATH` and by nothing else: a launcher
//! (`CMAKE_CXX_COMPILER_LAUNCHER`) besides would wrap twice, and a tool named by an absolute path was meant.

mod child;
mod jobs;
mod shims;

use super::current_directory;
use super::setting_flags::{ForBuild, SettingFlags};
use crate::config::{Places, Resolved, Resolver};
use crate::failure::{Failure, FailureKind};
use crate::host::fs::PathError;
use crate::render;
use crate::report::progress::{self, Watch};
use crate::report::record::{self, Tail};
use crate::report::summary::{self, BuildHistory};
use clap::Args;
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

const EXAMPLES: &str = "\
Examples:
  rewrap build -- make -j8
  rewrap build -j200 -- cmake --build out
  rewrap build -j200 -- ninja -j {jobs}
  rewrap build --remote_executor=grpcs://build.example --paths=portable -- ./build.sh

Exit status: that of COMMAND; 126 if it cannot be executed, 127 if there is none of that name.";

/// Run a build command with its compilers wrapped, and sum up what became of their steps.
///
/// Compilers, linkers and archivers that the build finds on PATH are wrapped; one named by an absolute path is left
/// alone. A build directory that CMake or configure made remembers the wrapped tools, and works without `rewrap build`
/// later.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Run N jobs at once: for `make`, for `cmake`, or in place of `{jobs}` in COMMAND
    ///
    /// Reaches `make` by MAKEFLAGS and `cmake` by CMAKE_BUILD_PARALLEL_LEVEL. For any other command write `{jobs}` where
    /// it takes the number. With remote execution far more jobs than processors are of use.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    jobs: Option<u32>,
    #[command(flatten)]
    settings: SettingFlags<ForBuild>,
    /// The build command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

pub(super) fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let cwd = current_directory()?;
    let flags = arguments.settings.into_layer(&cwd);
    let mut variables: Vec<(OsString, OsString)> = flags
        .to_variables()
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    let resolved = Resolver::new().for_command(&cwd, flags)?;
    let planned = jobs::plan(arguments.jobs, arguments.command, std::env::var_os("MAKEFLAGS"))?;
    variables.extend(planned.variable);

    let build_id = new_build_id();
    variables.push(("REWRAP_BUILD_ID".into(), build_id.clone().into()));
    // Without shims the build still runs as it would without us; the end of the build says why nothing was wrapped.
    let shims = shims::prepare(&Places::of_process(), std::env::var_os("PATH"));
    if let Ok(path) = &shims {
        variables.push(("PATH".into(), path.clone()));
    }

    let watch = watch(&resolved, &build_id, &planned.command);
    let ended = child::run(&planned.command, &variables);
    drop(watch);

    let status = match ended {
        Ok(status) => status,
        Err(error) => return Ok(cannot_run(&planned.command[0], &error)),
    };
    let lines = match shims {
        Ok(_) => summarise(&resolved, &build_id),
        Err(error) => vec![format!("nothing was wrapped: {}", one_line(&error))],
    };
    render::to_stderr(&format!("rewrap: {}\n", lines.join("\nrewrap: ")));
    Ok(child::exit_code(status))
}

/// Names a build among all others of the user.
fn new_build_id() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{:x}-{:08x}", since.as_micros(), fastrand::u32(..))
}

/// Shows the build's records while they come, if that is wanted.
fn watch(resolved: &Resolved, build_id: &str, command: &[OsString]) -> Option<Watch> {
    let state = resolved.config.state_dir.as_deref()?;
    let quiet = jobs::is_silent_make(command);
    let progress = progress::choose(resolved.config.progress, io::stderr().is_terminal(), quiet)?;
    // The summary reads the same records and says what is wrong with them.
    let tail = Tail::new(state).ok()?;
    Some(Watch::start(tail, build_id.to_owned(), progress))
}

fn summarise(resolved: &Resolved, build_id: &str) -> Vec<String> {
    let read = |state: &Path| -> Result<Vec<String>, PathError> {
        let mut history = BuildHistory::new(build_id);
        record::visit(state, |record| history.add(record))?;
        Ok(summary::lines(&history, resolved))
    };
    let unknown = |why: String| {
        let mut lines = vec![format!("steps were not counted: {why}")];
        lines.extend(summary::notes(resolved));
        lines
    };
    match resolved.config.state_dir.as_deref().map(read) {
        Some(Ok(lines)) => lines,
        Some(Err(error)) => unknown(one_line(&Failure::from(error))),
        None => unknown("there is no writable cache directory".into()),
    }
}

fn one_line(failure: &Failure) -> String {
    [&failure.what]
        .into_iter()
        .chain(&failure.causes)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(": ")
}

/// Says that the command could not be started; the exit code is that of `env` and `timeout` for this.
fn cannot_run(program: &std::ffi::OsStr, error: &io::Error) -> ExitCode {
    let what = format!("cannot run `{}`", program.to_string_lossy());
    let failure = Failure::new(FailureKind::Usage, what).caused_by(error);
    render::to_stderr(&render::failure(&failure, render::stderr_has_colour()));
    ExitCode::from(if error.kind() == io::ErrorKind::NotFound {
        127
    } else {
        126
    })
}
