use super::*;
use crate::action::Place;
use crate::config::PathsMode;
use proptest::prelude::*;
use std::fs;
use std::path::Path;
use std::process::Command;

const COMPILERS: &[(&str, Family)] = &[
    ("gcc", Family::Gcc),
    ("clang", Family::Clang),
    ("clang-19", Family::Clang),
];

fn paths(exec_root: &str, cwd: &str) -> PathMap {
    let place = Place::new(Path::new(exec_root), Path::new(cwd)).expect("place");
    PathMap::relocated(&place, PathsMode::Exact)
}

/// File names with everything that is escaped, in a directory whose length moves the line breaks.
fn sources(dir: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for name in [
        "plain.h",
        "with blank.h",
        "dollar$.h",
        "hash#.h",
        "percent%.h",
        "colon:.h",
        "ümlaut.h",
        "a/deeper/directory/with/many/components/that/is/longer/than/one/line/of/a/depfile/x.h",
    ] {
        let file = dir.join(name);
        fs::create_dir_all(file.parent().expect("parent")).expect("directory");
        fs::write(&file, "").expect("header");
        names.push(name.to_owned());
    }
    for at in 0..30 {
        let name = format!("{}.h", "h".repeat(at + 1));
        fs::write(dir.join(&name), "").expect("header");
        names.push(name);
    }
    names
}

/// Depfiles that the real compilers write.
fn real_depfiles() -> Vec<(String, Family, Vec<u8>)> {
    let temp = tempfile::tempdir().expect("temporary directory");
    let mut all = Vec::new();
    let names = sources(temp.path());
    let options: &[&str] = &[
        "-MD",
        "-MMD -MP",
        "-MD -MP -MT one -MT two",
        "-MD -MQ do$$lar -MQ ha#sh -MT a_long_target_name_number_one -MT a_long_target_name_number_two_x -MT third",
        "-MD -MT aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ];
    for absolute in [false, true] {
        let prefix = if absolute {
            format!("{}/", temp.path().display())
        } else {
            String::new()
        };
        let includes: Vec<String> = names
            .iter()
            .map(|name| format!("#include \"{prefix}{name}\"\n"))
            .collect();
        let source = includes.concat();
        fs::write(temp.path().join("a.c"), format!("#include <stdio.h>\n{source}")).expect("source");
        for (compiler, family) in COMPILERS {
            for option in options {
                let done = Command::new(compiler)
                    .current_dir(temp.path())
                    .args(["-c", &format!("{prefix}a.c"), "-o", "some/../a.o", "-MF", "a.d"])
                    .args(option.split(' '))
                    .output();
                fs::create_dir_all(temp.path().join("some")).expect("directory");
                let Ok(done) = done else { continue };
                if done.status.success() {
                    let depfile = fs::read(temp.path().join("a.d")).expect("depfile");
                    all.push((format!("{compiler} {option} absolute {absolute}"), *family, depfile));
                }
            }
        }
    }
    all
}

#[test]
fn laying_out_a_real_depfile_gives_it_again() {
    let all = real_depfiles();
    assert!(all.len() >= 10, "some compiler is there");
    for (name, family, depfile) in all {
        let again = Depfile::parse(&depfile).expect("a depfile").lay_out(family);
        assert_eq!(
            String::from_utf8_lossy(&again),
            String::from_utf8_lossy(&depfile),
            "{name}"
        );
        assert_eq!(restore(&depfile, &PathMap::identity(), family), Ok(depfile), "{name}");
    }
}

#[test]
fn relocating_and_restoring_a_real_depfile_gives_it_again() {
    for (name, family, depfile) in real_depfiles() {
        // The directory of the sources is in the absolute ones.
        let text = String::from_utf8_lossy(&depfile);
        let Some(root) = text.split_whitespace().find(|word| word.ends_with("/a.c")) else {
            continue;
        };
        let root = root.trim_end_matches("/a.c");
        for cwd in [root.to_owned(), format!("{root}/b"), format!("{root}/b/c/d")] {
            let paths = paths(root, &cwd);
            let relocated = relocate(&depfile, &paths, family).expect("a depfile");
            assert!(!String::from_utf8_lossy(&relocated).contains(root), "{name}");
            let restored = restore(&relocated, &paths, family).expect("a depfile");
            assert_eq!(String::from_utf8_lossy(&restored), text, "{name}");
        }
    }
}

#[test]
fn a_depfile_without_our_paths_comes_out_byte_for_byte() {
    let paths = paths("/h/p", "/h/p/b");
    for depfile in [
        "a.o: a.c\n",
        "a.o: \\\n  a.c   b.h\n\n\nb.h:\n",
        "a.o b.o : x/../../../_rw/a.c\n",
        "",
        "\n",
    ] {
        for family in [Family::Gcc, Family::Clang] {
            assert_eq!(
                restore(depfile.as_bytes(), &paths, family),
                Ok(depfile.as_bytes().to_vec())
            );
        }
    }
}

#[test]
fn roots_are_escaped_like_names() {
    let paths = paths("/h/my $p#1", "/h/my $p#1/b");
    let restored = restore(b"a.o: ../../_rw/src/a.c\n", &paths, Family::Gcc).expect("a depfile");
    assert_eq!(String::from_utf8_lossy(&restored), "a.o: /h/my\\ $$p\\#1/src/a.c\n");
    let back = relocate(&restored, &paths, Family::Gcc).expect("a depfile");
    assert_eq!(back, b"a.o: ../../_rw/src/a.c\n");
}

#[test]
fn line_breaks_follow_the_new_lengths() {
    let paths = paths("/a/long/name/of/a/home/directory", "/a/long/name/of/a/home/directory/b");
    let relocated = b"a.o: ../../_rw/a.c ../../_rw/b.h ../../_rw/c.h\n";
    for (family, expected) in [
        (
            Family::Gcc,
            "a.o: /a/long/name/of/a/home/directory/a.c \\\n /a/long/name/of/a/home/directory/b.h \\\n /a/long/name/of/a/home/directory/c.h\n",
        ),
        (
            Family::Clang,
            "a.o: /a/long/name/of/a/home/directory/a.c \\\n  /a/long/name/of/a/home/directory/b.h \\\n  /a/long/name/of/a/home/directory/c.h\n",
        ),
    ] {
        let restored = restore(relocated, &paths, family).expect("a depfile");
        assert_eq!(String::from_utf8_lossy(&restored), expected);
    }
}

#[test]
fn what_cannot_be_restored_is_refused() {
    let worker = format!("a.o: /w/1/{}/_rw/a.c\n", crate::action::place::FILLER);
    let paths = paths("/h/p", "/h/p/b");
    assert_eq!(
        relocate(b"a.o: ../../_rw/a.c\n", &paths, Family::Gcc),
        Err(BadDepfile::Ambiguous)
    );
    assert_eq!(
        restore(worker.as_bytes(), &paths, Family::Gcc),
        Err(BadDepfile::NamesWorker)
    );
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        let paths = paths("/h/p", "/h/p/b");
        for family in [Family::Gcc, Family::Clang] {
            if let Ok(restored) = restore(&bytes, &paths, family) {
                prop_assert!(restored.len() >= bytes.len() || bytes.windows(3).any(|window| window == b"_rw"));
            }
        }
    }
}
