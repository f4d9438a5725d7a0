//! Where settings come from, and what is wrong with them.

use super::Sandbox;

#[test]
fn a_wrong_value_is_named_with_its_origin() {
    let sandbox = Sandbox::new();
    sandbox.write("home/.config/rewrap/rewrap.toml", "\nremote_timeout = '1 min'\n");
    insta::assert_snapshot!(sandbox.run(&["config", "show"]), @r"
    exit 1
    --- stdout
    --- stderr
    rewrap: error: cannot use `1 min` as `remote_timeout`
      caused by: not a duration; write seconds, or a unit as in `500ms`, `30s`, `5m`, `2h`
      caused by: set by /S/home/.config/rewrap/rewrap.toml:2
    ");
    sandbox.write("home/.config/rewrap/rewrap.toml", "\nremote_retires = 1\n");
    insta::assert_snapshot!(sandbox.run(&["build", "--", "echo", "not run"]), @r"
    exit 1
    --- stdout
    --- stderr
    rewrap: error: cannot use `remote_retires` at /S/home/.config/rewrap/rewrap.toml:2
      caused by: there is no such setting
      hint: did you mean `remote_retries`?
    ");
    sandbox.write("home/.config/rewrap/rewrap.toml", "");
    sandbox.write("work/rewrap.toml", "disk_cache = '/tmp'\n");
    insta::assert_snapshot!(sandbox.run(&["stats"]), @r"
    exit 1
    --- stdout
    --- stderr
    rewrap: error: cannot let /S/work/rewrap.toml:1 set `disk_cache`
      caused by: the store serves all of a user's projects
      hint: set `disk_cache` in your own ~/.config/rewrap/rewrap.toml, or by variable or flag
    ");
    sandbox.write("work/rewrap.toml", "");
    insta::assert_snapshot!(sandbox.run(&["config", "show", "--strategy=remote"]), @r"
    exit 1
    --- stdout
    --- stderr
    rewrap: error: cannot use `strategy` without `remote_executor`
      caused by: `strategy` is set by --strategy
      hint: set `remote_executor` too
    ");
}

#[test]
fn an_unknown_variable_is_warned_of() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!(sandbox.outcome(sandbox.command(&["stats"]).env("REWRAP_REMOTE_EXECUTER", "x")), @r"
    exit 0
    --- stdout
    No step has been recorded yet.
    --- stderr
    rewrap: warning: unknown variable REWRAP_REMOTE_EXECUTER; did you mean REWRAP_REMOTE_EXECUTOR?
    ");
}

#[test]
fn values_are_shown_with_their_origin_and_without_secrets() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "home/.config/rewrap/rewrap.toml",
        "remote_header = 'Key=secret'\nremote_cache = 'h'\n",
    );
    sandbox.write("work/rewrap.toml", "paths = 'portable'\n");
    let mut command = sandbox.command(&["config", "show", "--remote-retries=2"]);
    let shown = sandbox.outcome(command.env("REWRAP_LOCAL_JOBS", "3"));
    // How far apart the columns are depends on the sandbox's path.
    let columns = |line: &str| {
        line.split("  ")
            .map(str::trim)
            .filter(|cell| !cell.is_empty())
            .collect::<Vec<_>>()
            .join("  ")
    };
    let shown: Vec<_> = shown.lines().map(columns).collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    exit 0
    --- stdout
    strategy  cache_only  default
    link_strategy  cache_only  default
    archive_strategy  local  default
    remote_executor  not set  default
    remote_cache  grpcs://h:443  /S/home/.config/rewrap/rewrap.toml:2
    remote_instance_name  ""  default
    remote_header  key=…  /S/home/.config/rewrap/rewrap.toml:1
    tls_certificate  not set  default
    tls_client_certificate  not set  default
    tls_client_key  not set  default
    remote_timeout  1m  default
    remote_retries  2  --remote_retries
    remote_retry_max_delay  5s  default
    remote_default_exec_properties  not set  default
    remote_accept_cached  true  default
    remote_upload_local_results  true  default
    remote_cache_compression  true  default
    paths  portable  /S/work/rewrap.toml:1
    exec_root  not set  default
    worker_roots  /usr  default
    disk_cache  /S/home/.cache/rewrap  default
    disk_cache_max_size  10G  default
    local_jobs  3  REWRAP_LOCAL_JOBS
    daemon_idle_timeout  10m  default
    progress  auto  default
    --- stderr
    "#);
    let json = sandbox.run(&["config", "show", "--json"]);
    assert!(
        json.contains("\"schema\": 1") && json.contains("key=…") && !json.contains("secret"),
        "{json}"
    );
}
