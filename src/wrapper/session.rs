//! The wrapper's side of the conversation with the daemon, up to its answer.

use crate::daemon::start::{self, StartError};
use crate::pb::wire::{self, to_daemon, to_wrapper};
use crate::wire::place::{Place, PlaceError};
use crate::wire::view::{FileSystemView, InodeId};
use crate::wire::{Patience, WireError};
use crate::wrapper::invocation::Invocation;
use crate::wrapper::signals::Waking;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::sockopt::{self, Timeout};
use std::ffi::OsString;
use std::io::{self, IsTerminal as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// For the acknowledgement, after which the daemon's heart is looked at.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_millis(100);

/// For connecting, and for the acknowledgement while the heart beats: on a busy machine a daemon that has just been
/// started needs more than [`ACKNOWLEDGED_WITHIN`], and a step that runs here makes the machine busier.
const BUSY_WITHIN: Duration = Duration::from_secs(3);

/// How long the daemon may be silent once it has acknowledged; it pings every second.
const SILENCE: Duration = Duration::from_secs(10);

/// Why a step runs here without the daemon's word. Nothing of it is ever shown by the wrapper.
#[derive(Debug, thiserror::Error)]
pub(super) enum Alone {
    /// Nowhere to meet.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// Another wrapper found it unreachable less than 30 s ago.
    #[error("the daemon could not be reached a short while ago")]
    MarkedDown,
    /// No connection, and starting it did not help.
    #[error(transparent)]
    Start(#[from] StartError),
    /// It did not acknowledge in time.
    #[error("the daemon did not answer in time")]
    Late,
    /// It was lost on the way.
    #[error("the daemon was lost")]
    Lost(#[source] WireError),
    /// It said something that is no answer.
    #[error("the daemon gave no answer")]
    NoAnswer,
    /// What the step's request holds could not be found out.
    #[error("cannot describe the step")]
    Request(#[source] io::Error),
}

impl Alone {
    /// A word for the record.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Place(_) => "no-meeting-place",
            Self::MarkedDown => "daemon-marked-down",
            Self::Start(_) => "daemon-not-started",
            Self::Late => "daemon-late",
            Self::Lost(_) | Self::NoAnswer => "daemon-lost",
            Self::Request(_) => "no-request",
        }
    }
}

/// The daemon's answer.
pub(super) enum Answer {
    /// Place these.
    Publish(wire::Publish, Vec<OwnedFd>),
    /// Run the tool.
    RunHere(wire::RunHere),
}

/// A connection on which a step was answered, or is being reported.
pub(super) struct Session {
    connection: UnixStream,
}

/// Asks the daemon what to do with a step; starts the daemon if there is none.
pub(super) fn ask(invocation: &Invocation) -> Result<(Answer, Session), Alone> {
    let place = Place::find()?;
    if place.is_down() {
        return Err(Alone::MarkedDown);
    }
    let step = wire::ToDaemon {
        message: Some(to_daemon::Message::Step(describe(invocation).map_err(Alone::Request)?)),
    };
    let connection = match acknowledged(&place, &step) {
        // It was just leaving (idle), or died while starting: a second look finds out which.
        Err(Alone::Lost(_)) => acknowledged(&place, &step),
        other => other,
    };
    let session = Session {
        connection: connection.inspect_err(|alone| mark_if_down(&place, alone))?,
    };
    let (message, descriptors) = session.next(None)?;
    let answer = match message {
        to_wrapper::Message::Publish(publish) => Answer::Publish(publish, descriptors),
        to_wrapper::Message::RunHere(run) => Answer::RunHere(run),
        _ => return Err(Alone::NoAnswer),
    };
    Ok((answer, session))
}

/// Connects, sends the request and waits for the acknowledgement.
fn acknowledged(place: &Place, step: &wire::ToDaemon) -> Result<UnixStream, Alone> {
    let connection = start::connect_or_start(place, BUSY_WITHIN)?;
    let late_or_lost = |error| {
        if matches!(error, WireError::TimedOut) {
            Alone::Late
        } else {
            Alone::Lost(error)
        }
    };
    let until = Instant::now() + BUSY_WITHIN;
    crate::wire::send(&connection, step, &[]).map_err(late_or_lost)?;
    while !is_readable(&connection, ACKNOWLEDGED_WITHIN).map_err(|error| Alone::Lost(error.into()))? {
        if Instant::now() >= until || place.has_heart_stopped() {
            return Err(Alone::Late);
        }
    }
    let patience = Patience::lasting(ACKNOWLEDGED_WITHIN);
    let (first, _): (wire::ToWrapper, _) = crate::wire::receive(&connection, patience).map_err(late_or_lost)?;
    match first.message {
        Some(to_wrapper::Message::Ack(_)) => {
            // From here on it may take its time, to read a long report too.
            sockopt::set_socket_timeout(&connection, Timeout::Send, Some(SILENCE))
                .map_err(|errno| Alone::Lost(errno.into()))?;
            Ok(connection)
        }
        _ => Err(Alone::NoAnswer),
    }
}

/// Whether something has come, or the other end has gone, within this time.
fn is_readable(connection: &UnixStream, within: Duration) -> Result<bool, Errno> {
    let mut polled = [PollFd::new(connection, PollFlags::IN)];
    let within = Timespec::try_from(within).expect("a short time");
    match rustix::event::poll(&mut polled, Some(&within)) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::INTR) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Spares the other wrappers the same wait.
fn mark_if_down(place: &Place, alone: &Alone) {
    if !matches!(alone, Alone::Late | Alone::Start(_) | Alone::Lost(_)) {
        return;
    }
    match place.mark_down() {
        // Without a mark each wrapper finds out for itself, which is slower and not wrong.
        Ok(()) | Err(_) => {}
    }
}

impl Session {
    /// Reports a local run and waits until its outputs are staged, or nobody cares any more.
    pub(super) fn report(&self, outcome: wire::LocalOutcome, signals: &Waking) -> Result<(), Alone> {
        self.send(to_daemon::Message::Local(outcome))?;
        loop {
            match self.next(Some(signals.wake())) {
                Ok((to_wrapper::Message::Staged(_), _)) => return Ok(()),
                Ok(_) => return Err(Alone::NoAnswer),
                // The child's end may ring only after it was waited for.
                Err(Alone::Lost(WireError::Woken)) if signals.last().is_none() => signals.rest(),
                Err(alone) => return Err(alone),
            }
        }
    }

    /// Tells the daemon that an answer was of no use. It may have left: then its record says less.
    pub(super) fn publishing_failed(self, failure: String) -> Result<(), Alone> {
        self.send(to_daemon::Message::Published(wire::PublishOutcome {
            ok: false,
            failure,
        }))
    }

    /// The connection, for a run that holds a permit by it.
    pub(super) fn connection(&self) -> &UnixStream {
        &self.connection
    }

    fn send(&self, message: to_daemon::Message) -> Result<(), Alone> {
        let frame = wire::ToDaemon { message: Some(message) };
        crate::wire::send(&self.connection, &frame, &[]).map_err(Alone::Lost)
    }

    /// The next message that is no ping.
    fn next(&self, wake: Option<BorrowedFd<'_>>) -> Result<(to_wrapper::Message, Vec<OwnedFd>), Alone> {
        loop {
            let patience = Patience {
                until: Some(Instant::now() + SILENCE),
                wake,
            };
            let (frame, descriptors): (wire::ToWrapper, _) =
                crate::wire::receive(&self.connection, patience).map_err(Alone::Lost)?;
            match frame.message {
                Some(to_wrapper::Message::Ping(_)) => {}
                Some(message) => return Ok((message, descriptors)),
                None => return Err(Alone::NoAnswer),
            }
        }
    }
}

fn describe(invocation: &Invocation) -> io::Result<wire::StepRequest> {
    let view = FileSystemView::own()?;
    let cwd = InodeId::of(Path::new("."))?;
    let stderr = io::stderr();
    let stderr_is_terminal = stderr.is_terminal();
    let columns = |of: BorrowedFd<'_>| match rustix::termios::tcgetwinsize(of) {
        Ok(size) if stderr_is_terminal => size.ws_col.into(),
        _ => 0,
    };
    Ok(wire::StepRequest {
        tool: invocation.tool.as_os_str().as_bytes().to_vec(),
        invoked_as: invocation.invoked_as.as_bytes().to_vec(),
        args: invocation.args.iter().map(|word| word.as_bytes().to_vec()).collect(),
        cwd: std::env::current_dir()?.into_os_string().into_vec(),
        env: std::env::vars_os().map(variable).collect(),
        umask: umask(),
        pid: std::process::id(),
        mount_namespace: view.mount_namespace,
        root_device: view.root.device,
        root_inode: view.root.inode,
        cwd_device: cwd.device,
        cwd_inode: cwd.inode,
        stderr_is_terminal,
        columns: columns(stderr.as_fd()),
        stdin_columns: columns(io::stdin().as_fd()),
    })
}

fn variable((name, value): (OsString, OsString)) -> wire::Variable {
    wire::Variable {
        name: name.into_vec(),
        value: value.into_vec(),
    }
}

/// Reading the umask means setting it; this process has one thread, so nobody sees the moment in between.
fn umask() -> u32 {
    let mask = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    rustix::process::umask(mask);
    mask.as_raw_mode()
}
