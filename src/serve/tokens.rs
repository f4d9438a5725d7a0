//! The file of bearer tokens: who has one, and whether a token is one of them.
//!
//! One token a line: a name for the log, then the SHA-256 of the token in hexadecimal (`printf %s TOKEN | sha256sum`).
//! Empty lines and lines that begin with `#` count for nothing. The file holds no secret as long as the tokens are
//! random, but who writes it admits whom they like: so nobody but its owner may.

use crate::host::file_id::FileId;
use crate::host::fs::{PathContext as _, PathError};
use sha2::{Digest as _, Sha256};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

/// Why a file of tokens cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] PathError),
    /// Group or others may write it, or it belongs to somebody else.
    #[error("cannot trust the tokens in `{}`: {why}", path.display())]
    Untrusted {
        /// The file.
        path: PathBuf,
        /// What is wrong with its owner or mode.
        why: &'static str,
    },
    /// A line that is no name and digest. Does not repeat it: it may be a token that was meant to be digested.
    #[error("cannot understand {}:{line}: not a name and a SHA-256 in hexadecimal", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
}

/// The tokens in a file. Read again whenever the file has changed; while it cannot be used it admits nobody.
#[derive(Debug)]
pub(super) struct Tokens {
    path: PathBuf,
    read: Mutex<Read>,
}

#[derive(Debug)]
struct Read {
    /// The file as it was, `None` if it could not be looked at.
    of: Option<FileId>,
    entries: Vec<Entry>,
}

#[derive(Debug, PartialEq, Eq)]
struct Entry {
    name: String,
    digest: [u8; 32],
}

impl Tokens {
    /// Reads the file.
    pub(super) fn open(path: &Path) -> Result<Self, TokensError> {
        let (of, entries) = read(path)?;
        let read = Read { of: Some(of), entries };
        Ok(Self {
            path: path.to_owned(),
            read: Mutex::new(read),
        })
    }

    /// The name of whoever has this token. How long it takes does not depend on how much of a token is right.
    pub(super) fn name_of(&self, token: &[u8]) -> Option<String> {
        let digest: [u8; 32] = Sha256::digest(token).into();
        let mut known = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        self.refresh(&mut known);
        let none = u64::MAX;
        let mut found = none;
        for (index, entry) in (0..).zip(&known.entries) {
            let same: Choice = entry.digest.ct_eq(&digest);
            found.conditional_assign(&index, same);
        }
        let index = usize::try_from(found).ok().filter(|_| found != none)?;
        known.entries.get(index).map(|entry| entry.name.clone())
    }

    fn refresh(&self, known: &mut Read) {
        let now = FileId::of(&self.path).ok();
        if now.is_some() && now == known.of {
            return;
        }
        match read(&self.path) {
            Ok((of, entries)) => {
                tracing::info!(file = %self.path.display(), tokens = entries.len(), "tokens read again");
                *known = Read { of: Some(of), entries };
            }
            Err(error) => {
                // Said once, not at each call.
                if known.of.is_some() || !known.entries.is_empty() {
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::error!(%error, cause, "no token is accepted until the file is right again");
                }
                *known = Read {
                    of: None,
                    entries: Vec::new(),
                };
            }
        }
    }
}

fn read(path: &Path) -> Result<(FileId, Vec<Entry>), TokensError> {
    // The identity from before: a change during the reading is seen at the next look.
    let id = FileId::of(path).at("read", path)?;
    let file = std::fs::metadata(path).at("look at", path)?;
    let untrusted = |why| TokensError::Untrusted {
        path: path.to_owned(),
        why,
    };
    let own = rustix::process::geteuid().as_raw();
    if file.uid() != own && file.uid() != 0 {
        return Err(untrusted("it belongs to another user"));
    }
    if file.mode() & 0o022 != 0 {
        return Err(untrusted("others than its owner may write it (`chmod go-w` helps)"));
    }
    let text = std::fs::read_to_string(path).at("read", path)?;
    let entries = parse(&text).map_err(|line| TokensError::Malformed {
        path: path.to_owned(),
        line,
    })?;
    Ok((id, entries))
}

/// The entries, or the number of the first line that is none.
fn parse(text: &str) -> Result<Vec<Entry>, usize> {
    let lines = (1..).zip(text.lines().map(str::trim));
    lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(number, line)| entry(line).ok_or(number))
        .collect()
}

fn entry(line: &str) -> Option<Entry> {
    let mut words = line.split_ascii_whitespace();
    let (name, hex, None) = (words.next()?, words.next()?, words.next()) else {
        return None;
    };
    if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut digest = [0; 32];
    for (index, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(Entry {
        name: name.to_owned(),
        digest,
    })
}

#[cfg(test)]
mod tests;
