//! Who answers behind a driver's name: family, version, target, and whether `.c` means C++ to it.

use super::ToolchainFailure;
use super::answers::{cc1_program, labelled, macro_value};
use super::machine::{Answer, Ask, Environment, Question};
use super::programs::{find_in_path, interpreters};
use crate::command::Family;
use crate::host::fs::PathContext;
use serde::{Deserialize, Serialize};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// A driver that was asked who it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Absolute, as invoked: symlinks not resolved.
    pub driver: PathBuf,
    /// `argv[0]` that it is called with.
    pub invoked_as: OsString,
    /// What `driver` resolves to.
    pub driver_real: PathBuf,
    /// Whose options it takes.
    #[serde(with = "FamilyName")]
    pub family: Family,
    /// Major, minor, patch.
    pub version: (u32, u32, u32),
    /// The target triple without any flags.
    pub target: String,
    /// Whether it takes a `.c` source for C++, as `g++` does.
    pub cxx: bool,
    /// The programs that stand between the name and the compiler: a script, its interpreter, the real driver.
    pub(super) programs: Vec<PathBuf>,
}

impl Identity {
    /// The programs that stand between the name and the compiler: a script, its interpreter, the real driver.
    pub fn programs(&self) -> &[PathBuf] {
        &self.programs
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Family")]
pub(super) enum FamilyName {
    Gcc,
    Clang,
}

/// Compilers that define `__GNUC__` or `__clang__` and take other options.
const STRANGERS: [&str; 6] = [
    "__INTEL_COMPILER",
    "__INTEL_LLVM_COMPILER",
    "__NVCOMPILER",
    "__TINYC__",
    "__EMSCRIPTEN__",
    "__CUDACC__",
];

/// Asks a driver who it is.
pub(super) fn identify(
    ask: &dyn Ask,
    driver: &Path,
    invoked_as: &OsStr,
    env: &Environment,
) -> Result<Identity, ToolchainFailure> {
    let env = env.for_questions();
    let put = |args: &[&str]| {
        let args: Vec<OsString> = args.iter().map(OsString::from).collect();
        put(ask, driver, invoked_as, &args, &env)
    };
    let unanswered = |what| ToolchainFailure::NoAnswer {
        driver: driver.to_owned(),
        what,
    };

    let answer = put(&["-v", "-E", "-dM", "-x", "c", "/dev/null"])?;
    if !answer.success {
        return Err(unanswered("who it is"));
    }
    let macros = String::from_utf8_lossy(&answer.stdout);
    let said = String::from_utf8_lossy(&answer.stderr);
    let (family, version) = family(&macros).ok_or_else(|| ToolchainFailure::Unknown {
        driver: driver.to_owned(),
    })?;
    let target = labelled(&said, "Target: ").ok_or_else(|| unanswered("its target"))?;

    let driver_real = driver.canonicalize().at("resolve", driver)?;
    let mut programs = interpreters(&driver_real, &env)?;
    programs.push(driver_real.clone());
    programs.extend(behind(&said, family, &env));
    Ok(Identity {
        driver: driver.to_owned(),
        invoked_as: invoked_as.to_owned(),
        driver_real,
        family,
        version,
        target: target.to_owned(),
        cxx: takes_c_for_cxx(&put)?,
        programs,
    })
}

fn put(
    ask: &dyn Ask,
    driver: &Path,
    invoked_as: &OsStr,
    args: &[OsString],
    env: &Environment,
) -> Result<Answer, ToolchainFailure> {
    Ok(ask.ask(&Question {
        program: driver,
        invoked_as,
        args,
        cwd: Path::new("/"),
        env,
    })?)
}

fn family(macros: &str) -> Option<(Family, (u32, u32, u32))> {
    if STRANGERS.iter().any(|name| macro_value(macros, name).is_some()) {
        return None;
    }
    let number = |name: &str| macro_value(macros, name)?.trim().parse().ok();
    let version = |names: [&str; 3]| Some((number(names[0])?, number(names[1])?, number(names[2])?));
    if macro_value(macros, "__clang__").is_some() {
        let version = version(["__clang_major__", "__clang_minor__", "__clang_patchlevel__"])?;
        return Some((Family::Clang, version));
    }
    let version = version(["__GNUC__", "__GNUC_MINOR__", "__GNUC_PATCHLEVEL__"])?;
    Some((Family::Gcc, version))
}

/// The driver that answered, where another program stands in for it.
fn behind(said: &str, family: Family, env: &Environment) -> Option<PathBuf> {
    let program = match family {
        Family::Clang => cc1_program(said)?,
        Family::Gcc => PathBuf::from(labelled(said, "COLLECT_GCC=")?),
    };
    let found = if program.is_absolute() {
        program
    } else {
        find_in_path(program.as_os_str(), env)?
    };
    found.canonicalize().ok()
}

/// Whether a `.c` file is C++ to the driver. It wants an existing file, so there is an empty one for the moment.
fn takes_c_for_cxx(put: &dyn Fn(&[&str]) -> Result<Answer, ToolchainFailure>) -> Result<bool, ToolchainFailure> {
    let place = std::env::temp_dir();
    let source = tempfile::Builder::new()
        .prefix("rewrap-")
        .suffix(".c")
        .tempfile()
        .at("create a file in", &place)?;
    let Some(name) = source.path().to_str() else {
        return Ok(false);
    };
    let answer = put(&["-E", "-dM", name])?;
    let macros = String::from_utf8_lossy(&answer.stdout);
    Ok(macro_value(&macros, "__cplusplus").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_family_is_what_the_macros_say() {
        let check = |macros: &str, expected: Option<(Family, (u32, u32, u32))>| {
            assert_eq!(family(macros), expected, "{macros}");
        };
        let gnu = "#define __GNUC__ 12\n#define __GNUC_MINOR__ 2\n#define __GNUC_PATCHLEVEL__ 0\n";
        let clang = "#define __clang__ 1\n#define __clang_major__ 19\n#define __clang_minor__ 1\n\
            #define __clang_patchlevel__ 7\n";
        check(gnu, Some((Family::Gcc, (12, 2, 0))));
        check(&format!("{gnu}{clang}"), Some((Family::Clang, (19, 1, 7))));
        check(&format!("{gnu}#define __INTEL_COMPILER 2021\n"), None);
        check("", None);
    }
}
