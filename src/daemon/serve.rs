//! The accept threads: read a request, acknowledge it, answer it at once or give it a thread of its own.

use super::connection::{Connection, Stage, run_as_asked};
use super::{Answer, Conversation as _, Daemon};
use crate::pb::wire::{self, control_request, to_daemon, to_wrapper};
use crate::wire::view::{FileSystemView, InodeId};
use crate::wire::{Patience, WireError};
use rustix::io::Errno;
use rustix::net::sockopt::{self, Timeout};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// For a request to arrive whole: a stuck client must not hold an accept thread.
const REQUEST_WITHIN: Duration = Duration::from_secs(1);

/// For a wrapper to take an answer that does not fit the socket's buffer.
const TAKEN_WITHIN: Duration = Duration::from_secs(5);

/// The stack of a slow step's thread; pages are only taken when touched.
const STEP_STACK: usize = 1 << 20;

/// The pause after an accept that failed for want of descriptors or memory.
const STARVED: Duration = Duration::from_millis(20);

/// Accepts and serves until the listener is shut down. Connections that were queued by then are served too.
pub(super) fn accept(daemon: &Arc<Daemon>) {
    loop {
        match rustix::net::accept_with(&daemon.listener, rustix::net::SocketFlags::CLOEXEC) {
            Ok(stream) => {
                daemon.active.fetch_add(1, Ordering::SeqCst);
                // A panic closes the connection, which is an answer; it is in the log, where the hook has put it.
                let served = catch_unwind(AssertUnwindSafe(|| serve(daemon, UnixStream::from(stream))));
                if let Ok(Err(error)) = served {
                    tracing::debug!(%error, "a connection came to nothing");
                }
                daemon.active.fetch_sub(1, Ordering::SeqCst);
            }
            // What the kernel says after `shutdown`.
            Err(Errno::INVAL) => return,
            Err(Errno::INTR | Errno::CONNABORTED) => {}
            Err(errno) => {
                tracing::warn!(%errno, "cannot accept");
                std::thread::sleep(STARVED);
            }
        }
    }
}

fn serve(daemon: &Arc<Daemon>, stream: UnixStream) -> Result<(), WireError> {
    if !crate::wire::is_peer_ours(&stream)? {
        return Err(WireError::Closed);
    }
    sockopt::set_socket_timeout(&stream, Timeout::Send, Some(TAKEN_WITHIN))?;
    let (request, _): (wire::ToDaemon, _) = crate::wire::receive(&stream, Patience::lasting(REQUEST_WITHIN))?;
    match request.message {
        Some(to_daemon::Message::Step(step)) => serve_step(daemon, step, Connection::new(stream)),
        Some(to_daemon::Message::Control(request)) => control(daemon, request.kind(), stream),
        _ => Err(WireError::Closed),
    }
}

fn serve_step(daemon: &Arc<Daemon>, step: wire::StepRequest, connection: Connection) -> Result<(), WireError> {
    connection.acknowledge()?;
    daemon.steps.fetch_add(1, Ordering::SeqCst);
    let answer = if sees_the_same(daemon, &step) {
        catch_unwind(AssertUnwindSafe(|| daemon.service.quick(&step)))
            .unwrap_or_else(|_| Some(Answer::RunHere(run_as_asked(&step))))
    } else {
        Some(Answer::RunHere(run_as_asked(&step)))
    };
    let connection = Arc::new(connection);
    let Some(answer) = answer else {
        start_slow(daemon, step, &connection);
        return Ok(());
    };
    let may_fail = matches!(answer, Answer::Publish(..));
    if connection.answer(answer).is_ok() && may_fail {
        connection.set_stage(Stage::Parked);
        // Not rung for: waking a thread costs what a hit costs, and news of a failure can wait for the next beat.
        daemon.watch(connection);
    }
    Ok(())
}

/// Whether paths mean the same to the wrapper as here: container, chroot and unshared mounts make them differ.
fn sees_the_same(daemon: &Daemon, step: &wire::StepRequest) -> bool {
    let cwd = InodeId {
        device: step.cwd_device,
        inode: step.cwd_inode,
    };
    FileSystemView::of_step(step) == daemon.view
        && InodeId::of(Path::new(OsStr::from_bytes(&step.cwd))).is_ok_and(|seen| seen == cwd)
}

fn start_slow(daemon: &Arc<Daemon>, step: wire::StepRequest, connection: &Arc<Connection>) {
    daemon.watch(Arc::clone(connection));
    daemon.ring();
    daemon.active.fetch_add(1, Ordering::SeqCst);
    let thread = std::thread::Builder::new()
        .name("step".to_owned())
        .stack_size(STEP_STACK);
    let (for_thread, for_step) = (Arc::clone(daemon), Arc::clone(connection));
    if let Err(error) = thread.spawn(move || slow(&for_thread, &step, &for_step)) {
        tracing::warn!(%error, "cannot start a thread for a step");
        // Closing is an answer too: the wrapper runs the tool.
        connection.hang_up();
        connection.set_stage(Stage::Over);
        daemon.active.fetch_sub(1, Ordering::SeqCst);
        daemon.ring();
    }
}

fn slow(daemon: &Daemon, step: &wire::StepRequest, connection: &Connection) {
    // The panic itself is in the log: the hook has written it.
    let _ended = catch_unwind(AssertUnwindSafe(|| daemon.service.slow(step, connection)));
    connection.conclude(step);
    connection.set_stage(if connection.stage() == Stage::Answered {
        Stage::Parked
    } else {
        Stage::Over
    });
    daemon.active.fetch_sub(1, Ordering::SeqCst);
    daemon.ring();
}

fn control(daemon: &Daemon, kind: control_request::Kind, stream: UnixStream) -> Result<(), WireError> {
    use control_request::Kind;
    if kind == Kind::Flush {
        (daemon.options.flush)();
    }
    let state_directory = daemon.options.state_directory.as_deref();
    let reply = wire::ControlReply {
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_seconds: daemon.started.elapsed().as_secs(),
        connections: u32::try_from(super::locked(&daemon.watched).len()).unwrap_or(u32::MAX),
        steps: daemon.steps.load(Ordering::SeqCst),
        socket: daemon.options.place.socket().display().to_string(),
        state_directory: state_directory.map_or_else(String::new, |path| path.display().to_string()),
    };
    let reply = wire::ToWrapper {
        message: Some(to_wrapper::Message::Control(reply)),
    };
    crate::wire::send(&stream, &reply, &[])?;
    if kind == Kind::Stop {
        super::locked(&daemon.farewells).push(stream);
        daemon.stop();
    }
    Ok(())
}
