//! The daemon's log: one file in the state directory, bounded. It never holds a variable's value or an argument.

use crate::host::fs::{PathContext as _, PathError};
use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Mutex;

/// Size above which a daemon that starts begins a new file and keeps this one as the old.
const ROTATE_ABOVE: u64 = 1 << 20;

/// Begins to log to `daemon.log` in this directory, panics too. Once per process; a second call changes nothing.
pub fn start(state_directory: &Path) -> Result<(), PathError> {
    let file = open(state_directory)?;
    let log = tracing_subscriber::fmt()
        .with_writer(Mutex::new(file))
        .with_max_level(tracing::Level::INFO);
    if log.try_init().is_ok() {
        std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "a thread panicked")));
    }
    Ok(())
}

fn open(state_directory: &Path) -> Result<File, PathError> {
    let log = state_directory.join("daemon.log");
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(state_directory)
        .at("create", state_directory)?;
    match std::fs::metadata(&log) {
        Ok(found) if found.len() > ROTATE_ABOVE => {
            std::fs::rename(&log, state_directory.join("daemon.log.old")).at("rename", &log)?;
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).at("look at", &log),
        _ => {}
    }
    File::options()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(&log)
        .at("open", &log)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_log_becomes_the_old_one() {
        let state = tempfile::tempdir().unwrap();
        let log = state.path().join("daemon.log");
        let check = |length: u64, rotated: bool| {
            File::create(&log).unwrap().set_len(length).unwrap();
            let opened = open(state.path()).unwrap();
            assert_eq!(opened.metadata().unwrap().len(), if rotated { 0 } else { length });
            assert_eq!(state.path().join("daemon.log.old").exists(), rotated);
        };
        check(ROTATE_ABOVE, false);
        check(ROTATE_ABOVE + 1, true);
    }
}
