//! What a tool is, by its name: only what is called like something else is taken for it. Whether a program is really a
//! compiler is found out by asking it.

use super::ToolKind;

const LINKERS: [&str; 7] = ["ld", "ld.bfd", "ld.gold", "ld.lld", "ld.mold", "gold", "mold"];
const ARCHIVERS: [&str; 2] = ["ar", "ranlib"];
const BINUTILS: [&str; 3] = ["strip", "objcopy", "dwp"];

/// The kind of a build tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// A compiler driver, or a name that tells nothing.
    Compiler,
    /// `ld` and its relatives.
    Linker,
    /// `ar`, `ranlib`.
    Archiver,
    /// `strip`, `objcopy`, `dwp`: they change or make object files.
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
        if is_one_of(&LINKERS) || is_one_of(&["lld"]) {
            Self::Linker
        } else if is_one_of(&ARCHIVERS) {
            Self::Archiver
        } else if is_one_of(&BINUTILS) {
            Self::Binutil
        } else {
            Self::Compiler
        }
    }

    /// The kind of step that it does by its name alone; a compiler's arguments tell.
    pub fn kind(self) -> Option<ToolKind> {
        match self {
            Self::Compiler => None,
            Self::Linker => Some(ToolKind::Link),
            Self::Archiver => Some(ToolKind::Archive),
            Self::Binutil => Some(ToolKind::Object),
        }
    }
}

/// Whether a program of this name is surely a compiler driver: `gcc`, `clang++-19`, `x86_64-linux-gnu-gcc-12`;
/// `afl-gcc` and its like are left alone.
pub fn is_driver_name(name: &str) -> bool {
    const DRIVERS: [&str; 8] = ["cc", "c++", "gcc", "g++", "clang", "clang++", "c89", "c99"];
    let unversioned = unversioned(name);
    match unversioned.rsplit_once('-') {
        Some((prefix, driver)) => DRIVERS.contains(&driver) && is_target(prefix),
        None => DRIVERS.contains(&unversioned),
    }
}

/// Whether a program of this name is surely a linker for ELF, an archiver or a tool on object files, of GNU's or LLVM's
/// make: `ld.lld-19`, `x86_64-linux-gnu-gcc-ar`, `llvm-strip`; `wasm-ld`, `eu-strip` and `llvm-bitcode-strip` are left
/// alone, and so is `lld`, which links nothing under that name.
pub fn is_object_tool_name(name: &str) -> bool {
    let unversioned = unversioned(name);
    let Some((prefix, tool)) = unversioned.rsplit_once('-') else {
        return [&LINKERS[..], &ARCHIVERS, &BINUTILS]
            .iter()
            .any(|tools| tools.contains(&unversioned));
    };
    let of_gcc = || prefix == "gcc" || prefix.strip_suffix("-gcc").is_some_and(is_target);
    LINKERS.contains(&tool) && is_target(prefix)
        || ARCHIVERS.contains(&tool) && (is_target(prefix) || prefix == "llvm" || of_gcc())
        || BINUTILS.contains(&tool) && (is_target(prefix) || prefix == "llvm")
}

/// Whether this may be the target in a program's name: two parts or more. `avr` is the one common target of a single
/// part.
fn is_target(prefix: &str) -> bool {
    prefix == "avr" || prefix.contains('-') && !prefix.starts_with("llvm-") && !prefix.ends_with("-gcc")
}

/// Whether programs of these two names, one of which is a link to the other, do the same when they are called by them.
/// LLVM's look at the name: `llvm-ranlib` is a link to `llvm-ar`, `clang++` to `clang`, `ld.lld` to `lld`.
pub fn behave_alike(name: &str, other: &str) -> bool {
    let (name, other) = (unversioned(name), unversioned(other));
    let both = |is: &dyn Fn(&str) -> bool| is(name) == is(other);
    let ends_alike = |tools: &[&str]| tools.iter().all(|tool| both(&|name| name.ends_with(tool)));
    match (Tool::of(name), Tool::of(other)) {
        (Tool::Compiler, Tool::Compiler) => ends_alike(&["++"]),
        (Tool::Linker, Tool::Linker) => both(&|name| name == "lld" || name.ends_with("-lld")),
        (Tool::Archiver, Tool::Archiver) => ends_alike(&["ranlib"]),
        (Tool::Binutil, Tool::Binutil) => ends_alike(&BINUTILS),
        _ => false,
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
    fn tools_on_object_files_are_known_by_their_names() {
        #[track_caller]
        fn check(names: &str, expected: bool) {
            for name in names.split_whitespace() {
                assert_eq!(is_object_tool_name(name), expected, "{name}");
            }
        }
        check(
            "ld ld.bfd ld.gold ld.lld ld.lld-19 ld.mold gold mold avr-ld x86_64-linux-gnu-ld.gold",
            true,
        );
        check(
            "ar ranlib gcc-ar gcc-ranlib-12 llvm-ar llvm-ranlib-19 x86_64-linux-gnu-gcc-ar-12 avr-gcc-ar arm-none-eabi-ar",
            true,
        );
        check(
            "strip objcopy dwp llvm-strip-14 llvm-objcopy llvm-dwp aarch64-linux-gnu-strip",
            true,
        );
        check(
            "lld lld-19 lld-link wasm-ld wasm-ld-19 ld64.lld ld.so ldd ldconfig world ld- -ld llvm-ld",
            false,
        );
        check(
            "tar bar eu-ar gcc-nm gcc-strip llvm-gcc-ar llvm-lib x-gcc-ar c++filt",
            false,
        );
        check(
            "eu-strip llvm-bitcode-strip-19 dh_strip bitcode-strip gcc clang rewrap-ar rewrap-ld",
            false,
        );
    }

    #[test]
    fn a_link_is_not_always_what_it_leads_to() {
        let check = |name, other, expected| assert_eq!(behave_alike(name, other), expected, "{name} {other}");
        check("cc", "x86_64-linux-gnu-gcc-12", true);
        check("c++", "x86_64-linux-gnu-g++-12", true);
        check("clang++-19", "clang", false);
        check("clang-19", "clang", true);
        check("ld", "x86_64-linux-gnu-ld.bfd", true);
        check("ld.mold", "mold", true);
        check("ld.lld-19", "lld", false);
        check("ar", "x86_64-linux-gnu-ar", true);
        check("gcc-ar", "x86_64-linux-gnu-gcc-ar-12", true);
        check("llvm-ranlib-19", "llvm-ar", false);
        check("llvm-strip", "llvm-objcopy", false);
        check("llvm-dwp-19", "llvm-dwp", true);
        check("ar", "busybox", false);
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
            ("ld.mold", Tool::Linker),
            ("llvm-dwp-19", Tool::Binutil),
        ] {
            assert_eq!(Tool::of(name), tool, "{name}");
        }
    }
}
