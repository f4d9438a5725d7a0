//! Runs the real tool: in place of the wrapper, or as its child whose output is passed on and kept.

use crate::pb::wire;
use crate::wrapper::invocation::{Invocation, NoTool};
use crate::wrapper::relay::Relay;
use crate::wrapper::search::Search;
use crate::wrapper::signals::Waking;
use crate::wrapper::terminal::Terminal;
use crate::wrapper::{INSIDE, invocation, trampoline};
use rustix::io::FdFlags;
use rustix::process::{Pid, Signal};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a child may take to end of a signal that reached the wrapper, before it is passed on: Ctrl-C reaches the
/// whole process group, and a driver that is told twice may die before it has removed its temporary files.
const SIGNAL_GRACE: Duration = Duration::from_millis(50);

/// A tool and everything it is to be run with.
pub(super) struct LocalRun<'a> {
    /// The tool.
    pub(super) invocation: &'a Invocation,
    /// What to run with in place of the user's arguments; `None` for those.
    pub(super) plan: Option<&'a wire::RunHere>,
    /// For the tool's `PATH`.
    pub(super) search: &'a Search,
    /// Whether this wrapper was itself started by a tool that a wrapper started.
    pub(super) nested: bool,
}

/// What came of a reported run.
pub(super) struct Ran {
    /// How the child ended.
    pub(super) status: ExitStatus,
    /// For the daemon; `None` if the output was too long to keep, so that nobody takes a part for the whole.
    pub(super) outcome: Option<wire::LocalOutcome>,
    /// A signal that ended the wrapper's wait, to be raised again.
    pub(super) signal: Option<i32>,
}

impl LocalRun<'_> {
    /// Becomes the tool. Returns only if that cannot be.
    pub(super) fn exec(&self) -> NoTool {
        let invocation = self.invocation;
        let mut command = Command::new(&invocation.tool);
        command.arg0(&invocation.invoked_as).args(self.args());
        self.set_environment(&mut command);
        NoTool::refused(&invocation.tool, &command.exec())
    }

    /// Becomes the tool and leaves the connection open with it: its end releases the permit.
    pub(super) fn exec_holding(&self, connection: &UnixStream) -> NoTool {
        let kept = rustix::io::fcntl_setfd(connection, FdFlags::empty());
        debug_assert!(kept.is_ok());
        self.exec()
    }

    /// Runs the tool as a child that dies with this process; passes its output on as it comes and keeps it. After an
    /// error no tool is running.
    pub(super) fn run(&self, signals: &Waking) -> io::Result<Ran> {
        let started = Instant::now();
        let terminal = Terminal::like_stderr();
        let mut child = self.spawn(terminal.as_ref())?;
        let ended = Relay::of(&mut child, terminal).and_then(|mut relay| {
            let (status, signal) = attend(&mut child, &mut relay, signals)?;
            Ok((status, signal, relay))
        });
        let (status, signal, relay) = match ended {
            Ok(ended) => ended,
            Err(error) => {
                child.kill()?;
                child.wait()?;
                return Err(error);
            }
        };
        let (user, system) = children_times();
        let outcome = relay.finish().map(|captured| wire::LocalOutcome {
            exit: status.code().unwrap_or_else(|| -status.signal().unwrap_or(0)),
            stdout: captured.stdout,
            stderr: captured.stderr,
            wall_micros: micros(started.elapsed()),
            user_micros: micros(user),
            system_micros: micros(system),
        });
        Ok(Ran {
            status,
            outcome,
            signal,
        })
    }

    /// Through the trampoline, which asks the kernel to end the tool when this process dies; without it where this
    /// program cannot be started again.
    fn spawn(&self, terminal: Option<&Terminal>) -> io::Result<Child> {
        let start = |mut command: Command| {
            self.set_environment(&mut command);
            let stderr = terminal.map_or_else(|| Ok(Stdio::piped()), Terminal::for_child)?;
            command.stdout(Stdio::piped()).stderr(stderr).spawn()
        };
        start(trampoline::for_tool(self.invocation, self.args())).or_else(|_| {
            let mut command = Command::new(&self.invocation.tool);
            command.arg0(&self.invocation.invoked_as).args(self.args());
            start(command)
        })
    }

    fn args(&self) -> Vec<&OsStr> {
        match self.plan {
            Some(plan) => plan.args.iter().map(|word| OsStr::from_bytes(word)).collect(),
            None => self.invocation.args.iter().map(OsString::as_os_str).collect(),
        }
    }

    fn set_environment(&self, command: &mut Command) {
        let name = invocation::base_name(&self.invocation.invoked_as);
        if let Some(path) = self.search.path_for_tool(name, self.nested) {
            command.env("PATH", path);
        }
        command.env(INSIDE, "1");
        for variable in self.plan.map_or(&[][..], |plan| &plan.set_env) {
            command.env(OsStr::from_bytes(&variable.name), OsStr::from_bytes(&variable.value));
        }
    }
}

/// Waits for the child while its output flows, passing signals on: how it ended, and the signal that ends us.
fn attend(child: &mut Child, relay: &mut Relay, signals: &Waking) -> io::Result<(ExitStatus, Option<i32>)> {
    let mut caught = None;
    let mut forward_at: Option<Instant> = None;
    loop {
        let patience = forward_at.map(|at| at.saturating_duration_since(Instant::now()));
        relay.wait(signals.wake(), patience);
        signals.rest();
        if let Some(status) = child.try_wait()? {
            relay.drain();
            return Ok((status, caught));
        }
        if signals.last() != caught {
            caught = signals.last();
            forward_at = Some(Instant::now() + SIGNAL_GRACE);
        }
        if let Some(signal) = caught.filter(|_| forward_at.is_some_and(|at| at <= Instant::now())) {
            forward_at = None;
            forward(child, signal)?;
        }
    }
}

fn forward(child: &Child, signal: i32) -> io::Result<()> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let signal = Signal::from_named_raw(signal);
    if let (Some(pid), Some(signal)) = (pid, signal) {
        // Not reaped yet, so the number is still the child's.
        rustix::process::kill_process(pid, signal)?;
    }
    Ok(())
}

/// Processor time of the child that was waited for: user, system. In the kernel's ticks, 10 ms as a rule, since there
/// is no safe call for more.
fn children_times() -> (Duration, Duration) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The second field is the name in parentheses, with anything in it; `cutime` and `cstime` are the 16th and 17th.
    let mut fields = stat
        .rsplit_once(')')
        .map_or("", |(_, rest)| rest)
        .split_ascii_whitespace()
        .skip(13);
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    let mut next = || {
        let ticks: u64 = fields.next().and_then(|field| field.parse().ok()).unwrap_or(0);
        Duration::from_millis(ticks * 1000 / per_second)
    };
    (next(), next())
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
