//! The prerequisites of a depfile that a compiler wrote. How names are escaped in one: `make`'s manual and what the
//! compilers do (blank, `#` and `$`; backslashes only before a blank).

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// The prerequisites of the first rule, in order; `None` if there is no rule.
pub(super) fn prerequisites(depfile: &[u8]) -> Option<Vec<PathBuf>> {
    let colon = depfile
        .windows(2)
        .position(|pair| pair[0] == b':' && matches!(pair[1], b' ' | b'\n' | b'\t' | b'\r'))?;
    let mut words = Words {
        text: &depfile[colon + 1..],
        at: 0,
    };
    Some(std::iter::from_fn(|| words.next_word()).collect())
}

struct Words<'a> {
    text: &'a [u8],
    at: usize,
}

impl Words<'_> {
    fn next_word(&mut self) -> Option<PathBuf> {
        let mut word = Vec::new();
        loop {
            let left = &self.text[self.at..];
            let backslashes = left.iter().take_while(|byte| **byte == b'\\').count();
            match left.get(backslashes) {
                // Of the backslashes before a blank, all but the last are doubled.
                Some(b' ' | b'\t') if backslashes % 2 == 1 => {
                    word.resize(word.len() + backslashes / 2, b'\\');
                    word.push(left[backslashes]);
                    self.at += backslashes + 1;
                }
                Some(b' ' | b'\t') if backslashes > 0 => {
                    word.resize(word.len() + backslashes / 2, b'\\');
                    self.at += backslashes;
                }
                Some(b'#') if backslashes == 1 => {
                    word.push(b'#');
                    self.at += 2;
                }
                Some(b'\n') if backslashes > 0 => {
                    word.resize(word.len() + backslashes - 1, b'\\');
                    self.at += backslashes + 1;
                    if !word.is_empty() {
                        return Some(path(word));
                    }
                }
                Some(b'\n') | None if backslashes == 0 => return (!word.is_empty()).then(|| path(word)),
                _ if backslashes > 0 => {
                    word.resize(word.len() + backslashes, b'\\');
                    self.at += backslashes;
                }
                Some(b' ' | b'\t' | b'\r') => {
                    self.at += 1;
                    if !word.is_empty() {
                        return Some(path(word));
                    }
                }
                Some(b'$') if left.get(1) == Some(&b'$') => {
                    word.push(b'$');
                    self.at += 2;
                }
                Some(byte) => {
                    word.push(*byte);
                    self.at += 1;
                }
                None => return (!word.is_empty()).then(|| path(word)),
            }
        }
    }
}

fn path(bytes: Vec<u8>) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_out_as_they_are_on_disk() {
        let check = |depfile: &str, expected: &[&str]| {
            let found = prerequisites(depfile.as_bytes()).expect("a rule");
            assert_eq!(
                found,
                expected.iter().map(PathBuf::from).collect::<Vec<_>>(),
                "{depfile}"
            );
        };
        check("x: a.c b.h\n", &["a.c", "b.h"]);
        check("x: a.c \\\n b.h \\\n  c.h\n\nb.h:\n", &["a.c", "b.h", "c.h"]);
        check("x: a.c\\\nb.h\n", &["a.c", "b.h"]);
        check(
            "x: with\\ blank.h pa$$th.h ha\\#sh.h\n",
            &["with blank.h", "pa$th.h", "ha#sh.h"],
        );
        check("x: back\\slash.h end\\\\\\ x.h\n", &["back\\slash.h", "end\\ x.h"]);
        check("x: c:d.h %.h ü.h", &["c:d.h", "%.h", "ü.h"]);
        check("x:\n", &[]);
    }

    #[test]
    fn what_has_no_rule_is_no_depfile() {
        assert_eq!(prerequisites(b""), None);
        assert_eq!(prerequisites(b"a.c"), None);
    }
}
