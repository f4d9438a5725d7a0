//! Profiles that the compiler finds by itself: beside the output, in a directory that an option names, or under a name of
//! its own.

use crate::command::{Arg, CompileCommand, Family, Role};
use std::path::{Path, PathBuf};

/// The one that clang looks for in a directory.
const CLANG_NAME: &str = "default.profdata";

/// The files that are looked for, each of which may be missing.
pub(super) fn files(command: &CompileCommand, cwd: &Path) -> Vec<PathBuf> {
    let alone = |names: &[&str]| {
        let mut args = command.args.iter();
        args.any(|arg| arg.value.is_none() && names.contains(&arg.name.as_str()))
    };
    let mut files = Vec::new();
    match command.family {
        Family::Clang => {
            if alone(&["-fprofile-use", "-fprofile-instr-use"]) {
                files.push(cwd.join(CLANG_NAME));
            }
            for dir in command.with_role(Role::ProfileDir).filter_map(|arg| arg.value.as_ref()) {
                let path = cwd.join(dir);
                files.push(if path.is_dir() { path.join(CLANG_NAME) } else { path });
            }
        }
        Family::Gcc => {
            if alone(&["-fauto-profile"]) {
                files.push(cwd.join("fbdata.afdo"));
            }
            if command.args.iter().any(uses_profile) {
                files.push(cwd.join(&command.output).with_extension("gcda"));
            }
        }
    }
    files
}

/// The directories in which gcc looks for a profile whose name it makes of the output's path.
pub(super) fn directories(command: &CompileCommand, cwd: &Path) -> Vec<PathBuf> {
    if command.family != Family::Gcc || !command.args.iter().any(uses_profile) {
        return Vec::new();
    }
    let names = |arg: &&Arg| arg.role == Role::ProfileDir || arg.name == "-fprofile-dir=";
    let dirs = command.args.iter().filter(names).filter_map(|arg| arg.value.as_ref());
    dirs.filter(|dir| !dir.is_empty()).map(|dir| cwd.join(dir)).collect()
}

fn uses_profile(arg: &Arg) -> bool {
    matches!(
        arg.name.as_str(),
        "-fprofile-use" | "-fprofile-use=" | "-fbranch-probabilities" | "-fvpt" | "-fprofile-values"
    )
}
