//! Finds and starts an action's program.

use super::failed;
use crate::serve::sandbox::spec::{Fault, NotStarted, Spec};
use rustix::fs::Access;
use rustix::io::Errno;
use rustix::process::Pid;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A program's file, and the name that it is called by.
#[derive(Debug, PartialEq, Eq)]
struct Program {
    /// Always with a slash, so that nobody looks for it again.
    file: PathBuf,
    name: OsString,
}

/// Starts it in the current directory, in a process group of its own, with nothing on its standard input.
pub(super) fn start(spec: &Spec) -> Result<Pid, NotStarted> {
    let [name, arguments @ ..] = &*spec.arguments else {
        unreachable!("there is something to run");
    };
    let path = spec.environment.iter().find(|variable| variable.name == "PATH");
    let program = find(name, path.map(|variable| &*variable.value), &spec.path).ok_or_else(|| NotStarted {
        fault: Fault::NotFound.into(),
        what: format!(
            "find the program `{name}` in `{}`",
            path.map_or(&*spec.path, |path| &*path.value)
        ),
        errno: 0,
    })?;
    let command = |file: &Path| {
        let mut command = Command::new(file);
        command.env_clear().stdin(Stdio::null()).process_group(0);
        command.envs(
            spec.environment
                .iter()
                .map(|variable| (&variable.name, &variable.value)),
        );
        command
    };
    let mut child = command(&program.file).arg0(&program.name).args(arguments).spawn();
    if matches!(&child, Err(error) if errno(error) == Some(Errno::NOEXEC)) {
        // A script that does not say what it is for: execvp(3) has the shell run it.
        child = command("/bin/sh".as_ref()).arg(&program.file).args(arguments).spawn();
    }
    let child = child.map_err(|error| refused(name, &program.file, error))?;
    Ok(Pid::from_child(&child))
}

/// The file of the program that a command names. With a slash it is a path, else it is looked for in the command's own
/// `PATH`, as execvp(3) does; without a `PATH` in `default_path`, and then it is called by the full name that it was found
/// by: gcc finds its parts by that.
fn find(name: &str, own_path: Option<&str>, default_path: &str) -> Option<Program> {
    if name.contains('/') {
        return Some(Program {
            file: name.into(),
            name: name.into(),
        });
    }
    let directories = own_path.unwrap_or(default_path).split(':');
    // An empty entry is the current directory.
    let mut files =
        directories.map(|directory| Path::new(if directory.is_empty() { "." } else { directory }).join(name));
    let file = files.find(|file| is_program(file)).filter(|_| !name.is_empty())?;
    // `a/b` and `./b` have a slash as they are.
    let name = own_path.map_or_else(|| file.clone().into(), |_| name.into());
    Some(Program { file, name })
}

fn is_program(file: &Path) -> bool {
    let is_file = std::fs::metadata(file).is_ok_and(|found| found.is_file());
    is_file && rustix::fs::access(file, Access::EXEC_OK).is_ok()
}

fn errno(error: &io::Error) -> Option<Errno> {
    Errno::from_io_error(error)
}

fn refused(name: &str, file: &Path, error: io::Error) -> NotStarted {
    let mut why = failed(format!("start the program `{name}`"))(error);
    let fault = match Errno::from_raw_os_error(why.errno) {
        Errno::NOENT if file.exists() => {
            why.what = format!("start the program `{name}`, whose interpreter is missing");
            why.errno = 0;
            Fault::NotFound
        }
        Errno::NOENT | Errno::NOTDIR => Fault::NotFound,
        Errno::ACCESS
        | Errno::PERM
        | Errno::NOEXEC
        | Errno::TOOBIG
        | Errno::LOOP
        | Errno::NAMETOOLONG
        | Errno::ISDIR => Fault::Invalid,
        _ => Fault::Host,
    };
    NotStarted {
        fault: fault.into(),
        ..why
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, own_path: Option<&str>, expected: Option<(&str, &str)>) {
        let expected = expected.map(|(file, name)| Program {
            file: file.into(),
            name: name.into(),
        });
        assert_eq!(find(name, own_path, "/nowhere:/bin:/usr/bin"), expected);
    }

    #[test]
    fn a_program_is_found_where_its_command_says() {
        check("sh", None, Some(("/bin/sh", "/bin/sh")));
        check("sh", Some("/usr/bin"), Some(("/usr/bin/sh", "sh")));
        check("sh", Some(""), None);
        check("sh", Some("/etc"), None);
        check("", None, None);
        check("no such program", None, None);
        // These are looked for when they are started.
        check("./sh", None, Some(("./sh", "./sh")));
        check("/no/sh", Some("/usr/bin"), Some(("/no/sh", "/no/sh")));
    }
}
