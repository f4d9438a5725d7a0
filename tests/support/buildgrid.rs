//! BuildGrid with a database and a worker of its own on loopback, for as long as the value lives.

use super::casd::{SYSTEM, tools};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How the worker runs actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runner {
    /// No sandbox: actions see this machine's files.
    HostTools,
    /// Actions see their inputs and `/usr`.
    Bubblewrap,
}

/// A running BuildGrid. Fields are stopped in this order.
pub(crate) struct BuildGrid {
    _worker: Process,
    _server: Process,
    _database: Process,
    /// `grpc://127.0.0.1:PORT`.
    pub(crate) address: String,
}

/// Stopped when dropped: as its own instructions say, and killed if that takes long.
struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
    /// What makes it stop at once and in order.
    signal: rustix::process::Signal,
}

impl BuildGrid {
    /// Starts everything with all its files below `dir`. Actions in a sandbox can read `roots`.
    pub(crate) fn start(dir: &Path, runner: Runner, roots: &[&Path]) -> Self {
        fs::create_dir_all(dir).expect("directory");
        let (database, connection) = start_database(dir);
        let port = free_port();
        let settings = dir.join("buildgrid.yml");
        fs::write(&settings, configuration(port, &connection)).expect("configuration");
        let program = tools().join("venv/bin/bgd");
        let migrated = Command::new(&program)
            .args(["migrate", "apply", &connection])
            .output()
            .expect("BuildGrid; run tests/setup");
        let said = String::from_utf8_lossy(&migrated.stderr);
        assert!(migrated.status.success(), "bgd migrate: {said}");
        let mut server = Command::new(&program);
        server.args(["server", "start", "-vv"]).arg(&settings);
        let server = Process::start("buildgrid", dir, &mut server, rustix::process::Signal::TERM);
        server.until("answers", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        let address = format!("127.0.0.1:{port}");
        let worker = start_worker(dir, &address, runner, roots);
        Self {
            _worker: worker,
            _server: server,
            _database: database,
            address: format!("grpc://{address}"),
        }
    }
}

/// PostgreSQL with an empty database; what BuildGrid calls its connection string. It refuses to run as root.
fn start_database(dir: &Path) -> (Process, String) {
    let programs = postgres_programs();
    let place = dir.join("database");
    fs::create_dir_all(&place).expect("directory");
    let owner = database_owner();
    if let Some((uid, gid)) = owner {
        std::os::unix::fs::chown(&place, Some(uid), Some(gid)).expect("chown");
        // The way to it must be open to its user.
        let mut above = place.parent();
        let temporary = std::env::temp_dir();
        while let Some(path) = above.filter(|path| *path != temporary && path.starts_with(&temporary)) {
            let mode = fs::metadata(path).expect("directory").permissions().mode();
            fs::set_permissions(path, fs::Permissions::from_mode(mode | 0o011)).expect("mode");
            above = path.parent();
        }
    }
    let command = |program: &str| {
        let mut command = Command::new(programs.join(program));
        command.current_dir(&place).env_clear().env("LC_ALL", "C.UTF-8");
        if let Some((uid, gid)) = owner {
            command.uid(uid).gid(gid);
        }
        command
    };
    let made = command("initdb")
        .args(["-D", "files", "-U", "buildgrid", "--auth=trust", "-N"])
        .output()
        .expect("initdb");
    assert!(
        made.status.success(),
        "initdb: {}",
        String::from_utf8_lossy(&made.stderr)
    );
    let port = free_port();
    let mut server = command("postgres");
    server.args(["-D", "files", "-p", &port.to_string(), "-h", "127.0.0.1", "-k", "."]);
    server.args(["-c", "fsync=off", "-c", "jit=off", "-c", "shared_buffers=32MB"]);
    // SIGINT is its fast shutdown.
    let server = Process::start("postgres", dir, &mut server, rustix::process::Signal::INT);
    let ask = |program: &str, args: &[&str]| {
        let mut command = command(program);
        command.args(["-h", "127.0.0.1", "-p", &port.to_string(), "-U", "buildgrid"]);
        let output = command.args(args).output().expect("a program of PostgreSQL");
        output.status.success()
    };
    server.until("accepts connections", || ask("pg_isready", &["-d", "postgres"]));
    assert!(ask("createdb", &["buildgrid"]), "createdb failed");
    // Plain `postgresql:` would mean another driver, with which every Execute hangs.
    let connection = format!("postgresql+psycopg2://buildgrid@127.0.0.1:{port}/buildgrid");
    (server, connection)
}

fn start_worker(dir: &Path, address: &str, runner: Runner, roots: &[&Path]) -> Process {
    let bin = tools().join("bin");
    let path = std::env::var("PATH").expect("PATH");
    let mut worker = Command::new(bin.join("buildbox-worker"));
    // The runner looks for bwrap there.
    worker.env("PATH", format!("{}:{path}", bin.display()));
    worker.args(["--remote", &format!("http://{address}"), "--buildbox-run"]);
    worker.arg(bin.join(match runner {
        Runner::HostTools => "buildbox-run-hosttools",
        Runner::Bubblewrap => "buildbox-run-bubblewrap",
    }));
    // It has no LocalCAS service, and FUSE needs a device that a container lacks.
    worker.args([
        "--runner-arg=--disable-localcas",
        "--runner-arg=--staging-mode=copy-or-link",
    ]);
    if runner == Runner::Bubblewrap {
        worker.args(SYSTEM.map(|(from, to)| format!("--runner-arg=--ro-bind-mount={from}:{to}")));
        let roots = roots.iter().map(|root| root.display());
        worker.args(roots.map(|root| format!("--runner-arg=--ro-bind-mount={root}:{root}")));
    }
    worker.args(["--concurrent-jobs", "2", "--log-level", "info"]);
    worker.args(["--platform", "OSFamily=linux", "--platform", "ISA=x86-64", "worker"]);
    let worker = Process::start("worker", dir, &mut worker, rustix::process::Signal::TERM);
    let log = dir.join("buildgrid.log");
    worker.until("is known to the server", || {
        fs::read_to_string(&log).is_ok_and(|log| log.contains("CreateBotSession"))
    });
    worker
}

/// The server's settings: one store, two instances with an action cache each, one scheduler.
fn configuration(port: u16, connection: &str) -> String {
    let mut text = format!(
        r#"server:
  - !channel {{ address: "127.0.0.1:{port}", insecure-mode: true }}
authorization: {{ method: none }}
connections:
  - !sql-connection &sql {{ connection-string: "{connection}" }}
storages:
  - !lru-storage &cas {{ size: 1G }}
caches:
  - !lru-action-cache &first {{ storage: *cas, max-cached-refs: 4096, allow-updates: true, cache-failed-actions: false }}
  - !lru-action-cache &second {{ storage: *cas, max-cached-refs: 4096, allow-updates: true, cache-failed-actions: false }}
schedulers:
  - !sql-scheduler &scheduler
    sql: *sql
    storage: *cas
    action-cache: *first
    property-set: !dynamic-property-set {{ match-property-keys: [OSFamily, ISA] }}
    # By default each job waits for the next of ticks that are a second apart.
    assigners: [ !priority-age-assigner {{ count: 1, interval: 0.05 }} ]
    poll-interval: 0.1
    bot-poll-interval: 0.05
thread-pool-size: 60
instances:
"#
    );
    for (name, cache) in [("", "first"), ("second", "second")] {
        let services = ["!cas { storage: *cas }", "!bytestream { storage: *cas }"];
        let execution = (name.is_empty()).then_some("!execution { scheduler: *scheduler }");
        writeln!(text, "  - name: \"{name}\"\n    services:").expect("a String");
        writeln!(text, "      - !action-cache {{ cache: *{cache} }}").expect("a String");
        for service in services.into_iter().chain(execution) {
            writeln!(text, "      - {service}").expect("a String");
        }
    }
    text
}

impl Process {
    fn start(name: &'static str, dir: &Path, command: &mut Command, signal: rustix::process::Signal) -> Self {
        let log = dir.join(format!("{name}.log"));
        let file = File::create(&log).expect("log");
        command
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("log"))
            .stderr(file);
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name}: {error}; run tests/setup"));
        Self {
            name,
            child,
            log,
            signal,
        }
    }

    /// Waits until the server does as it should.
    fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_mins(1);
        while !holds() {
            let log = || fs::read_to_string(&self.log).unwrap_or_default();
            assert!(Instant::now() < deadline, "{} never {what}: {}", self.name, log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let process = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(process, self.signal).ok();
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Where Debian puts them: `/usr/lib/postgresql/VERSION/bin`.
fn postgres_programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL; run tests/setup");
    let newest = versions.map(|entry| entry.expect("entry").path().join("bin")).max();
    newest.expect("a version of PostgreSQL")
}

/// Who the database runs as if we are root, whom it refuses: the user and the group that its package made.
fn database_owner() -> Option<(u32, u32)> {
    if !rustix::process::getuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("/etc/passwd");
    let line = users.lines().find(|line| line.starts_with("postgres:"));
    let fields: Vec<_> = line.expect("the user postgres").split(':').collect();
    let number = |at: usize| fields[at].parse().expect("a number");
    Some((number(2), number(3)))
}

fn free_port() -> u16 {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
    socket.local_addr().expect("an address").port()
}
