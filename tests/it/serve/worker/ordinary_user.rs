//! All of this as a user without privileges.

use crate::tools::missing;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

/// A user who owns nothing (Debian's `nobody`).
const NOBODY: &str = "65534";

#[test]
fn an_ordinary_user_can_run_actions_too() {
    if !rustix::process::geteuid().is_root() {
        return; // Then all other tests have shown it.
    }
    let own = std::env::current_exe().unwrap();
    let as_nobody = |program: &std::path::Path| {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"])
            .arg(program);
        command.current_dir("/").stdout(Stdio::piped());
        command
    };
    let reachable = as_nobody("test".as_ref())
        .arg("-x")
        .arg(env!("CARGO_BIN_EXE_rewrap"))
        .status();
    if !reachable.is_ok_and(|status| status.success()) {
        // As where the checkout is in root's own directory.
        return missing("setpriv, or a way for others to the built program");
    }
    let temporary = tempfile::tempdir().unwrap();
    std::fs::set_permissions(temporary.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let output = as_nobody(&own)
        .args([
            "serve::worker::commands",
            "serve::worker::isolation",
            "serve::worker::limits",
        ])
        .env("TMPDIR", temporary.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
