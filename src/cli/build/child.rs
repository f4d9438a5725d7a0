//! Runs the build command as if it had been run directly: same terminal, same process group, same end.

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process};
use signal_hook::consts::signal::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, ExitStatus};

/// Runs it to its end. Ctrl-C reaches it from the terminal, as it is in our process group; we only outlive it to sum up.
/// What is sent to us alone (`kill`) is passed on.
pub(super) fn run(command: &[OsString], variables: &[(OsString, OsString)]) -> io::Result<ExitStatus> {
    // A signal that we were told to ignore (nohup, a shell's background job) must stay ignored in the child: catching
    // it would undo that, since the kernel resets what is caught, and keeps what is ignored, at `execve`.
    let ignored = ignored_signals();
    let caught = [SIGINT, SIGQUIT, SIGTERM, SIGHUP]
        .into_iter()
        .filter(|signal| ignored & (1 << (signal - 1)) == 0);
    let mut signals = Signals::new(caught)?;
    let (program, args) = command.split_first().expect("clap wants one word at least");
    let mut child = Command::new(program)
        .args(args)
        .envs(variables.iter().map(|(name, value)| (name, value)))
        // Whoever wraps a build from within a wrapped step means it.
        .env_remove("REWRAP_INSIDE")
        .spawn()?;
    let pid = Pid::from_child(&child);
    let handle = signals.handle();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for signal in signals.forever() {
                let signal = match signal {
                    SIGTERM => Signal::TERM,
                    SIGHUP => Signal::HUP,
                    _ => continue,
                };
                // It may be gone already, which is what the signal wants.
                kill_process(pid, signal).ok();
            }
        });
        // The child is reaped only after the thread has ended, so its number cannot mean another process there.
        let ended = loop {
            match rustix::process::waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
                Err(rustix::io::Errno::INTR) => {}
                ended => break ended,
            }
        };
        handle.close();
        ended
    })?;
    child.wait()
}

/// The child's exit code. If a signal that people send has ended it, that ends us too: a shell that runs us in a script
/// then stops as it would have. Of others (a crash) 128 and the number, as shells have it.
pub(super) fn exit_code(status: ExitStatus) -> ExitCode {
    match (status.code(), status.signal()) {
        (Some(code), _) => ExitCode::from(u8::try_from(code & 0xff).expect("one byte")),
        (None, Some(signal)) => {
            if matches!(signal, SIGINT | SIGTERM | SIGHUP) {
                // Returns only where the signal cannot be raised; the number then has to do.
                signal_hook::low_level::emulate_default_handler(signal).ok();
            }
            ExitCode::from(u8::try_from(128 + signal).unwrap_or(u8::MAX))
        }
        (None, None) => ExitCode::FAILURE,
    }
}

/// The signals that this process ignores, the first at bit 0; none where the kernel does not say (proc(5), `SigIgn`).
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}
