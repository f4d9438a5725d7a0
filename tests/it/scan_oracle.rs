//! The scanner against the compilers: what it says a step reads is put into an empty directory, and the same command
//! has to give the same object there.

pub(crate) mod bench;
mod included;
mod precompiled;
mod refused;
mod unlisted;

use bench::{Tree, check_hermetic};
use rewrap::scan::ScanFailure;

/// The files and links of the input root under each of the compilers, after the hermetic check.
#[track_caller]
fn check(compilers: &[&str], files: &[(&str, &str)], args: &[&str], expected: &[&str]) {
    for compiler in compilers {
        let tree = Tree::new(files);
        let scanned = check_hermetic(&tree, compiler, args);
        assert_eq!(scanned.files(), expected, "{compiler} {args:?}");
    }
}

/// After `change`, what the scan looked at must look different.
#[track_caller]
fn check_noticed(compilers: &[&str], files: &[(&str, &str)], args: &[&str], change: (&str, &str)) {
    for compiler in compilers {
        let tree = Tree::new(files);
        let scanned = check_hermetic(&tree, compiler, args);
        let before = scanned.observed_now();
        assert_eq!(before, scanned.observed_now(), "{compiler}: nothing has changed");
        tree.put(change.0, change.1);
        assert_ne!(before, scanned.observed_now(), "{compiler} {args:?} {change:?}");
    }
}

#[track_caller]
fn failure(compiler: &str, files: &[(&str, &str)], args: &[&str]) -> ScanFailure {
    Tree::new(files).scan(compiler, args).expect_err("a scan that refuses")
}
