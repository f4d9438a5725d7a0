//! What gcc shows under `-###` besides the [command lines](crate::toolchain::command_lines).

/// The variables that gcc would set for the programs that it runs.
pub(super) fn variables(shown: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = shown.lines().filter_map(|line| line.split_once('='));
    lines.filter(|(name, _)| {
        let of_a_name = |c: char| c.is_ascii_uppercase() || c == '_';
        !name.is_empty() && name.chars().all(of_a_name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_told_from_commands() {
        let shown = "Target: x\nCOLLECT_GCC=gcc\nCOMPILER_PATH=/a/:/b/\n cc1 a.c\n as\nReading specs=no\n";
        assert_eq!(crate::toolchain::command_lines(shown), [vec!["cc1", "a.c"], vec!["as"]]);
        let expected = [("COLLECT_GCC", "gcc"), ("COMPILER_PATH", "/a/:/b/")];
        assert_eq!(variables(shown).collect::<Vec<_>>(), expected);
    }
}
