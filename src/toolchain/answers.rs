//! Reading what a driver prints about itself.

use std::path::PathBuf;

/// The value of an object-like macro in the output of `-dM`.
pub(super) fn macro_value<'a>(macros: &'a str, name: &str) -> Option<&'a str> {
    macros.lines().find_map(|line| {
        let rest = line.strip_prefix("#define ")?.strip_prefix(name)?;
        match rest.strip_prefix(' ') {
            Some(value) => Some(value),
            None if rest.is_empty() => Some(""),
            None => None,
        }
    })
}

/// What follows `label` on the first line of `text` that begins with it.
pub(super) fn labelled<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(label)).map(str::trim)
}

/// The program of the `-cc1` command line that clang shows under `-v`.
pub(super) fn cc1_program(text: &str) -> Option<PathBuf> {
    let line = text
        .lines()
        .find(|line| line.starts_with(" \"") && line.contains("\" -cc1 "))?;
    let (program, _) = line.strip_prefix(" \"")?.split_once('"')?;
    Some(PathBuf::from(program))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_macro_is_found_by_its_whole_name() {
        let macros = "#define __GNUC_MINOR__ 2\n#define __GNUC__ 12\n#define __clang__\n#define F(x) x\n";
        assert_eq!(macro_value(macros, "__GNUC__"), Some("12"));
        assert_eq!(macro_value(macros, "__GNUC"), None);
        assert_eq!(macro_value(macros, "__clang__"), Some(""));
        assert_eq!(macro_value(macros, "F"), None);
    }

    #[test]
    fn the_program_behind_clang_is_the_one_it_shows() {
        let text = "InstalledDir: /usr/bin\n (in-process)\n \"/usr/lib/llvm-14/bin/clang\" -cc1 -triple x\n";
        assert_eq!(cc1_program(text), Some(PathBuf::from("/usr/lib/llvm-14/bin/clang")));
        assert_eq!(labelled(text, "InstalledDir: "), Some("/usr/bin"));
        assert_eq!(cc1_program("Target: x"), None);
    }
}
