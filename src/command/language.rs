//! Source languages, from the suffix or from `-x`.

use super::Family;

/// What the compiler takes a source for. The names that `-x` takes: see [`Language::driver_name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Language {
    /// C.
    C,
    /// C++.
    Cxx,
    /// C after the preprocessor (`.i`).
    CPreprocessed,
    /// C++ after the preprocessor (`.ii`).
    CxxPreprocessed,
    /// Assembler that goes through the preprocessor (`.S`).
    AssemblerWithCpp,
    /// Plain assembler (`.s`).
    Assembler,
}

/// What an operand is to the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// A translation unit.
    Source(Language),
    /// A header in this language: the driver makes a precompiled header of it.
    Header(Language),
    /// A C++ module unit.
    Module,
    /// A source in a language that rewrap does not follow.
    Unsupported,
    /// An object, an archive, a linker script: whatever the linker makes of it.
    ForLinker,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::C,
        Self::Cxx,
        Self::CPreprocessed,
        Self::CxxPreprocessed,
        Self::AssemblerWithCpp,
        Self::Assembler,
    ];

    /// The name that `-x` takes.
    pub fn driver_name(self) -> &'static str {
        match self {
            Self::C => "c",
            Self::Cxx => "c++",
            Self::CPreprocessed => "cpp-output",
            Self::CxxPreprocessed => "c++-cpp-output",
            Self::AssemblerWithCpp => "assembler-with-cpp",
            Self::Assembler => "assembler",
        }
    }

    /// Whether directives are evaluated, so that there are headers and a depfile.
    pub fn is_preprocessed_by_compiler(self) -> bool {
        matches!(self, Self::C | Self::Cxx | Self::AssemblerWithCpp)
    }

    /// Whether the source is assembler text, with or without directives.
    pub fn is_assembler(self) -> bool {
        matches!(self, Self::AssemblerWithCpp | Self::Assembler)
    }

    /// The language of `-x value`. [`Operand::ForLinker`] never comes out; `-x none` is the caller's.
    pub fn from_x(value: &str) -> Operand {
        if let Some(language) = Self::ALL.into_iter().find(|language| language.driver_name() == value) {
            return Operand::Source(language);
        }
        match value {
            "c-header" => Operand::Header(Self::C),
            "c++-header" => Operand::Header(Self::Cxx),
            "c++-module" | "c++-system-header" | "c++-user-header" | "c++-header-unit-header" => Operand::Module,
            _ => Operand::Unsupported,
        }
    }

    /// What the driver takes `path` for by its suffix. `cxx`: it was invoked as `g++` or `clang++`, which take C for C++.
    pub fn from_path(family: Family, cxx: bool, path: &str) -> Operand {
        let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
        let Some((_, suffix)) = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()) else {
            return Operand::ForLinker;
        };
        match (suffix, family) {
            ("c", _) if cxx => Operand::Source(Self::Cxx),
            ("i", _) if cxx => Operand::Source(Self::CxxPreprocessed),
            ("c", _) => Operand::Source(Self::C),
            ("i", _) => Operand::Source(Self::CPreprocessed),
            ("cc" | "cp" | "cxx" | "cpp" | "CPP" | "c++" | "C", _) | ("CC" | "CXX" | "C++", Family::Clang) => {
                Operand::Source(Self::Cxx)
            }
            ("ii", _) => Operand::Source(Self::CxxPreprocessed),
            ("S", _) | ("sx", Family::Gcc) => Operand::Source(Self::AssemblerWithCpp),
            ("s", _) => Operand::Source(Self::Assembler),
            ("h", _) if !cxx => Operand::Header(Self::C),
            ("h" | "hh" | "H" | "hxx" | "hpp", _) | ("hp" | "HPP" | "h++" | "tcc", Family::Gcc) => {
                Operand::Header(Self::Cxx)
            }
            ("cppm" | "ccm" | "cxxm" | "c++m" | "ixx" | "pcm", Family::Clang) => Operand::Module,
            (suffix, _) if OTHER_LANGUAGES.contains(&suffix) => Operand::Unsupported,
            _ => Operand::ForLinker,
        }
    }
}

/// What a language that rewrap does not follow is called, by the suffix of a source or by the value of `-x`.
pub(super) fn name_of_other(suffix_or_x: &str) -> Option<&'static str> {
    Some(match suffix_or_x {
        "m" | "mi" | "objective-c" | "objective-c-header" | "objc-cpp-output" | "objective-c-cpp-output" => {
            "Objective-C"
        }
        "mm"
        | "M"
        | "mii"
        | "objective-c++"
        | "objective-c++-header"
        | "objective-c++-cpp-output"
        | "objc++-cpp-output" => "Objective-C++",
        "f" | "for" | "fpp" | "ftn" | "f90" | "f95" | "f03" | "f08" | "F" | "FOR" | "FPP" | "FTN" | "F90" | "F95"
        | "F03" | "F08" | "f77" | "f77-cpp-input" | "f95-cpp-input" => "Fortran",
        "cu" | "cui" | "cuda" | "cuda-cpp-output" => "CUDA",
        "hip" | "hipi" | "hip-cpp-output" => "HIP",
        "cl" | "clcpp" | "clcpp-cpp-output" => "OpenCL",
        "ll" | "bc" | "ir" => "LLVM IR",
        "go" => "Go",
        "d" | "di" | "dd" => "D",
        "adb" | "ads" | "ada" => "Ada",
        _ => return None,
    })
}

/// Suffixes of languages that one of the drivers compiles, or refuses with a message of its own.
const OTHER_LANGUAGES: &[&str] = &[
    "m", "mi", "mm", "M", "mii", "asm", "ll", "bc", "ast", "cl", "clcpp", "cu", "cui", "hip", "hipi", "hlsl", "rs",
    "f", "for", "fpp", "ftn", "f90", "f95", "f03", "f08", "F", "FOR", "FPP", "FTN", "F90", "F95", "F03", "F08", "go",
    "d", "di", "dd", "adb", "ads", "mod", "cob", "cbl", "algol", "a68",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(family: Family, cxx: bool, path: &str, expected: Operand) {
        assert_eq!(
            Language::from_path(family, cxx, path),
            expected,
            "{family:?} cxx={cxx} {path}"
        );
    }

    #[test]
    fn suffix_decides_the_language() {
        use Family::{Clang, Gcc};
        for family in [Gcc, Clang] {
            check(family, false, "a.c", Operand::Source(Language::C));
            check(family, true, "a.c", Operand::Source(Language::Cxx));
            check(family, false, "d.x/a.b.cc", Operand::Source(Language::Cxx));
            check(family, true, "a.i", Operand::Source(Language::CxxPreprocessed));
            check(family, false, "a.S", Operand::Source(Language::AssemblerWithCpp));
            check(family, true, "a.s", Operand::Source(Language::Assembler));
            check(family, false, "a.h", Operand::Header(Language::C));
            check(family, true, "a.h", Operand::Header(Language::Cxx));
            check(family, false, "a.hh", Operand::Header(Language::Cxx));
            check(family, false, "a.o", Operand::ForLinker);
            check(family, false, "d.c/a", Operand::ForLinker);
            check(family, false, "a.", Operand::ForLinker);
            check(family, false, ".c", Operand::ForLinker);
            check(family, false, "a.f90", Operand::Unsupported);
        }
        check(Gcc, false, "a.CC", Operand::ForLinker);
        check(Clang, false, "a.CC", Operand::Source(Language::Cxx));
        check(Gcc, false, "a.sx", Operand::Source(Language::AssemblerWithCpp));
        check(Clang, false, "a.sx", Operand::ForLinker);
        check(Clang, false, "a.cppm", Operand::Module);
    }

    #[test]
    fn names_of_x_are_read_back() {
        for language in Language::ALL {
            assert_eq!(Language::from_x(language.driver_name()), Operand::Source(language));
        }
        assert_eq!(Language::from_x("c++-header"), Operand::Header(Language::Cxx));
        assert_eq!(Language::from_x("go"), Operand::Unsupported);
    }
}
