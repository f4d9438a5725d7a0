//! buildbox-casd with real execution on a loopback port, for as long as the value lives.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running server.
pub(crate) struct Casd {
    process: Child,
    /// `grpc://127.0.0.1:PORT`.
    pub(crate) address: String,
}

/// Where `tests/setup` put its programs.
pub(crate) fn tools() -> PathBuf {
    std::env::var_os("REWRAP_TEST_TOOLS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-tools"),
        PathBuf::from,
    )
}

/// What of the system a sandbox shows, and where: `/bin` and its like are links into `/usr`.
pub(crate) const SYSTEM: [(&str, &str); 8] = [
    ("/usr", "/usr"),
    ("/usr/bin", "/bin"),
    ("/usr/lib", "/lib"),
    ("/usr/lib64", "/lib64"),
    // GNU ld looks there for libraries, and clang for the distribution.
    ("/etc/ld.so.conf", "/etc/ld.so.conf"),
    ("/etc/ld.so.conf.d", "/etc/ld.so.conf.d"),
    ("/usr/lib/os-release", "/etc/os-release"),
    ("/etc/debian_version", "/etc/debian_version"),
];

impl Casd {
    /// Starts the server with its store below `dir`. The runner has no sandbox: actions see this machine's files.
    pub(crate) fn start(dir: &Path) -> Self {
        Self::with(dir, |casd| {
            Self::execute(casd, "buildbox-run-hosttools");
        })
    }

    /// The same with a runner that shows actions their inputs and `/usr`.
    pub(crate) fn start_sandboxed(dir: &Path) -> Self {
        Self::with(dir, |casd| {
            Self::execute(casd, "buildbox-run-bubblewrap");
            casd.args(SYSTEM.map(|(from, to)| format!("--runner-arg=--ro-bind-mount={from}:{to}")));
            // The runner looks for bwrap there.
            let path = std::env::var("PATH").expect("PATH");
            casd.env("PATH", format!("{}:{path}", tools().join("bin").display()));
        })
    }

    fn execute(casd: &mut Command, runner: &str) {
        casd.arg("--buildbox-run").arg(tools().join("bin").join(runner));
        // Through FUSE it would need a device that a container lacks. By default it stores failures and serves them again.
        casd.args(["--runner-arg=--staging-mode=copy-or-link", "--jobs", "2"]);
        casd.arg("--cache-failures=false");
    }

    /// Starts a server that has a store below `dir` and passes on to another one what it cannot answer.
    pub(crate) fn proxy(dir: &Path, remote: &str) -> Self {
        let remote = remote.replacen("grpc://", "http://", 1);
        Self::with(dir, |casd| {
            casd.args(["--remote", &remote]);
        })
    }

    fn with(dir: &Path, set: impl FnOnce(&mut Command)) -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|socket| socket.local_addr())
            .expect("a free port")
            .port();
        std::fs::create_dir_all(dir).expect("directory");
        let log = std::fs::File::create(dir.join("log")).expect("log");
        let mut casd = Command::new(tools().join("bin/buildbox-casd"));
        casd.args(["--bind", &format!("127.0.0.1:{port}"), "--quota-high", "8G"]);
        casd.args(["--log-level", "info"]);
        set(&mut casd);
        let process = casd
            .arg(dir.join("store"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("log"))
            .stderr(log)
            .spawn()
            .expect("buildbox-casd; run tests/setup");
        let mut server = Self {
            process,
            address: format!("grpc://127.0.0.1:{port}"),
        };
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(
                server.process.try_wait().expect("wait").is_none() && Instant::now() < deadline,
                "buildbox-casd did not start: {}",
                std::fs::read_to_string(dir.join("log")).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Casd {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
