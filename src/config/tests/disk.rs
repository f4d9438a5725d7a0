//! Settings files where they lie: which count, whose they are, and what is remembered of them.

use super::*;
use crate::config::{Places, locate};

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
    let places = Places::default();
    let own = rustix::process::geteuid().as_raw();
    if own == 0 {
        let somebody = Some(rustix::fs::Uid::from_raw(4242));
        rustix::fs::chown(disk.project.join("rewrap.toml"), somebody, None).expect("root may");
        let found = locate::locate(&places, &disk.project, own).expect("located");
        assert_eq!(found.ignored[0].why, "it belongs to another user (uid 4242)");
    } else {
        let found = locate::locate(&places, &disk.project, own + 1).expect("located");
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
