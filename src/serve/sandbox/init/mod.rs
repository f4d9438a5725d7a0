//! The init of an action: this program, started again by the server, with one thread and nothing of its own to do.
//!
//! `enter` makes the namespaces and starts the init in them; `run` builds the file system, starts the action's
//! program, takes the processes that lost their parent, and kills what is left. Without namespaces `run` comes first.
//! Neither knows actions, digests or stores.

mod file_system;
mod leftovers;
mod loopback;
mod namespaces;
mod program;

use super::spec::{self, End, Fault, NotStarted, Report, Spec};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{DumpableBehavior, Pid, Resource, Rlimit, Signal, WaitOptions};
use std::ffi::{OsStr, OsString};
use std::io::{self, PipeReader, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::process::{Command, ExitCode};

/// The first argument of a program that is to be an init; the second is a `Stage`.
pub const INIT: &str = "sandbox-init";

/// What an init begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Making namespaces.
    Enter,
    /// As process 1 of a namespace.
    First,
    /// Without a namespace of processes, or with one that somebody else has made.
    Plain,
}

impl Stage {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Enter => "enter",
            Self::First => "first",
            Self::Plain => "plain",
        }
    }

    fn of(name: &OsStr) -> Option<Self> {
        [Self::Enter, Self::First, Self::Plain]
            .into_iter()
            .find(|stage| name == stage.name())
    }
}

/// Is the init if these arguments, the program's name first, ask for one. To be called before anything else: before there
/// is a second thread.
pub fn become_init(argv: &[OsString]) -> Option<ExitCode> {
    let [_, word, stage] = argv else { return None };
    let stage = Stage::of(stage).filter(|_| word == INIT)?;
    // Nobody reads the status: the socket has said everything, or is closed.
    Some(match serve(stage) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_lost) => ExitCode::FAILURE,
    })
}

fn serve(stage: Stage) -> io::Result<()> {
    let mut socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let ended = match stage {
        Stage::Enter => enter(&socket),
        Stage::First => {
            // The one who started us made the namespaces, and none of them shall outlive it.
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
            run(&mut socket, stage).map(Some)
        }
        Stage::Plain => {
            begin_session()?;
            run(&mut socket, stage).map(Some)
        }
    };
    let end = match ended {
        Ok(None) => return Ok(()),
        Ok(Some(end)) => end,
        Err(why) => End::NotStarted(why),
    };
    let told = spec::send(&mut socket, &Report { end: Some(end) });
    if stage == Stage::Plain {
        leftovers::kill();
    }
    told
}

/// Out of reach of the server's terminal.
fn begin_session() -> io::Result<()> {
    match rustix::process::setsid() {
        // It is the first of one already.
        Ok(_) | Err(Errno::PERM) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// A step that failed, for the report.
fn failed(what: impl Into<String>) -> impl FnOnce(io::Error) -> NotStarted {
    let what = what.into();
    |error| NotStarted {
        fault: Fault::Host.into(),
        what,
        errno: error.raw_os_error().unwrap_or(0),
    }
}

/// Makes the namespaces and waits until the init in them, and with it everything else in them, has ended.
fn enter(socket: &UnixStream) -> Result<Option<End>, NotStarted> {
    begin_session().map_err(failed("begin a session"))?;
    namespaces::make()?;
    // The server charges this process for its memory first; a child that is there already would not be charged.
    let mut polled = [PollFd::new(socket, PollFlags::IN)];
    poll(&mut polled, None).map_err(|error| failed("wait for the server")(error.into()))?;
    let inner = Command::new("/proc/self/exe").args([INIT, Stage::First.name()]).spawn();
    let mut inner = inner.map_err(failed("start the init"))?;
    inner.wait().map_err(failed("wait for the init"))?;
    Ok(None)
}

/// Runs what the server says.
fn run(socket: &mut UnixStream, stage: Stage) -> Result<End, NotStarted> {
    let host = |what: &'static str| move |error: Errno| failed(what)(error.into());
    let spec: Spec = spec::receive(socket).map_err(failed("read what to run"))?;
    // Neither the server's umask nor its limits are the action's.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    if let Some(view) = &spec.view {
        file_system::show(view)?;
        loopback::up().map_err(host("bring the loopback interface up"))?;
        rustix::system::sethostname(b"action").map_err(host("set the host name"))?;
    }
    namespaces::drop_privileges()?;
    // What the action can ptrace could answer for us.
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(host("hide the init"))?;
    if stage == Stage::Plain {
        rustix::process::set_child_subreaper(Some(rustix::process::getpid())).map_err(host("adopt orphans"))?;
    }
    let mut woken = on_child().map_err(failed("be told of ended processes"))?;
    limit(&spec).map_err(host("set limits"))?;
    rustix::process::chdir(OsStr::from_bytes(&spec.directory)).map_err(host("enter the working directory"))?;
    if spec.arguments.is_empty() {
        return Ok(End::Exited(0));
    }
    let child = program::start(&spec)?;
    wait(socket, &mut woken, child).map_err(failed("wait for the program"))
}

/// How many files a program may have open that does not ask for more: what Linux starts with. The server has asked.
const USUAL_FILES: u64 = 1024;

fn limit(spec: &Spec) -> rustix::io::Result<()> {
    let set = |resource, most| {
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        match rustix::process::setrlimit(resource, limit) {
            // A stricter limit than ours was there before.
            Err(Errno::PERM) => Ok(()),
            set => set,
        }
    };
    let files = rustix::process::getrlimit(Resource::Nofile);
    let usual = files.maximum.map_or(USUAL_FILES, |most| most.min(USUAL_FILES));
    rustix::process::setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(usual),
            ..files
        },
    )?;
    set(Resource::Core, 0)?;
    set(Resource::Fsize, spec.file_size)?;
    spec.data.map_or(Ok(()), |most| set(Resource::Data, most))
}

/// A pipe that can be read from whenever a process has ended.
fn on_child() -> io::Result<PipeReader> {
    let (woken, wake) = io::pipe()?;
    rustix::fs::fcntl_setfl(&woken, rustix::fs::OFlags::NONBLOCK)?;
    signal_hook::low_level::pipe::register(signal_hook::consts::SIGCHLD, wake)?;
    Ok(woken)
}

/// Takes every process that ends until it is this one, or until the server does not want to hear of it any more.
fn wait(socket: &UnixStream, woken: &mut PipeReader, child: Pid) -> io::Result<End> {
    loop {
        let mut polled = [PollFd::new(&*woken, PollFlags::IN), PollFd::new(socket, PollFlags::IN)];
        match poll(&mut polled, None) {
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        let stopped = !polled[1].revents().is_empty();
        if stopped {
            return end_group(child, End::Killed(Signal::KILL.as_raw()));
        }
        match woken.read(&mut [0; 64]) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
        while let Some((ended, status)) = rustix::process::wait(WaitOptions::NOHANG).or_else(none_left)? {
            if ended == child {
                let end = match status.terminating_signal() {
                    Some(signal) => End::Killed(signal),
                    None => End::Exited(status.exit_status().unwrap_or(-1)),
                };
                return end_group(child, end);
            }
        }
    }
}

/// Kills what the program has left in its process group, all of it at once: one by one, what starts successors faster than
/// it dies would win.
fn end_group(child: Pid, end: End) -> io::Result<End> {
    match rustix::process::kill_process_group(child, Signal::KILL) {
        Ok(()) | Err(Errno::SRCH) => Ok(end),
        Err(error) => Err(error.into()),
    }
}

fn none_left<T>(error: Errno) -> rustix::io::Result<Option<T>> {
    match error {
        Errno::CHILD | Errno::INTR => Ok(None),
        error => Err(error),
    }
}
