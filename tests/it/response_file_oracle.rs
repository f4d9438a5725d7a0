//! Response files as the installed compilers read them, against our reading.

use rewrap::command::response_file::{expand, tokenize};
use rewrap::command::{Driver, Family};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// Texts whose words all start with `-DX`, so that the drivers hand them on as they are.
const TEXTS: &[&str] = &[
    "-DXa -DXb",
    " \t\n-DXa\r\n-DXb\n\n",
    "-DX='a b' \"-DXc d\"",
    "-DX=a\\ b -DX=\\\"q\\\"",
    "-DX='a\\'b' -DX=\"a\\\"b\"",
    "-DX=\"it's\" -DX='say \"x\"'",
    "-DX='a\\\\b' -DX=\"a\\\\b\" -DX=a\\\\b",
    "-DX=\"a\nb\"",
    "-DX=a\\\nb",
    "-DX=''y -DX=\"\"z",
    "-DX='open end",
    "-DX=\"open\\\" end",
    "-DX=end\\",
    "-DX=a#b -DX=$HOME -DX=`x` -DX=*",
    "-DX=a\x0b-DXb\x0c-DXc",
    "-DX=\u{e9}\u{4e2d}",
    "\u{feff}-DXa",
    "",
    "   \n",
];

fn driver(family: Family, program: &str) -> Option<Driver> {
    let output = Command::new(program)
        .arg("-dumpfullversion")
        .arg("-dumpversion")
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut numbers = text.trim().split('.').map(|part| part.parse().unwrap_or_default());
    let mut next = || numbers.next().unwrap_or_default();
    let version = (next(), next(), next());
    let cxx = false;
    Some(Driver { family, cxx, version })
}

/// What gcc hands to its compiler proper: a script in its place writes its arguments down.
fn seen_by_gcc(directory: &Path, args: &[&str]) -> Vec<String> {
    let script = directory.join("cc1");
    std::fs::write(&script, "#!/bin/sh\nprintf '%s\\0' \"$@\" > \"$SEEN\"\n").expect("script");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).expect("mode");
    std::fs::write(directory.join("x.c"), "").expect("source");
    let seen = directory.join("seen");
    let run = Command::new("gcc")
        .current_dir(directory)
        .env("SEEN", &seen)
        .args(["-S", "x.c", "-B", "./"])
        .args(args)
        .output();
    let run = run.expect("gcc");
    let bytes =
        std::fs::read(&seen).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&run.stderr)));
    let words = bytes
        .split(|byte| *byte == 0)
        .map(|word| String::from_utf8(word.to_vec()).expect("UTF-8"));
    joined_definitions(words.collect())
}

/// What clang would hand to its compiler proper, read from its `-###`.
fn seen_by_clang(program: &str, directory: &Path, args: &[&str]) -> Vec<String> {
    std::fs::write(directory.join("x.c"), "").expect("source");
    let run = Command::new(program)
        .current_dir(directory)
        .args(["-###", "-S", "x.c"])
        .args(args)
        .output();
    let text = String::from_utf8(run.expect("clang").stderr).expect("UTF-8");
    let start = text.find(" \"-cc1\"").unwrap_or_else(|| panic!("{text}"));
    let mut words = Vec::new();
    let mut word = None;
    let mut chars = text[start..].chars();
    while let Some(c) = chars.next() {
        match (c, &mut word) {
            ('"', None) => word = Some(String::new()),
            ('"', Some(_)) => words.extend(word.take()),
            ('\\', Some(open)) => open.extend(chars.next()),
            (c, Some(open)) => open.push(c),
            _ => {}
        }
    }
    joined_definitions(words)
}

/// `-D` `Xa` and `-DXa` → `-DXa`; all other words are the driver's own.
fn joined_definitions(words: Vec<String>) -> Vec<String> {
    let mut found = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        if word == "-D" {
            found.extend(
                words
                    .next()
                    .filter(|name| name.starts_with('X'))
                    .map(|name| format!("-D{name}")),
            );
        } else if word.starts_with("-DX") {
            found.push(word);
        }
    }
    found
}

#[test]
fn words_are_those_that_gcc_sees() {
    let directory = tempfile::tempdir().expect("temporary directory");
    for text in TEXTS {
        // Not an argument of ours, so gcc takes it for a file.
        if text.starts_with('\u{feff}') {
            continue;
        }
        std::fs::write(directory.path().join("r"), text).expect("response file");
        assert_eq!(
            seen_by_gcc(directory.path(), &["@r"]),
            tokenize(Family::Gcc, text),
            "{text:?}"
        );
    }
}

#[test]
fn words_are_those_that_clang_sees() {
    let directory = tempfile::tempdir().expect("temporary directory");
    for program in ["clang", "clang-19"] {
        if driver(Family::Clang, program).is_none() {
            continue;
        }
        for text in TEXTS {
            std::fs::write(directory.path().join("r"), text).expect("response file");
            let seen = seen_by_clang(program, directory.path(), &["@r"]);
            assert_eq!(seen, tokenize(Family::Clang, text), "{program} {text:?}");
        }
    }
}

#[test]
fn nested_and_missing_files_are_read_as_the_compilers_do() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let root = directory.path();
    std::fs::create_dir(root.join("d")).expect("directory");
    std::fs::write(root.join("d/outer"), "-DXouter @inner @d/second").expect("response file");
    std::fs::write(root.join("inner"), "-DXinner").expect("response file");
    std::fs::write(root.join("d/inner"), "-DXwrong").expect("response file");
    std::fs::write(root.join("d/second"), "-DXsecond").expect("response file");
    for (family, program) in [
        (Family::Gcc, "gcc"),
        (Family::Clang, "clang"),
        (Family::Clang, "clang-19"),
    ] {
        let Some(driver) = driver(family, program) else {
            continue;
        };
        let seen = match family {
            Family::Gcc => seen_by_gcc(root, &["@d/outer"]),
            Family::Clang => seen_by_clang(program, root, &["@d/outer"]),
        };
        let mut read = |path: &str| std::fs::read(root.join(path)).ok();
        let ours = expand(&driver, &["@d/outer".to_owned()], &mut read).expect("expansion");
        assert_eq!(seen, ours.args, "{program}");
        assert_eq!(ours.files, ["d/outer", "inner", "d/second"]);
    }
}
