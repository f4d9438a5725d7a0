//! `rewrap store` and `rewrap daemon`.

use super::{Sandbox, mode};
use rewrap::store::disk::DiskStore;
use std::fs;

#[test]
fn the_store_is_measured_verified_and_cleared() {
    let sandbox = Sandbox::new();
    let store = DiskStore::open(&sandbox.path("home/.cache/rewrap"), 1 << 30).expect("opened");
    let digest = store.put_bytes(b"content").expect("kept");
    insta::assert_snapshot!(sandbox.run(&["store", "usage"]), @r"
    exit 0
    --- stdout
    /S/home/.cache/rewrap
    7 bytes of 10.0 GiB: 1 blob, 0 results
    --- stderr
    ");
    insta::assert_snapshot!(sandbox.run(&["store", "verify"]), @r"
    exit 0
    --- stdout
    1 blob, 0 results: all of them right
    --- stderr
    ");
    let cas = sandbox.path("home/.cache/rewrap/cas");
    let is_blob =
        |entry: &walkdir::DirEntry| entry.file_type().is_file() && entry.metadata().is_ok_and(|file| file.len() == 7);
    let blob = walkdir::WalkDir::new(cas)
        .into_iter()
        .filter_map(Result::ok)
        .find(is_blob)
        .expect("the blob");
    mode(blob.path(), 0o600);
    fs::write(blob.path(), b"CONTENT").expect("damaged");
    let found = sandbox.run(&["store", "verify", "--remove"]);
    let named = found.contains(&digest.hex()[4..]) && found.contains("1 corrupt, removed");
    assert!(found.starts_with("exit 1\n") && named, "{found}");
    store.put_bytes(b"another").expect("kept");
    assert!(sandbox.run(&["store", "clear"]).starts_with("exit 0"));
    assert!(sandbox.run(&["store", "usage", "--json"]).contains("\"blobs\": 0"));
}

#[test]
fn a_daemon_that_does_not_run_is_no_error_but_shows_in_the_exit_code() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("run")).expect("made");
    mode(&sandbox.path("run"), 0o700);
    let ask = |args: &[&str]| sandbox.outcome(sandbox.command(args).env("XDG_RUNTIME_DIR", sandbox.path("run")));
    insta::assert_snapshot!(ask(&["daemon", "status"]), @r"
    exit 1
    --- stdout
    The daemon is not running; the next wrapped step starts it.
    --- stderr
    ");
    insta::assert_snapshot!(ask(&["daemon", "status", "--json"]), @r#"
    exit 1
    --- stdout
    {
      "schema": 1,
      "running": false
    }
    --- stderr
    "#);
    insta::assert_snapshot!(ask(&["daemon", "stop"]), @r"
    exit 0
    --- stdout
    The daemon is not running; the next wrapped step starts it.
    --- stderr
    ");
}
