//! `@file` arguments, expanded as the drivers expand them.
//!
//! Both families read GNU rules: white space separates, `'…'` and `"…"` quote, a backslash takes the next character as
//! it is, inside quotes too. A file that cannot be opened leaves `@file` as a word; `@` inside of a file is expanded
//! again, its path relative to the cwd and not to the file. Where the families differ, see [`tokenize`].

use super::{Driver, Family, LocalOnly};

/// How deep files may name files: far more than anyone writes, and an end for files that name each other.
pub const DEPTH_LIMIT: usize = 64;

/// Reads a response file: path as spelled → content; `None` if it cannot be opened.
pub type ReadResponse<'a> = dyn FnMut(&str) -> Option<Vec<u8>> + 'a;

/// The arguments after expansion, and which files were expanded.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Expanded {
    /// The words, as the driver sees them.
    pub args: Vec<String>,
    /// Paths as spelled, in the order of opening.
    pub files: Vec<String>,
}

/// Expands every `@file` of `args`.
pub fn expand(driver: &Driver, args: &[String], read: &mut ReadResponse<'_>) -> Result<Expanded, LocalOnly> {
    let mut expanded = Expanded::default();
    expand_into(&mut expanded, driver, args, read, 0)?;
    Ok(expanded)
}

fn expand_into(
    out: &mut Expanded,
    driver: &Driver,
    args: &[String],
    read: &mut ReadResponse<'_>,
    depth: usize,
) -> Result<(), LocalOnly> {
    for arg in args {
        let Some(path) = arg.strip_prefix('@') else {
            out.args.push(arg.clone());
            continue;
        };
        let Some(content) = read(path) else {
            out.args.push(arg.clone());
            continue;
        };
        if depth == DEPTH_LIMIT {
            return Err(LocalOnly::ResponseFileDepth { path: path.to_owned() });
        }
        out.files.push(path.to_owned());
        let unreadable = || LocalOnly::ResponseFileText { path: path.to_owned() };
        let text = String::from_utf8(content).map_err(|_| unreadable())?;
        // A NUL ends the text for one family and separates words for the other.
        if text.contains('\0') || quotes_by_version(driver, &text) {
            return Err(unreadable());
        }
        expand_into(out, driver, &tokenize(driver.family, &text), read, depth + 1)?;
    }
    Ok(())
}

/// From gcc 15 on, libiberty reads a backslash inside of quotes as a POSIX shell does; such a file has no single meaning.
fn quotes_by_version(driver: &Driver, text: &str) -> bool {
    driver.family == Family::Gcc && driver.version.0 >= 15 && text.contains('\\') && text.contains(['\'', '"'])
}

/// The words of a response file's text.
///
/// Differences: gcc keeps an empty word `""`, clang drops it; gcc takes vertical tab and form feed for white space;
/// clang skips a byte order mark.
pub fn tokenize(family: Family, text: &str) -> Vec<String> {
    let text = match family {
        Family::Gcc => text,
        Family::Clang => text.strip_prefix('\u{feff}').unwrap_or(text),
    };
    let is_space = |c: char| match family {
        Family::Gcc => matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c'),
        Family::Clang => matches!(c, ' ' | '\t' | '\n' | '\r'),
    };
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match quote {
            None if is_space(c) => words.extend(word.take()),
            // A backslash at the very end stands for nothing with gcc, for itself with clang.
            _ if c == '\\' => match (chars.next(), family) {
                (Some(next), _) => word.get_or_insert_default().push(next),
                (None, Family::Gcc) => {}
                (None, Family::Clang) => word.get_or_insert_default().push(c),
            },
            Some(open) if c == open => quote = None,
            None if c == '\'' || c == '"' => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    if family == Family::Clang {
        words.retain(|word| !word.is_empty());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    const GCC: Driver = Driver {
        family: Family::Gcc,
        cxx: false,
        version: (12, 2, 0),
    };

    fn run(driver: &Driver, args: &[&str], files: &[(&str, &str)]) -> Result<Expanded, LocalOnly> {
        let files: HashMap<&str, &str> = files.iter().copied().collect();
        let args: Vec<String> = args.iter().map(ToString::to_string).collect();
        expand(driver, &args, &mut |path| {
            files.get(path).map(|text| text.as_bytes().to_vec())
        })
    }

    #[test]
    fn files_are_expanded_in_place_and_nested_ones_relative_to_the_cwd() {
        let expanded = run(&GCC, &["-c", "@d/a", "x.c"], &[("d/a", "-O2 @b"), ("b", "-Wall")]).expect("expansion");
        assert_eq!(expanded.args, ["-c", "-O2", "-Wall", "x.c"]);
        assert_eq!(expanded.files, ["d/a", "b"]);
    }

    #[test]
    fn what_cannot_be_opened_stays_as_it_is() {
        let expanded = run(&GCC, &["@none", "@"], &[]).expect("expansion");
        assert_eq!(expanded.args, ["@none", "@"]);
        assert_eq!(expanded.files, [""; 0]);
    }

    #[test]
    fn files_that_name_each_other_end() {
        let found = run(&GCC, &["@a"], &[("a", "@b"), ("b", "@a")]);
        assert!(matches!(found, Err(LocalOnly::ResponseFileDepth { .. })), "{found:?}");
    }

    #[test]
    fn text_with_more_than_one_reading_is_refused() {
        let newer = Driver {
            version: (15, 1, 0),
            ..GCC
        };
        let quoted = [("a", r"-DX='a\b'")];
        assert!(run(&GCC, &["@a"], &quoted).is_ok());
        assert!(matches!(
            run(&newer, &["@a"], &quoted),
            Err(LocalOnly::ResponseFileText { .. })
        ));
        assert!(matches!(
            run(&GCC, &["@a"], &[("a", "x\0y")]),
            Err(LocalOnly::ResponseFileText { .. })
        ));
    }
}
