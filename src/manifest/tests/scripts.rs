//! Random edits of a small tree: a manifest that holds means that the search would see the same.

use super::*;
use proptest::prelude::*;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::time::UNIX_EPOCH;

const PATHS: &[&str] = &[
    "a", "b", "b/s", "a/s", "a/x.h", "b/x.h", "a/s/y.h", "b/s/y.h", "b/y.h", "x.h", "l", "a/l",
];
const TARGETS: &[&str] = &["a", "b", "../b", "x.h", "s", "b/s/../x.h", "y.h", "l", "../l"];
const DIRECTORIES: &[&str] = &["a", "l", "b/s/..", "b/s"];
const NAMES: &[&str] = &["x.h", "s/y.h", "y.h", "l/x.h"];

#[derive(Clone, Debug)]
enum Edit {
    Write(&'static str, u8),
    Remove(&'static str),
    Directory(&'static str),
    Link(&'static str, &'static str),
    Rename(&'static str, &'static str),
    Touch(&'static str),
}

fn edit() -> impl Strategy<Value = Edit> {
    let path = || prop::sample::select(PATHS);
    prop_oneof![
        3 => (path(), 0..3_u8).prop_map(|(path, content)| Edit::Write(path, content)),
        1 => path().prop_map(Edit::Remove),
        2 => path().prop_map(Edit::Directory),
        2 => (path(), prop::sample::select(TARGETS)).prop_map(|(path, target)| Edit::Link(path, target)),
        3 => (path(), path()).prop_map(|(from, to)| Edit::Rename(from, to)),
        1 => path().prop_map(Edit::Touch),
    ]
}

/// Applies an edit as far as it is possible, and gives whatever it touched a modification time that was never there
/// before: the test does not depend on how fine the kernel's clock is.
fn apply(host: &Host, edit: &Edit, tick: &mut u64) {
    let at = |name: &str| host.at(name);
    let (paths, _done_or_not) = match edit {
        Edit::Write(path, content) => (vec![*path], fs::write(at(path), [*content])),
        Edit::Remove(path) => {
            let removed = fs::remove_file(at(path)).or_else(|_| fs::remove_dir_all(at(path)));
            (vec![*path], removed)
        }
        Edit::Directory(path) => (vec![*path], fs::create_dir(at(path))),
        Edit::Link(path, target) => (vec![*path], symlink(target, at(path))),
        Edit::Rename(from, to) => (vec![*from, *to], fs::rename(at(from), at(to))),
        Edit::Touch(path) => (vec![*path], Ok(())),
    };
    for path in paths {
        for touched in [at(path), at(path).parent().expect("in the tree").to_owned()] {
            *tick += 1;
            if let Ok(file) = File::open(&touched) {
                file.set_modified(UNIX_EPOCH + Duration::from_secs(*tick))
                    .expect("utimens");
            }
        }
    }
}

fn apply_all(host: &Host, edits: &[Edit], tick: &mut u64) {
    for edit in edits {
        apply(host, edit, tick);
    }
}

fn check(host: &Host, before: &[Edit], after: &[Edit]) -> Result<(), TestCaseError> {
    let mut tick = 1_000_000;
    apply_all(host, before, &mut tick);
    let began = host.trust.now();
    let seen = host.search(DIRECTORIES, NAMES);
    // Refused where a name that nobody used lies in a fresh directory.
    let Ok(manifest) = host.observe(&seen, began) else {
        return Ok(());
    };
    prop_assert!(host.holds(&manifest).is_ok(), "nothing changed");
    for edit in after {
        apply(host, edit, &mut tick);
        let holds = host.holds(&manifest);
        let now = host.search(DIRECTORIES, NAMES);
        if holds.is_ok() {
            prop_assert_eq!(&now, &seen, "after {:?}", edit);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_manifest_that_holds_is_true(
        before in prop::collection::vec(edit(), 0..25),
        after in prop::collection::vec(edit(), 1..6),
    ) {
        check(&Host::settled(), &before, &after)?;
        check(&Host::fresh(), &before, &after)?;
    }

    #[test]
    fn edits_between_search_and_observation_are_not_taken_for_what_was_seen(
        before in prop::collection::vec(edit(), 0..25),
        meanwhile in prop::collection::vec(edit(), 1..3),
    ) {
        let host = Host::fresh();
        let mut tick = 1_000_000;
        apply_all(&host, &before, &mut tick);
        let began = host.trust.now();
        let seen = host.search(DIRECTORIES, NAMES);
        apply_all(&host, &meanwhile, &mut tick);
        if let Ok(manifest) = host.observe(&seen, began) && host.holds(&manifest).is_ok() {
            prop_assert_eq!(host.search(DIRECTORIES, NAMES), seen);
        }
    }
}

#[test]
fn what_a_step_itself_writes_is_left_out_of_its_manifest() {
    let host = Host::settled();
    for (name, text) in [("d/lib.a", "old"), ("d/x.o", "x")] {
        let path = host.at(name);
        std::fs::create_dir_all(path.parent().expect("parent")).expect("directory");
        std::fs::write(path, text).expect("file");
    }
    let began = host.trust.now();
    let seen = host.search(&["d"], &["lib.a", "new.a", "x.o", "y.o"]);
    let manifest = host.observe(&seen, began).expect("a manifest");
    let [updated, new, other] = ["d/lib.a", "d/new.a", "d/y.o"].map(|name| host.at(name));
    for path in [&updated, &new] {
        std::fs::write(path, "written by the step").expect("file");
    }
    assert!(host.holds(&manifest).is_err());
    let written = [updated.clone(), new.clone()].into();
    let rest = manifest.apart_from(&[updated].into(), &written);
    host.holds(&rest).expect("only what the step wrote has changed");
    assert!(host.holds(&manifest.apart_from(&BTreeSet::new(), &written)).is_err());
    std::fs::write(other, "").expect("file");
    assert!(host.holds(&rest).is_err());
}
