//! Where the wrappers and the daemon of one user and one build of rewrap meet.
//!
//! A private directory holds, per build id: `ID.sock` (the socket), `ID.lock` (held while a daemon is started),
//! `ID.down` (its age says whether wrappers skip the daemon) and `ID.beat` (the daemon's heartbeat).
//! The heartbeat is a plain file that the daemon rewrites and wrappers read, not a mapping: mapping needs unsafe code,
//! and only a wrapper that has already waited 100 ms ever looks at it.

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, sockopt};
use rustix::time::ClockId;
use std::fs::{DirBuilder, File};
use std::hash::{Hash as _, Hasher as _};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How long wrappers skip the daemon after it could not be reached or started.
pub const DOWN_TIME: Duration = Duration::from_secs(30);

/// Age at which the heartbeat counts as standing still.
pub const HEART_STOPPED: Duration = Duration::from_secs(1);

/// How long a daemon that was just started may take to its first beat, on top of [`HEART_STOPPED`].
const START_GRACE: Duration = Duration::from_secs(4);

/// Room for a path in `sockaddr_un`, with its final zero.
const SOCKET_PATH_ROOM: usize = 108;

/// Connections that wait to be accepted; the kernel cuts it down to `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// Names one build of rewrap on this machine.
///
/// A hash of the version and of device, inode, size and mtime of `rewrap` and `rewrap-cc` in one directory. Both
/// programs find that directory through `/proc/self/exe`, so symlinks to the wrapper, wherever they lie, lead to it;
/// a new build has other files, hence another name and a daemon of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildId(String);

impl BuildId {
    /// Of the programs in this directory. An error if one is not there.
    pub fn of(programs: &Path) -> io::Result<Self> {
        // Fixed keys, and the same in both programs of one build. Not SHA-256: finding out how this processor computes
        // it costs a wrapper more than all that is hashed here.
        let mut hasher = std::hash::DefaultHasher::new();
        env!("CARGO_PKG_VERSION").hash(&mut hasher);
        for name in [DAEMON_PROGRAM, WRAPPER_PROGRAM] {
            let file = std::fs::metadata(programs.join(name))?;
            let identity = (file.dev(), file.ino(), file.len(), file.mtime(), file.mtime_nsec());
            (name, identity).hash(&mut hasher);
        }
        Ok(Self(format!("{:016x}", hasher.finish())))
    }
}

/// The program that is the daemon, beside the wrapper.
pub const DAEMON_PROGRAM: &str = "rewrap";

/// The wrapper's own name.
pub const WRAPPER_PROGRAM: &str = "rewrap-cc";

/// The directory that this process's program lies in, symlinks resolved.
pub fn program_directory() -> io::Result<PathBuf> {
    let program = std::fs::read_link("/proc/self/exe")?;
    program
        .parent()
        .map(Path::to_owned)
        .ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// Why there is nowhere to meet.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// No program directory, or no `rewrap` in it.
    #[error("cannot find the daemon's program")]
    NoProgram(#[source] io::Error),
    /// Neither `XDG_RUNTIME_DIR` nor the temporary directory can hold a directory of ours.
    #[error("cannot make a private directory `{}`", path.display())]
    NoDirectory {
        /// The last one tried.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is there, but somebody else owns it or may enter it, or it is a link.
    #[error("`{}` is not private to this user", .0.display())]
    NotPrivate(PathBuf),
    /// Not of the form `DIRECTORY/ID.sock`.
    #[error("`{}` does not name a daemon's socket", .0.display())]
    NotASocketName(PathBuf),
}

/// The meeting place, its directory open.
#[derive(Debug)]
pub struct Place {
    directory: OwnedFd,
    path: PathBuf,
    id: BuildId,
}

impl Place {
    /// For this process: `$XDG_RUNTIME_DIR/rewrap`, else `rewrap-UID` in the temporary directory.
    pub fn find() -> Result<Self, PlaceError> {
        let id = program_directory()
            .and_then(|programs| BuildId::of(&programs))
            .map_err(PlaceError::NoProgram)?;
        let uid = rustix::process::geteuid().as_raw();
        // Under `sudo -E` the variable names another user's directory: what root made there would lock that user out.
        let is_ours =
            |path: &PathBuf| path.is_absolute() && std::fs::metadata(path).is_ok_and(|found| found.uid() == uid);
        if let Some(runtime) = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(is_ours)
            && let Ok(place) = Self::within(&runtime, "rewrap", id.clone())
        {
            return Ok(place);
        }
        Self::within(&std::env::temp_dir(), &format!("rewrap-{uid}"), id)
    }

    /// In the directory `parent/name`, which is made if it is missing.
    pub fn within(parent: &Path, name: &str, id: BuildId) -> Result<Self, PlaceError> {
        let path = parent.join(name);
        let refused = |source: io::Error| PlaceError::NoDirectory {
            path: path.clone(),
            source,
        };
        let directory = match open_directory(&path) {
            Err(Errno::NOENT) => {
                // Another wrapper may be first; what counts is what is there afterwards.
                match DirBuilder::new().mode(0o700).create(&path) {
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(refused(error)),
                    _ => open_directory(&path),
                }
            }
            opened => opened,
        };
        let directory = directory.map_err(|errno| match errno {
            Errno::LOOP | Errno::NOTDIR => PlaceError::NotPrivate(path.clone()),
            errno => refused(errno.into()),
        })?;
        let status = rustix::fs::fstat(&directory).map_err(|errno| refused(errno.into()))?;
        if status.st_uid != rustix::process::geteuid().as_raw() || status.st_mode & 0o077 != 0 {
            return Err(PlaceError::NotPrivate(path));
        }
        Ok(Self { directory, path, id })
    }

    /// From the path of a socket, as the daemon is told it on its command line.
    pub fn of_socket(socket: &Path) -> Result<Self, PlaceError> {
        let bad = || PlaceError::NotASocketName(socket.to_owned());
        let directory = socket.parent().ok_or_else(bad)?;
        let id = socket
            .file_name()
            .and_then(|name| name.to_str()?.strip_suffix(".sock"))
            .ok_or_else(bad)?;
        let parent = directory.parent().ok_or_else(bad)?;
        let name = directory.file_name().and_then(|name| name.to_str()).ok_or_else(bad)?;
        Self::within(parent, name, BuildId(id.to_owned()))
    }

    /// The socket's path, for people and command lines.
    pub fn socket(&self) -> PathBuf {
        self.file("sock")
    }

    fn file(&self, suffix: &str) -> PathBuf {
        self.path.join(format!("{}.{suffix}", self.id.0))
    }

    /// A path of a socket that fits its address: through the open directory where the plain one is too long.
    fn address(&self, path: &Path) -> Result<SocketAddrUnix, Errno> {
        if path.as_os_str().len() < SOCKET_PATH_ROOM {
            return SocketAddrUnix::new(path);
        }
        let name = path.file_name().ok_or(Errno::INVAL)?;
        SocketAddrUnix::new(
            Path::new("/proc/self/fd")
                .join(self.directory.as_raw_fd().to_string())
                .join(name),
        )
    }

    /// Connects to the daemon; the peer is checked. Neither this nor a later send takes longer than `timeout`.
    pub fn connect(&self, timeout: Duration) -> Result<UnixStream, ConnectError> {
        let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        // Of a Unix socket, `connect` too observes the send timeout: it waits while the backlog is full.
        sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, Some(timeout))?;
        let address = self.address(&self.socket())?;
        // A signal ends a wait with a timeout, even if its handler asks for restarts. Nothing has been begun then.
        match rustix::io::retry_on_intr(|| rustix::net::connect(&socket, &address)) {
            Ok(()) => {}
            Err(Errno::NOENT | Errno::CONNREFUSED) => return Err(ConnectError::NobodyListens),
            Err(Errno::AGAIN) => return Err(ConnectError::Crowded),
            Err(errno) => return Err(ConnectError::Socket(errno)),
        }
        let stream = UnixStream::from(socket);
        match crate::wire::is_peer_ours(&stream) {
            Ok(true) => Ok(stream),
            Ok(false) | Err(_) => Err(ConnectError::Stranger),
        }
    }

    /// Makes the listening socket. Its name appears only when it takes connections, over an older one.
    pub fn listen(&self) -> Result<UnixListener, Errno> {
        let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        let unfinished = self.file(&format!("{}.new", std::process::id()));
        match rustix::fs::unlink(&unfinished) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno),
        }
        rustix::net::bind(&socket, &self.address(&unfinished)?)?;
        rustix::net::listen(&socket, BACKLOG)?;
        rustix::fs::rename(&unfinished, self.socket())?;
        Ok(UnixListener::from(socket))
    }

    /// The lock under which a daemon is started, if nobody else has it. Held until dropped.
    pub fn try_lock(&self) -> io::Result<Option<OwnedFd>> {
        let flags = OFlags::CREATE | OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let lock = rustix::fs::open(self.file("lock"), flags, Mode::from_raw_mode(0o600))?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(lock)),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Whether wrappers skip the daemon just now. A mark from the future (the clock was set back) counts for nothing.
    pub fn is_down(&self) -> bool {
        let marked = std::fs::metadata(self.file("down")).and_then(|mark| mark.modified());
        marked.is_ok_and(|marked| {
            SystemTime::now()
                .duration_since(marked)
                .is_ok_and(|age| age < DOWN_TIME)
        })
    }

    /// Has wrappers skip the daemon for [`DOWN_TIME`].
    pub fn mark_down(&self) -> io::Result<()> {
        // Written, not only opened: that is what moves the mtime of a mark that is there.
        std::fs::write(self.file("down"), b"1")
    }

    /// Takes the mark away.
    pub fn clear_down(&self) -> io::Result<()> {
        match std::fs::remove_file(self.file("down")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Opens the heartbeat for the daemon.
    pub fn heart(&self) -> io::Result<Heart> {
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(self.file("beat"))?;
        Ok(Heart(file))
    }

    /// Whether the daemon has shown no life for [`HEART_STOPPED`].
    pub fn has_heart_stopped(&self) -> bool {
        let mut stamp = [0; 8];
        let read = File::open(self.file("beat")).and_then(|file| file.read_exact_at(&mut stamp, 0));
        let beaten = Duration::from_nanos(u64::from_le_bytes(stamp));
        read.is_err() || monotonic().checked_sub(beaten).is_some_and(|age| age > HEART_STOPPED)
    }

    /// Removes the socket's name if it is still this listener's.
    pub fn remove_socket(&self, own: &SocketName) -> io::Result<()> {
        if own.0 == SocketName::of(self)?.0 {
            std::fs::remove_file(self.socket())
        } else {
            Ok(())
        }
    }
}

/// Identity of the file that names a listening socket.
#[derive(Debug)]
pub struct SocketName((u64, u64));

impl SocketName {
    /// Of the name that is there now.
    pub fn of(place: &Place) -> io::Result<Self> {
        let file = std::fs::symlink_metadata(place.socket())?;
        Ok(Self((file.dev(), file.ino())))
    }
}

/// The daemon's sign of life: the moment of the last beat on the machine's monotonic clock, which all processes share.
#[derive(Debug)]
pub struct Heart(File);

impl Heart {
    /// Shows that the daemon lives.
    pub fn beat(&self) -> io::Result<()> {
        self.stamp(monotonic())
    }

    /// Beats ahead for a daemon that is only being started.
    pub fn beat_for_start(&self) -> io::Result<()> {
        self.stamp(monotonic() + START_GRACE)
    }

    fn stamp(&self, moment: Duration) -> io::Result<()> {
        let nanos = u64::try_from(moment.as_nanos()).unwrap_or(u64::MAX);
        self.0.write_all_at(&nanos.to_le_bytes(), 0)
    }
}

fn monotonic() -> Duration {
    Duration::try_from(rustix::time::clock_gettime(ClockId::Monotonic)).unwrap_or_default()
}

/// Why the daemon could not be reached.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No socket, or one whose listener is gone.
    #[error("nobody listens")]
    NobodyListens,
    /// So many wait that the kernel takes no more.
    #[error("too many wrappers wait to be accepted")]
    Crowded,
    /// The listener is another user's.
    #[error("the socket is not this user's")]
    Stranger,
    /// Otherwise.
    #[error("the socket failed")]
    Socket(#[from] Errno),
}

fn open_directory(path: &Path) -> Result<OwnedFd, Errno> {
    rustix::fs::open(
        path,
        OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::empty(),
    )
}

#[cfg(test)]
mod tests;
