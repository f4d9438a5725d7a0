//! Source languages, from the suffix or from `-x`.

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

impl Language {
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
}
