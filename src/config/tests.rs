//! Settings from text to values: kinds, precedence, trust, and what is remembered.

mod disk;

use super::file::{self, Owner};
use super::layers::{Layer, Layers, UnknownVariable, unknown_variables};
use super::request::Resolver;
use super::resolve::{Machine, Resolved, resolve};
use super::settings::{self, SETTINGS};
use super::{ConfigError, Origin, Strategy, reference, show};
use rustix::fs::{Mode, chmod};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn machine() -> Machine {
    Machine {
        home: Some("/home/u".into()),
        cache: Some("/home/u/.cache/rewrap".into()),
        processors: 8,
        project_dir: None,
    }
}

/// What each origin says, as a user writes it.
#[derive(Clone, Copy, Default)]
struct Said<'t> {
    user: &'t str,
    project: &'t str,
    env: &'t [(&'t str, &'t str)],
    flags: &'t [(&'t str, &'t str)],
}

fn resolved(said: Said<'_>) -> Result<Resolved, ConfigError> {
    let flags = said
        .flags
        .iter()
        .map(|(key, value)| (settings::by_key(key).expect("a setting"), vec![(*value).into()]));
    let layers = Layers {
        user: file::parse(Path::new("/home/u/.config/rewrap/rewrap.toml"), said.user, Owner::User)?,
        project: file::parse(Path::new("/proj/rewrap.toml"), said.project, Owner::Project)?,
        environment: Layer::from_variables(said.env.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())))?,
        flags: Layer::from_flags(flags, Path::new("/cwd")),
    };
    resolve(&layers, &machine())
}

/// `value (origin)` of one setting, or the error.
fn told(said: Said<'_>, key: &str) -> String {
    match resolved(said) {
        Ok(resolved) => {
            let shown = show::all(&resolved)
                .into_iter()
                .find(|shown| shown.key == key)
                .expect("a setting");
            format!("{} ({})", shown.value.join(" "), shown.origin)
        }
        Err(error) => error.to_string(),
    }
}

#[test]
fn flag_environment_project_user_default_count_in_this_order() {
    #[track_caller]
    fn check(said: Said<'_>, expected: &str) {
        assert_eq!(told(said, "remote_retries"), expected);
    }
    let mut said = Said::default();
    check(said, "5 (default)");
    said.user = "\nremote_retries = 1";
    check(said, "1 (/home/u/.config/rewrap/rewrap.toml:2)");
    said.project = "remote_retries = 2";
    check(said, "2 (/proj/rewrap.toml:1)");
    said.env = &[("REWRAP_REMOTE_RETRIES", "3"), ("REWRAP_REMOTE_RETRIES", "9")];
    check(said, "3 (REWRAP_REMOTE_RETRIES)");
    said.flags = &[("remote_retries", "4")];
    check(said, "4 (--remote_retries)");
    said.flags = &[("remote_retries", "")];
    check(said, "5 (default)");
}

#[test]
fn variables_and_flags_take_what_the_file_takes() {
    #[track_caller]
    fn check(key: &str, toml: &str, variable: &str, expected: &str) {
        let value = |told: String| {
            told.rsplit_once(" (")
                .map_or(told.clone(), |(value, _)| value.to_owned())
        };
        let user = format!("{key} = {toml}");
        assert_eq!(
            value(told(
                Said {
                    user: &user,
                    ..Said::default()
                },
                key
            )),
            expected,
            "{toml}"
        );
        let name = format!("REWRAP_{}", key.to_ascii_uppercase());
        let env = [(name.as_str(), variable)];
        assert_eq!(
            value(told(
                Said {
                    env: &env,
                    ..Said::default()
                },
                key
            )),
            expected,
            "{variable}"
        );
    }
    check("remote_timeout", "90", "90", "90s");
    check("remote_timeout", "'2m'", "2m", "2m");
    check("disk_cache_max_size", "'20G'", "20G", "20G");
    check("disk_cache_max_size", "1048576", "1048576", "1M");
    check("remote_accept_cached", "false", "0", "false");
    check("remote_upload_local_results", "true", "yes", "true");
    check("remote_cache_compression", "true", "1", "true");
    check("paths", "'portable'", "portable", "portable");
    check("progress", "'never'", "never", "never");
    check("local_jobs", "3", "3", "3");
    check("remote_executor", "'h:1'", "h:1", "grpcs://h:1");
    check("worker_roots", "['/usr', '/opt/x']", "/usr:/opt/x", "/usr /opt/x");
    check("worker_roots", "['/a:b']", "/a:b\n", "/a:b");
    check("worker_roots", "[]", "\n", "");
    check("worker_roots", "'/nix'", "/nix", "/nix");
    check(
        "remote_default_exec_properties",
        "['b=2', 'a=1', 'b=2']",
        "b=2,a=1",
        "a=1 b=2",
    );
    check(
        "remote_default_exec_properties",
        "{ b = 2, a = '1,3' }",
        "b=2\na=1,3",
        "a=1,3 b=2",
    );
    check("exec_root", "'/w/./x/../y'", "/w/./y", "/w/y");
    check("disk_cache", "'~/c'", "~/c", "/home/u/c");
}

#[test]
fn a_value_that_does_not_parse_names_itself_its_origin_and_the_reason() {
    #[track_caller]
    fn check(said: Said<'_>, expected: &str) {
        assert_eq!(resolved(said).expect_err("an error").to_string(), expected);
    }
    let user = |user| Said {
        user,
        ..Said::default()
    };
    let env = |env| Said { env, ..Said::default() };
    check(
        user("# x\nremote_timeout = '30 s'"),
        "cannot use `30 s` as `remote_timeout`, set by /home/u/.config/rewrap/rewrap.toml:2: not a duration; write \
         seconds, or a unit as in `500ms`, `30s`, `5m`, `2h`",
    );
    check(
        env(&[("REWRAP_PATHS", "relative")]),
        "cannot use `relative` as `paths`, set by REWRAP_PATHS: not one of `exact`, `portable`",
    );
    check(
        env(&[("REWRAP_REMOTE_TIMEOUT", "0")]),
        "cannot use `0` as `remote_timeout`, set by REWRAP_REMOTE_TIMEOUT: must be longer than 0",
    );
    check(
        env(&[("REWRAP_LOCAL_JOBS", "0")]),
        "cannot use `0` as `local_jobs`, set by REWRAP_LOCAL_JOBS: must be at least 1",
    );
    check(
        env(&[("REWRAP_EXEC_ROOT", "build")]),
        "cannot use `build` as `exec_root`, set by REWRAP_EXEC_ROOT: not an absolute path",
    );
    check(
        Said {
            flags: &[("remote_cache", "https://u:secret@h")],
            ..Said::default()
        },
        "cannot use `…` as `remote_cache`, set by --remote_cache: an address cannot hold credentials; use `remote_header`",
    );
    check(
        env(&[("REWRAP_REMOTE_HEADER", "sécret")]),
        "cannot use `…` as `remote_header`, set by REWRAP_REMOTE_HEADER: not of the form `name=value`",
    );
    check(
        user("remote_header = 12.5"),
        "cannot use `…` as `remote_header`, set by /home/u/.config/rewrap/rewrap.toml:1: a float is not what this \
         setting takes",
    );
    check(
        user("strategy = 'racing'"),
        "cannot use `racing` as `strategy`, set by /home/u/.config/rewrap/rewrap.toml:1: racing is not supported yet",
    );
    check(
        user("strategy = ["),
        "cannot understand /home/u/.config/rewrap/rewrap.toml:1: unclosed array, expected `]`",
    );
}

#[test]
fn an_unknown_key_names_its_line_and_a_similar_setting() {
    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        match resolved(Said {
            user: text,
            ..Said::default()
        })
        .expect_err("an error")
        {
            ConfigError::UnknownKey { line, similar, .. } => assert_eq!((line, similar), (2, expected), "{text}"),
            other => panic!("{other}"),
        }
    }
    check("\nremote_executer = 'x'", Some("remote_executor"));
    check("\nremote-cache = 'x'", Some("remote_cache"));
    check("\n[path]\n", Some("paths"));
    check("\nfrobnicate = 1", None);
}

#[test]
fn an_unknown_variable_gets_a_similar_one() {
    let names = [
        "REWRAP_REMOTE_CHACHE",
        "REWRAP_INSIDE",
        "REWRAP_TEST_X",
        "REWRAP_PATHS",
        "REWRAP_QQQQ",
        "PATH",
    ];
    let unknown = |name: &str, similar: Option<&str>| UnknownVariable {
        name: name.into(),
        similar: similar.map(str::to_owned),
    };
    let expected = [
        unknown("REWRAP_REMOTE_CHACHE", Some("REWRAP_REMOTE_CACHE")),
        unknown("REWRAP_QQQQ", None),
    ];
    assert_eq!(unknown_variables(names.into_iter()), expected);
}

#[test]
fn strategy_and_upload_follow_from_the_endpoints() {
    #[track_caller]
    fn check(env: &[(&str, &str)], strategy: Strategy, upload: bool) {
        let config = resolved(Said { env, ..Said::default() }).expect("resolves").config;
        assert_eq!(
            (config.strategy, config.remote_upload_local_results),
            (strategy, upload),
            "{env:?}"
        );
    }
    check(&[], Strategy::Local, false);
    check(&[("REWRAP_REMOTE_CACHE", "c")], Strategy::CacheOnly, true);
    check(&[("REWRAP_REMOTE_EXECUTOR", "e")], Strategy::RemoteLocalFallback, false);
    check(
        &[("REWRAP_REMOTE_EXECUTOR", "e"), ("REWRAP_STRATEGY", "cache_only")],
        Strategy::CacheOnly,
        true,
    );
    check(
        &[("REWRAP_REMOTE_EXECUTOR", "e"), ("REWRAP_STRATEGY", "local")],
        Strategy::Local,
        false,
    );
}

#[test]
fn a_strategy_needs_its_server() {
    let error = resolved(Said {
        user: "strategy = 'remote'",
        ..Said::default()
    })
    .expect_err("an error");
    let expected = "cannot use `strategy`, set by /home/u/.config/rewrap/rewrap.toml:1, without `remote_executor`";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn the_cache_is_the_executor_unless_it_is_named() {
    let cache = |env| {
        resolved(Said { env, ..Said::default() })
            .expect("resolves")
            .config
            .remote_cache
            .map(|e| e.address)
    };
    assert_eq!(
        cache(&[("REWRAP_REMOTE_EXECUTOR", "e")]).as_deref(),
        Some("grpcs://e:443")
    );
    let both = [("REWRAP_REMOTE_EXECUTOR", "e"), ("REWRAP_REMOTE_CACHE", "c")];
    assert_eq!(cache(&both).as_deref(), Some("grpcs://c:443"));
}

#[test]
fn a_projects_file_may_not_set_what_is_the_users() {
    for setting in SETTINGS {
        let text = format!("{} = 'x'", setting.key);
        let refused = matches!(
            file::parse(Path::new("/proj/rewrap.toml"), &text, Owner::Project),
            Err(ConfigError::NotForProjects { .. })
        );
        let users = [
            "remote_header",
            "tls_client_certificate",
            "tls_client_key",
            "disk_cache",
            "disk_cache_max_size",
        ];
        assert_eq!(
            refused,
            users.contains(&setting.key) || setting.key == "daemon_idle_timeout",
            "{}",
            setting.key
        );
    }
}

#[test]
fn credentials_go_only_to_servers_that_the_user_names() {
    const SECRETS: &str = "
        remote_header = ['Key=one', 'key=two', 'other=x']
        tls_certificate = '/ca'
        tls_client_certificate = '/cert'
        tls_client_key = '/key'
    ";
    #[track_caller]
    fn check(user: &str, project: &str, env: &[(&str, &str)], sent: bool, certificate: &str) {
        let user = format!("{SECRETS}{user}");
        let resolved = resolved(Said {
            user: &user,
            project,
            env,
            flags: &[],
        })
        .expect("resolves");
        let endpoint = resolved.config.remote_executor.expect("an executor");
        assert_eq!(!endpoint.headers.is_empty(), sent);
        assert_eq!(endpoint.tls_client.is_some(), sent);
        assert_eq!(endpoint.tls_certificate.as_deref(), Some(Path::new(certificate)));
        assert_eq!(resolved.withheld.is_empty(), sent);
    }
    check("remote_executor = 'a'", "", &[], true, "/ca");
    check("", "", &[("REWRAP_REMOTE_EXECUTOR", "a")], true, "/ca");
    check("", "remote_executor = 'evil'", &[], false, "/ca");
    check(
        "",
        "remote_executor = 'evil'\ntls_certificate = 'ca'",
        &[],
        false,
        "/proj/ca",
    );
    check("remote_executor = 'a'", "remote_executor = 'evil'", &[], false, "/ca");
    check(
        "remote_executor = 'a'",
        "remote_executor = 'grpcs://A:443/'",
        &[],
        true,
        "/ca",
    );
    check("remote_cache = 'a'", "remote_executor = 'a'", &[], true, "/ca");
    check("remote_executor = 'a'", "tls_certificate = 'ca'", &[], true, "/ca");
}

#[test]
fn headers_of_one_name_are_joined_and_never_shown() {
    let env = [
        ("REWRAP_REMOTE_EXECUTOR", "a"),
        ("REWRAP_REMOTE_HEADER", "Key=one\nkey=two\nother=x,y"),
    ];
    let resolved = resolved(Said {
        env: &env,
        ..Said::default()
    })
    .expect("resolves");
    let endpoint = resolved.config.remote_executor.as_ref().expect("an executor");
    let expected = [("key".to_owned(), "one,two".to_owned()), ("other".into(), "x,y".into())];
    assert_eq!(endpoint.headers, expected);
    let shown = format!("{:?} {:?}", show::all(&resolved), resolved.config);
    assert!(shown.contains("other=…") && !shown.contains("two"), "{shown}");
}

#[test]
fn flags_reach_steps_as_variables() {
    let flags = [
        ("worker_roots", "/a:b"),
        ("exec_root", "sub"),
        ("remote_default_exec_properties", "k=a,b"),
    ];
    let flags = flags.map(|(key, value)| {
        (
            settings::by_key(key).expect("a setting"),
            vec!["/x".into(), value.into()],
        )
    });
    let layer = Layer::from_flags(flags.into_iter(), Path::new("/cwd"));
    let variables: Vec<_> = layer.to_variables().collect();
    let read = Layer::from_variables(
        variables
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes())),
    );
    let read = read.expect("variables");
    for key in ["worker_roots", "exec_root", "remote_default_exec_properties"] {
        assert_eq!(
            layer.get(key).expect("given").words,
            read.get(key).expect("given").words,
            "{key}"
        );
    }
    assert_eq!(read.get("exec_root").expect("given").words, ["/cwd/sub"]);
}

#[test]
fn every_setting_has_a_value_an_origin_and_a_place_on_the_page() {
    let resolved = resolved(Said::default()).expect("resolves");
    let page = reference::page();
    assert_eq!(show::all(&resolved).len(), SETTINGS.len());
    for setting in SETTINGS {
        assert!(resolved.origins.contains_key(setting.key), "{}", setting.key);
        assert!(page.contains(&format!("\n## `{}`\n", setting.key)), "{}", setting.key);
    }
}
