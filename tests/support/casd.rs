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

impl Casd {
    /// Starts the server with its store below `dir`. The runner has no sandbox: actions see this machine's files.
    pub(crate) fn start(dir: &Path) -> Self {
        let bin = tools().join("bin");
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|socket| socket.local_addr())
            .expect("a free port")
            .port();
        std::fs::create_dir_all(dir).expect("directory");
        let log = std::fs::File::create(dir.join("log")).expect("log");
        let process = Command::new(bin.join("buildbox-casd"))
            .args(["--bind", &format!("127.0.0.1:{port}")])
            .arg("--buildbox-run")
            .arg(bin.join("buildbox-run-hosttools"))
            // Through FUSE it would need a device that a container lacks.
            .args([
                "--runner-arg=--staging-mode=copy-or-link",
                "--jobs",
                "2",
                "--quota-high",
                "2G",
            ])
            // By default it stores failures and serves them again.
            .args(["--cache-failures=false", "--log-level", "info"])
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
}

impl Drop for Casd {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
