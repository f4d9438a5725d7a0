use super::*;
use proptest::prelude::*;

#[test]
fn dependencies_are_unescaped_and_named_once() {
    #[track_caller]
    fn check(depfile: &str, expected: &[&str]) {
        let depfile = Depfile::parse(depfile.as_bytes()).expect("a depfile");
        let expected: Vec<_> = expected.iter().map(PathBuf::from).collect();
        assert_eq!(depfile.dependencies(), expected);
    }
    check("x: a.c b.h\n", &["a.c", "b.h"]);
    check("x: a.c \\\n b.h \\\n  c.h\n\nb.h:\n", &["a.c", "b.h", "c.h"]);
    check("x: a.c\\\nb.h\n", &["a.c", "b.h"]);
    check(
        "x: a\\ b.h a$$b.h a\\#b.h a\\\tb.h\n",
        &["a b.h", "a$b.h", "a#b.h", "a\tb.h"],
    );
    check("x: a\\b.h a\\\\\\ b.h a\\\\#b.h\n", &["a\\b.h", "a\\ b.h", "a\\#b.h"]);
    check("x y\\ z: c:d.h %.h ü.h c:d.h", &["c:d.h", "%.h", "ü.h"]);
    check("x: a.c\n\nb.h:\nx: c.h a.c\n", &["a.c", "c.h"]);
    check("x:\n", &[]);
    check("", &[]);
}

#[test]
fn what_has_no_colon_is_no_depfile() {
    for text in ["a.c", "hello world\n", "x: a.c\nb.c\n", "c:d.h e\n"] {
        assert!(Depfile::parse(text.as_bytes()).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn escaping_is_undone(name in "[a-c $#\\\\:%é\t]{0,12}[a-c]") {
        // A backslash before `#` is not escaped by either compiler: the name cannot be told from the escape.
        prop_assume!(!name.contains("\\#"));
        prop_assert_eq!(unescape(&escape(name.as_bytes())), name.as_bytes());
    }
}
