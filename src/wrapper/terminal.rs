//! A terminal of our own for a child's stderr, where ours is one: compilers colour and fold what they say to a terminal
//! of that width, and say it otherwise into a pipe. What the child writes to it comes out byte for byte.

use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{OptionalActions, OutputModes, isatty, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize};
use std::io;
use std::os::fd::OwnedFd;
use std::process::Stdio;

/// Our end of a pseudo-terminal. It reads as a pipe does, but for its end: an I/O error once no process has the other
/// end open.
pub(super) struct Terminal(OwnedFd);

/// Never the controlling terminal of a process that has none.
const FLAGS: OpenptFlags = OpenptFlags::RDWR.union(OpenptFlags::NOCTTY).union(OpenptFlags::CLOEXEC);

impl Terminal {
    /// As wide and high as the terminal that is our stderr; `None` if that is none, or if this machine gives out no
    /// pseudo-terminals: then a pipe has to do.
    pub(super) fn like_stderr() -> Option<Self> {
        let stderr = rustix::stdio::stderr();
        if !isatty(stderr) {
            return None;
        }
        let ours = openpt(FLAGS).ok()?;
        unlockpt(&ours).ok()?;
        let terminal = Self(ours);
        let theirs = terminal.open().ok()?;
        // The terminal that it is passed on to makes CR LF of LF; doing so twice would be seen.
        let mut modes = tcgetattr(&theirs).ok()?;
        modes.output_modes.remove(OutputModes::OPOST);
        tcsetattr(&theirs, OptionalActions::Now, &modes).ok()?;
        // Some terminals do not know their size. The child then sees that.
        if let Ok(size) = tcgetwinsize(stderr) {
            tcsetwinsize(&theirs, size).ok()?;
        }
        Some(terminal)
    }

    /// The child's end.
    pub(super) fn for_child(&self) -> io::Result<Stdio> {
        Ok(self.open()?.into())
    }

    fn open(&self) -> rustix::io::Result<OwnedFd> {
        ioctl_tiocgptpeer(&self.0, FLAGS)
    }
}

impl From<Terminal> for OwnedFd {
    fn from(terminal: Terminal) -> Self {
        terminal.0
    }
}
