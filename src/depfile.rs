//! Depfiles as gcc and clang write them: which files they name, and the same rules laid out again.
//!
//! Where a line breaks depends on the length of its words, so words are replaced in the parsed rules, and these are
//! written as the compiler does it (GCC's and Clang's writers break lines by different rules). Knows nothing of which
//! paths are whose.

use crate::command::Family;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

#[cfg(test)]
mod tests;

/// A line that is no rule: no colon follows its targets. Holds its first word.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read the depfile: no colon after `{0}`")]
pub struct NoRule(pub String);

/// A parsed depfile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Depfile {
    rules: Vec<Rule>,
}

/// One rule. Words are kept as they stand in the file, escapes included.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    targets: Vec<Vec<u8>>,
    dependencies: Vec<Vec<u8>>,
    /// Whether an empty line stands before it (clang 14 with `-MP`).
    after_empty_line: bool,
}

impl Depfile {
    /// Any number of rules, none at all included.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoRule> {
        Ok(Self { rules: parse(bytes)? })
    }

    /// The files that the targets depend on, as the compiler named them, in its order, each once.
    pub fn dependencies(&self) -> Vec<PathBuf> {
        let mut seen = BTreeSet::new();
        let words = self.rules.iter().flat_map(|rule| &rule.dependencies);
        words
            .filter(|word| seen.insert(*word))
            .map(|word| PathBuf::from(OsString::from_vec(unescape(word))))
            .collect()
    }

    /// Every target and dependency, [escaped](escape), to be replaced.
    pub fn words_mut(&mut self) -> impl Iterator<Item = &mut Vec<u8>> {
        let rules = self.rules.iter_mut();
        rules.flat_map(|rule| rule.targets.iter_mut().chain(&mut rule.dependencies))
    }

    /// The depfile as a compiler of this family writes it.
    pub fn lay_out(&self, family: Family) -> Vec<u8> {
        let mut out = Vec::new();
        for rule in &self.rules {
            if rule.after_empty_line {
                out.push(b'\n');
            }
            match family {
                Family::Gcc => lay_out_gcc(&mut out, rule),
                Family::Clang => lay_out_clang(&mut out, rule),
            }
            out.push(b'\n');
        }
        out
    }
}

/// Rules end at a newline that no backslash continues.
fn parse(bytes: &[u8]) -> Result<Vec<Rule>, NoRule> {
    let mut rules = Vec::new();
    let mut words: Vec<Vec<u8>> = Vec::new();
    let mut word = Vec::new();
    let mut empty_line = false;
    let mut rest = bytes.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        match byte {
            b'\\' if rest.peek() == Some(&b'\n') && ends_word(&word) => {
                rest.next();
                words.extend(take(&mut word));
            }
            b' ' | b'\t' if ends_word(&word) => words.extend(take(&mut word)),
            b'\n' => {
                words.extend(take(&mut word));
                if words.is_empty() {
                    empty_line = true;
                } else {
                    rules.push(rule(std::mem::take(&mut words), empty_line)?);
                    empty_line = false;
                }
            }
            _ => word.push(byte),
        }
    }
    words.extend(take(&mut word));
    if !words.is_empty() {
        rules.push(rule(words, empty_line)?);
    }
    Ok(rules)
}

/// Whether a blank after these bytes is no part of the word: an even number of backslashes stands before it.
fn ends_word(word: &[u8]) -> bool {
    word.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 0
}

fn take(word: &mut Vec<u8>) -> Option<Vec<u8>> {
    // The next word is likely as long: hundreds of them are not grown byte by byte.
    (!word.is_empty()).then(|| std::mem::replace(word, Vec::with_capacity(word.len())))
}

/// The colon that ends the targets is the first one with a blank or the line's end after it.
fn rule(mut words: Vec<Vec<u8>>, after_empty_line: bool) -> Result<Rule, NoRule> {
    let Some(last_target) = words.iter().position(|word| word.ends_with(b":")) else {
        let first = words.first().map(|word| String::from_utf8_lossy(word).into_owned());
        return Err(NoRule(first.unwrap_or_default()));
    };
    let dependencies = words.split_off(last_target + 1);
    words[last_target].pop();
    words.retain(|word| !word.is_empty());
    Ok(Rule {
        targets: words,
        dependencies,
        after_empty_line,
    })
}

/// libcpp's writer: lines of up to 72 columns, a word's width is that of its escaped form.
fn lay_out_gcc(out: &mut Vec<u8>, rule: &Rule) {
    const COLUMNS: usize = 72;
    let mut column = 0;
    let write = |out: &mut Vec<u8>, column: &mut usize, word: &[u8]| {
        if *column > 0 {
            if *column + word.len() > COLUMNS {
                out.extend_from_slice(b" \\\n");
                *column = 0;
            }
            out.push(b' ');
            *column += 1;
        }
        out.extend_from_slice(word);
        *column += word.len();
    };
    for target in &rule.targets {
        write(out, &mut column, target);
    }
    out.push(b':');
    column += 1;
    for dependency in &rule.dependencies {
        write(out, &mut column, dependency);
    }
}

/// Clang's writer: lines of up to 75 columns; it measures a dependency before it escapes it, and keeps two columns for
/// the blank and backslash at the end of a line.
fn lay_out_clang(out: &mut Vec<u8>, rule: &Rule) {
    const COLUMNS: usize = 75;
    let mut column = 0;
    for (at, target) in rule.targets.iter().enumerate() {
        if at == 0 {
            column = target.len();
        } else if column + target.len() + 2 > COLUMNS {
            out.extend_from_slice(b" \\\n  ");
            column = target.len() + 2;
        } else {
            out.push(b' ');
            column += target.len() + 1;
        }
        out.extend_from_slice(target);
    }
    out.push(b':');
    column += 1;
    for dependency in &rule.dependencies {
        let width = unescape(dependency).len();
        if column + width + 3 > COLUMNS {
            out.extend_from_slice(b" \\\n ");
            column = 2;
        }
        out.push(b' ');
        out.extend_from_slice(dependency);
        column += 1 + width;
    }
}

/// As both compilers do: `$` doubled; a backslash before `#` and before a blank, where the backslashes that stand
/// directly before the blank are doubled too. Nothing else. (gcc escapes a tab like a blank; clang writes it as it is,
/// so that no reader of its depfile finds the file.)
pub fn escape(name: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len());
    for (at, &byte) in name.iter().enumerate() {
        match byte {
            b'$' => out.push(b'$'),
            b'#' => out.push(b'\\'),
            b' ' | b'\t' => {
                let before = name[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
                out.resize(out.len() + before + 1, b'\\');
            }
            _ => {}
        }
        out.push(byte);
    }
    out
}

fn unescape(word: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(word.len());
    let mut rest = word.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        match byte {
            b'$' if rest.peek() == Some(&b'$') => {
                rest.next();
            }
            b'#' if out.last() == Some(&b'\\') => {
                out.pop();
            }
            b' ' | b'\t' => {
                // 2n + 1 backslashes stand for n.
                let before = out.iter().rev().take_while(|byte| **byte == b'\\').count();
                out.truncate(out.len() - before.div_ceil(2));
            }
            _ => {}
        }
        out.push(byte);
    }
    out
}
