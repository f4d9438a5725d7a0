//! Starts the daemon that a wrapper, or `rewrap daemon start`, did not find.
//!
//! Under a lock, so that of many wrappers one does it. The starter makes the listening socket and hands it over as the
//! daemon's stdin: the others' connections queue from the first moment, and nobody waits for a sign of readiness.

use crate::wire::place::{ConnectError, DAEMON_PROGRAM, Place, WRAPPER_PROGRAM, program_directory};
use rustix::io::Errno;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// `argv[0]` under which `rewrap-cc` leaves the build behind and starts a daemon, whose program and arguments follow.
pub const DETACHED: &str = "rewrap:daemon";

/// How often a wrapper looks whether another one has started the daemon.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// Why there is no daemon to talk to.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It runs, or another process starts it, but it takes no connection.
    #[error("cannot connect to the daemon")]
    Connect(#[from] ConnectError),
    /// Another process is starting it and was not ready in time.
    #[error("the daemon is being started")]
    Busy,
    /// No lock, no heartbeat file, no program directory.
    #[error("cannot prepare the daemon's start")]
    Prepare(#[from] io::Error),
    /// No listening socket.
    #[error("cannot make the daemon's socket")]
    Listen(#[from] Errno),
    /// The process in between could not start it.
    #[error("cannot start the daemon: {0}")]
    Failed(ExitStatus),
}

/// Connects to the daemon, which is started if nobody listens.
///
/// Neither the wait for another starter nor connecting takes longer than `timeout`; starting takes what it takes, some
/// milliseconds.
pub fn connect_or_start(place: &Place, timeout: Duration) -> Result<UnixStream, StartError> {
    let until = Instant::now() + timeout;
    loop {
        match place.connect(timeout) {
            Err(ConnectError::NobodyListens) => {}
            connected => return Ok(connected?),
        }
        if let Some(_lock) = place.try_lock()? {
            // Somebody may have started it between the two looks.
            return match place.connect(timeout) {
                Err(ConnectError::NobodyListens) => start(place, timeout),
                connected => Ok(connected?),
            };
        }
        if Instant::now() >= until {
            return Err(StartError::Busy);
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// The arguments with which `rewrap` is the daemon of this place: `daemon run --inherited-socket --socket … --state …`.
fn arguments(place: &Place) -> Vec<std::ffi::OsString> {
    let mut arguments = vec!["daemon".into(), "run".into(), "--inherited-socket".into()];
    arguments.extend(["--socket".into(), place.socket().into_os_string()]);
    if let Some(state) = state_directory() {
        arguments.extend(["--state".into(), state.into_os_string()]);
    }
    arguments
}

fn start(place: &Place, timeout: Duration) -> Result<UnixStream, StartError> {
    let programs = program_directory()?;
    place.heart()?.beat_for_start()?;
    let listener = place.listen()?;
    let status = Command::new(programs.join(WRAPPER_PROGRAM))
        .arg0(DETACHED)
        .arg(programs.join(DAEMON_PROGRAM))
        .args(arguments(place))
        .stdin(Stdio::from(OwnedFd::from(listener)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    if !status.success() {
        return Err(StartError::Failed(status));
    }
    // The descriptor here went into the command and is closed: if the daemon dies, its connections are refused.
    Ok(place.connect(timeout)?)
}

/// Where rewrap keeps what outlives a build: `$XDG_CACHE_HOME/rewrap`, else `.cache/rewrap` in the home directory.
pub fn state_directory() -> Option<PathBuf> {
    let directory = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let cache = directory("XDG_CACHE_HOME").or_else(|| directory("HOME").map(|home| home.join(".cache")));
    cache.map(|cache| cache.join("rewrap"))
}
