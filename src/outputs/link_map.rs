//! Link maps of GNU ld and gold with the paths of another directory. All of it is text like any other, except for two
//! tables at its beginning whose second column is aligned: names are padded to column 30, and what follows a longer name
//! stands on a line of its own.

use super::diagnostics::{self, BadText};
use crate::action::PathMap;

/// Where the second column begins.
const COLUMN: usize = 30;

/// How the headings of the aligned tables begin. (In English: maps in other languages are not relocated.)
const HEADINGS: &[&[u8]] = &[b"Archive member included ", b"As-needed library included "];

/// The map as the user's own linker would have written it.
pub fn restore(bytes: &[u8], paths: &PathMap) -> Result<Vec<u8>, BadText> {
    rewrite(bytes, |text| diagnostics::restore(text, paths))
}

/// The reverse of [`restore`]: a map that the user's own linker wrote, as the action would have written it. Whatever
/// comes out is restored to what went in.
pub fn relocate(bytes: &[u8], paths: &PathMap) -> Result<Vec<u8>, BadText> {
    let relocated = rewrite(bytes, |text| diagnostics::relocate(text, paths))?;
    if restore(&relocated, paths)? == bytes {
        Ok(relocated)
    } else {
        Err(BadText::Ambiguous)
    }
}

type Change<'a> = &'a dyn Fn(&[u8]) -> Result<Vec<u8>, BadText>;

fn rewrite(bytes: &[u8], change: impl Fn(&[u8]) -> Result<Vec<u8>, BadText>) -> Result<Vec<u8>, BadText> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = next_table(rest) {
        out.extend(change(&rest[..at])?);
        rest = &rest[at..];
        let length = table_length(rest);
        table(&rest[..length], &change, &mut out)?;
        rest = &rest[length..];
    }
    out.extend(change(rest)?);
    Ok(out)
}

/// Where the first line after the heading of a table, and the empty line below it, begins.
fn next_table(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        at += line.len();
        if HEADINGS.iter().any(|heading| line.starts_with(heading)) && text[at..].first() == Some(&b'\n') {
            return Some(at + 1);
        }
    }
    None
}

/// An empty line or the end of the text ends a table.
fn table_length(text: &[u8]) -> usize {
    let mut length = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if line == b"\n" {
            break;
        }
        length += line.len();
    }
    length
}

fn table(text: &[u8], change: Change<'_>, out: &mut Vec<u8>) -> Result<(), BadText> {
    let mut lines = text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .peekable();
    while let Some(line) = lines.next() {
        let (name, rest) = match lines.next_if(|next| next.starts_with(&[b' '; COLUMN])) {
            Some(next) => (line, Some(&next[COLUMN..])),
            None => two_columns(line),
        };
        let name = change(name)?;
        out.extend(&name);
        if let Some(rest) = rest {
            // At least one blank stands between them.
            if name.len() + 1 < COLUMN {
                out.resize(out.len() + COLUMN - name.len(), b' ');
            } else {
                out.push(b'\n');
                out.resize(out.len() + COLUMN, b' ');
            }
            out.extend(change(rest)?);
        }
        out.push(b'\n');
    }
    Ok(())
}

/// A name and what follows it in the same line; a line of another form is a name.
fn two_columns(line: &[u8]) -> (&[u8], Option<&[u8]>) {
    let is_padded = line.len() > COLUMN && line[COLUMN - 1] == b' ' && line[COLUMN] != b' ';
    if is_padded {
        (line[..COLUMN].trim_ascii_end(), Some(&line[COLUMN..]))
    } else {
        (line, None)
    }
}

#[cfg(test)]
mod tests;
