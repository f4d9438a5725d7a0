//! The environment variables that a compiler reads, or a linker or archiver, and what an Action does with each.
//!
//! Sources: the manuals of gcc ("Environment Variables Affecting GCC") and clang ("Environment"), GNU ld, and traces of
//! the programs. A variable that is not listed does not reach the compiler's outputs and is not part of the Action.

/// What the Action does with a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvironmentUse {
    /// Changes outputs and names no path: the Action sets it to the same value.
    Forward,
    /// A list of header directories, `:` between them; an *empty element* is the cwd, an entirely empty value is nothing.
    /// The elements are rewritten as the directories of `-I` are.
    Paths,
    /// Changes which program really runs, by directories of this machine: part of an action that is placed locally, and
    /// of no other.
    Home,
    /// Changes what is written or who runs in a way that no table describes: if it is set, the step is local-only.
    LocalOnly,
    /// Changes only how diagnostics look: matters where stderr is not empty.
    Presentation,
}

/// One variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct EnvVar {
    name: &'static str,
    usage: EnvironmentUse,
}

impl EnvironmentUse {
    /// Whether some action holds the variable.
    pub fn is_in_action(self) -> bool {
        matches!(self, Self::Forward | Self::Paths | Self::Home)
    }
}

const fn variable(name: &'static str, usage: EnvironmentUse) -> EnvVar {
    EnvVar { name, usage }
}

use EnvironmentUse::{Forward, Home, LocalOnly, Paths, Presentation};

/// Every variable that matters to a compile, sorted by name.
const COMPILE_ENVIRONMENT: &[EnvVar] = &[
    // clang: edits the command line.
    variable("CCC_OVERRIDE_OPTIONS", LocalOnly),
    // clang: extra text to stderr or to the file of the variable's `_FILE` companion.
    variable("CC_LOG_DIAGNOSTICS", LocalOnly),
    variable("CC_PRINT_HEADERS", LocalOnly),
    variable("CC_PRINT_INTERNAL_STAT", LocalOnly),
    variable("CC_PRINT_OPTIONS", LocalOnly),
    variable("CC_PRINT_PROC_STAT", LocalOnly),
    // clang: arguments from files that the command line does not name.
    variable("CLANG_CONFIG_FILE_SYSTEM_DIR", LocalOnly),
    variable("CLANG_CONFIG_FILE_USER_DIR", LocalOnly),
    variable("CLANG_CRASH_DIAGNOSTICS_DIR", LocalOnly),
    variable("CLANG_FORCE_COLOR_DIAGNOSTICS", Presentation),
    variable("CLANG_MODULE_CACHE_PATH", LocalOnly),
    variable("CLANG_NO_DEFAULT_CONFIG", Forward),
    variable("CLICOLOR_FORCE", Presentation),
    variable("COLUMNS", Presentation),
    // gcc and clang look there for the programs that they run.
    variable("COMPILER_PATH", LocalOnly),
    variable("CPATH", Paths),
    variable("CPLUS_INCLUDE_PATH", Paths),
    variable("C_INCLUDE_PATH", Paths),
    // Debian's gcc reads it for its own default options.
    variable("DEB_BUILD_OPTIONS", Forward),
    // A second depfile.
    variable("DEPENDENCIES_OUTPUT", LocalOnly),
    variable("GCC_COLORS", Presentation),
    variable("GCC_COMPARE_DEBUG", LocalOnly),
    variable("GCC_EXEC_PREFIX", LocalOnly),
    variable("GCC_EXTRA_DIAGNOSTIC_OUTPUT", Presentation),
    variable("GCC_URLS", Presentation),
    variable("LANG", Presentation),
    variable("LANGUAGE", Presentation),
    variable("LC_ALL", Presentation),
    variable("LC_CTYPE", Presentation),
    variable("LC_MESSAGES", Presentation),
    // The programs of the compiler find other libraries by it.
    variable("LD_LIBRARY_PATH", Home),
    variable("MACOSX_DEPLOYMENT_TARGET", Forward),
    variable("NO_COLOR", Presentation),
    variable("OBJCPLUS_INCLUDE_PATH", Paths),
    variable("OBJC_INCLUDE_PATH", Paths),
    // clang: records the command line in debug information.
    variable("RC_DEBUG_OPTIONS", LocalOnly),
    variable("SDKROOT", LocalOnly),
    variable("SOURCE_DATE_EPOCH", Forward),
    variable("SUNPRO_DEPENDENCIES", LocalOnly),
    variable("TERM", Presentation),
    variable("TERM_URLS", Presentation),
];

/// Every variable that matters to a link, an archive or another tool on objects, sorted by name. `Paths` here is a list
/// of library directories.
const TOOL_ENVIRONMENT: &[EnvVar] = &[
    variable("CCC_OVERRIDE_OPTIONS", LocalOnly),
    variable("CC_LOG_DIAGNOSTICS", LocalOnly),
    variable("CC_PRINT_INTERNAL_STAT", LocalOnly),
    variable("CC_PRINT_OPTIONS", LocalOnly),
    variable("CC_PRINT_PROC_STAT", LocalOnly),
    variable("CLANG_CONFIG_FILE_SYSTEM_DIR", LocalOnly),
    variable("CLANG_CONFIG_FILE_USER_DIR", LocalOnly),
    variable("CLANG_CRASH_DIAGNOSTICS_DIR", LocalOnly),
    variable("CLANG_FORCE_COLOR_DIAGNOSTICS", Presentation),
    variable("CLANG_NO_DEFAULT_CONFIG", Forward),
    variable("CLICOLOR_FORCE", Presentation),
    // collect2: keeps temporary files; names in messages as they are in objects.
    variable("COLLECT_DEBUG", LocalOnly),
    variable("COLLECT_NO_DEMANGLE", Forward),
    variable("COLUMNS", Presentation),
    variable("COMPILER_PATH", LocalOnly),
    variable("DEB_BUILD_OPTIONS", Forward),
    variable("GCC_COLORS", Presentation),
    variable("GCC_COMPARE_DEBUG", LocalOnly),
    variable("GCC_EXEC_PREFIX", LocalOnly),
    variable("GCC_URLS", Presentation),
    // binutils: the format of objects that are not told otherwise.
    variable("GNUTARGET", Forward),
    variable("LANG", Presentation),
    variable("LANGUAGE", Presentation),
    variable("LC_ALL", Presentation),
    variable("LC_CTYPE", Presentation),
    variable("LC_MESSAGES", Presentation),
    // GNU ld: which target it links for.
    variable("LDEMULATION", Forward),
    // GNU ld looks there for what shared libraries need.
    variable("LD_LIBRARY_PATH", Paths),
    // Linkers record it where no option names a run path: as it stands.
    variable("LD_RUN_PATH", Forward),
    variable("LIBRARY_PATH", Paths),
    variable("LLD_IN_TEST", LocalOnly),
    variable("LLD_REPRODUCE", LocalOnly),
    variable("LLD_VERSION", LocalOnly),
    // mold records its command line; and packs all it reads.
    variable("MOLD_DEBUG", LocalOnly),
    variable("MOLD_REPRO", LocalOnly),
    variable("NO_COLOR", Presentation),
    variable("SOURCE_DATE_EPOCH", Forward),
    variable("TERM", Presentation),
    variable("TERM_URLS", Presentation),
];

/// The entry for `name`, if it matters to a compile.
pub fn environment_use(name: &str) -> Option<EnvironmentUse> {
    find(COMPILE_ENVIRONMENT, name)
}

/// The entry for `name`, if it matters to a link, an archive or another tool on objects.
pub fn tool_environment_use(name: &str) -> Option<EnvironmentUse> {
    find(TOOL_ENVIRONMENT, name)
}

fn find(table: &[EnvVar], name: &str) -> Option<EnvironmentUse> {
    let at = table.binary_search_by(|variable| variable.name.cmp(name)).ok()?;
    Some(table[at].usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted_so_that_every_name_is_found() {
        type Use = fn(&str) -> Option<EnvironmentUse>;
        let lists: [(&[EnvVar], Use); 2] = [
            (COMPILE_ENVIRONMENT, environment_use),
            (TOOL_ENVIRONMENT, tool_environment_use),
        ];
        for (list, usage) in lists {
            assert!(list.is_sorted_by(|a, b| a.name < b.name));
            for variable in list {
                assert_eq!(usage(variable.name), Some(variable.usage), "{}", variable.name);
            }
            assert_eq!(usage("TMPDIR"), None);
        }
    }
}
