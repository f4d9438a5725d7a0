//! What an action has left running where no namespace ends it: all of it is a child of the init in the end, since the init
//! adopts orphans.

use rustix::process::{Pid, Signal, WaitOptions, kill_process, kill_process_group, wait};
use std::fs;

/// Kills every process that descends from this one, and returns when they are gone.
pub(super) fn kill() {
    // What is killed hands its children to us; they are killed in the next round.
    loop {
        for child in children() {
            // Its group first: the kernel stops all of it at once, and nothing in it can start a successor meanwhile.
            // What is not there any more is what was wanted.
            let _gone = kill_process_group(child, Signal::KILL);
            let _gone = kill_process(child, Signal::KILL);
        }
        match wait(WaitOptions::empty()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_none) => return,
        }
    }
}

fn children() -> Vec<Pid> {
    let own = rustix::process::getpid().as_raw_nonzero();
    // A kernel without this file does not say; then only the process group of the program dies.
    let listed = fs::read_to_string(format!("/proc/self/task/{own}/children")).unwrap_or_default();
    let pids = listed.split_ascii_whitespace().filter_map(|pid| pid.parse().ok());
    pids.filter_map(Pid::from_raw).collect()
}
