//! Reads what the script printed. Strictly: a line that is none of the script's makes all of it worthless.

use super::{Expected, Finding, Surroundings};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What a worker said.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// Every path that was asked about.
    pub(super) findings: BTreeMap<PathBuf, Finding>,
    pub(super) surroundings: Surroundings,
}

impl Answer {
    /// `None` if it is not the whole answer to this very question.
    pub(super) fn parse(stdout: &[u8], paths: &BTreeMap<PathBuf, Expected>, nonce: &str) -> Option<Self> {
        let body = stdout
            .strip_prefix(format!("begin {nonce}\n").as_bytes())?
            .strip_suffix(format!("end {nonce}\n").as_bytes())?;
        let mut lines = body.split_inclusive(|byte| *byte == b'\n');
        let mut value = |name: &str| {
            let line = lines.next()?.strip_suffix(b"\n")?.strip_prefix(name.as_bytes())?;
            String::from_utf8(line.to_vec()).ok()
        };
        let surroundings = Surroundings {
            pwd: value("pwd ")?,
            directory: value("directory ")?,
        };
        // What the script says nothing about: a file that could not be hashed, or a path that is not there.
        let silent = |expected: &Expected| match expected {
            Expected::Content(_) => Finding::Missing,
            Expected::Absent => Finding::Equal,
        };
        let mut findings: BTreeMap<PathBuf, Finding> = paths
            .iter()
            .map(|(path, expected)| (path.clone(), silent(expected)))
            .collect();
        for path in paths.keys().filter(|path| {
            path.as_os_str()
                .as_bytes()
                .iter()
                .any(|byte| matches!(byte, b'\n' | b'\\'))
        }) {
            findings.insert(path.clone(), Finding::Missing); // Could not be asked about.
        }
        for line in lines {
            let (path, finding) = finding(line.strip_suffix(b"\n")?, paths)?;
            findings.insert(path.to_owned(), finding);
        }
        Some(Self { findings, surroundings })
    }
}

/// One line: a hash or `there`, two spaces, a path that was asked about.
fn finding<'a>(line: &'a [u8], paths: &BTreeMap<PathBuf, Expected>) -> Option<(&'a Path, Finding)> {
    let at = line.windows(2).position(|pair| pair == b"  ")?;
    let (word, path) = (&line[..at], Path::new(OsStr::from_bytes(&line[at + 2..])));
    match paths.get(path)? {
        Expected::Absent => (word == b"there").then_some((path, Finding::Differs)),
        Expected::Content(digest) => {
            let is_hash = word.len() == 64 && word.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            let finding = if word == digest.hex().as_bytes() {
                Finding::Equal
            } else {
                Finding::Differs
            };
            is_hash.then_some((path, finding))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    #[track_caller]
    fn check(lines: &str, expected: Option<&[Finding]>) {
        let paths = BTreeMap::from([
            (PathBuf::from("/a"), Expected::Content(Digest::of(b"a"))),
            (PathBuf::from("/no"), Expected::Absent),
        ]);
        let answer = Answer::parse(lines.as_bytes(), &paths, "n");
        let findings = answer.map(|answer| answer.findings.into_values().collect::<Vec<_>>());
        assert_eq!(findings.as_deref(), expected, "{lines}");
    }

    #[test]
    fn answers_are_read_strictly() {
        let good = Digest::of(b"a").hex();
        let bad = Digest::of(b"b").hex();
        let whole = |body: &str| format!("begin n\npwd /x\ndirectory /y\n{body}end n\n");
        check(&whole(""), Some(&[Finding::Missing, Finding::Equal]));
        check(
            &whole(&format!("{good}  /a\n")),
            Some(&[Finding::Equal, Finding::Equal]),
        );
        check(
            &whole(&format!("{bad}  /a\nthere  /no\n")),
            Some(&[Finding::Differs, Finding::Differs]),
        );
        // Cut short, another question's, or with anything more in it.
        check("", None);
        check("begin n\npwd /x\ndirectory /y\n", None);
        check(&whole("").replace('n', "m"), None);
        check(&whole(&format!("{good}  /b\n")), None);
        check(&whole(&format!("{}  /a\n", &good[1..])), None);
        check(&whole(&format!("{}  /a\n", good.to_uppercase())), None);
        check(&whole("there  /a\n"), None);
        check(&whole("a warning\n"), None);
        check(&format!("hello\n{}", whole("")), None);
    }
}
