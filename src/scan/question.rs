//! The command line that has the compiler itself say what it reads. Nothing that it prints reaches a user, and it
//! writes no file.

use crate::command::{Arg, CompileCommand, Family, Language, Native, Role, SecondaryKind, Stage};
use crate::toolchain::writes_files_besides;
use std::ffi::OsString;

/// How much of a compilation answers the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// The preprocessor. gcc's does not see what pragmas and `__COUNTER__` in the text do to later conditions.
    Preprocess,
    /// All but code generation; several times as long for C++.
    Analyse,
}

/// Whether a deeper question may have another answer: clang's preprocessor sees everything, and assembler text has
/// nothing that gcc's does not see. Nor has a step that runs the preprocessor by itself.
pub(super) fn is_depth_of_account(command: &CompileCommand) -> bool {
    let preprocesses_apart = command.stage == Stage::Preprocess
        || command
            .secondary
            .iter()
            .any(|output| output.kind == SecondaryKind::Intermediate);
    command.family == Family::Gcc && matches!(command.language, Language::C | Language::Cxx) && !preprocesses_apart
}

/// The arguments for the question, `None` where the preprocessor does not run and so nothing is included.
pub(super) fn arguments(command: &CompileCommand, version: (u32, u32, u32), depth: Depth) -> Option<Vec<OsString>> {
    if matches!(
        command.language,
        Language::Assembler | Language::CPreprocessed | Language::CxxPreprocessed
    ) {
        return None;
    }
    let ours: &[&str] = if depth == Depth::Analyse && is_depth_of_account(command) {
        &["-fsyntax-only", "-MD", "-MF", "-", "-MT", "x", "-v", "-w"]
    } else {
        &["-M", "-MT", "x", "-v", "-w"]
    };
    let mut args: Vec<OsString> = ours.iter().map(OsString::from).collect();
    if command.family == Family::Gcc && version.0 >= 11 {
        // Nothing can be created there: an option that writes a file and that we do not know makes the question fail.
        args.extend(["-dumpdir", "/dev/null/"].map(OsString::from));
    }
    for arg in command.args.iter().filter(|arg| goes_along(arg)) {
        args.extend(arg.words().into_iter().map(OsString::from));
    }
    Some(args)
}

fn goes_along(arg: &Arg) -> bool {
    match arg.role {
        Role::Output
        | Role::Depfile
        | Role::DepFlag
        | Role::DepTarget
        | Role::SecondaryOutput
        | Role::Native(Native::Resolved | Native::Known) => false,
        // Would make a precompiled header.
        Role::Plain if arg.value.as_deref() == Some("-emit-pch") => false,
        Role::Structure if matches!(arg.name.as_str(), "-c" | "-S" | "-E") => false,
        _ => {
            !matches!(arg.name.as_str(), "-dumpdir" | "-dumpbase" | "-dumpbase-ext") && !writes_files_besides(&arg.name)
        }
    }
}
