//! `rewrap serve`.

mod builds;
mod ending;
mod front;
mod worker;

use crate::tools::missing;
use rewrap::digest::Digest;
use std::fmt::Write as _;
use std::fs::{self, File, Permissions};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A running server.
struct Server {
    process: Child,
    /// What it says that it listens at, in the order of the options.
    addresses: Vec<String>,
    log: PathBuf,
}

impl Server {
    /// Starts a server with everything of its own below `dir`, and waits until it accepts connections.
    fn start(dir: &Path, options: &[&str]) -> Self {
        Self::of_command(command(dir, options), dir, options)
    }

    fn of_command(mut command: Command, dir: &Path, options: &[&str]) -> Self {
        let log = dir.join("log");
        let mut process = command
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let listeners = options.iter().filter(|option| **option == "--listen").count();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let addresses: Vec<_> = lines.take(listeners).map(Result::unwrap).collect();
        let server = Self {
            process,
            addresses,
            log,
        };
        assert_eq!(server.addresses.len(), listeners, "{}", server.log());
        server
    }

    fn address(&self) -> &str {
        &self.addresses[0]
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.process), signal).unwrap();
    }

    /// Waits for its end.
    fn ended(&mut self) -> ExitStatus {
        let until = Instant::now() + Duration::from_mins(1);
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < until, "it does not end: {}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Asks it to end, and waits until it has.
    fn stop(mut self) {
        self.signal(rustix::process::Signal::TERM);
        assert_eq!(self.ended().code(), Some(0), "{}", self.log());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// The program with these options, and everything of its own below `dir`.
fn command(dir: &Path, options: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rewrap"));
    command.args(["serve", "--dir"]).arg(dir.join("server")).args(options);
    command
        .env_clear()
        .env("HOME", dir)
        .stdin(Stdio::null())
        .current_dir("/");
    command
}

/// A file with the digest of each token, after its name.
fn write_tokens(path: &Path, tokens: &[(&str, &str)]) {
    let mut text = "# name, SHA-256\n".to_owned();
    for (name, token) in tokens {
        writeln!(text, "{name} {}", Digest::of(token.as_bytes()).hex()).unwrap();
    }
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::set_permissions(&new, Permissions::from_mode(0o600)).unwrap();
    fs::rename(new, path).unwrap();
}

/// An authority and what it has signed, made by the `openssl` program.
struct Authority(tempfile::TempDir);

impl Authority {
    /// `None`, said aloud, if the program is not installed and need not be.
    fn new() -> Option<Self> {
        let authority = Self(tempfile::tempdir().unwrap());
        // A name of its own: two authorities of one name would be one with a wrong signature.
        let name = authority.0.path().file_name().unwrap().to_string_lossy();
        if authority.make("ca", &["-subj", &format!("/CN={name}")]) {
            return Some(authority);
        }
        missing("openssl");
        None
    }

    /// The file of this name: `ca.pem`, or of what was signed.
    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    /// Makes the certificate `NAME.pem` and its key `NAME.key`, for 127.0.0.1.
    fn sign(&self, name: &str) -> [String; 2] {
        let (ca, key) = (self.path("ca.pem"), self.path("ca.key"));
        let subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
        let end = ["-addext", "basicConstraints=critical,CA:FALSE"];
        assert!(self.make(name, &[&["-CA", &ca, "-CAkey", &key], &subject[..], &end].concat()));
        ["pem", "key"].map(|end| self.path(&format!("{name}.{end}")))
    }

    fn make(&self, name: &str, arguments: &[&str]) -> bool {
        let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
        let output = Command::new("openssl")
            .args(["req", "-x509"])
            .args(curve)
            .args(["-keyout", &self.path(&format!("{name}.key"))])
            .args(["-out", &self.path(&format!("{name}.pem"))])
            .args(arguments)
            .output();
        output.is_ok_and(|output| output.status.success())
    }
}
