//! What `rewrap daemon start`, `stop` and `status` say to the daemon.

use super::start::{self, StartError};
use crate::pb::wire::control_request::Kind;
use crate::pb::wire::{self, to_daemon, to_wrapper};
use crate::wire::place::{ConnectError, Place};
use crate::wire::{Patience, WireError};
use std::io;
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// For connecting and each answer: people wait longer than builds.
const PATIENCE: Duration = Duration::from_secs(5);

/// For a daemon to end what is under way once it was told to stop; a little more than it grants itself.
const GONE_WITHIN: Duration = Duration::from_secs(10);

/// Why the daemon did not do as it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// There is none.
    #[error("the daemon is not running")]
    NotRunning,
    /// It cannot be reached.
    #[error("cannot connect to the daemon")]
    Connect(#[source] ConnectError),
    /// It could not be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The mark of an unreachable daemon cannot be removed.
    #[error("cannot remove the mark of a daemon that is down")]
    Mark(#[source] io::Error),
    /// It broke off, or did not answer.
    #[error("cannot talk to the daemon")]
    Wire(#[from] WireError),
    /// It answered with something else.
    #[error("the daemon gave no answer")]
    NoAnswer,
}

/// Asks the running daemon. Does not start one.
pub fn ask(place: &Place, kind: Kind) -> Result<wire::ControlReply, ControlError> {
    let stream = place.connect(PATIENCE).map_err(|error| match error {
        ConnectError::NobodyListens => ControlError::NotRunning,
        error => ControlError::Connect(error),
    })?;
    converse(&stream, kind)
}

/// Makes sure that a daemon runs, also while wrappers skip it as down.
pub fn start(place: &Place) -> Result<wire::ControlReply, ControlError> {
    place.clear_down().map_err(ControlError::Mark)?;
    converse(&start::connect_or_start(place, PATIENCE)?, Kind::Status)
}

/// Stops the daemon and returns when it is gone.
pub fn stop(place: &Place) -> Result<wire::ControlReply, ControlError> {
    let stream = place.connect(PATIENCE).map_err(|error| match error {
        ConnectError::NobodyListens => ControlError::NotRunning,
        error => ControlError::Connect(error),
    })?;
    let reply = converse(&stream, Kind::Stop)?;
    match crate::wire::receive::<wire::ToWrapper>(&stream, Patience::lasting(GONE_WITHIN)) {
        Err(WireError::Closed) => Ok(reply),
        Err(error) => Err(error.into()),
        Ok(_) => Err(ControlError::NoAnswer),
    }
}

fn converse(stream: &UnixStream, kind: Kind) -> Result<wire::ControlReply, ControlError> {
    let request = wire::ControlRequest { kind: kind.into() };
    crate::wire::send(
        stream,
        &wire::ToDaemon {
            message: Some(to_daemon::Message::Control(request)),
        },
        &[],
    )?;
    let (reply, _): (wire::ToWrapper, _) = crate::wire::receive(stream, Patience::lasting(PATIENCE))?;
    match reply.message {
        Some(to_wrapper::Message::Control(reply)) => Ok(reply),
        _ => Err(ControlError::NoAnswer),
    }
}
