//! Which linker a program is, and where it looks for libraries by itself.

use super::LinkFailure;
use crate::command::link::Flavour;
use crate::toolchain::{Answer, Ask, Environment, Question};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// A library that no directory has.
const NO_LIBRARY: &str = "rewrap-looks-where-this-would-be";

/// A linker that was asked who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Linker {
    /// Absolute, as it is run.
    pub(super) path: PathBuf,
    /// Whose options it takes.
    pub(super) flavour: Flavour,
    /// The first line that it prints for `--version`.
    pub(super) version_text: String,
}

/// How to ask it.
#[derive(Clone, Copy)]
pub(super) struct Asking<'a> {
    pub(super) ask: &'a dyn Ask,
    pub(super) cwd: &'a Path,
    /// Made for questions.
    pub(super) env: &'a Environment,
}

impl Asking<'_> {
    pub(super) fn put(&self, program: &Path, invoked_as: &OsStr, args: &[&str]) -> Result<Answer, LinkFailure> {
        let args: Vec<OsString> = args.iter().map(OsString::from).collect();
        Ok(self.ask.ask(&Question {
            program,
            invoked_as,
            args: &args,
            cwd: self.cwd,
            env: self.env,
        })?)
    }
}

/// Asks the linker at this path.
pub(super) fn identify(path: &Path, invoked_as: &OsStr, asking: Asking<'_>) -> Result<Linker, LinkFailure> {
    let answer = asking.put(path, invoked_as, &["--version"])?;
    let text = String::from_utf8_lossy(&answer.stdout);
    of_version(path, &text)
        .filter(|_| answer.success)
        .ok_or_else(|| LinkFailure::UnknownLinker { path: path.to_owned() })
}

/// What its `--version` says.
pub(super) fn of_version(path: &Path, text: &str) -> Option<Linker> {
    let line = text.lines().next()?.trim();
    let flavour = if line.starts_with("GNU ld ") {
        Flavour::Bfd
    } else if line.starts_with("GNU gold ") {
        Flavour::Gold
    } else if line.starts_with("mold ") {
        Flavour::Mold
    } else if line.starts_with("LLD ") || line.contains(" LLD ") {
        Flavour::Lld
    } else {
        return None;
    };
    Some(Linker {
        path: path.to_owned(),
        flavour,
        version_text: line.to_owned(),
    })
}

/// The last run of numbers with dots in the text, or zeros: "GNU gold (GNU Binutils for Debian 2.40) 1.16".
pub(super) fn version_numbers(text: &str) -> (u32, u32, u32) {
    let of_a_number = |c: char| c.is_ascii_digit() || c == '.';
    let mut runs = text.split(|c| !of_a_number(c));
    let numbers = runs
        .rfind(|run| run.contains('.') && run.starts_with(|c: char| c.is_ascii_digit()))
        .unwrap_or_default();
    let mut numbers = numbers.split('.').map(|number| number.parse().unwrap_or_default());
    let mut next = || numbers.next().unwrap_or_default();
    (next(), next(), next())
}

/// The directories that it searches after those of the command line; `=` at the beginning stands for the sysroot.
/// lld and mold have none.
pub(super) fn search_dirs(linker: &Linker, words: &[String], asking: Asking<'_>) -> Result<Vec<String>, LinkFailure> {
    let deciding = deciding_words(words);
    let mut args: Vec<&str> = deciding.iter().map(String::as_str).collect();
    let dirs = match linker.flavour {
        Flavour::Lld | Flavour::Mold => return Ok(Vec::new()),
        Flavour::Bfd => {
            args.push("--verbose");
            let answer = asking.put(&linker.path, linker.path.as_os_str(), &args)?;
            of_script(&String::from_utf8_lossy(&answer.stdout))
        }
        // It says so only while it looks for something.
        Flavour::Gold => {
            let library = format!("-l{NO_LIBRARY}");
            args.extend(["--verbose", "-o", "/dev/null", &library]);
            let answer = asking.put(&linker.path, linker.path.as_os_str(), &args)?;
            let said = [answer.stdout, answer.stderr].concat();
            of_attempts(&String::from_utf8_lossy(&said))
        }
    };
    if dirs.is_empty() {
        return Err(LinkFailure::NoSearchDirs {
            linker: linker.path.clone(),
        });
    }
    Ok(dirs)
}

/// The words on which the linker's own directories depend.
fn deciding_words(words: &[String]) -> Vec<String> {
    let mut deciding = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let name = word.strip_prefix("--").or_else(|| word.strip_prefix('-')).unwrap_or("");
        if name == "m" || name == "sysroot" {
            deciding.push(word.clone());
            deciding.extend(words.next().cloned());
        } else if name.starts_with("melf") || name.starts_with("sysroot=") {
            deciding.push(word.clone());
        }
    }
    deciding
}

/// The `SEARCH_DIR("…")` of GNU ld's built-in script.
fn of_script(text: &str) -> Vec<String> {
    let rest = text.split("SEARCH_DIR(").skip(1);
    let dirs = rest.filter_map(|rest| rest.split_once(')'));
    dirs.map(|(dir, _)| dir.trim_matches('"').to_owned()).collect()
}

/// The directories of gold's vain attempts.
fn of_attempts(text: &str) -> Vec<String> {
    let name = format!("/lib{NO_LIBRARY}.so failed");
    let lines = text.lines().filter_map(|line| line.strip_suffix(name.as_str()));
    lines
        .filter_map(|line| line.split_once("Attempt to open "))
        .map(|(_, dir)| dir.to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linker_is_known_by_its_version() {
        let check = |text: &str, expected: Option<Flavour>, numbers: (u32, u32, u32)| {
            let found = of_version(Path::new("/ld"), text).map(|linker| linker.flavour);
            assert_eq!((found, version_numbers(text)), (expected, numbers), "{text}");
        };
        check("GNU ld (GNU Binutils for Debian) 2.40", Some(Flavour::Bfd), (2, 40, 0));
        check(
            "GNU gold (GNU Binutils for Debian 2.40) 1.16",
            Some(Flavour::Gold),
            (1, 16, 0),
        );
        check(
            "Debian LLD 14.0.6 (compatible with GNU linkers)",
            Some(Flavour::Lld),
            (14, 0, 6),
        );
        check("LLD 21.1.0 (https://x)", Some(Flavour::Lld), (21, 1, 0));
        check("mold 1.10.1 (compatible with GNU ld)", Some(Flavour::Mold), (1, 10, 1));
        check("gcc (Debian 12.2.0-14) 12.2.0", None, (12, 2, 0));
        check("", None, (0, 0, 0));
    }

    #[test]
    fn own_directories_are_read_from_scripts_and_attempts() {
        let script = "SEARCH_DIR(\"=/usr/local/lib\"); SEARCH_DIR(\"/lib\");\nSECTIONS\n";
        assert_eq!(of_script(script), ["=/usr/local/lib", "/lib"]);
        let attempts = format!("ld.gold: Attempt to open //lib/lib{NO_LIBRARY}.so failed\nld.gold: error: x\n");
        assert_eq!(of_attempts(&attempts), ["//lib"]);
    }

    #[test]
    fn only_emulation_and_sysroot_decide() {
        let words = ["-o", "a", "-m", "elf_i386", "--sysroot=/s", "-melf_x86_64", "-Map=x"].map(str::to_owned);
        assert_eq!(
            deciding_words(&words),
            ["-m", "elf_i386", "--sysroot=/s", "-melf_x86_64"]
        );
    }
}
