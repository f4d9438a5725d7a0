//! Runs a program to its end and takes what it wrote: for asking compilers about themselves, never for a build step.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// More than any compiler says about itself.
const OUTPUT_LIMIT: usize = 64 << 20;

/// A program to run: everything it gets, nothing is inherited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// The program's file, absolute; no search in `PATH`.
    pub program: PathBuf,
    /// Its `argv[0]`: clang and busybox-like programs look at it.
    pub invoked_as: OsString,
    /// Its arguments, without the program's name.
    pub args: Vec<OsString>,
    /// Its whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// Its working directory.
    pub cwd: PathBuf,
    /// How long it may take; then it and all of its process group are killed.
    pub timeout: Duration,
}

/// A program that came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to its standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to its standard error.
    pub stderr: Vec<u8>,
}

/// Why a program's answer is missing.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// It did not start.
    #[error("cannot run `{}`", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its output could not be read; it was killed.
    #[error("cannot read the output of `{}`", program.display())]
    Read {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It, or a child that keeps its output open, took too long; they were killed.
    #[error("cannot wait for `{}` longer than {timeout:?}", program.display())]
    TimedOut {
        /// The program.
        program: PathBuf,
        /// The time it had.
        timeout: Duration,
    },
}

/// Runs a program in a process group of its own, with nothing on its standard input, and waits until it has ended and its
/// output is closed.
pub fn run(invocation: &Invocation) -> Result<Finished, SpawnError> {
    let program = || invocation.program.clone();
    let child = Command::new(&invocation.program)
        .arg0(&invocation.invoked_as)
        .args(&invocation.args)
        .env_clear()
        .envs(invocation.env.iter().map(|(name, value)| (name, value)))
        .current_dir(&invocation.cwd)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn();
    let mut group = match child {
        Ok(child) => Group { child, reaped: false },
        Err(source) => {
            return Err(SpawnError::Start {
                program: program(),
                source,
            });
        }
    };
    match group.watch(Instant::now() + invocation.timeout) {
        Ok(Some(finished)) => Ok(finished),
        Ok(None) => Err(SpawnError::TimedOut {
            program: program(),
            timeout: invocation.timeout,
        }),
        Err(source) => Err(SpawnError::Read {
            program: program(),
            source,
        }),
    }
}

/// A child and whatever it started; none of it survives this value.
struct Group {
    child: Child,
    reaped: bool,
}

impl Group {
    /// Until the child has ended and both pipes are closed; `None` at the deadline.
    fn watch(&mut self, deadline: Instant) -> io::Result<Option<Finished>> {
        let end = pidfd_open(Pid::from_child(&self.child), PidfdFlags::empty())?;
        let mut stdout = Pipe::new(self.child.stdout.take().map(OwnedFd::from));
        let mut stderr = Pipe::new(self.child.stderr.take().map(OwnedFd::from));
        let mut running = true;
        while running || stdout.open.is_some() || stderr.open.is_some() {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else {
                return Ok(None);
            };
            let mut waiting = Vec::with_capacity(3);
            waiting.extend(running.then(|| PollFd::new(&end, PollFlags::IN)));
            waiting.extend(stdout.open.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
            waiting.extend(stderr.open.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
            match poll(&mut waiting, Some(&timespec(left))) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            let mut ready = waiting.iter().map(|polled| !polled.revents().is_empty());
            let mut ready_if = |asked: bool| asked && ready.next().unwrap_or(false);
            let ended = ready_if(running);
            let (out, err) = (ready_if(stdout.open.is_some()), ready_if(stderr.open.is_some()));
            running &= !ended;
            stdout.take_if(out)?;
            stderr.take_if(err)?;
        }
        Ok(Some(Finished {
            status: self.end()?,
            stdout: stdout.taken,
            stderr: stderr.taken,
        }))
    }

    /// Ends what still runs. Before the child is reaped: after that its number may belong to someone else.
    fn end(&mut self) -> io::Result<ExitStatus> {
        let _none_left = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        self.reaped = true;
        self.child.wait()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.reaped {
            // The error that led here is the one to tell.
            let _status = self.end();
        }
    }
}

/// One of the child's outputs.
struct Pipe {
    /// `None` after its end.
    open: Option<File>,
    taken: Vec<u8>,
}

impl Pipe {
    fn new(end: Option<OwnedFd>) -> Self {
        Self {
            open: end.map(File::from),
            taken: Vec::new(),
        }
    }

    /// Reads once; it does not block if the pipe is ready.
    fn take_if(&mut self, ready: bool) -> io::Result<()> {
        let Some(pipe) = self.open.as_mut().filter(|_| ready) else {
            return Ok(());
        };
        let mut buffer = [0; 16 << 10];
        let len = match pipe.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            len => len?,
        };
        if len == 0 {
            self.open = None;
        }
        if self.taken.len() + len > OUTPUT_LIMIT {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.taken.extend_from_slice(&buffer[..len]);
        Ok(())
    }
}

fn timespec(span: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(span.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(span.subsec_nanos()),
    }
}

#[cfg(test)]
mod tests;
