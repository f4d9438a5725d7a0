//! Passes a child's stdout and stderr on as they come and keeps a copy, up to a bound.

use crate::wrapper::terminal::Terminal;
use rustix::event::{PollFd, PollFlags};
use rustix::fs::OFlags;
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::Child;
use std::time::Duration;

/// Most bytes kept of both streams together.
const CAPTURE_LIMIT: usize = 16 << 20;

/// Both streams of one child.
pub(super) struct Relay {
    stdout: Option<Stream>,
    stderr: Option<Stream>,
    room: usize,
}

/// One pipe or terminal from the child and where it goes.
struct Stream {
    /// `None` after its end.
    from: Option<OwnedFd>,
    to: BorrowedFd<'static>,
    /// `None` if it is not everything.
    kept: Option<Vec<u8>>,
}

/// What a child wrote.
pub(super) struct Captured {
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
}

impl Relay {
    /// Takes the child's ends; of stderr the terminal's, if the child has one.
    pub(super) fn of(child: &mut Child, terminal: Option<Terminal>) -> io::Result<Self> {
        let stderr = child.stderr.take().map(OwnedFd::from);
        Ok(Self {
            stdout: child
                .stdout
                .take()
                .map(|pipe| Stream::of(pipe.into(), rustix::stdio::stdout()))
                .transpose()?,
            stderr: stderr
                .or(terminal.map(OwnedFd::from))
                .map(|from| Stream::of(from, rustix::stdio::stderr()))
                .transpose()?,
            room: CAPTURE_LIMIT,
        })
    }

    /// Waits for bytes, for `wake` or for `patience`, and passes on what there is.
    pub(super) fn wait(&mut self, wake: BorrowedFd<'_>, patience: Option<Duration>) {
        let pipes = [&self.stdout, &self.stderr]
            .into_iter()
            .flatten()
            .filter_map(|stream| stream.from.as_ref());
        let mut polled = vec![PollFd::from_borrowed_fd(wake, PollFlags::IN)];
        polled.extend(pipes.map(|pipe| PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::IN)));
        // Interrupted or refused for want of memory: the caller looks again in either case.
        let _count = rustix::event::poll(&mut polled, patience.map(crate::wire::timespec).as_ref());
        self.pump();
    }

    /// Passes on what is left when the child has ended. Does not wait for grandchildren that keep the pipes open.
    pub(super) fn drain(&mut self) {
        while self.pump() {}
    }

    /// What was captured; `None` if it was more than is kept, or could not be passed on.
    pub(super) fn finish(self) -> Option<Captured> {
        let kept = |stream: Option<Stream>| stream.map_or(Some(Vec::new()), |stream| stream.kept);
        Some(Captured {
            stdout: kept(self.stdout)?,
            stderr: kept(self.stderr)?,
        })
    }

    /// One read of each stream; whether there may be more.
    fn pump(&mut self) -> bool {
        let room = &mut self.room;
        let flows = [&mut self.stdout, &mut self.stderr]
            .into_iter()
            .flatten()
            .map(|stream| stream.pump(room));
        flows.fold(false, |any, flowed| any | flowed)
    }
}

impl Stream {
    fn of(from: OwnedFd, to: BorrowedFd<'static>) -> io::Result<Self> {
        let flags = rustix::fs::fcntl_getfl(&from)?;
        rustix::fs::fcntl_setfl(&from, flags | OFlags::NONBLOCK)?;
        Ok(Self {
            from: Some(from),
            to,
            kept: Some(Vec::new()),
        })
    }

    /// One read; whether there may be more.
    fn pump(&mut self, room: &mut usize) -> bool {
        let Some(pipe) = &self.from else { return false };
        let mut buffer = [0; 16 << 10];
        let count = match rustix::io::read(pipe, &mut buffer) {
            Err(Errno::AGAIN) => return false,
            Err(Errno::INTR) => return true,
            // A terminal that nobody writes to any more has an error in place of an end.
            Ok(0) | Err(Errno::IO) => {
                self.from = None;
                return false;
            }
            Err(_) => {
                self.give_up();
                return false;
            }
            Ok(count) => count,
        };
        self.keep(&buffer[..count], room);
        if print(self.to, &buffer[..count]).is_err() {
            self.give_up();
        }
        true
    }

    fn keep(&mut self, bytes: &[u8], room: &mut usize) {
        if bytes.len() > *room {
            self.kept = None;
        } else if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(bytes);
            *room -= bytes.len();
        }
    }

    /// Where nobody reads, closing our end lets the tool see what it would have seen itself.
    fn give_up(&mut self) {
        self.from = None;
        self.kept = None;
    }
}

/// Writes everything, also to a terminal or pipe that somebody has made non-blocking.
pub(super) fn print(to: BorrowedFd<'_>, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        match rustix::io::write(to, bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => match rustix::event::poll(&mut [PollFd::from_borrowed_fd(to, PollFlags::OUT)], None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            },
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}
