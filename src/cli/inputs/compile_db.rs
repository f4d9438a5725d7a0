//! Clang's JSON compilation database, as CMake, Meson and others write it.

use super::step::Step;
use crate::failure::{Failure, FailureKind};
use crate::host::fs::PathContext;
use serde::Deserialize;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// One command (clang.llvm.org/docs/JSONCompilationDatabase.html). `command` is text for a shell, `arguments` are words.
#[derive(Debug, Deserialize)]
struct Entry {
    directory: PathBuf,
    command: Option<String>,
    arguments: Option<Vec<String>>,
}

/// The commands of a database. Relative directories are relative to its own.
pub(super) fn read(file: &Path, cwd: &Path) -> Result<Vec<Step>, Failure> {
    let text = std::fs::read(file).at("read", file)?;
    let cannot = |what: &str| {
        let what = format!("cannot use `{}` as a compilation database: {what}", file.display());
        Failure::new(FailureKind::Usage, what)
    };
    let entries: Vec<Entry> =
        serde_json::from_slice(&text).map_err(|error| cannot("it has another form").caused_by(&error))?;
    let path = cwd.join(file);
    let base = path.parent().unwrap_or(cwd);
    let step = |(index, entry): (usize, Entry)| {
        let words = words(&entry).ok_or_else(|| cannot(&format!("entry {} has no command", index + 1)))?;
        let directory = base.join(&entry.directory);
        let pwd = directory.clone().into_os_string();
        Ok(Step::new(&directory, Some(pwd), words))
    };
    entries.into_iter().enumerate().map(step).collect()
}

fn words(entry: &Entry) -> Option<Vec<OsString>> {
    let words = match (&entry.arguments, &entry.command) {
        (Some(arguments), _) => arguments.clone(),
        (None, Some(command)) => shlex::split(command)?,
        (None, None) => return None,
    };
    (!words.is_empty()).then(|| words.into_iter().map(OsString::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_commands_are_read() {
        #[track_caller]
        fn check(entry: &str, expected: Option<&[&str]>) {
            let entry: Entry = serde_json::from_str(entry).expect("JSON");
            let expected = expected.map(|words| words.iter().map(OsString::from).collect());
            assert_eq!(words(&entry), expected);
        }
        check(
            r#"{"directory": "/b", "file": "a.c", "command": "cc -DX=\\\"a\\ b\\\" '-I/x y' -c a.c"}"#,
            Some(&["cc", "-DX=\"a b\"", "-I/x y", "-c", "a.c"]),
        );
        check(
            r#"{"directory": "/b", "file": "a.c", "command": "no", "arguments": ["cc", "a b.c"]}"#,
            Some(&["cc", "a b.c"]),
        );
        check(r#"{"directory": "/b", "file": "a.c"}"#, None);
        check(r#"{"directory": "/b", "file": "a.c", "command": "cc 'a.c"}"#, None);
        check(r#"{"directory": "/b", "file": "a.c", "command": " "}"#, None);
    }
}
