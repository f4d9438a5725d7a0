//! `rewrap daemon`.

use super::{print, print_json};
use crate::config::Resolver;
use crate::config::layers::Layer;
use crate::daemon::client::{self, ControlError};
use crate::daemon::{self, DaemonOptions};
use crate::failure::Failure;
use crate::pb::wire::ControlReply;
use crate::pb::wire::control_request::Kind;
use crate::pipeline::Pipeline;
use crate::report::units;
use crate::wire::place::Place;
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// The number that `--json` carries; raised when a field changes its meaning or goes away.
const SCHEMA: u32 = 1;

/// Look after the daemon behind the wrappers.
///
/// The first wrapper starts it, and it goes when it has been idle for a while; nobody has to do either.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Make sure that the daemon runs
    Start,
    /// Stop the daemon when what is under way has ended
    Stop,
    Status(StatusArguments),
    /// Be the daemon
    #[command(hide = true)]
    Run(RunArguments),
}

/// Print whether the daemon runs, since when, and what it serves. Exit status 1 if it does not run.
#[derive(Debug, Args)]
pub(super) struct StatusArguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// How the daemon is started; the wrapper that starts it gives all of these.
#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// The listening socket is stdin
    #[arg(long)]
    inherited_socket: bool,
    /// The socket's path
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// The directory for what outlives a build
    #[arg(long, value_name = "PATH")]
    state: Option<PathBuf>,
}

#[derive(Serialize)]
struct Answer {
    schema: u32,
    running: bool,
    #[serde(flatten)]
    daemon: Option<Daemon>,
}

#[derive(Serialize)]
struct Daemon {
    pid: u32,
    version: String,
    uptime_seconds: u64,
    connections: u32,
    steps: u64,
    socket: String,
    state_directory: String,
}

impl From<ControlReply> for Daemon {
    fn from(reply: ControlReply) -> Self {
        Self {
            pid: reply.pid,
            version: reply.version,
            uptime_seconds: reply.uptime_seconds,
            connections: reply.connections,
            steps: reply.steps,
            socket: reply.socket,
            state_directory: reply.state_directory,
        }
    }
}

pub(super) fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Run(arguments) => serve(arguments).map(|()| ExitCode::SUCCESS),
        Command::Start => {
            client::start(&Place::find()?)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Stop => match client::stop(&Place::find()?) {
            Err(ControlError::NotRunning) => not_running(false).map(|()| ExitCode::SUCCESS),
            stopped => Ok(stopped.map(|_| ExitCode::SUCCESS)?),
        },
        Command::Status(arguments) => match client::ask(&Place::find()?, Kind::Status) {
            Err(ControlError::NotRunning) => not_running(arguments.json).map(|()| ExitCode::FAILURE),
            reply => status(reply?.into(), arguments.json),
        },
    }
}

/// The daemon itself, until it is idle, told to stop or signalled.
fn serve(arguments: RunArguments) -> Result<(), Failure> {
    let place = match &arguments.socket {
        Some(socket) => Place::of_socket(socket)?,
        None => Place::find()?,
    };
    let mut options = DaemonOptions::new(place);
    options.inherited_socket = arguments.inherited_socket;
    // Only what a person starts has an environment with settings; what a wrapper starts learns of them from its steps.
    options.idle_timeout = Resolver::new()
        .for_command("/".as_ref(), Layer::default())?
        .config
        .daemon_idle_timeout;
    if let Some(state) = arguments.state {
        daemon::log::start(&state)?;
        options.state_directory = Some(state);
    }
    let service = Arc::new(Pipeline::new(options.state_directory.as_deref()));
    // Nobody is told before this process ends: it may still hold files that a user is about to remove.
    std::mem::forget(daemon::run(options, service)?);
    Ok(())
}

fn not_running(json: bool) -> Result<(), Failure> {
    if json {
        let answer = Answer {
            schema: SCHEMA,
            running: false,
            daemon: None,
        };
        print_json(&answer)
    } else {
        print(b"The daemon is not running; the next wrapped step starts it.\n")
    }
}

fn status(daemon: Daemon, json: bool) -> Result<ExitCode, Failure> {
    if json {
        print_json(&Answer {
            schema: SCHEMA,
            running: true,
            daemon: Some(daemon),
        })?;
    } else {
        let text = format!(
            "The daemon is running: pid {}, version {}, for {}\n{} served, {} now\nsocket {}\nstate  {}\n",
            daemon.pid,
            daemon.version,
            units::duration(Duration::from_secs(daemon.uptime_seconds)),
            units::count(daemon.steps, "step"),
            units::count(daemon.connections.into(), "connection"),
            daemon.socket,
            daemon.state_directory,
        );
        print(text.as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}
