use super::*;
use crate::action::Place;
use crate::config::PathsMode;
use proptest::prelude::*;
use std::path::Path;

fn paths(root: &str) -> PathMap {
    let place = Place::new(Path::new(root), &Path::new(root).join("b")).expect("place");
    PathMap::relocated(&place, PathsMode::Exact)
}

#[track_caller]
fn check(root: &str, home: &str, relocated: &str) {
    let paths = paths(root);
    let stored = relocate(home.as_bytes(), &paths).expect("relocatable");
    assert_eq!(String::from_utf8_lossy(&stored), relocated);
    let restored = restore(relocated.as_bytes(), &paths).expect("restorable");
    assert_eq!(String::from_utf8_lossy(&restored), home);
}

const HEADING: &str = "Archive member included to satisfy reference by file (symbol)\n\n";

#[test]
fn the_second_column_moves_with_the_length_of_names() {
    let long = "/home/user/some/project";
    check(
        long,
        &format!("{HEADING}{long}/x.a(f.o)\n                              {long}/a.o (f)\n\nLOAD {long}/a.o\n"),
        &format!("{HEADING}../../_rw/x.a(f.o)            ../../_rw/a.o (f)\n\nLOAD ../../_rw/a.o\n"),
    );
    let short = "/p";
    check(
        short,
        &format!("{HEADING}/p/libsomething.a(f.o)        /p/a.o (f)\n"),
        &format!("{HEADING}../../_rw/libsomething.a(f.o)\n                              ../../_rw/a.o (f)\n"),
    );
}

#[test]
fn other_tables_keep_their_columns() {
    let root = "/home/user/some/project";
    check(
        root,
        &format!(" .text          0x0 0x1 {root}/a.o\n                0x0 {root}/b.o\n"),
        " .text          0x0 0x1 ../../_rw/a.o\n                0x0 ../../_rw/b.o\n",
    );
    check(root, &format!("{HEADING}\n\n"), &format!("{HEADING}\n\n"));
    check(root, "Archive member included \nx", "Archive member included \nx");
}

#[test]
fn both_tables_and_both_linkers_headings_are_known() {
    let root = "/home/user/some/project";
    for heading in [
        "Archive member included because of file (symbol)\n\n",
        "As-needed library included to satisfy reference by file (symbol)\n\n",
    ] {
        check(
            root,
            &format!(
                "x\n{HEADING}libx.so                       {root}/a.o (f)\n\n{heading}{root}/libyy.so\n                              a.o (g)\n"
            ),
            &format!(
                "x\n{HEADING}libx.so                       ../../_rw/a.o (f)\n\n{heading}../../_rw/libyy.so            a.o (g)\n"
            ),
        );
    }
}

#[test]
fn names_with_blanks_are_names() {
    check(
        "/my root",
        &format!("{HEADING}/my root/x y.a(f.o)           a b.o (f)\n"),
        &format!("{HEADING}../../_rw/x y.a(f.o)          a b.o (f)\n"),
    );
}

proptest! {
    #[test]
    fn a_relocated_map_is_restored(
        rows in proptest::collection::vec(("(/h/p/|lib/|)[a-z.]{1,40}", "(/h/p/|)[a-z.]{1,9} \\([a-z]\\)"), 0..5),
    ) {
        let mut text = HEADING.as_bytes().to_vec();
        for (name, rest) in rows {
            text.extend(name.as_bytes());
            if name.len() >= 29 {
                text.push(b'\n');
                text.resize(text.len() + 30, b' ');
            } else {
                text.resize(text.len() + 30 - name.len(), b' ');
            }
            text.extend(rest.as_bytes());
            text.push(b'\n');
        }
        let relocated = relocate(&text, &paths("/h/p")).expect("relocatable");
        let restored = restore(&relocated, &paths("/h/p")).expect("restorable");
        prop_assert_eq!(String::from_utf8_lossy(&restored), String::from_utf8_lossy(&text));
    }
}
