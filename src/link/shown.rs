//! Reading the command lines that gcc and clang show under `-###`.

/// The words of every command, in the order in which they would be run. Both compilers indent a command by one blank
/// and put words with anything unusual in them between double quotes, where a backslash quotes the next character.
pub(super) fn commands(shown: &str) -> Vec<Vec<String>> {
    let lines = shown.lines().filter_map(|line| line.strip_prefix(' '));
    lines.map(words).filter(|words| !words.is_empty()).collect()
}

/// The variables that gcc would set for the programs that it runs.
pub(super) fn variables(shown: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = shown.lines().filter_map(|line| line.split_once('='));
    lines.filter(|(name, _)| {
        let of_a_name = |c: char| c.is_ascii_uppercase() || c == '_';
        !name.is_empty() && name.chars().all(of_a_name)
    })
}

fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '\\' => word.get_or_insert_default().extend(chars.next()),
            ' ' if !quoted => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_as_they_would_be_passed() {
        let check = |line: &str, expected: &[&str]| assert_eq!(words(line), expected, "{line}");
        check("ld -o a  a.o", &["ld", "-o", "a", "a.o"]);
        check(r#""ld" "-rpath" "/x y\$\"\\" """#, &["ld", "-rpath", "/x y$\"\\", ""]);
        check(r#"ld "-plugin-opt=a b"c"#, &["ld", "-plugin-opt=a bc"]);
    }

    #[test]
    fn commands_are_the_indented_lines() {
        let shown = "Target: x\nCOLLECT_GCC=gcc\nCOMPILER_PATH=/a/:/b/\n cc1 a.c\n as\nReading specs=no\n";
        assert_eq!(commands(shown), [vec!["cc1", "a.c"], vec!["as"]]);
        let expected = [("COLLECT_GCC", "gcc"), ("COMPILER_PATH", "/a/:/b/")];
        assert_eq!(variables(shown).collect::<Vec<_>>(), expected);
    }
}
