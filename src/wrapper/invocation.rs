//! Which real tool a call stands for, by the three forms of call: before a compiler, instead of one, or under its name.
//!
//! Knows names and files, not what a tool's arguments mean.

use crate::wrapper::search::{self, Found, Search};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A real tool and how to call it.
#[derive(Debug, PartialEq, Eq)]
pub struct Invocation {
    /// Absolute path; never a wrapper of ours.
    pub tool: PathBuf,
    /// `argv[0]` as the tool shall see it.
    pub invoked_as: OsString,
    /// The rest of argv.
    pub args: Vec<OsString>,
}

/// No tool to run. The exit codes are those of `env` and of a shell.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NoTool {
    /// Exit code 127.
    #[error("cannot find `{}`", .0.display())]
    NotFound(OsString),
    /// Exit code 126.
    #[error("cannot execute `{}`", path.display())]
    NotExecutable {
        /// The file.
        path: PathBuf,
        /// What `execve` said, if it was asked.
        errno: Option<i32>,
    },
}

impl NoTool {
    /// A tool that the kernel would not start.
    pub fn refused(tool: &Path, error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::NotFound => Self::NotFound(tool.as_os_str().to_owned()),
            _ => Self::NotExecutable {
                path: tool.to_owned(),
                errno: error.raw_os_error(),
            },
        }
    }

    /// What the wrapper exits with.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NotFound(_) => 127,
            Self::NotExecutable { .. } => 126,
        }
    }
}

/// What a wrapper's name stands for.
struct StandIn {
    variable: &'static str,
    default: &'static str,
}

impl StandIn {
    fn of(wrapper: &OsStr) -> Option<Self> {
        let (variable, default) = match wrapper.to_str()? {
            "rewrap-cc" => ("REWRAP_CC", "cc"),
            "rewrap-c++" => ("REWRAP_CXX", "c++"),
            "rewrap-ld" => ("REWRAP_LD", "ld"),
            "rewrap-ar" => ("REWRAP_AR", "ar"),
            "rewrap-ranlib" => ("REWRAP_RANLIB", "ranlib"),
            "rewrap-strip" => ("REWRAP_STRIP", "strip"),
            "rewrap-objcopy" => ("REWRAP_OBJCOPY", "objcopy"),
            _ => return None,
        };
        Some(Self { variable, default })
    }
}

/// Whether a word names a program, and whose.
enum Word {
    Tool(PathBuf),
    Ours,
    Argument,
}

/// Resolves a call of the wrapper. `variable` reads the environment.
pub fn resolve(
    argv0: &OsStr,
    args: Vec<OsString>,
    search: &Search,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Invocation, NoTool> {
    let mut argv0 = argv0.to_owned();
    let mut args = args;
    loop {
        let Some(stand_in) = StandIn::of(base_name(&argv0)) else {
            return masquerade(argv0, args, search);
        };
        match args.first().map_or(Word::Argument, |first| classify(first, search)) {
            Word::Tool(tool) => {
                let invoked_as = args.remove(0);
                return Ok(Invocation {
                    tool: absolute(tool),
                    invoked_as,
                    args,
                });
            }
            // A wrapper before a wrapper (a build with shims on PATH and a launcher too): go on as the inner one.
            Word::Ours => argv0 = args.remove(0),
            Word::Argument => return stand_for(&stand_in, args, search, variable),
        }
    }
}

fn classify(word: &OsStr, search: &Search) -> Word {
    if word.is_empty() || word.as_bytes().starts_with(b"-") || word.as_bytes().starts_with(b"@") {
        return Word::Argument;
    }
    let path = if has_slash(word) {
        let path = PathBuf::from(word);
        if !search::is_file(&path) || !search::is_executable(&path) {
            return Word::Argument;
        }
        if search.is_ours(&path) {
            return Word::Ours;
        }
        path
    } else {
        match search.find(word) {
            Found::Program(path) => path,
            Found::OnlyOurs => return Word::Ours,
            Found::NotExecutable(_) | Found::Nothing => return Word::Argument,
        }
    };
    match search::is_program(&path) {
        Ok(false) => Word::Argument,
        // Executable and not readable: no library, since a linker could not read it.
        Ok(true) | Err(_) => Word::Tool(path),
    }
}

fn stand_for(
    stand_in: &StandIn,
    args: Vec<OsString>,
    search: &Search,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Invocation, NoTool> {
    let chosen = variable(stand_in.variable).filter(|value| !value.is_empty());
    let invoked_as = chosen.unwrap_or_else(|| stand_in.default.into());
    let tool = if !has_slash(&invoked_as) {
        program(search.find(&invoked_as), &invoked_as)?
    } else if search.is_ours(Path::new(&invoked_as)) {
        // A variable that names a shim: the tool that the shim stands for.
        return masquerade(invoked_as, args, search);
    } else {
        existing(PathBuf::from(&invoked_as))?
    };
    Ok(Invocation { tool, invoked_as, args })
}

/// Called by the name of a tool: the next one of that name.
fn masquerade(argv0: OsString, args: Vec<OsString>, search: &Search) -> Result<Invocation, NoTool> {
    let tool = program(search.next_after_ours(base_name(&argv0)), base_name(&argv0))?;
    // A toolchain that can be moved finds its parts from a path in `argv[0]`; ours would lead it astray.
    let invoked_as = if has_slash(&argv0) {
        tool.clone().into_os_string()
    } else {
        argv0
    };
    Ok(Invocation { tool, invoked_as, args })
}

fn program(found: Found, name: &OsStr) -> Result<PathBuf, NoTool> {
    match found {
        Found::Program(path) => Ok(absolute(path)),
        Found::NotExecutable(path) => Err(NoTool::NotExecutable { path, errno: None }),
        Found::OnlyOurs | Found::Nothing => Err(NoTool::NotFound(name.to_owned())),
    }
}

fn existing(path: PathBuf) -> Result<PathBuf, NoTool> {
    match std::fs::metadata(&path) {
        Err(_) => Err(NoTool::NotFound(path.into_os_string())),
        Ok(found) if found.is_file() && search::is_executable(&path) => Ok(absolute(path)),
        Ok(_) => Err(NoTool::NotExecutable { path, errno: None }),
    }
}

/// A path that stays the same in every directory; as it is, where the current one cannot be told.
fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

fn has_slash(word: &OsStr) -> bool {
    word.as_bytes().contains(&b'/')
}

/// The last component, as a shell would show it.
pub fn base_name(word: &OsStr) -> &OsStr {
    Path::new(word).file_name().unwrap_or(word)
}

#[cfg(test)]
mod tests;
