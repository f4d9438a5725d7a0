//! Settings from text to values: kinds, precedence, trust, and what is remembered.

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

/// A home and a project in a directory of their own, as the user's and nobody else's.
struct Disk {
    _root: tempfile::TempDir,
    home: PathBuf,
    project: PathBuf,
    resolver: Resolver,
}

impl Disk {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("temporary directory");
        // Symlinks above would be part of neither side of a comparison.
        let path = root.path().canonicalize().expect("it exists");
        let (home, project) = (path.join("home"), path.join("project"));
        fs::create_dir_all(home.join(".config/rewrap")).expect("directories");
        fs::create_dir_all(project.join("build/deep")).expect("directories");
        let disk = Self {
            _root: root,
            home,
            project,
            resolver: Resolver::new(),
        };
        // Whatever the umask: what a group may write does not count.
        disk.mode("", 0o755);
        disk.mode("build", 0o755);
        disk
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.project.join(name);
        fs::write(&path, text).expect("written");
        self.mode(name, 0o644);
    }

    fn mode(&self, name: &str, mode: u32) {
        chmod(self.project.join(name), Mode::from_raw_mode(mode)).expect("mode set");
    }

    fn ask(&self, variables: &[(&str, &str)]) -> Result<Arc<Resolved>, ConfigError> {
        let home = self.home.to_str().expect("UTF-8").to_owned();
        let env = [("HOME", home.as_str())].into_iter().chain(variables.iter().copied());
        let env: Vec<_> = env.map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        self.resolver
            .for_request(&self.project.join("build/deep"), env.into_iter())
    }

    fn retries(&self) -> u32 {
        self.ask(&[]).expect("resolves").config.remote_retries
    }
}

#[test]
fn the_nearest_project_file_that_counts_is_used() {
    let disk = Disk::new();
    assert_eq!(disk.retries(), 5);
    fs::write(disk.home.join(".config/rewrap/rewrap.toml"), "remote_retries = 1").expect("written");
    assert_eq!(disk.retries(), 1);
    disk.write("rewrap.toml", "remote_retries = 2");
    assert_eq!(disk.retries(), 2);
    assert_eq!(
        disk.ask(&[]).expect("resolves").config.project_dir.as_ref(),
        Some(&disk.project)
    );
    disk.write("build/rewrap.toml", "remote_retries = 3");
    assert_eq!(disk.retries(), 3);
}

#[test]
fn a_project_file_that_others_may_write_is_ignored_and_named() {
    #[track_caller]
    fn check(name: &str, mode: u32, why: Option<&str>) {
        let disk = Disk::new();
        disk.write("rewrap.toml", "remote_retries = 2");
        disk.mode(name, mode);
        let resolved = disk.ask(&[]).expect("resolves");
        let found: Vec<_> = resolved.ignored.iter().map(|ignored| ignored.why.as_str()).collect();
        assert_eq!(found, why.into_iter().collect::<Vec<_>>(), "{name} {mode:o}");
        assert_eq!(
            resolved.config.remote_retries,
            if why.is_some() { 5 } else { 2 },
            "{name} {mode:o}"
        );
    }
    check("rewrap.toml", 0o644, None);
    check("rewrap.toml", 0o600, None);
    check("rewrap.toml", 0o664, Some("it can be written by its group"));
    check("rewrap.toml", 0o646, Some("it can be written by everybody"));
    check("", 0o755, None);
    check("", 0o775, Some("its directory can be written by its group"));
    check("", 0o1777, Some("its directory can be written by everybody"));
}

#[test]
fn a_project_file_of_another_user_is_ignored() {
    let disk = Disk::new();
    disk.write("rewrap.toml", "remote_retries = 2");
    let places = super::Places::default();
    let own = rustix::process::geteuid().as_raw();
    if own == 0 {
        let somebody = Some(rustix::fs::Uid::from_raw(4242));
        rustix::fs::chown(disk.project.join("rewrap.toml"), somebody, None).expect("root may");
        let found = super::locate::locate(&places, &disk.project, own).expect("located");
        assert_eq!(found.ignored[0].why, "it belongs to another user (uid 4242)");
    } else {
        let found = super::locate::locate(&places, &disk.project, own + 1).expect("located");
        assert!(found.project.is_none() && found.ignored[0].why.contains("belongs to another user"));
    }
}

#[test]
fn a_fifo_in_place_of_a_project_file_is_ignored_at_once() {
    let disk = Disk::new();
    let mode = Mode::from_raw_mode(0o644);
    rustix::fs::mknodat(
        rustix::fs::CWD,
        disk.project.join("rewrap.toml"),
        rustix::fs::FileType::Fifo,
        mode,
        0,
    )
    .expect("a FIFO");
    let resolved = disk.ask(&[]).expect("resolves");
    assert_eq!(resolved.ignored[0].why, "it cannot be read: not a regular file");
}

#[test]
fn a_project_file_may_narrow_the_exec_root_but_not_leave_its_directory() {
    #[track_caller]
    fn check(exec_root: &str, expected: Option<&str>) {
        let disk = Disk::new();
        std::os::unix::fs::symlink("/", disk.project.join("link")).expect("a symlink");
        disk.write("rewrap.toml", &format!("exec_root = '{exec_root}'"));
        match (disk.ask(&[]), expected) {
            (Ok(resolved), Some(below)) => {
                assert_eq!(resolved.config.exec_root, Some(disk.project.join(below)), "{exec_root}");
            }
            (Err(ConfigError::NotForProjects { key: "exec_root", .. }), None) => {}
            (other, _) => panic!("{exec_root}: {other:?}"),
        }
    }
    check(".", Some(""));
    check("build", Some("build"));
    check("build/../build/deep", Some("build/deep"));
    check("..", None);
    check("/", None);
    check("link/usr", None);
    check("~/x", None);
}

#[test]
fn a_remembered_configuration_is_given_out_until_something_changes() {
    let disk = Disk::new();
    disk.write("rewrap.toml", "remote_retries = 2");
    let fresh = disk.ask(&[]).expect("resolves");
    // Just written: it could change again within its time stamp's grain.
    assert!(!Arc::ptr_eq(&fresh, &disk.ask(&[]).expect("resolves")));

    fs::remove_file(disk.project.join("rewrap.toml")).expect("removed");
    let without = disk.ask(&[]).expect("resolves");
    assert_eq!(without.config.remote_retries, 5);
    assert!(Arc::ptr_eq(
        &without,
        &disk.ask(&[("REWRAP_BUILD_ID", "7"), ("TERM", "x")]).expect("resolves")
    ));
    assert!(!Arc::ptr_eq(
        &without,
        &disk.ask(&[("REWRAP_PATHS", "exact")]).expect("resolves")
    ));
    disk.write("rewrap.toml", "remote_retries = 3");
    assert_eq!(disk.retries(), 3);
}

#[test]
fn errors_go_away_with_their_cause() {
    let disk = Disk::new();
    disk.write("rewrap.toml", "remote_retries = 'many'");
    assert!(matches!(disk.ask(&[]), Err(ConfigError::BadValue { .. })));
    disk.write("rewrap.toml", "remote_retries = 1");
    assert_eq!(disk.retries(), 1);
    let origin = disk.ask(&[]).expect("resolves").origins["remote_retries"].clone();
    assert_eq!(
        origin,
        Origin::ProjectFile {
            path: disk.project.join("rewrap.toml"),
            line: 1
        }
    );
}
