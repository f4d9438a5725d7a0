//! What a Command says about places: its working directory and its outputs, as paths from the input root.

use crate::pb::reapi;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// An output that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DeclaredOutput {
    /// As the client wrote it: the result says it so.
    pub(super) name: String,
    /// From the input root; empty: the root itself. Without `.` and `..`.
    pub(super) path: PathBuf,
}

/// The places of a Command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Declared {
    /// From the input root, without `.` and `..`.
    pub(super) directory: PathBuf,
    /// In the order asked, none twice.
    pub(super) outputs: Vec<DeclaredOutput>,
}

impl Declared {
    /// Says what is wrong with the Command.
    pub(super) fn of(command: &reapi::Command) -> Result<Self, String> {
        let wrong = |what: &str, path: &str| format!("the {what} {path:?} leads out of the input root");
        let directory = normal(Path::new(""), &command.working_directory)
            .ok_or_else(|| wrong("working directory", &command.working_directory))?;
        // The older fields are for servers of version 2.0; a client that knows both fills in both (REAPI, Command).
        #[expect(deprecated, reason = "older clients know no other")]
        let names: Vec<&String> = match &*command.output_paths {
            [] => command.output_files.iter().chain(&command.output_directories).collect(),
            paths => paths.iter().collect(),
        };
        let mut seen = HashSet::new();
        let mut outputs = Vec::new();
        for name in names.into_iter().filter(|name| seen.insert(*name)) {
            let path = normal(&directory, name).ok_or_else(|| wrong("output", name))?;
            outputs.push(DeclaredOutput {
                name: name.clone(),
                path,
            });
        }
        Ok(Self { directory, outputs })
    }
}

/// A relative path below `base`, without detours. `None` if it is absolute or leads above the root.
fn normal(base: &Path, path: &str) -> Option<PathBuf> {
    if path.starts_with('/') || path.contains('\0') {
        return None;
    }
    let mut normal = base.to_owned();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if !normal.pop() {
                    return None;
                }
            }
            name => normal.push(name),
        }
    }
    Some(normal)
}

/// What keeps a Command from being run at all.
pub(super) fn check(command: &reapi::Command) -> Result<(), String> {
    if command.arguments.is_empty() {
        return Err("the command has no arguments".to_owned());
    }
    if command.arguments.iter().any(|argument| argument.contains('\0')) {
        return Err("an argument of the command has a zero byte".to_owned());
    }
    for variable in &command.environment_variables {
        if variable.name.is_empty() || variable.name.contains(['=', '\0']) || variable.value.contains('\0') {
            return Err(format!("the command has an environment variable {:?}", variable.name));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(directory: &str, paths: &[&str]) -> reapi::Command {
        reapi::Command {
            arguments: vec!["true".to_owned()],
            working_directory: directory.to_owned(),
            output_paths: paths.iter().map(|&path| path.to_owned()).collect(),
            ..Default::default()
        }
    }

    #[track_caller]
    fn leads(directory: &str, name: &str, expected: Option<&str>) {
        let found = Declared::of(&command(directory, &[name])).ok();
        let path = found.map(|declared| declared.outputs[0].path.clone());
        assert_eq!(path, expected.map(PathBuf::from));
    }

    #[test]
    fn outputs_are_below_the_input_root() {
        leads("", "a.o", Some("a.o"));
        leads("out", "a.o", Some("out/a.o"));
        leads("out/x", "../a.o", Some("out/a.o"));
        leads("out/./y//", "b/", Some("out/y/b"));
        leads("out", "", Some("out"));
        leads("out", "..", Some(""));
        leads("out", "../../a.o", None);
        leads("", "../out/a.o", None);
        leads("", "/etc/passwd", None);
        leads("/etc", "passwd", None);
        leads("..", "passwd", None);
        leads("", "a\0b", None);
    }

    #[test]
    fn old_and_new_output_fields_are_understood() {
        let mut both = command("", &["new", "new"]);
        #[expect(deprecated, reason = "older clients know no other")]
        {
            both.output_files = vec!["file".to_owned()];
            both.output_directories = vec!["directory".to_owned()];
        }
        let names = |command: &reapi::Command| {
            let outputs = Declared::of(command).unwrap().outputs;
            outputs.into_iter().map(|output| output.name).collect::<Vec<_>>()
        };
        assert_eq!(names(&both), ["new"]);
        both.output_paths.clear();
        assert_eq!(names(&both), ["file", "directory"]);
    }

    #[test]
    fn what_no_kernel_could_start_is_refused() {
        let argument = |argument: &str| {
            let mut command = command("", &[]);
            command.arguments.push(argument.to_owned());
            check(&command).is_ok()
        };
        assert_eq!(["", "a\0"].map(argument), [true, false]);
        assert!(check(&reapi::Command::default()).is_err());
        let variable = |name: &str| {
            let mut command = command("", &[]);
            command.environment_variables.push(reapi::command::EnvironmentVariable {
                name: name.to_owned(),
                value: "b=c".to_owned(),
            });
            check(&command).is_ok()
        };
        assert_eq!(["A", "", "A=B", "A\0"].map(variable), [true, false, false, false]);
    }
}
