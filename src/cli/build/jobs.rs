//! How `-j` reaches a build command.

use crate::failure::{Failure, FailureKind};
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// Stands for the number of jobs in a command.
const PLACEHOLDER: &str = "{jobs}";

/// A command that knows its number of jobs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Planned {
    /// The command, `{jobs}` replaced.
    pub(super) command: Vec<OsString>,
    /// What is to be set in its environment.
    pub(super) variable: Option<(OsString, OsString)>,
}

/// Without `-j` the command stays as it is. Otherwise `{jobs}` is replaced where it stands; a command without it must be
/// `make` or `cmake`, which take the number from a variable.
pub(super) fn plan(jobs: Option<u32>, command: Vec<OsString>, makeflags: Option<OsString>) -> Result<Planned, Failure> {
    let Some(jobs) = jobs else {
        return Ok(Planned {
            command,
            variable: None,
        });
    };
    if command.iter().any(|word| word.to_string_lossy().contains(PLACEHOLDER)) {
        let replaced = |word: OsString| match word.into_string() {
            Ok(text) => OsString::from(text.replace(PLACEHOLDER, &jobs.to_string())),
            Err(word) => word,
        };
        return Ok(Planned {
            command: command.into_iter().map(replaced).collect(),
            variable: None,
        });
    }
    let variable = match program(&command) {
        "make" | "gmake" => ("MAKEFLAGS".into(), with_jobs(makeflags.unwrap_or_default(), jobs)),
        "cmake" => ("CMAKE_BUILD_PARALLEL_LEVEL".into(), jobs.to_string().into()),
        other => {
            let failure = Failure::new(FailureKind::Usage, format!("cannot pass `-j{jobs}` to `{other}`"));
            return Err(failure.hint("write `{jobs}` where the command takes the number, as in `ninja -j {jobs}`"));
        }
    };
    Ok(Planned {
        command,
        variable: Some(variable),
    })
}

/// Whether the command is a `make` that prints nothing by itself.
pub(super) fn is_silent_make(command: &[OsString]) -> bool {
    let is_silent = |word: &OsString| match word.to_str() {
        Some("--silent" | "--quiet") => true,
        Some(word) if word.starts_with('-') && !word.starts_with("--") => {
            // Letters up to the first that takes the rest of the word as its value.
            word[1..]
                .chars()
                .take_while(|letter| !"CEfIjloW".contains(*letter))
                .any(|letter| letter == 's')
        }
        _ => false,
    };
    matches!(program(command), "make" | "gmake") && command[1..].iter().any(is_silent)
}

fn program(command: &[OsString]) -> &str {
    let first = command.first().map(OsString::as_os_str).unwrap_or_default();
    Path::new(first).file_name().and_then(OsStr::to_str).unwrap_or_default()
}

/// The flags with `-jN` behind those that are there (the last one counts), but before `--`, behind which make expects
/// variables.
fn with_jobs(flags: OsString, jobs: u32) -> OsString {
    // make's own flags are ASCII; the variables behind `--` need not be.
    let Ok(flags) = flags.into_string() else {
        return format!("-j{jobs}").into();
    };
    let (options, variables) = match flags.find("-- ") {
        Some(at) if at == 0 || flags[..at].ends_with(' ') => flags.split_at(at),
        _ => (flags.as_str(), ""),
    };
    let words = [options.trim_end(), &format!("-j{jobs}"), variables];
    words
        .into_iter()
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn jobs_reach_make_cmake_and_the_placeholder() {
        #[track_caller]
        fn check(command: &str, expected: &str, variable: Option<(&str, &str)>) {
            let planned = plan(Some(7), words(command), None).expect("a way");
            assert_eq!(planned.command, words(expected));
            assert_eq!(
                planned.variable,
                variable.map(|(name, value)| (name.into(), value.into())),
                "{command}"
            );
        }
        check("make all", "make all", Some(("MAKEFLAGS", "-j7")));
        check("/usr/bin/gmake", "/usr/bin/gmake", Some(("MAKEFLAGS", "-j7")));
        check(
            "cmake --build b",
            "cmake --build b",
            Some(("CMAKE_BUILD_PARALLEL_LEVEL", "7")),
        );
        check("ninja -j {jobs}", "ninja -j 7", None);
        check("make -j{jobs} X={jobs}", "make -j7 X=7", None);
    }

    #[test]
    fn other_commands_need_the_placeholder() {
        for command in ["ninja", "sh -c make", "./makefile.sh"] {
            let failure = plan(Some(2), words(command), None).expect_err(command);
            assert_eq!(failure.exit_code(), 2);
        }
    }

    #[test]
    fn without_jobs_the_command_stays() {
        let planned = plan(None, words("ninja -j {jobs}"), Some("k".into())).expect("nothing to do");
        assert_eq!(
            planned,
            Planned {
                command: words("ninja -j {jobs}"),
                variable: None
            }
        );
    }

    #[test]
    fn makes_own_flags_stay() {
        #[track_caller]
        fn check(flags: &str, expected: &str) {
            assert_eq!(with_jobs(flags.into(), 7), expected, "{flags}");
        }
        check("", "-j7");
        check("ks", "ks -j7");
        check("-j4", "-j4 -j7");
        check(
            "k --no-print-directory -- CC=gcc A=b\\ -- c",
            "k --no-print-directory -j7 -- CC=gcc A=b\\ -- c",
        );
        check("-- CC=gcc", "-j7 -- CC=gcc");
    }

    #[test]
    fn a_silent_make_is_recognised() {
        #[track_caller]
        fn check(command: &str, expected: bool) {
            assert_eq!(is_silent_make(&words(command)), expected, "{command}");
        }
        check("make -s", true);
        check("gmake -ksj4 all", true);
        check("make --quiet", true);
        check("make", false);
        check("make -Csrc", false);
        check("make -j4 CFLAGS=-s", false);
        check("ninja -s", false);
    }
}
