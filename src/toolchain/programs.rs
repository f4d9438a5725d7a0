//! The files that a compiler consists of: what it runs, what it loads, what it reads unasked.

use super::machine::Environment;
use crate::host::fs::{PathContext, PathError};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The longest `#!` line that Linux reads (`BINPRM_BUF_SIZE`).
const SHEBANG_LIMIT: u64 = 256;

/// The program of this name that the step's PATH gives.
pub fn find_in_path(name: &OsStr, env: &Environment) -> Option<PathBuf> {
    std::env::split_paths(env.get("PATH")?)
        .filter(|dir| dir.is_absolute())
        .map(|dir| dir.join(name))
        .find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// The interpreters of a script, outermost last; none for a program. `#!/usr/bin/env sh` names two.
pub(super) fn interpreters(script: &Path, env: &Environment) -> Result<Vec<PathBuf>, PathError> {
    let mut found = Vec::new();
    let mut script = script.to_owned();
    // The kernel follows scripts that interpret scripts four levels deep.
    for _ in 0..4 {
        let Some((interpreter, argument)) = shebang(&script)? else {
            break;
        };
        if interpreter.file_name() == Some(OsStr::new("env"))
            && let Some(named) = argument.and_then(|name| find_in_path(&name, env))
        {
            found.push(named.canonicalize().at("resolve", &named)?);
        }
        script = interpreter.canonicalize().at("resolve", &interpreter)?;
        found.push(script.clone());
    }
    Ok(found)
}

fn shebang(path: &Path) -> Result<Option<(PathBuf, Option<OsString>)>, PathError> {
    let mut head = Vec::new();
    let file = File::open(path).at("open", path)?;
    file.take(SHEBANG_LIMIT).read_to_end(&mut head).at("read", path)?;
    let Some(line) = head.strip_prefix(b"#!") else {
        return Ok(None);
    };
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let mut words = line
        .split(|byte| *byte == b' ' || *byte == b'\t')
        .filter(|word| !word.is_empty())
        .map(OsStr::from_bytes);
    let interpreter = words.next().map(PathBuf::from);
    let argument = words
        .find(|word| !word.as_bytes().starts_with(b"-"))
        .map(OsStr::to_owned);
    Ok(interpreter.map(|interpreter| (interpreter, argument)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(path: &Path) -> Environment {
        [(OsString::from("PATH"), path.as_os_str().to_owned())]
            .into_iter()
            .collect()
    }

    #[test]
    fn a_script_is_its_interpreters_too() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let sh = Path::new("/bin/sh").canonicalize().expect("a shell");
        let check = |text: &str, expected: &[&Path]| {
            let script = dir.path().join("script");
            std::fs::write(&script, text).expect("script");
            let found = interpreters(&script, &environment(Path::new("/usr/bin"))).expect("interpreters");
            assert_eq!(found, expected, "{text}");
        };
        check("\x7fELF", &[]);
        check("#!/bin/sh\nexec gcc\n", &[&sh]);
        check("#! /bin/sh -e\n", &[&sh]);
        let env = Path::new("/usr/bin/env").canonicalize().expect("env");
        check("#!/usr/bin/env -S sh -e\n", &[&sh, &env]);
    }

    #[test]
    fn only_executable_files_are_found_in_path() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let program = dir.path().join("as");
        std::fs::write(&program, "").expect("file");
        let env = environment(dir.path());
        assert_eq!(find_in_path(OsStr::new("as"), &env), None);
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("mode");
        assert_eq!(find_in_path(OsStr::new("as"), &env), Some(program));
    }
}
