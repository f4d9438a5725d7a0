//! What a tool is, by its name: only what is called like something else is taken for it. Whether a program is really a
//! compiler is found out by asking it.

/// The kind of a build tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// A compiler driver, or a name that tells nothing.
    Compiler,
    /// `ld` and its relatives.
    Linker,
    /// `ar`, `ranlib`.
    Archiver,
    /// `strip`, `objcopy`, `dwp`: they change object files.
    Binutil,
}

impl Tool {
    /// The kind by a program's name, without its directory; target prefixes and version suffixes do not matter
    /// (`x86_64-linux-gnu-gcc-ar-12` is an archiver).
    pub fn of(name: &str) -> Self {
        let unversioned = unversioned(name);
        let is_one_of = |tools: &[&str]| {
            tools.iter().any(|tool| match unversioned.strip_suffix(tool) {
                Some(prefix) => prefix.is_empty() || prefix.ends_with('-'),
                None => false,
            })
        };
        if is_one_of(&["ld", "ld.bfd", "ld.gold", "ld.lld", "lld", "gold", "mold"]) {
            Self::Linker
        } else if is_one_of(&["ar", "ranlib"]) {
            Self::Archiver
        } else if is_one_of(&["strip", "objcopy", "dwp"]) {
            Self::Binutil
        } else {
            Self::Compiler
        }
    }
}

/// Whether a program of this name is surely a compiler driver: `gcc`, `clang++-19`, `x86_64-linux-gnu-gcc-12`. A
/// target has two parts or more, so that `afl-gcc` and its like are left alone.
pub fn is_driver_name(name: &str) -> bool {
    const DRIVERS: [&str; 8] = ["cc", "c++", "gcc", "g++", "clang", "clang++", "c89", "c99"];
    let unversioned = unversioned(name);
    match unversioned.rsplit_once('-') {
        // `avr` is the one common target of a single part.
        Some((target, driver)) => DRIVERS.contains(&driver) && (target.contains('-') || target == "avr"),
        None => DRIVERS.contains(&unversioned),
    }
}

/// The name without its version suffix.
fn unversioned(name: &str) -> &str {
    let is_version = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(|c| c.is_ascii_digit() || c == '.')
    };
    match name.rsplit_once('-') {
        Some((tool, version)) if is_version(version) => tool,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drivers_are_known_by_their_names() {
        #[track_caller]
        fn check(names: &[&str], expected: bool) {
            for name in names {
                assert_eq!(is_driver_name(name), expected, "{name}");
            }
        }
        check(
            &[
                "cc",
                "c++",
                "gcc",
                "g++",
                "clang",
                "clang++",
                "c89",
                "c99",
                "gcc-12",
                "clang-19",
                "clang++-3.9",
            ],
            true,
        );
        check(
            &[
                "x86_64-linux-gnu-gcc",
                "arm-none-eabi-g++-13.2.1",
                "avr-gcc",
                "x86_64-w64-mingw32-c++",
            ],
            true,
        );
        check(
            &[
                "ccache",
                "gcc-ar",
                "gcc-nm-12",
                "clang-format",
                "clang-tidy-19",
                "clang-cl",
                "clang-cpp-19",
                "c++filt",
            ],
            false,
        );
        check(
            &[
                "rewrap-cc",
                "rewrap-c++",
                "afl-gcc",
                "mpicc",
                "-gcc",
                "gcc-",
                "gcc-x",
                "cpp",
                "ld",
                "",
            ],
            false,
        );
    }

    #[test]
    fn prefixes_and_versions_do_not_hide_a_tool() {
        for (name, tool) in [
            ("gcc", Tool::Compiler),
            ("x86_64-linux-gnu-g++-12", Tool::Compiler),
            ("clang++-19", Tool::Compiler),
            ("cc", Tool::Compiler),
            ("world", Tool::Compiler),
            ("ld", Tool::Linker),
            ("aarch64-linux-gnu-ld.gold", Tool::Linker),
            ("ld.lld-19", Tool::Linker),
            ("ar", Tool::Archiver),
            ("gcc-ar-12", Tool::Archiver),
            ("x86_64-linux-gnu-gcc-ranlib", Tool::Archiver),
            ("llvm-strip-14", Tool::Binutil),
            ("objcopy", Tool::Binutil),
            ("llvm-dwp-19", Tool::Binutil),
        ] {
            assert_eq!(Tool::of(name), tool, "{name}");
        }
    }
}
