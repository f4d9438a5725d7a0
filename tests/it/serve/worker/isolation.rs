//! What an action in a sandbox can see and reach, and what is left of it.

use super::bench::{Bench, sh};
use rewrap::serve::sandbox::SandboxMode::{Auto, Off, Require};
use rewrap::serve::worker::{Worker, WorkerError, WorkerOptions};
use rewrap::store::DiskStore;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

/// Nobody's secret, outside of any toolchain.
fn secret() -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new().prefix("rewrap-secret-").tempfile().unwrap();
    fs::write(file.path(), b"secret").unwrap();
    fs::set_permissions(file.path(), fs::Permissions::from_mode(0o666)).unwrap();
    file
}

/// A program that an installation of bubblewrap can show: it refuses to make namespaces itself.
fn init_without_namespaces(bench: &std::path::Path) -> std::path::PathBuf {
    let init = bench.join("init");
    let program = env!("CARGO_BIN_EXE_rewrap");
    fs::write(
        &init,
        format!("#!/bin/sh\n[ $2 = enter ] && exit 1\nexec {program} \"$@\"\n"),
    )
    .unwrap();
    fs::set_permissions(&init, fs::Permissions::from_mode(0o755)).unwrap();
    init
}

/// Every kind of sandbox that this machine has.
fn in_sandboxes(check: impl Fn(&Bench)) {
    let bench = Bench::new(Require);
    assert!(
        bench.worker.describe().contains("sandbox: namespaces"),
        "{}",
        bench.worker.describe()
    );
    check(&bench);
    if !std::path::Path::new("/usr/bin/bwrap").exists() {
        return crate::tools::missing("bwrap");
    }
    let dir = tempfile::tempdir().unwrap();
    let programs = std::path::Path::new(env!("CARGO_BIN_EXE_rewrap")).parent().unwrap();
    let bench = Bench::with(Require, |options| {
        options.init = init_without_namespaces(dir.path());
        options.roots.push(programs.to_owned());
    });
    assert!(
        bench.worker.describe().contains("bubblewrap"),
        "{}",
        bench.worker.describe()
    );
    check(&bench);
}

#[test]
fn an_action_sees_its_directory_and_the_toolchain() {
    let bench = Bench::new(Require);
    let told = |script: &str| bench.told(&bench.sh(script, &[("a", "one")], &[]));
    let top = told("ls /");
    let usual = [
        "action", "bin", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "sbin", "tmp", "usr",
    ];
    for name in top.trim_start_matches("0|").trim_end_matches(';').split(';') {
        assert!(usual.contains(&name), "{top}");
    }
    assert_eq!(told("pwd; ls"), "0|/action;a;");
    assert_eq!(told("ls -A /tmp; echo x > /tmp/x && cat /tmp/x"), "0|x;");
    assert_eq!(told("echo /etc/*"), etc());
    assert_eq!(
        told("ls /dev"),
        "0|fd;full;null;random;shm;stderr;stdin;stdout;urandom;zero;"
    );
    assert_eq!(told("id -u; id -g; hostname"), "0|1000;1000;action;");
    let refused = "2|/bin/sh: 1: cannot create /proc/1/exe: Permission denied;";
    assert_eq!(
        told("readlink /proc/1/exe; readlink /proc/1/root; : > /proc/1/exe"),
        refused
    );
    // Counted by the shell itself: a pipe's ends start one after the other.
    assert_eq!(told("cat /proc/1/comm; set -- /proc/[0-9]*; echo $#"), "0|exe;2;");
}

/// What of `/etc` belongs to the toolchain here.
fn etc() -> String {
    let names = fs::read_dir("/etc")
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut shown: Vec<String> = names
        .filter(|name| {
            let release = name.ends_with("-release") || name == "debian_version";
            name.starts_with("alternatives") || name.starts_with("ld.so.") || release
        })
        .map(|name| format!("/etc/{name}"))
        .collect();
    shown.sort();
    format!("0|{};", shown.join(" "))
}

#[test]
fn an_action_changes_nothing_outside() {
    let secret = secret();
    in_sandboxes(|bench| {
        let check = |script: &str, why: &str| {
            let ended = bench.sh(&format!("{script} && echo done"), &[], &[]).unwrap();
            let (out, err) = (bench.stdout(&ended), bench.stderr(&ended));
            assert!(out.is_empty() && err.contains(why), "{script}: {out}{err}");
        };
        let path = secret.path().display();
        check(&format!("cat {path}"), "No such file");
        check(&format!("cat /proc/1/root{path}"), "");
        check("touch /usr/rewrap-was-here", "Read-only file system");
        check("touch /rewrap-was-here", "Read-only file system");
        check("mount -o remount,rw /usr", "");
        check("umount /proc", "");
        check("mknod /tmp/disk b 8 0", "");
        check("echo 1 > /proc/sys/kernel/sysrq", "");
        check("kill -9 1 && kill -0 1 && sleep 0.1 && ! kill -0 1", "");
        check("hostname other", "");
        assert!(!std::path::Path::new("/usr/rewrap-was-here").exists());
    });
    assert_eq!(fs::read(secret.path()).unwrap(), b"secret");
}

#[test]
fn an_action_reaches_no_network_but_its_own() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let connect = format!("exec 3<>/dev/tcp/127.0.0.1/{port}");
    let own = "import socket\ns = socket.create_server(('127.0.0.1', 0))\nsocket.create_connection(s.getsockname())\nprint('own')\n";
    let bash = |bench: &Bench| {
        let command = super::bench::command(&["bash", "-c", &connect], &[]);
        bench.run(command, bench.tree(&[])).unwrap().exit_code
    };
    in_sandboxes(|bench| {
        assert_ne!(bash(bench), 0);
        let command = super::bench::command(&["python3", "-c", own], &[]);
        assert_eq!(bench.told(&bench.run(command, bench.tree(&[]))), "0|own;");
    });
    // The same command reaches it where nothing is in the way.
    assert_eq!(bash(&Bench::new(Off)), 0);
}

#[test]
fn scribbling_on_inputs_leaves_the_store_as_it_is() {
    for mode in [Require, Off] {
        let bench = Bench::new(mode);
        let large = "x".repeat(300_000);
        let entries = [("small", "one"), ("large", &*large), ("*tool", "two")];
        let script = "for f in small large tool; do echo scribbled >> $f; chmod 777 $f; done; rm tool; cat small";
        for _ in 0..2 {
            assert_eq!(bench.told(&bench.sh(script, &entries, &[])), "0|onescribbled;");
        }
        let report = bench
            .store
            .verify(rewrap::store::disk::OnCorrupt::List, |_| {})
            .unwrap();
        assert!(report.corrupt.is_empty(), "{report:?}");
    }
}

#[test]
fn inputs_are_the_same_whatever_the_umask_and_the_time() {
    let bench = Bench::new(Require);
    let entries = [("a", "one"), ("*b", "two"), ("sub/c", "three")];
    let script = "stat -c '%n %a %Y' a b sub/c; stat -c '%n %a' sub; umask; stat -c %a made";
    let expected = "0|a 644 946684800;b 755 946684800;sub/c 644 946684800;sub 755;0022;755;";
    let before = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let mut made = sh(script, &["made/x"]);
    made.environment_variables.clear();
    let ended = bench.run(made, bench.tree(&entries));
    rustix::process::umask(before);
    assert_eq!(bench.told(&ended), expected);
}

#[test]
fn a_sandbox_that_cannot_be_is_missed_only_if_required() {
    let dir = tempfile::tempdir().unwrap();
    let worker = |mode| {
        let store = DiskStore::open(&dir.path().join("store"), 0).unwrap();
        let options = WorkerOptions {
            sandbox: mode,
            init: "/bin/false".into(),
            ..WorkerOptions::new(dir.path().join("scratch"))
        };
        Worker::new(store, options)
    };
    let without = worker(Auto).unwrap().describe();
    assert!(without.starts_with("sandbox: none (namespaces: cannot "), "{without}");
    let Err(WorkerError::Sandbox(error)) = worker(Require) else {
        panic!("it is required")
    };
    assert!(
        error
            .to_string()
            .starts_with("cannot run actions in a sandbox: namespaces: cannot "),
        "{error}"
    );
    assert!(
        worker(Off)
            .unwrap()
            .describe()
            .starts_with("sandbox: none (it is switched off)")
    );
}

#[test]
fn roots_are_shown_read_only() {
    let tools = tempfile::tempdir().unwrap();
    fs::write(tools.path().join("tool"), b"#!/bin/sh\necho tool\n").unwrap();
    fs::set_permissions(tools.path().join("tool"), fs::Permissions::from_mode(0o755)).unwrap();
    let bench = Bench::with(Require, |options| options.roots.push(tools.path().to_owned()));
    let tool = tools.path().join("tool").display().to_string();
    assert_eq!(bench.told(&bench.sh(&tool, &[], &[])), "0|tool;");
    let ended = bench.sh(&format!("echo x > {tool}"), &[], &[]).unwrap();
    assert!(bench.stderr(&ended).contains("Read-only file system"));
}
