use super::*;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

fn id() -> BuildId {
    BuildId("0123456789abcdef".to_owned())
}

#[test]
fn a_new_build_has_a_new_id() {
    let programs = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &str| {
        // A build replaces the file, as the linkers do.
        let new = programs.path().join("new");
        std::fs::write(&new, content).unwrap();
        std::fs::rename(new, programs.path().join(name)).unwrap();
    };
    assert!(BuildId::of(programs.path()).is_err());
    write(DAEMON_PROGRAM, "a");
    assert!(BuildId::of(programs.path()).is_err());
    write(WRAPPER_PROGRAM, "b");
    let first = BuildId::of(programs.path()).unwrap();
    assert_eq!(first, BuildId::of(programs.path()).unwrap());
    for name in [DAEMON_PROGRAM, WRAPPER_PROGRAM] {
        let before = BuildId::of(programs.path()).unwrap();
        write(name, "longer");
        assert_ne!(before, BuildId::of(programs.path()).unwrap(), "{name}");
    }
}

#[test]
fn only_a_private_directory_will_do() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("rewrap");
    let check = |expected: &str| {
        let error = Place::within(parent.path(), "rewrap", id()).unwrap_err().to_string();
        let expected = expected.replace("DIR", &directory.display().to_string());
        assert_eq!(error, expected);
    };
    Place::within(parent.path(), "rewrap", id()).unwrap();
    assert_eq!(
        std::fs::metadata(&directory).unwrap().permissions().mode() & 0o777,
        0o700
    );

    std::fs::set_permissions(&directory, Permissions::from_mode(0o750)).unwrap();
    check("`DIR` is not private to this user");

    std::fs::remove_dir(&directory).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), &directory).unwrap();
    check("`DIR` is not private to this user");

    std::fs::remove_file(&directory).unwrap();
    std::fs::write(&directory, "").unwrap();
    check("`DIR` is not private to this user");

    let nowhere = parent.path().join("missing");
    assert!(matches!(
        Place::within(&nowhere, "rewrap", id()),
        Err(PlaceError::NoDirectory { .. })
    ));
}

#[test]
fn a_path_too_long_for_an_address_still_connects() {
    let parent = tempfile::tempdir().unwrap();
    let deep = parent.path().join("d".repeat(120));
    std::fs::create_dir(&deep).unwrap();
    let place = Place::within(&deep, "rewrap", id()).unwrap();
    assert!(matches!(
        place.connect(Duration::from_secs(1)),
        Err(ConnectError::NobodyListens)
    ));
    let listener = place.listen().unwrap();
    place.connect(Duration::from_secs(1)).unwrap();
    // A child that another test is just starting may still hold a copy.
    rustix::net::shutdown(&listener, rustix::net::Shutdown::Both).unwrap();
    drop(listener);
    assert!(matches!(
        place.connect(Duration::from_secs(1)),
        Err(ConnectError::NobodyListens)
    ));
}

#[test]
fn the_daemon_finds_the_place_by_its_socket() {
    let parent = tempfile::tempdir().unwrap();
    let place = Place::within(parent.path(), "rewrap", id()).unwrap();
    assert_eq!(Place::of_socket(&place.socket()).unwrap().socket(), place.socket());
    for bad in ["/", "x.sock", "/tmp/x"] {
        assert!(
            matches!(Place::of_socket(Path::new(bad)), Err(PlaceError::NotASocketName(_))),
            "{bad}"
        );
    }
}

#[test]
fn a_full_backlog_does_not_hang() {
    let parent = tempfile::tempdir().unwrap();
    let place = Place::within(parent.path(), "rewrap", id()).unwrap();
    let listener = place.listen().unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let mut waiting = Vec::new();
    let refused = loop {
        match place.connect(Duration::from_millis(5)) {
            Ok(stream) => waiting.push(stream),
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, ConnectError::Crowded), "{refused}");
}

#[test]
fn a_mark_lasts_half_a_minute() {
    let parent = tempfile::tempdir().unwrap();
    let place = Place::within(parent.path(), "rewrap", id()).unwrap();
    let aged = |age: i64| {
        let now = SystemTime::now();
        let past = Duration::from_secs(age.unsigned_abs());
        let mark = File::options().write(true).open(place.file("down")).unwrap();
        mark.set_modified(if age < 0 { now + past } else { now - past })
            .unwrap();
        place.is_down()
    };
    assert!(!place.is_down());
    place.mark_down().unwrap();
    assert!(place.is_down());
    assert!(aged(20));
    assert!(!aged(40));
    assert!(!aged(-40), "the clock was set back");
    place.mark_down().unwrap();
    assert!(place.is_down(), "marked again");
    place.clear_down().unwrap();
    assert!(!place.is_down());
    place.clear_down().unwrap();
}

#[test]
fn a_heart_stops_when_it_does_not_beat() {
    let parent = tempfile::tempdir().unwrap();
    let place = Place::within(parent.path(), "rewrap", id()).unwrap();
    assert!(place.has_heart_stopped(), "there never was one");
    let heart = place.heart().unwrap();
    let check = |moment: Duration, stopped: bool| {
        heart.stamp(moment).unwrap();
        assert_eq!(place.has_heart_stopped(), stopped, "{moment:?}");
    };
    let now = monotonic();
    check(now, false);
    check(now.saturating_sub(HEART_STOPPED * 2), true);
    heart.beat_for_start().unwrap();
    assert!(!place.has_heart_stopped());
}

#[test]
fn one_starter_at_a_time() {
    let parent = tempfile::tempdir().unwrap();
    let place = Place::within(parent.path(), "rewrap", id()).unwrap();
    let first = place.try_lock().unwrap();
    assert!(first.is_some());
    assert!(place.try_lock().unwrap().is_none());
    // Not by closing it: a child that another test is just starting may still hold a copy.
    rustix::fs::flock(first.unwrap(), FlockOperation::Unlock).unwrap();
    assert!(place.try_lock().unwrap().is_some());
}

#[test]
fn a_socket_is_removed_only_by_its_owner() {
    let parent = tempfile::tempdir().unwrap();
    let place = Place::within(parent.path(), "rewrap", id()).unwrap();
    let _first = place.listen().unwrap();
    let first = SocketName::of(&place).unwrap();
    let _second = place.listen().unwrap();
    let second = SocketName::of(&place).unwrap();
    place.remove_socket(&first).unwrap();
    assert!(place.socket().exists());
    place.remove_socket(&second).unwrap();
    assert!(!place.socket().exists());
}
