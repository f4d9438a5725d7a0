//! `rewrap init`.

use super::{current_directory, print};
use crate::config::{FILE_NAME, template};
use crate::failure::{Failure, FailureKind};
use crate::host::fs::PathContext;
use clap::Args;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where the file for CMake is from the directory of `rewrap`: installed, and in the source tree.
const CMAKE_FILE: [&str; 2] = ["../share/rewrap/rewrap.cmake", "../../shims/rewrap.cmake"];

/// Write a commented `rewrap.toml` here, and print how to put rewrap into a build.
///
/// The file sets nothing until you edit it, but makes this directory the exec root. One that is there already is left
/// alone.
#[derive(Debug, Args)]
pub(super) struct Arguments {}

pub(super) fn run(_: &Arguments) -> Result<ExitCode, Failure> {
    let path = current_directory()?.join(FILE_NAME);
    let mut file = create(&path)?;
    file.write_all(template::text().as_bytes()).at("write", &path)?;
    let programs = std::env::current_exe().and_then(std::fs::canonicalize);
    let cmake_file = programs.ok().and_then(|rewrap| cmake_file(rewrap.parent()?));
    print(format!("Wrote {}.\n\n{}", path.display(), ways(cmake_file.as_deref())).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// A new file; never one that is there, be it only a link to nowhere.
fn create(path: &Path) -> Result<File, Failure> {
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let what = format!("cannot write `{}`: it is there already", path.display());
            let failure = Failure::new(FailureKind::Host, what);
            Err(failure.hint("remove it or move it away to have a new one"))
        }
        opened => Ok(opened.at("write", path)?),
    }
}

fn cmake_file(programs: &Path) -> Option<PathBuf> {
    let mut places = CMAKE_FILE.iter().map(|place| programs.join(place));
    places.find_map(|place| std::fs::canonicalize(place).ok())
}

/// How each build tool takes the wrapper.
fn ways(cmake_file: Option<&Path>) -> String {
    let cmake = match cmake_file {
        Some(file) => format!("cmake -DCMAKE_PROJECT_INCLUDE={} …", quoted(&file.to_string_lossy())),
        None => "cmake -DCMAKE_C_COMPILER_LAUNCHER=rewrap-cc -DCMAKE_CXX_COMPILER_LAUNCHER=rewrap-cc \
                 -DCMAKE_C_LINKER_LAUNCHER=rewrap-cc -DCMAKE_CXX_LINKER_LAUNCHER=rewrap-cc …"
            .to_owned(),
    };
    let gnu = "AR=\"rewrap-cc ar\" RANLIB=\"rewrap-cc ranlib\"";
    let rows = [
        ("anything", "rewrap build -- make -j8".to_owned()),
        ("CMake", cmake),
        ("make", format!("make CC=\"rewrap-cc cc\" CXX=\"rewrap-cc c++\" {gnu}")),
        (
            "autotools",
            format!("./configure CC=\"rewrap-cc gcc\" CXX=\"rewrap-cc g++\" {gnu}"),
        ),
        (
            "Meson",
            "CC=\"rewrap-cc gcc\" CXX=\"rewrap-cc g++\" AR=\"rewrap-cc gcc-ar\" meson setup build".to_owned(),
        ),
    ];
    let mut text = "Put rewrap into your build by one of these, once (`rewrap-cc` on PATH):\n\n".to_owned();
    for (tool, line) in rows {
        writeln!(text, "  {tool:<9}  {line}").expect("a String takes everything");
    }
    text.push_str("\n`rewrap stats` then tells what became of each step.\n");
    text
}

/// As a shell takes it for one word.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@%".contains(c);
    if word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_for_cmake_is_found_where_it_is_installed_and_in_the_source_tree() {
        let root = tempfile::tempdir().expect("temporary directory");
        let make = |name: &str| {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a directory")).expect("made");
            std::fs::write(&path, "").expect("written");
            path.canonicalize().expect("there")
        };
        let (installed, source) = (make("usr/share/rewrap/rewrap.cmake"), make("tree/shims/rewrap.cmake"));
        make("usr/bin/rewrap");
        make("tree/target/release/rewrap");
        let found = |programs: &str| cmake_file(&root.path().join(programs));
        assert_eq!(found("usr/bin"), Some(installed));
        assert_eq!(found("tree/target/release"), Some(source));
        assert_eq!(found("usr"), None);
    }

    #[test]
    fn cmake_takes_the_file_where_there_is_one() {
        assert!(ways(Some(Path::new("/a b/r.cmake"))).contains("cmake -DCMAKE_PROJECT_INCLUDE='/a b/r.cmake' …\n"));
        assert!(ways(None).contains("-DCMAKE_CXX_LINKER_LAUNCHER=rewrap-cc …\n"));
    }
}
