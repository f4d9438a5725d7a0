//! The thread that keeps time: heartbeat, pings, hang-ups, idle exit, the orderly end.

use super::connection::{Connection, Stage};
use super::{Daemon, DaemonError, locked};
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::net::Shutdown;
use signal_hook::consts::signal::{SIGHUP, SIGINT, SIGTERM};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Between two heartbeats; a wrapper takes a heart for stopped after four.
const BEAT: Duration = Duration::from_millis(250);

/// Between two pings; a wrapper gives up after ten.
const PING: Duration = Duration::from_secs(1);

/// For steps under way when the daemon leaves; then they are cancelled and their wrappers run the tools.
const LEAVE_WITHIN: Duration = Duration::from_secs(5);

/// What is due when.
struct Clock {
    next_ping: Instant,
    quiet_since: Option<Instant>,
    leave_at: Option<Instant>,
}

/// Runs until the daemon is to end, and ends it: nobody is accepted any more, nothing is under way.
pub(super) fn run(daemon: &Daemon) -> Result<(), DaemonError> {
    let signalled = if daemon.options.obeys_signals {
        Some(catch_signals()?)
    } else {
        None
    };
    let mut clock = Clock {
        next_ping: Instant::now() + PING,
        quiet_since: None,
        leave_at: None,
    };
    loop {
        look(daemon, signalled.as_ref());
        if let Err(error) = daemon.heart.beat() {
            tracing::warn!(%error, "cannot write the heartbeat");
        }
        let now = Instant::now();
        if now >= clock.next_ping {
            clock.next_ping = now + PING;
            ping_all(daemon);
        }
        if clock.is_over(daemon, now) {
            return Ok(());
        }
    }
}

impl Clock {
    /// Begins to leave when that is due; whether the end has come.
    fn is_over(&mut self, daemon: &Daemon, now: Instant) -> bool {
        let quiet = daemon.is_quiet();
        if let Some(leave_at) = self.leave_at {
            if !quiet && now >= leave_at {
                tracing::warn!("steps under way are cancelled");
                locked(&daemon.watched)
                    .iter()
                    .for_each(|connection| connection.hang_up());
            }
            return quiet || now >= leave_at;
        }
        self.quiet_since = if quiet {
            Some(self.quiet_since.unwrap_or(now))
        } else {
            None
        };
        let idle = self.quiet_since.is_some_and(|since| {
            now.duration_since(since) >= daemon.service.idle_timeout().unwrap_or(daemon.options.idle_timeout)
        });
        if idle || daemon.stopping.load(std::sync::atomic::Ordering::SeqCst) {
            leave(daemon, if idle { "idle" } else { "told to stop" });
            self.leave_at = Some(now + LEAVE_WITHIN);
        }
        false
    }
}

/// From here on new wrappers start a new daemon; those queued are still served.
fn leave(daemon: &Daemon, why: &str) {
    tracing::info!(why, "leaving");
    if let Err(error) = daemon.options.place.remove_socket(&daemon.name) {
        tracing::warn!(%error, "cannot remove the socket");
    }
    if let Err(errno) = rustix::net::shutdown(&daemon.listener, Shutdown::Both) {
        tracing::error!(%errno, "cannot shut the socket down");
    }
}

fn ping_all(daemon: &Daemon) {
    let watched = locked(&daemon.watched).clone();
    for connection in watched {
        if let Err(error) = connection.ping() {
            tracing::debug!(%error, "a wrapper did not take a ping");
            connection.hang_up();
        }
    }
}

/// Waits for the next beat, the bell, a signal or a hang-up, and deals with what has come.
fn look(daemon: &Daemon, signalled: Option<&UnixStream>) {
    let watched = {
        let mut watched = locked(&daemon.watched);
        watched.retain(|connection| match connection.stage() {
            Stage::Over => false,
            Stage::Parked => !connection.has_hung_up(),
            _ => true,
        });
        // Of one that has hung up while its step goes on there is nothing more to learn; polling it would not wait.
        watched
            .iter()
            .filter(|connection| !connection.has_hung_up())
            .cloned()
            .collect::<Vec<_>>()
    };
    let signal_fd = signalled.map_or(daemon.bell.as_fd(), AsFd::as_fd);
    let mut polled = vec![
        PollFd::from_borrowed_fd(daemon.bell.as_fd(), PollFlags::IN),
        PollFd::from_borrowed_fd(signal_fd, PollFlags::IN),
    ];
    polled.extend(
        watched
            .iter()
            .map(|connection| PollFd::new(connection.as_ref(), interest(connection))),
    );
    match rustix::event::poll(&mut polled, Some(&crate::wire::timespec(BEAT))) {
        Ok(_) => {}
        Err(Errno::INTR) => return,
        Err(errno) => {
            tracing::error!(%errno, "cannot poll");
            std::thread::sleep(BEAT);
            return;
        }
    }
    let came: Vec<PollFlags> = polled.iter().map(PollFd::revents).collect();
    if !came[0].is_empty() {
        quieten(daemon);
    }
    if signalled.is_some() && !came[1].is_empty() {
        tracing::info!("a signal asks to stop");
        daemon.stop();
    }
    for (connection, came) in watched.iter().zip(&came[2..]) {
        attend(connection, *came);
    }
}

/// Of parked wrappers also their last words; what others say is read by their step's thread.
fn interest(connection: &Connection) -> PollFlags {
    match connection.stage() {
        Stage::Parked => PollFlags::IN | PollFlags::RDHUP,
        _ => PollFlags::RDHUP,
    }
}

fn attend(connection: &Arc<Connection>, came: PollFlags) {
    if came.contains(PollFlags::IN) && connection.stage() == Stage::Parked {
        if let Some(failure) = connection.last_words() {
            tracing::warn!(failure, "a wrapper could not publish and ran the tool");
        }
        connection.set_stage(Stage::Over);
    }
    if came.intersects(PollFlags::HUP | PollFlags::RDHUP | PollFlags::ERR) {
        connection.hang_up();
    }
}

fn quieten(daemon: &Daemon) {
    let mut count = [0; 8];
    match rustix::io::read(&daemon.bell, &mut count) {
        Ok(_) | Err(Errno::AGAIN) => {}
        Err(errno) => tracing::warn!(%errno, "cannot quieten the bell"),
    }
}

/// A descriptor that becomes readable with the first signal that asks to stop.
fn catch_signals() -> Result<UnixStream, DaemonError> {
    let caught = || -> io::Result<UnixStream> {
        let (wake, rung) = UnixStream::pair()?;
        for signal in [SIGTERM, SIGINT, SIGHUP] {
            signal_hook::low_level::pipe::register(signal, rung.try_clone()?)?;
        }
        Ok(wake)
    };
    caught().map_err(DaemonError::refused("catch signals"))
}
