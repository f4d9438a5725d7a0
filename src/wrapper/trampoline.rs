//! Second lives of the wrapper's program: short processes that do, before an `exec`, what Rust cannot safely do between
//! `fork` and `exec`. They are chosen by an `argv[0]` that no file has.

use crate::daemon::start::DETACHED;
use crate::wire::place::DAEMON_PROGRAM;
use crate::wrapper::invocation::{Invocation, NoTool};
use rustix::process::{Pid, Resource, Signal};
use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

/// `argv[0]` of the process that becomes a tool which dies with the wrapper. Then: the wrapper's process id, the tool,
/// the tool's argv.
const TOOL: &str = "rewrap:tool";

/// This program, also after its file was replaced.
const SELF: &str = "/proc/self/exe";

/// A command that runs a tool so that the kernel ends it when this process dies, however it dies.
pub(super) fn for_tool(invocation: &Invocation, args: Vec<&OsStr>) -> Command {
    let mut command = Command::new(SELF);
    command
        .arg0(TOOL)
        .arg(std::process::id().to_string())
        .arg(&invocation.tool)
        .arg(&invocation.invoked_as)
        .args(args);
    command
}

/// The second life that this `argv[0]` asks for, if it does.
pub(super) fn second_life(argv0: &OsStr, args: &[OsString]) -> Option<ExitCode> {
    match argv0.to_str()? {
        TOOL => Some(become_tool(args)),
        DETACHED => Some(start_daemon(args)),
        _ => None,
    }
}

fn become_tool(args: &[OsString]) -> ExitCode {
    let [parent, tool, invoked_as, args @ ..] = args else {
        return ExitCode::from(125);
    };
    let parent = parent.to_str().and_then(|pid| Pid::from_raw(pid.parse().ok()?));
    // TERM rather than KILL: gcc's driver removes its temporary files.
    let bound = rustix::process::set_parent_process_death_signal(Some(Signal::TERM));
    // A wrapper that died before the call above is not noticed by it.
    if bound.is_err() || rustix::process::getppid() != parent {
        return ExitCode::from(125);
    }
    let error = Command::new(tool).arg0(invoked_as).args(args).exec();
    super::give_up(&NoTool::refused(Path::new(tool), &error))
}

/// Leaves session, descriptors, priority, limits and directory of the build, starts the daemon, and does not wait: so
/// it belongs to init, and the wrapper has a child that ends at once.
fn start_daemon(args: &[OsString]) -> ExitCode {
    let Some((program, args)) = args.split_first() else {
        return ExitCode::from(125);
    };
    // Fails only for the leader of a group, who has a session of its own already or none to leave.
    let _session = rustix::process::setsid();
    close_fds::set_fds_cloexec(3, &[]);
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    best_effort_defaults();
    let started = Command::new(program)
        .arg0(DAEMON_PROGRAM)
        .args(args)
        .env_clear()
        .current_dir("/")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if started.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(126)
    }
}

/// Undoes `nice`, `taskset` and `ulimit` as far as this user may: a daemon serves later builds too.
fn best_effort_defaults() {
    let _priority = rustix::process::setpriority_process(None, 0);
    let mut every = rustix::thread::CpuSet::new();
    for cpu in 0..rustix::thread::CpuSet::MAX_CPU {
        every.set(cpu);
    }
    let _affinity = rustix::thread::sched_setaffinity(None, &every);
    for resource in [
        Resource::As,
        Resource::Cpu,
        Resource::Data,
        Resource::Fsize,
        Resource::Nofile,
        Resource::Nproc,
    ] {
        let mut limit = rustix::process::getrlimit(resource);
        limit.current = limit.maximum;
        let _limit = rustix::process::setrlimit(resource, limit);
    }
}
