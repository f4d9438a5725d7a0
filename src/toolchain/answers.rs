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

/// The command lines that a driver shows under `-###`, each as its words: gcc and clang indent them by a blank, and put
/// quotes around words, with a backslash before what would end or change them.
pub fn command_lines(text: &str) -> Vec<Vec<String>> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(' '));
    // clang says this of a compiler that runs inside the driver.
    let commands = lines.filter(|line| *line != "(in-process)").map(words);
    commands.filter(|words| !words.is_empty()).collect()
}

fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '\\' => word.get_or_insert_default().extend(letters.next()),
            ' ' if !quoted => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
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

    #[test]
    fn command_lines_are_the_indented_ones() {
        let text = "Target: x\n (in-process)\n \"/b/cc\" \"-DA=\\\"b c\\\"\" \"\" -quiet  --param \"a=1\"\nCOMPILER_PATH=x\n as -o x\n";
        let expected: [&[&str]; 2] = [
            &["/b/cc", "-DA=\"b c\"", "", "-quiet", "--param", "a=1"],
            &["as", "-o", "x"],
        ];
        assert_eq!(command_lines(text), expected);
    }

    #[test]
    fn words_are_as_they_would_be_passed() {
        let check = |line: &str, expected: &[&str]| assert_eq!(words(line), expected, "{line}");
        check("ld -o a  a.o", &["ld", "-o", "a", "a.o"]);
        check(r#""ld" "-rpath" "/x y\$\"\\" """#, &["ld", "-rpath", "/x y$\"\\", ""]);
        check(r#"ld "-plugin-opt=a b"c"#, &["ld", "-plugin-opt=a bc"]);
    }
}
