//! `rewrap serve` on a loopback port, for as long as the value lives.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running server.
pub(crate) struct Serve {
    process: Child,
    /// `grpc://127.0.0.1:PORT`.
    pub(crate) address: String,
    /// Its store, as the commands of `rewrap store` take it.
    pub(crate) store: PathBuf,
}

impl Serve {
    /// Starts the server with its store below `dir`. Its workers announce themselves as those of BuildGrid do.
    pub(crate) fn start(dir: &Path, options: &[&str]) -> Self {
        std::fs::create_dir_all(dir).expect("directory");
        let home = dir.join("home");
        let log = File::create(dir.join("log")).expect("log");
        let mut process = Command::new(env!("CARGO_BIN_EXE_rewrap"))
            .args(["serve", "--listen", "127.0.0.1:0", "--dir"])
            .arg(&home)
            .args([
                "--slots",
                "2",
                "--platform",
                "OSFamily=linux",
                "--platform",
                "ISA=x86-64",
            ])
            .args(options)
            // No settings of the user's own.
            .env("XDG_CONFIG_HOME", dir.join("config"))
            .env("XDG_CACHE_HOME", dir.join("cache"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("rewrap");
        let mut address = String::new();
        let mut lines = BufReader::new(process.stdout.take().expect("a pipe"));
        lines.read_line(&mut address).expect("its standard output");
        let log = || std::fs::read_to_string(dir.join("log")).unwrap_or_default();
        assert!(
            address.starts_with("grpc://"),
            "rewrap serve says {address:?}: {}",
            log()
        );
        Self {
            process,
            address: address.trim_end().to_owned(),
            store: home.join("store"),
        }
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Stops it in order; whether it says that all went well.
    pub(crate) fn stop(mut self) -> bool {
        self.end() == Some(0)
    }

    fn end(&mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).ok();
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline {
            match self.process.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(20)),
                Ok(Some(status)) => return status.code(),
                Err(_) => break,
            }
        }
        self.process.kill().ok();
        self.process.wait().ok();
        None
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(None)) {
            self.end();
        }
    }
}
