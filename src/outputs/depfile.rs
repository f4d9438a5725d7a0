//! Depfiles: which files they name, and the same depfile with the paths of another directory.
//!
//! Paths change length and line breaks depend on it, so a depfile is parsed, its words are replaced, and it is laid out
//! again as the compiler does it (GCC's and Clang's writers break lines by different rules). A depfile in which no word
//! changes comes out byte for byte.

use crate::action::PathMap;
use crate::command::Family;

#[cfg(test)]
mod tests;

/// A file that is no depfile of a C compiler, or one whose paths cannot be restored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDepfile {
    /// A line without a colon after its targets.
    #[error("cannot read the depfile: no colon after `{0}`")]
    NoColon(String),
    /// It names the directory of the worker.
    #[error("cannot restore the depfile: it names the worker's own directory")]
    NamesWorker,
    /// It holds names of its own that read like relocated ones.
    #[error("cannot relocate the depfile: it would not be restored")]
    Ambiguous,
}

/// One rule. Words are kept as they stand in the file, escapes included.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    targets: Vec<Vec<u8>>,
    dependencies: Vec<Vec<u8>>,
    /// Whether an empty line stands before it (clang 14 with `-MP`).
    after_empty_line: bool,
}

/// The depfile as the user's own compiler would have written it.
pub fn restore(bytes: &[u8], paths: &PathMap, family: Family) -> Result<Vec<u8>, BadDepfile> {
    let restored = match paths.roots() {
        Some((relocated, home)) => replace_root(bytes, relocated, home, family)?,
        None => bytes.to_vec(),
    };
    if PathMap::names_worker(&restored) {
        return Err(BadDepfile::NamesWorker);
    }
    Ok(restored)
}

/// The reverse of [`restore`]: a depfile that the user's own compiler wrote, as the action would have written it. Under
/// `paths = portable` other checkouts share the result. Whatever comes out is restored to what went in.
pub fn relocate(bytes: &[u8], paths: &PathMap, family: Family) -> Result<Vec<u8>, BadDepfile> {
    let Some((relocated, home)) = paths.roots() else {
        return Ok(bytes.to_vec());
    };
    let moved = replace_root(bytes, home, relocated, family)?;
    if restore(&moved, paths, family)? == bytes {
        Ok(moved)
    } else {
        Err(BadDepfile::Ambiguous)
    }
}

/// The files that the targets depend on, as the compiler named them, each once.
pub fn dependencies(bytes: &[u8]) -> Result<Vec<Vec<u8>>, BadDepfile> {
    let mut files: Vec<Vec<u8>> = parse(bytes)?
        .iter()
        .flat_map(|rule| &rule.dependencies)
        .map(|word| unescape(word))
        .collect();
    let mut seen = std::collections::BTreeSet::new();
    files.retain(|file| seen.insert(file.clone()));
    Ok(files)
}

fn replace_root(bytes: &[u8], from: &str, to: &str, family: Family) -> Result<Vec<u8>, BadDepfile> {
    let from = [&escape(from.as_bytes()), b"/".as_slice()].concat();
    if memchr::memmem::find(bytes, &from).is_none() {
        return Ok(bytes.to_vec());
    }
    let mut rules = parse(bytes)?;
    let to = [&escape(to.as_bytes()), b"/".as_slice()].concat();
    let mut changed = false;
    for word in rules
        .iter_mut()
        .flat_map(|rule| rule.targets.iter_mut().chain(&mut rule.dependencies))
    {
        if let Some(rest) = word.strip_prefix(from.as_slice()) {
            *word = [&to, rest].concat();
            changed = true;
        }
    }
    Ok(if changed {
        lay_out(&rules, family)
    } else {
        bytes.to_vec()
    })
}

/// Rules end at a newline that no backslash continues.
fn parse(bytes: &[u8]) -> Result<Vec<Rule>, BadDepfile> {
    let mut rules = Vec::new();
    let mut words: Vec<Vec<u8>> = Vec::new();
    let mut word = Vec::new();
    let mut empty_line = false;
    let mut rest = bytes.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        match byte {
            b'\\' if rest.peek() == Some(&b'\n') && ends_word(&word) => {
                rest.next();
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
    (!word.is_empty()).then(|| std::mem::take(word))
}

/// The colon that ends the targets is the first one with a blank or the line's end after it.
fn rule(mut words: Vec<Vec<u8>>, after_empty_line: bool) -> Result<Rule, BadDepfile> {
    let Some(last_target) = words.iter().position(|word| word.ends_with(b":")) else {
        let first = words.first().map(|word| String::from_utf8_lossy(word).into_owned());
        return Err(BadDepfile::NoColon(first.unwrap_or_default()));
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

fn lay_out(rules: &[Rule], family: Family) -> Vec<u8> {
    let mut out = Vec::new();
    for rule in rules {
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
/// directly before the blank are doubled too. Nothing else.
fn escape(name: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len());
    for (at, &byte) in name.iter().enumerate() {
        match byte {
            b'$' => out.push(b'$'),
            b'#' => out.push(b'\\'),
            b' ' => {
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
            b' ' => {
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
