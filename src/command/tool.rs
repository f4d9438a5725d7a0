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
    /// `strip`, `objcopy`: they change object files.
    Binutil,
}

impl Tool {
    /// The kind by a program's name, without its directory; target prefixes and version suffixes do not matter
    /// (`x86_64-linux-gnu-gcc-ar-12` is an archiver).
    pub fn of(name: &str) -> Self {
        let unversioned = name
            .trim_end_matches(|c: char| c.is_ascii_digit() || c == '.')
            .trim_end_matches('-');
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
        } else if is_one_of(&["strip", "objcopy"]) {
            Self::Binutil
        } else {
            Self::Compiler
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        ] {
            assert_eq!(Tool::of(name), tool, "{name}");
        }
    }
}
