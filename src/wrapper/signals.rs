//! The signals that end a build, caught while the wrapper has something to clean up or a child to end.
//!
//! At all other times they keep their default action, which is right: the connection drops and the daemon cancels.
//! A signal that the caller ignores (`nohup`, a shell's background job) stays ignored.

use rustix::process::{Resource, Rlimit};
use signal_hook::consts::signal::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXFSZ};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The signals that are caught.
const ENDING: [i32; 4] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];

/// The signals that ask for an end are noted from its making until the end of the process.
pub(super) struct Noted {
    last: Arc<AtomicUsize>,
    ignored: u64,
}

impl Noted {
    /// Notes them instead of dying of them. A write beyond the user's limit on file sizes becomes an error besides: the
    /// tool shall find out for itself.
    pub(super) fn from_now_on() -> io::Result<Self> {
        let noted = Self {
            last: Arc::new(AtomicUsize::new(0)),
            ignored: ignored_signals(),
        };
        for signal in noted.heeded() {
            let number = usize::try_from(signal).expect("signal numbers are positive");
            signal_hook::flag::register_usize(signal, Arc::clone(&noted.last), number)?;
        }
        signal_hook::flag::register(SIGXFSZ, Arc::default())?;
        Ok(noted)
    }

    /// The last signal that asked for an end.
    pub(super) fn last(&self) -> Option<i32> {
        i32::try_from(self.last.load(Ordering::SeqCst))
            .ok()
            .filter(|&signal| signal != 0)
    }

    fn heeded(&self) -> impl Iterator<Item = i32> {
        ENDING
            .into_iter()
            .filter(|signal| self.ignored & (1 << (signal - 1)) == 0)
    }
}

/// Noted signals and ends of children that also wake a poll.
pub(super) struct Waking {
    noted: Noted,
    wake: UnixStream,
}

impl Waking {
    /// Notes the signals and lets them, and the end of a child, ring.
    pub(super) fn from_now_on() -> io::Result<Self> {
        // The note before the ring: who wakes must find it. Actions run in the order of their registration.
        let noted = Noted::from_now_on()?;
        let (wake, rung) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        for signal in noted.heeded() {
            signal_hook::low_level::pipe::register(signal, rung.try_clone()?)?;
        }
        // Also lifts an ignored SIGCHLD, under which a child's status is lost.
        signal_hook::low_level::pipe::register(SIGCHLD, rung)?;
        Ok(Self { noted, wake })
    }

    /// Readable after a signal, until [`Waking::rest`].
    pub(super) fn wake(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    /// Makes the descriptor quiet again.
    pub(super) fn rest(&self) {
        use std::io::Read as _;
        let mut bytes = [0; 64];
        // Ends with "would block"; the other end cannot close while it is registered.
        while (&self.wake).read(&mut bytes).is_ok_and(|count| count > 0) {}
    }

    /// The last signal that asked for an end.
    pub(super) fn last(&self) -> Option<i32> {
        self.noted.last()
    }
}

/// The mask of ignored signals; none where `/proc` does not say.
fn ignored_signals() -> u64 {
    use std::io::Read as _;
    // In one read: the kernel writes the text anew for each.
    let mut status = [0; 8 << 10];
    let length = File::open("/proc/self/status")
        .and_then(|mut file| file.read(&mut status))
        .unwrap_or(0);
    let text = String::from_utf8_lossy(&status[..length]);
    let line = text.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}

/// Ends this process by a signal, so that the parent sees what it would have seen of the tool. Returns only for signals
/// that do not end a process by default; then an exit code in a shell's manner is what is left.
pub(super) fn die_of(signal: i32) -> u8 {
    // The tool has left its core, if any; ours would take its place.
    let no_core = Rlimit {
        current: Some(0),
        maximum: rustix::process::getrlimit(Resource::Core).maximum,
    };
    let limited = rustix::process::setrlimit(Resource::Core, no_core);
    let raised = signal_hook::low_level::emulate_default_handler(signal);
    debug_assert!(limited.is_ok() && raised.is_ok());
    u8::try_from(128 + signal).unwrap_or(u8::MAX)
}
