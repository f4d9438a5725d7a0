//! Inner options that name a file or directory to read: `-Xclang -include-pch`, `-Wp,-I,dir`, `-Wa,-Idir`.
//!
//! The driver hands these words on as they are, so what they mean is what they mean to the inner program itself.

use super::inner::Judged;
use super::options::Inner;
use super::{Chain, Role};

/// An inner option.
struct Row {
    name: &'static str,
    /// Its value may follow in the same word.
    joined: bool,
    /// Its value may be the next inner word.
    separate: bool,
    role: Role,
}

const fn row(name: &'static str, joined: bool, separate: bool, role: Role) -> Row {
    Row {
        name,
        joined,
        separate,
        role,
    }
}

const fn either(name: &'static str, role: Role) -> Row {
    row(name, true, true, role)
}

/// What all preprocessors take; a longer name before one that it begins with.
const PREPROCESSOR: &[Row] = &[
    either("-include", Role::ForcedInclude),
    either("-imacros", Role::ForcedInclude),
    either("-isystem", Role::SearchDir(Chain::System)),
    either("-iquote", Role::SearchDir(Chain::Quote)),
    either("-idirafter", Role::SearchDir(Chain::After)),
    either("-I", Role::SearchDir(Chain::Angled)),
    either("-D", Role::Macro),
    either("-U", Role::Macro),
];

/// What clang's compiler proper takes besides.
const FRONTEND: &[Row] = &[
    row("-include-pch", false, true, Role::Input),
    row("-mlink-bitcode-file", false, true, Role::Input),
    row("-mlink-builtin-bitcode", false, true, Role::Input),
    row("-foverride-record-layout=", true, false, Role::Input),
    row("-fprofile-instrument-use-path=", true, false, Role::Input),
    row("-fsanitize-system-ignorelist=", true, false, Role::Input),
    either("-cxx-isystem", Role::SearchDir(Chain::System)),
    either("-c-isystem", Role::SearchDir(Chain::System)),
    either("-internal-isystem", Role::SearchDir(Chain::System)),
    either("-internal-externc-isystem", Role::SearchDir(Chain::System)),
];

const ASSEMBLER: &[Row] = &[either("-I", Role::SearchDir(Chain::Assembler))];

/// Judges what is handed to `inner`: all words of `-Wp,…` or `-Wa,…`, or the one word of `-Xclang …`. `None`: nothing
/// here names a file, or more than one does.
pub(super) fn judge(inner: Inner, value: &str, is_list: bool) -> Option<Judged> {
    let tables: &[&[Row]] = match inner {
        Inner::Preprocessor => &[PREPROCESSOR],
        Inner::Assembler => &[ASSEMBLER],
        Inner::Frontend => &[FRONTEND, PREPROCESSOR],
        Inner::Backend => return None,
    };
    if is_list {
        return in_list(tables, value);
    }
    let (row, start) = find(tables, value)?;
    Some(if start == value.len() {
        Judged::Awaits(row.role)
    } else {
        Judged::Value {
            start,
            end: value.len(),
            role: row.role,
        }
    })
}

/// The row of a word, and where its value begins: at the end of the word if that is the next one.
fn find<'a>(tables: &[&'a [Row]], word: &str) -> Option<(&'a Row, usize)> {
    let mut rows = tables.iter().copied().flatten();
    rows.find_map(|row| {
        let value = word.strip_prefix(row.name)?;
        let fits = if value.is_empty() { row.separate } else { row.joined };
        fits.then_some((row, row.name.len()))
    })
}

/// The one value in a list; what else is in it is for the caller to judge.
fn in_list(tables: &[&[Row]], list: &str) -> Option<Judged> {
    let mut found = None;
    let mut at = 0;
    let mut words = list.split(',');
    while let Some(word) = words.next() {
        let next = at + word.len() + 1;
        if let Some((row, start)) = find(tables, word) {
            let value = if start == word.len() {
                let value = words.next()?;
                (next, next + value.len())
            } else {
                (at + start, at + word.len())
            };
            if row.role == Role::Macro {
                // Judged with all others of its kind.
                return None;
            }
            let first = found.replace((value, row.role)).is_none();
            if !first {
                return None;
            }
            at = if start == word.len() { value.1 + 1 } else { next };
        } else {
            at = next;
        }
    }
    let ((start, end), role) = found.filter(|((start, end), _)| start < end)?;
    Some(Judged::Value { start, end, role })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(inner: Inner, value: &str, is_list: bool, expected: Option<(&str, Role)>) {
        let found = judge(inner, value, is_list).map(|judged| match judged {
            Judged::Value { start, end, role } => (&value[start..end], role),
            Judged::Awaits(role) => ("…", role),
            other => panic!("{value}: {other:?}"),
        });
        assert_eq!(found, expected, "{value}");
    }

    #[test]
    fn values_are_found_in_words_and_lists() {
        use Inner::{Assembler, Frontend, Preprocessor};
        let angled = Role::SearchDir(Chain::Angled);
        let assembler = Role::SearchDir(Chain::Assembler);
        check(Preprocessor, "-I,dir", true, Some(("dir", angled)));
        check(Preprocessor, "-Idir", true, Some(("dir", angled)));
        check(Preprocessor, "-Wall,-Idir,-w", true, Some(("dir", angled)));
        check(Preprocessor, "-include,f.h", true, Some(("f.h", Role::ForcedInclude)));
        check(Preprocessor, "-Ia,-Ib", true, None);
        check(Preprocessor, "-I", true, None);
        check(Preprocessor, "-I,", true, None);
        check(Preprocessor, "-DA,-Ib", true, None);
        check(Assembler, "--noexecstack,-I,dir,-W", true, Some(("dir", assembler)));
        check(Assembler, "-Idir", false, Some(("dir", assembler)));
        check(Assembler, "-I", false, Some(("…", assembler)));
        check(Frontend, "-include-pch", false, Some(("…", Role::Input)));
        check(Frontend, "-include", false, Some(("…", Role::ForcedInclude)));
        check(Frontend, "-includef.h", false, Some(("f.h", Role::ForcedInclude)));
        check(Frontend, "-DA=1", false, Some(("A=1", Role::Macro)));
        check(Frontend, "-emit-pch", false, None);
        check(Inner::Backend, "-Idir", false, None);
    }
}
