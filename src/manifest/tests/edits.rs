//! Single edits of a tree, each noticed or rightly ignored.

use super::*;
use std::fs::{self, File};
use std::os::unix::fs::symlink;

const DIRECTORIES: &[&str] = &["inc1", "lnk", "build", "gen/inc"];
const NAMES: &[&str] = &["h.h", "sub/y.h", "optional.h", "dangling.h"];

fn write(path: PathBuf, text: &str) {
    fs::write(path, text).expect("write");
}

fn plant(host: &Host) {
    for directory in ["inc1", "inc2", "inc2/sub", "build"] {
        fs::create_dir(host.at(directory)).expect("mkdir");
    }
    write(host.at("inc2/h.h"), "int h;");
    write(host.at("inc2/sub/y.h"), "int y;");
    write(host.at("inc1/unrelated"), "");
    symlink("inc2", host.at("lnk")).expect("symlink");
    symlink("../nowhere", host.at("inc1/dangling.h")).expect("symlink");
}

/// The change that `edit` makes to a manifest of the tree, shortened to its first word and path; "holds" if none.
fn outcome(host: &Host, edit: &dyn Fn(&Host)) -> String {
    plant(host);
    let began = host.trust.now();
    let seen = host.search(DIRECTORIES, NAMES);
    let manifest = host.observe(&seen, began).expect("nothing changed meanwhile");
    host.holds(&manifest).expect("nothing changed yet");
    edit(host);
    match host.holds(&manifest) {
        Ok(()) => {
            assert_eq!(host.search(DIRECTORIES, NAMES), seen);
            "holds".to_owned()
        }
        Err(change) => change
            .to_string()
            .replace(&format!("{}/", host.tree.path().display()), ""),
    }
}

/// The same whether identities are believed or not.
fn check(expected: &str, edit: impl Fn(&Host)) {
    for host in [Host::fresh(), Host::settled()] {
        assert_eq!(outcome(&host, &edit), expected);
    }
}

fn set_modified(path: &Path, time: std::time::SystemTime) {
    File::open(path).expect("open").set_modified(time).expect("utimens");
}

#[test]
fn contents() {
    check("holds", |_| {});
    check("holds", |host| write(host.at("inc2/h.h"), "int h;"));
    check("holds", |host| {
        set_modified(&host.at("inc2/h.h"), std::time::UNIX_EPOCH);
    });
    check("`inc2/h.h` has another content", |host| {
        write(host.at("inc2/h.h"), "int j;");
    });
    check("`inc2/sub/y.h` has another content", |host| {
        write(host.at("new"), "int j;");
        fs::rename(host.at("new"), host.at("inc2/sub/y.h")).expect("rename");
    });
    check("`inc2/h.h` has another content", |host| {
        let path = host.at("inc2/h.h");
        let mtime = fs::metadata(&path).expect("stat").modified().expect("mtime");
        write(path.clone(), "int j;");
        set_modified(&path, mtime);
    });
}

#[test]
fn what_goes() {
    check("`inc2/h.h` is gone", |host| {
        fs::remove_file(host.at("inc2/h.h")).expect("remove");
    });
    check("`inc2/sub/y.h` is gone", |host| {
        fs::remove_dir_all(host.at("inc2/sub")).expect("remove");
    });
    check("`build` is gone", |host| {
        fs::remove_dir(host.at("build")).expect("remove");
    });
    check("`lnk` is gone", |host| fs::remove_file(host.at("lnk")).expect("remove"));
    check("`inc1/dangling.h` is now something else", |host| {
        fs::remove_file(host.at("inc1/dangling.h")).expect("remove");
    });
}

#[test]
fn what_appears() {
    // Earlier in the search path.
    check("`inc1/h.h` has appeared", |host| write(host.at("inc1/h.h"), "int h;"));
    // In a directory that was looked through in vain, for a name of several components.
    check("`inc1/sub` has appeared", |host| {
        fs::create_dir(host.at("inc1/sub")).expect("mkdir");
    });
    // Found nowhere before: what `__has_include` asked for.
    check("`build/optional.h` has appeared", |host| {
        write(host.at("build/optional.h"), "");
    });
    check("`inc2/optional.h` has appeared", |host| {
        symlink("h.h", host.at("inc2/optional.h")).expect("symlink");
    });
    // A directory of the search path, or one above it.
    check("`gen` has appeared", |host| {
        fs::create_dir_all(host.at("gen/inc")).expect("mkdir");
    });
    check("`gen` has appeared", |host| {
        symlink("inc1", host.at("gen")).expect("symlink");
    });
    // Where a link led nowhere.
    check("`inc1/dangling.h` is now something else", |host| {
        write(host.at("nowhere"), "");
    });
}

#[test]
fn what_nobody_asked_for() {
    check("holds", |host| write(host.at("inc1/unrelated.h"), ""));
    check("holds", |host| write(host.at("inc2/sub/h.h"), ""));
    check("holds", |host| {
        for n in 0..300 {
            write(host.at(&format!("build/{n}.o")), "");
        }
    });
    check("holds", |host| {
        fs::remove_file(host.at("inc1/unrelated")).expect("remove");
    });
}

#[test]
fn what_becomes_a_link_or_leads_elsewhere() {
    check("`inc2/h.h` is now something else", |host| {
        fs::rename(host.at("inc2/h.h"), host.at("moved.h")).expect("rename");
        symlink("../moved.h", host.at("inc2/h.h")).expect("symlink");
    });
    check("`inc2` is now something else", |host| {
        fs::rename(host.at("inc2"), host.at("moved")).expect("rename");
        symlink("moved", host.at("inc2")).expect("symlink");
    });
    check("the link `lnk` leads elsewhere", |host| {
        fs::remove_file(host.at("lnk")).expect("remove");
        symlink("./inc2", host.at("lnk")).expect("symlink");
    });
    check("`lnk` is now something else", |host| {
        fs::remove_file(host.at("lnk")).expect("remove");
        fs::create_dir(host.at("lnk")).expect("mkdir");
    });
}

#[test]
fn directories_that_change_places_are_noticed_by_what_they_hold() {
    let swap = |host: &Host| {
        fs::rename(host.at("inc1"), host.at("other")).expect("rename");
        fs::rename(host.at("build"), host.at("inc1")).expect("rename");
        fs::rename(host.at("other"), host.at("build")).expect("rename");
    };
    check("`build/dangling.h` has appeared", swap);
}

#[test]
fn a_file_is_read_again_only_while_it_is_fresh() {
    for (host, reads) in [(Host::fresh(), 2), (Host::settled(), 0)] {
        plant(&host);
        let seen = host.search(DIRECTORIES, NAMES);
        let manifest = host.observe(&seen, host.trust.now()).expect("observed");
        let before = host.digests.files_read();
        host.holds(&manifest).expect("nothing changed");
        assert_eq!(host.digests.files_read() - before, reads);
    }
}

#[test]
fn many_names_in_a_busy_directory_are_looked_up_in_one_listing() {
    let names: Vec<_> = (0..200).map(|n| format!("name{n}.h")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    for host in [Host::fresh(), Host::settled()] {
        fs::create_dir(host.at("busy")).expect("mkdir");
        let began = host.trust.now();
        let manifest = host.observe(&host.search(&["busy"], &names), began).expect("observed");
        write(host.at("busy/name.h"), "");
        host.holds(&manifest).expect("another name");
        write(host.at("busy/name150.h"), "");
        assert!(matches!(host.holds(&manifest), Err(Change::Appeared(path)) if path == host.at("busy/name150.h")));
    }
}

#[test]
fn where_the_whole_listing_matters_every_name_does() {
    let changes = |edit: &dyn Fn(&Host)| {
        let host = Host::settled();
        fs::create_dir(host.at("d")).expect("mkdir");
        write(host.at("d/a.h"), "");
        symlink("../target", host.at("d/link.h")).expect("symlink");
        let mut seen = Observation::default();
        seen.directories.insert(host.at("d"), observation::Names::All);
        let manifest = host.observe(&seen, host.trust.now()).expect("observed");
        edit(&host);
        match host.holds(&manifest) {
            Ok(()) => false,
            Err(Change::Listing(path)) => path == host.at("d"),
            Err(other) => panic!("{other}"),
        }
    };
    assert!(!changes(&|_| {}));
    assert!(!changes(&|host| write(host.at("d/a.h"), "edited")));
    assert!(!changes(&|host| write(host.at("elsewhere"), "")));
    assert!(changes(&|host| write(host.at("d/b.h"), "")));
    assert!(changes(&|host| fs::remove_file(host.at("d/a.h")).expect("remove")));
    assert!(changes(&|host| write(host.at("target"), "")));
}

/// An edit between the search and the observation: what was seen is no longer so, and is not remembered.
fn check_refused(edit: impl Fn(&Host)) {
    let host = Host::fresh();
    plant(&host);
    let began = host.trust.now();
    let seen = host.search(DIRECTORIES, NAMES);
    edit(&host);
    let refused = host.observe(&seen, began);
    assert!(
        matches!(refused, Err(NotRemembered::Changed(_) | NotRemembered::Path(_))),
        "{refused:?}"
    );
}

#[test]
fn what_changes_before_the_observation_is_not_remembered() {
    check_refused(|host| write(host.at("inc2/h.h"), "int j;"));
    check_refused(|host| fs::remove_file(host.at("inc2/h.h")).expect("remove"));
    check_refused(|host| write(host.at("inc1/h.h"), "int h;"));
    check_refused(|host| write(host.at("build/optional.h"), ""));
    check_refused(|host| fs::create_dir(host.at("inc1/sub")).expect("mkdir"));
    check_refused(|host| fs::create_dir_all(host.at("gen/inc")).expect("mkdir"));
    check_refused(|host| {
        fs::remove_file(host.at("lnk")).expect("remove");
        symlink("./inc2", host.at("lnk")).expect("symlink");
    });
    check_refused(|host| {
        fs::rename(host.at("inc2"), host.at("moved")).expect("rename");
        symlink("moved", host.at("inc2")).expect("symlink");
    });
    check_refused(|host| write(host.at("nowhere"), ""));
    // To a directory that the search knew, but not under this name.
    check_refused(|host| symlink("../inc2", host.at("inc1/sub")).expect("symlink"));
}
