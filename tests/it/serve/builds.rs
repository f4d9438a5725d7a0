//! Builds of ours with a server of ours, over every transport and across a server's death; and with other servers.

use super::{Authority, Server, command, write_tokens};
use crate::support::buildgrid::{BuildGrid, Runner};
use crate::support::casd::Casd;
use crate::support::serve::Serve;
use crate::tools::has_tools;
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const FILES: [(&str, &str); 4] = [
    (
        "main.c",
        "#include \"own.h\"\n#include <stdio.h>\n#include <ftw.h>\nint main(void) { puts(OWN); return part(); }\n",
    ),
    ("own.h", "#define OWN \"own\"\nint part(void);\n"),
    (
        "part.cc",
        "#include <string>\nextern \"C\" int part() { int unused; return std::string(__FILE__).empty(); }\n",
    ),
    (
        "Makefile",
        "program: main.o part.o\n\tc++ -o $@ $^\n%.o: %.c\n\tgcc -g -Wall -MMD -c $< -o $@\n\
         %.o: %.cc\n\tg++ -g -Wall -MMD -c $< -o $@\n",
    ),
];

/// Somebody with a cache, a daemon and settings of their own.
struct User {
    home: tempfile::TempDir,
    settings: Vec<(&'static str, String)>,
}

impl User {
    fn new(settings: &[(&'static str, String)]) -> Self {
        let user = Self {
            home: tempfile::Builder::new().prefix("rewrap-user-").tempdir().unwrap(),
            settings: settings.to_vec(),
        };
        for name in ["run", "bin"] {
            fs::create_dir(user.path(name)).unwrap();
        }
        fs::set_permissions(user.path("run"), Permissions::from_mode(0o700)).unwrap();
        for (name, program) in [
            ("rewrap", env!("CARGO_BIN_EXE_rewrap")),
            ("rewrap-cc", env!("CARGO_BIN_EXE_rewrap-cc")),
        ] {
            symlink(program, user.path("bin").join(name)).unwrap();
        }
        user
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn rewrap(&self, project: &Path, arguments: &[&str]) -> Output {
        let mut command = Command::new(self.path("bin/rewrap"));
        command
            .args(arguments)
            .current_dir(project)
            .env_clear()
            .stdin(Stdio::null());
        command
            .env("PATH", format!("{}:/usr/bin:/bin", self.path("bin").display()))
            .env("HOME", self.home.path())
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("LC_ALL", "C.UTF-8")
            .envs(self.settings.iter().map(|(name, value)| (name, value)));
        command.output().unwrap()
    }

    /// Builds the project; how many of its two compiles and its link went where.
    fn build(&self, project: &Project) -> BTreeMap<String, u64> {
        project.clean();
        let output = self.rewrap(project.path(), &["build", "--", "make"]);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let said = format!("{}\n{}", text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{said}");
        assert_eq!(project.products(), project.expected, "{said}");
        // The warning of the step.
        assert!(said.contains("unused"), "{said}");
        let stats = self.stats(project);
        let places = stats["by_where"].as_object().unwrap();
        let count = |value: &serde_json::Value| value.as_u64().unwrap();
        let places = places.iter().filter(|(_, steps)| count(steps) > 0);
        places.map(|(place, steps)| (place.clone(), count(steps))).collect()
    }
}

impl User {
    fn stats(&self, project: &Project) -> serde_json::Value {
        let stats = self.rewrap(project.path(), &["stats", "--json"]);
        serde_json::from_slice(&stats.stdout).unwrap()
    }

    /// Why steps ran here.
    fn reasons(&self, project: &Project) -> String {
        self.stats(project)["reasons"].to_string()
    }
}

impl Drop for User {
    /// Stops the daemon.
    fn drop(&mut self) {
        self.rewrap(Path::new("/"), &["daemon", "stop"]);
    }
}

/// Two sources, and what the compilers make of them without us.
struct Project {
    dir: tempfile::TempDir,
    expected: BTreeMap<String, Vec<u8>>,
}

impl Project {
    fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("rewrap-project-").tempdir().unwrap();
        fs::create_dir(dir.path().join(".git")).unwrap();
        for (name, text) in FILES {
            fs::write(dir.path().join(name), text).unwrap();
        }
        let mut project = Self {
            dir,
            expected: BTreeMap::new(),
        };
        let plain = Command::new("make").current_dir(project.path()).output().unwrap();
        assert!(plain.status.success(), "{plain:?}");
        project.expected = project.products();
        assert_eq!(project.expected.len(), 5);
        project
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn products(&self) -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(self.path()).unwrap().map(Result::unwrap);
        let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
        let named = files.map(|entry| (entry.file_name().into_string().unwrap(), entry.path()));
        named
            .filter(|(name, _)| FILES.iter().all(|(source, _)| source != name))
            .map(|(name, path)| (name, fs::read(path).unwrap()))
            .collect()
    }

    fn clean(&self) {
        for name in self.products().into_keys() {
            fs::remove_file(self.path().join(name)).unwrap();
        }
    }
}

/// The first user's steps run on the server, the second one's are there already.
#[track_caller]
fn check(what: &str, server: &Server, settings: &[(&'static str, String)]) {
    check_steps(&format!("{what}: {}", server.log()), settings);
}

#[track_caller]
fn check_steps(what: &str, settings: &[(&'static str, String)]) {
    let project = Project::new();
    for place in ["remote", "remote_cache"] {
        let user = User::new(settings);
        let all = BTreeMap::from([(place.to_owned(), 3)]);
        let places = user.build(&project);
        assert_eq!(places, all, "{what}: {}", user.reasons(&project));
    }
}

#[test]
fn on_servers_that_we_did_not_write() {
    let dir = tempfile::tempdir().unwrap();
    let dir = |name: &str| dir.path().join(name);
    if !has_tools("buildbox-casd", &["bin/buildbox-casd"]) {
        return;
    }
    {
        let casd = Casd::start(&dir("casd"));
        check_steps("casd", &[executor(&casd.address)]);
        let ours = Serve::start(&dir("ours"), &[]);
        let proxy = Casd::proxy(&dir("proxy"), &ours.address);
        check_steps("casd in front of ours", &[executor(&proxy.address)]);
    }
    if !has_tools("buildgrid", &["venv/bin/bgd", "bin/buildbox-worker"]) {
        return;
    }
    for runner in [Runner::HostTools, Runner::Bubblewrap] {
        let grid = BuildGrid::start(&dir(&format!("{runner:?}")), runner, &[]);
        check_steps(&format!("BuildGrid, {runner:?}"), &[executor(&grid.address)]);
    }
}

fn executor(address: &str) -> (&'static str, String) {
    ("REWRAP_REMOTE_EXECUTOR", address.to_owned())
}

#[test]
fn over_loopback_and_a_unix_socket() {
    let dir = tempfile::tempdir().unwrap();
    let socket = format!("unix:{}", dir.path().join("run/socket").display());
    let server = Server::start(dir.path(), &["--listen", "127.0.0.1:0", "--listen", &socket]);
    for address in &server.addresses {
        check(address, &server, &[executor(address)]);
    }
    assert_eq!(server.addresses[1], socket);
    server.stop();
}

#[test]
fn over_tls_with_a_token_or_a_certificate() {
    let Some(authority) = Authority::new() else { return };
    let dir = tempfile::tempdir().unwrap();
    let tokens = dir.path().join("tokens");
    write_tokens(&tokens, &[("ali", "open sesame")]);
    let [certificate, key] = authority.sign("server");
    let (ca, tokens) = (authority.path("ca.pem"), tokens.to_str().unwrap());
    let server = Server::start(
        dir.path(),
        &[
            &[
                "--listen",
                "0.0.0.0:0",
                "--tls-certificate",
                &certificate,
                "--tls-key",
                &key,
            ][..],
            &["--tls-client-ca", &ca, "--tokens", tokens],
        ]
        .concat(),
    );
    let address = server.address().replace("0.0.0.0", "127.0.0.1");
    let trusting = [executor(&address), ("REWRAP_TLS_CERTIFICATE", ca)];
    let token = ("REWRAP_REMOTE_HEADER", "authorization=Bearer open sesame".to_owned());
    check("a token", &server, &[&trusting[..], &[token]].concat());
    let [certificate, key] = authority.sign("client");
    let shown = [
        ("REWRAP_TLS_CLIENT_CERTIFICATE", certificate),
        ("REWRAP_TLS_CLIENT_KEY", key),
    ];
    check("a certificate", &server, &[&trusting[..], &shown].concat());
    let log = server.log();
    assert!(log.contains("token ali") && log.contains("certificate "), "{log}");
    assert!(!log.contains("open sesame"), "{log}");
    server.stop();
}

#[test]
fn what_was_kept_outlives_the_server() {
    let dir = tempfile::tempdir().unwrap();
    let project = Project::new();
    let mut place = "remote";
    for signal in [Signal::KILL, Signal::TERM, Signal::KILL] {
        let mut server = Server::start(dir.path(), &["--listen", "127.0.0.1:0"]);
        let user = User::new(&[executor(server.address())]);
        let expected = BTreeMap::from([(place.to_owned(), 3)]);
        let places = user.build(&project);
        assert_eq!(places, expected, "{}\n{}", user.reasons(&project), server.log());
        place = "remote_cache";
        server.signal(signal);
        server.ended();
    }
}

/// A server whose machine has other contents in `/usr/include/ftw.h`, which one of the two sources includes.
#[test]
fn a_machine_with_another_header_runs_no_step_that_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    let header = dir.path().join("ftw.h");
    let text = fs::read_to_string("/usr/include/ftw.h").unwrap();
    fs::write(&header, format!("{text}#define OF_ANOTHER_MACHINE 1\n")).unwrap();
    let options = ["--listen", "127.0.0.1:0"];
    let serve = command(dir.path(), &options);
    let mut there = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        there.arg("--map-root-user");
    }
    there
        .args(["--mount", "sh", "-c"])
        .arg("mount --bind \"$0\" /usr/include/ftw.h && exec \"$@\"")
        .arg(&header)
        .arg(serve.get_program())
        .args(serve.get_args())
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("HOME", dir.path())
        .stdin(Stdio::null())
        .current_dir("/");
    let server = Server::of_command(there, dir.path(), &options);
    let project = Project::new();
    let user = User::new(&[executor(server.address())]);
    let expected = BTreeMap::from([("fallback".to_owned(), 1), ("remote".to_owned(), 2)]);
    assert_eq!(user.build(&project), expected, "{}", user.reasons(&project));
    assert!(
        user.reasons(&project).contains("/usr/include/ftw.h"),
        "{}",
        user.reasons(&project)
    );
}
