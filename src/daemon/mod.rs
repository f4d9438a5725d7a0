//! The process behind the wrappers: socket, accept threads, heartbeat, hang-ups, idle exit. No compile knowledge: what
//! a step means is told by a [`StepService`].
//!
//! Synchronous: accept threads that answer what [`StepService::quick`] can, a thread per step that needs longer, and
//! one thread (`pulse`) that pings, notices hang-ups and decides when to leave.

pub mod client;
mod connection;
pub mod log;
mod pulse;
mod serve;
pub mod start;

use crate::pb::wire;
use crate::wire::place::{Heart, Place, PlaceError, SocketName};
use crate::wire::view::FileSystemView;
use connection::Connection;
use rustix::event::EventfdFlags;
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// An answer that ends a step's conversation.
pub enum Answer {
    /// Place these outputs; the descriptors that `OutputFile.descriptor` counts.
    Publish(wire::Publish, Vec<OwnedFd>),
    /// Run the tool and be gone (`report` is false).
    RunHere(wire::RunHere),
}

/// What the daemon does for wrappers.
pub trait StepService: Send + Sync + 'static {
    /// On one of the few accept threads, synchronous, a millisecond at most: an answer, or `None` if the step needs more.
    fn quick(&self, step: &wire::StepRequest) -> Option<Answer>;

    /// On a thread of the step's own: may scan, wait for servers and for the wrapper's local run.
    fn slow(&self, step: &wire::StepRequest, conversation: &dyn Conversation);

    /// How long the latest step's settings let an idle daemon live; `None` if no step said so.
    fn idle_timeout(&self) -> Option<Duration> {
        None
    }
}

/// The wrapper at the other end, during [`StepService::slow`]. The daemon pings it meanwhile.
pub trait Conversation: Send + Sync {
    /// Has the wrapper run the tool and report. `Err` when the wrapper is gone.
    fn run_here(&self, request: wire::RunHere) -> Result<wire::LocalOutcome, HungUp>;
    /// Tells the wrapper that its outputs are staged, so that it may exit.
    fn staged(&self) -> Result<(), HungUp>;
    /// Sends the last answer.
    fn answer(&self, answer: Answer) -> Result<(), HungUp>;
    /// Cancelled when the wrapper hangs up (Ctrl-C): remote work stops. After a `RunHere` that holds a permit this is
    /// the end of the tool.
    fn cancelled(&self) -> tokio_util::sync::CancellationToken;
}

/// The wrapper is gone.
#[derive(Debug, thiserror::Error)]
#[error("the wrapper hung up")]
pub struct HungUp;

/// How a daemon is to be.
pub struct DaemonOptions {
    /// Where wrappers find it.
    pub place: Place,
    /// The listening socket is stdin: a wrapper made it ([`start`]). Otherwise it is made at `place`.
    pub inherited_socket: bool,
    /// Leaves this long after the last open connection, unless the service says otherwise.
    pub idle_timeout: Duration,
    /// Threads that accept and answer at once.
    pub accept_threads: usize,
    /// Only told by `rewrap daemon status`. A daemon that a wrapper started has it from its command line alone.
    pub state_directory: Option<PathBuf>,
    /// Leaves on SIGTERM, SIGINT and SIGHUP. Off where the daemon is not the whole process.
    pub obeys_signals: bool,
    /// Forgets what is held in memory about files and tools (`ControlRequest.FLUSH`).
    pub flush: Box<dyn Fn() + Send + Sync>,
}

impl DaemonOptions {
    /// The defaults: ten minutes, one accept thread per core and one more, three at least.
    pub fn new(place: Place) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self {
            place,
            inherited_socket: false,
            idle_timeout: Duration::from_mins(10),
            accept_threads: (cores + 1).max(3),
            state_directory: start::state_directory(),
            obeys_signals: true,
            flush: Box::new(|| {}),
        }
    }
}

/// Why there is no daemon. Once it serves it only ever leaves in order.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// No meeting place.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// A daemon of this build serves already.
    #[error("cannot serve `{}`: another daemon does", .0.display())]
    AlreadyServed(PathBuf),
    /// Told that stdin is the listening socket, and it is not.
    #[error("cannot serve: stdin is not a listening socket")]
    NoInheritedSocket,
    /// The operating system said no.
    #[error("cannot {verb}")]
    Refused {
        /// What was tried.
        verb: &'static str,
        /// Why.
        source: io::Error,
    },
}

impl DaemonError {
    fn refused(verb: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Refused { verb, source }
    }
}

/// What all threads of a daemon share.
struct Daemon {
    options: DaemonOptions,
    service: Arc<dyn StepService>,
    listener: UnixListener,
    name: SocketName,
    heart: Heart,
    view: FileSystemView,
    /// Connections that `pulse` looks after.
    watched: Mutex<Vec<Arc<Connection>>>,
    /// Who asked to stop, told by the end of the connection that it has happened.
    farewells: Mutex<Vec<std::os::unix::net::UnixStream>>,
    /// Wakes `pulse`.
    bell: OwnedFd,
    stopping: AtomicBool,
    /// Requests and steps being served.
    active: AtomicUsize,
    steps: AtomicU64,
    started: Instant,
}

/// Tells those who asked the daemon to stop that it is gone, by being dropped. The process of a daemon leaves that to its
/// own end: what it keeps on disk is closed by then.
#[derive(Debug)]
#[must_use = "who asked the daemon to stop is told by the drop of this"]
pub struct Farewells {
    _connections: Vec<std::os::unix::net::UnixStream>,
}

/// Serves until idle, told to stop or signalled; then what is under way may end within a few seconds.
pub fn run(options: DaemonOptions, service: Arc<dyn StepService>) -> Result<Farewells, DaemonError> {
    let daemon = Arc::new(Daemon::open(options, service)?);
    tracing::info!(socket = %daemon.options.place.socket().display(), pid = std::process::id(), "serving");
    let mut threads = Vec::new();
    for number in 0..daemon.options.accept_threads.max(1) {
        let daemon = Arc::clone(&daemon);
        let thread = std::thread::Builder::new().name(format!("accept-{number}"));
        threads.push(
            thread
                .spawn(move || serve::accept(&daemon))
                .map_err(DaemonError::refused("start a thread"))?,
        );
    }
    let left = pulse::run(&daemon);
    for thread in threads {
        if thread.join().is_err() {
            tracing::error!("an accept thread has died");
        }
    }
    tracing::info!("gone");
    let farewells = Farewells {
        _connections: std::mem::take(&mut *locked(&daemon.farewells)),
    };
    left.map(|()| farewells)
}

impl Daemon {
    fn open(options: DaemonOptions, service: Arc<dyn StepService>) -> Result<Self, DaemonError> {
        let place = &options.place;
        let listener = if options.inherited_socket {
            inherited_listener()?
        } else {
            // Under the starters' lock, so that a wrapper's daemon and this one do not push each other out.
            let _lock = place
                .try_lock()
                .map_err(DaemonError::refused("lock the daemon's socket"))?;
            if place.connect(Duration::from_millis(100)).is_ok() {
                return Err(DaemonError::AlreadyServed(place.socket()));
            }
            place
                .listen()
                .map_err(io::Error::from)
                .map_err(DaemonError::refused("make the daemon's socket"))?
        };
        let name = SocketName::of(place).map_err(DaemonError::refused("look at the daemon's socket"))?;
        let heart = place.heart().map_err(DaemonError::refused("make the heartbeat file"))?;
        heart.beat().map_err(DaemonError::refused("write the heartbeat file"))?;
        place
            .clear_down()
            .map_err(DaemonError::refused("remove the mark of a daemon that is down"))?;
        let bell = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
        Ok(Self {
            name,
            heart,
            listener,
            view: FileSystemView::own().map_err(DaemonError::refused("look at the file system"))?,
            watched: Mutex::default(),
            farewells: Mutex::default(),
            bell: bell
                .map_err(io::Error::from)
                .map_err(DaemonError::refused("make an event descriptor"))?,
            stopping: AtomicBool::new(false),
            active: AtomicUsize::new(0),
            steps: AtomicU64::new(0),
            started: Instant::now(),
            options,
            service,
        })
    }

    /// Has `pulse` look now instead of at its next beat.
    fn ring(&self) {
        match rustix::io::write(&self.bell, &1_u64.to_ne_bytes()) {
            // A full counter has been rung already.
            Ok(_) | Err(Errno::AGAIN) => {}
            Err(errno) => tracing::warn!(%errno, "cannot ring the bell"),
        }
    }

    fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.ring();
    }

    /// Gives a connection into the care of `pulse`, which finds it at its next beat, or at the next [`Daemon::ring`].
    fn watch(&self, connection: Arc<Connection>) {
        locked(&self.watched).push(connection);
    }

    fn is_quiet(&self) -> bool {
        self.active.load(Ordering::SeqCst) == 0 && locked(&self.watched).is_empty()
    }
}

/// Locks; a thread that died with the lock has left lists that are still lists.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn inherited_listener() -> Result<UnixListener, DaemonError> {
    let stdin = rustix::stdio::stdin();
    if !rustix::net::sockopt::socket_acceptconn(stdin).unwrap_or(false) {
        return Err(DaemonError::NoInheritedSocket);
    }
    let listener = stdin
        .try_clone_to_owned()
        .map_err(DaemonError::refused("take over the daemon's socket"))?;
    let nothing = std::fs::File::open("/dev/null").map_err(DaemonError::refused("open `/dev/null`"))?;
    rustix::stdio::dup2_stdin(nothing.as_fd())
        .map_err(io::Error::from)
        .map_err(DaemonError::refused("let go of stdin"))?;
    Ok(UnixListener::from(listener))
}
