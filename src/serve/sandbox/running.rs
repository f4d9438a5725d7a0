//! The server's side of a program that runs: takes what it prints, and has it killed when that is due.

use super::spec::{self, End, Report, Spec};
use super::{Capture, TRIAL};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::Errno;
use rustix::process::Pid;
use std::ffi::OsString;
use std::io::{self, ErrorKind, PipeReader, Read};
use std::net::Shutdown;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

/// How long an init has for killing what it has started.
const GRACE: Duration = Duration::from_secs(5);

/// Held for writing while a program is started, and for reading by whoever has an executable file open for writing. A
/// child has all that its parent has open until it becomes another program; what somebody has open for writing cannot be
/// started (`ETXTBSY`), which may be an input of another action.
pub(crate) static STARTING: RwLock<()> = RwLock::new(());

/// How an action came to its end. Nothing of it runs any more.
#[derive(Debug)]
pub(crate) enum Ended {
    /// As its init says; `None` if that was killed.
    Itself(Option<End>),
    /// It was killed at the deadline.
    TimedOut,
    /// It was killed because nobody wants it any more.
    Cancelled,
    /// It was killed because it had printed too much.
    PrintedTooMuch,
}

/// A program that runs. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    /// To its init.
    socket: UnixStream,
    stdout: Option<PipeReader>,
    stderr: Option<PipeReader>,
    /// Of the report.
    received: Vec<u8>,
}

/// What a program may do.
pub(crate) struct Allowed<'a> {
    /// Until when it may run.
    pub(crate) deadline: Instant,
    /// Readable when nobody wants it any more.
    pub(crate) cancelled: BorrowedFd<'a>,
    /// How many bytes it may print.
    pub(crate) printed: u64,
}

impl Running {
    pub(super) fn start(
        program: &Path,
        arguments: &[OsString],
        spec: &Spec,
        join: impl FnOnce(Pid) -> io::Result<()>,
    ) -> io::Result<Self> {
        let (socket, inits) = UnixStream::pair()?;
        let (stdout, inits_stdout) = io::pipe()?;
        let (stderr, inits_stderr) = io::pipe()?;
        for pipe in [&stdout, &stderr] {
            fcntl_setfl(pipe, OFlags::NONBLOCK)?;
        }
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .stdin(OwnedFd::from(inits))
            .stdout(inits_stdout)
            .stderr(inits_stderr);
        let starting = STARTING.write().unwrap_or_else(PoisonError::into_inner);
        let child = command.spawn();
        drop(starting);
        // Its ends of the pipes are closed here, or they would have no end.
        drop(command);
        let child = child?;
        let mut running = Self {
            child,
            socket,
            stdout: Some(stdout),
            stderr: Some(stderr),
            received: Vec::new(),
        };
        join(Pid::from_child(&running.child))?;
        match spec::send(&mut running.socket, spec) {
            // It has ended already, and has said why.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
            sent => sent?,
        }
        running.socket.set_nonblocking(true)?;
        Ok(running)
    }

    /// Until all of it has ended, by itself or because it may not go on.
    pub(crate) fn watch(&mut self, allowed: &Allowed<'_>, out: &mut Capture, err: &mut Capture) -> io::Result<Ended> {
        let mut stopped: Option<(Ended, Instant)> = None;
        loop {
            let until = stopped.as_ref().map_or(allowed.deadline, |(_, grace)| *grace);
            let left = until.saturating_duration_since(Instant::now());
            let cancelled = self.wait(left, allowed.cancelled, stopped.is_none())?;
            take(&mut self.stdout, out)?;
            take(&mut self.stderr, err)?;
            if self.has_ended()? {
                break;
            }
            let late = Instant::now() >= until;
            let cause = if stopped.is_some() {
                if late {
                    self.child.kill()?;
                    break;
                }
                continue;
            } else if cancelled {
                Ended::Cancelled
            } else if late {
                Ended::TimedOut
            } else if out.size().saturating_add(err.size()) > allowed.printed {
                Ended::PrintedTooMuch
            } else {
                continue;
            };
            self.socket.shutdown(Shutdown::Write)?;
            stopped = Some((cause, Instant::now() + GRACE));
        }
        // What it printed last.
        take(&mut self.stdout, out)?;
        take(&mut self.stderr, err)?;
        Ok(match stopped {
            Some((cause, _)) => cause,
            None if out.size().saturating_add(err.size()) > allowed.printed => Ended::PrintedTooMuch,
            None => Ended::Itself(self.report()),
        })
    }

    /// Waits for anything to happen; says whether it is that nobody wants the action any more.
    fn wait(&self, most: Duration, cancelled: BorrowedFd<'_>, may_be_cancelled: bool) -> io::Result<bool> {
        let mut polled = vec![PollFd::new(&self.socket, PollFlags::IN)];
        if may_be_cancelled {
            polled.push(PollFd::from_borrowed_fd(cancelled, PollFlags::IN));
        }
        let pipes = [&self.stdout, &self.stderr];
        polled.extend(pipes.into_iter().flatten().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
        match poll(&mut polled, Some(&timespec(most))) {
            Ok(_) | Err(Errno::INTR) => Ok(may_be_cancelled && !polled[1].revents().is_empty()),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes what the init says; whether it has said all.
    fn has_ended(&mut self) -> io::Result<bool> {
        let mut piece = [0; 4096];
        loop {
            match self.socket.read(&mut piece) {
                Ok(0) => return Ok(true),
                Ok(length) => self.received.extend_from_slice(&piece[..length]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                // It was killed and had not read all.
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(true),
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits until the init has ended; whether it has.
    fn ends_within(&mut self, most: Duration) -> io::Result<bool> {
        let deadline = Instant::now() + most;
        loop {
            if self.has_ended()? {
                return Ok(true);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let mut polled = [PollFd::new(&self.socket, PollFlags::IN)];
            match poll(&mut polled, Some(&timespec(left))) {
                Ok(0) => return Ok(false),
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// `None` if it was killed before it could say anything.
    fn report(&self) -> Option<End> {
        spec::receive::<Report>(&mut &*self.received).ok()?.end
    }

    /// How a program ended that needs no time, and what it printed to stderr.
    pub(super) fn end_within(mut self) -> io::Result<(Option<End>, String)> {
        let mut printed = Vec::new();
        if !self.ends_within(TRIAL)? {
            return Err(ErrorKind::TimedOut.into());
        }
        if let Some(mut stderr) = self.stderr.take() {
            match stderr.read_to_end(&mut printed) {
                Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
                _ => {}
            }
        }
        Ok((self.report(), String::from_utf8_lossy(&printed).into_owned()))
    }
}

fn timespec(span: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(span.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: span.subsec_nanos().into(),
    }
}

/// Takes what is there; at the end closes the pipe.
fn take(pipe: &mut Option<PipeReader>, capture: &mut Capture) -> io::Result<()> {
    let Some(open) = pipe else { return Ok(()) };
    let mut piece = [0; 16 << 10];
    // A pipe holds no more: who prints without end comes back here, and is seen.
    for _ in 0..64 {
        match open.read(&mut piece) {
            Ok(0) => {
                *pipe = None;
                return Ok(());
            }
            Ok(length) => capture.push(&piece[..length])?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl Drop for Running {
    fn drop(&mut self) {
        // An init that has ended is only reaped. One that has not kills what it has started when it is told so, and again
        // by its own death; whatever goes wrong with the first is put right by the second.
        let _told = self.socket.shutdown(Shutdown::Write);
        if !self.ends_within(GRACE).unwrap_or(false) {
            let _killed = self.child.kill();
        }
        let _reaped = self.child.wait();
    }
}
