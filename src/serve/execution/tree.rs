//! The input tree of an action, as far as the protocol goes: every Directory read and looked at, every blob named.
//!
//! A tree is as large as its author wants: sixty messages of which each names the next one twice have 2^60 files. So
//! nothing here recurses, each message is read once, and what a worker would have to make is counted, not made.

use super::messages::read;
use super::refusal::{Refusal, quoted};
use crate::digest::{Digest, Function};
use crate::pb::reapi;
use crate::store::DiskStore;
use std::collections::{HashMap, HashSet};

/// Directories one below the other. With names of some length it is less anyway: a path has 4096 bytes.
const MOST_DEPTH: usize = 256;

/// Files, links and directories that the worker makes, equal directories counted as often as they occur.
const MOST_ENTRIES: u64 = 1 << 20;

/// Bytes of all Directory messages, each counted once. They are in memory one after the other, and their names and
/// digests together.
const MOST_BYTES: u64 = 128 << 20;

/// The longest name that file systems take, in bytes.
const LONGEST_NAME: usize = 255;

/// Every blob that the tree names: Directory messages and files. Those that are not in the store are among them; what
/// lies below a missing Directory is not.
pub(super) fn blobs(store: &DiskStore, root: Digest) -> Result<Vec<Digest>, Refusal> {
    let mut walk = Walk {
        store,
        function: root.function(),
        bytes: 0,
        sizes: HashMap::new(),
        named: HashSet::new(),
        open: Vec::new(),
    };
    walk.enter(root)?;
    while let Some(top) = walk.open.last_mut() {
        match top.left.pop() {
            Some(child) => walk.enter(child)?,
            None => walk.leave()?,
        }
    }
    Ok(walk.named.into_iter().collect())
}

struct Walk<'a> {
    store: &'a DiskStore,
    function: Function,
    /// Of the messages read so far.
    bytes: u64,
    /// What is below each directory that has been left: entries, and directories one below the other.
    sizes: HashMap<Digest, (u64, usize)>,
    named: HashSet<Digest>,
    /// From the root to the directory that is looked at.
    open: Vec<Open>,
}

struct Open {
    digest: Digest,
    left: Vec<Digest>,
    entries: u64,
    height: usize,
}

impl Walk<'_> {
    fn enter(&mut self, digest: Digest) -> Result<(), Refusal> {
        if let Some((entries, height)) = self.sizes.get(&digest).copied() {
            return self.add(entries, height);
        }
        self.bytes = self.bytes.saturating_add(digest.size());
        if self.bytes > MOST_BYTES {
            return Err(invalid(format!(
                "the input tree has more than {MOST_BYTES} bytes of Directory messages"
            )));
        }
        self.named.insert(digest);
        let Some(message) = read::<reapi::Directory>(self.store, digest, MOST_BYTES)? else {
            return self.add(1, 1); // Missing, as the caller will find.
        };
        let (entries, left) = self.look(&message)?;
        self.open.push(Open {
            digest,
            left,
            entries,
            height: 1,
        });
        // A tree of hashes has no cycles, but it may be deep.
        check_depth(self.open.len())
    }

    /// The entries of a directory and the directories among them, once all names and digests are right.
    fn look(&mut self, message: &reapi::Directory) -> Result<(u64, Vec<Digest>), Refusal> {
        let names = message.files.iter().map(|file| &file.name);
        let names = names.chain(message.directories.iter().map(|directory| &directory.name));
        let names = names.chain(message.symlinks.iter().map(|link| &link.name));
        let mut seen = HashSet::new();
        for name in names {
            check_name(name)?;
            if !seen.insert(name.as_str()) {
                return Err(invalid(format!(
                    "a Directory has two entries with the name {}",
                    quoted(name)
                )));
            }
        }
        for file in &message.files {
            let digest = digest_of(self.function, &file.name, file.digest.as_ref())?;
            self.named.insert(digest);
        }
        for link in &message.symlinks {
            if link.target.is_empty() || link.target.contains('\0') {
                return Err(invalid(format!(
                    "the symbolic link {} leads nowhere",
                    quoted(&link.name)
                )));
            }
        }
        let below = message.directories.iter();
        let below = below.map(|below| digest_of(self.function, &below.name, below.digest.as_ref()));
        Ok((seen.len() as u64, below.collect::<Result<_, _>>()?))
    }

    fn leave(&mut self) -> Result<(), Refusal> {
        let Some(left) = self.open.pop() else { return Ok(()) };
        self.sizes.insert(left.digest, (left.entries, left.height));
        self.add(left.entries, left.height)
    }

    /// Adds what is in a directory to the one that it is in.
    fn add(&mut self, entries: u64, height: usize) -> Result<(), Refusal> {
        let depth = self.open.len();
        check_depth(depth + height)?;
        let Some(parent) = self.open.last_mut() else {
            return Ok(());
        };
        parent.entries = parent.entries.saturating_add(entries);
        parent.height = parent.height.max(height + 1);
        if parent.entries > MOST_ENTRIES {
            return Err(invalid(format!("the input tree has more than {MOST_ENTRIES} entries")));
        }
        Ok(())
    }
}

fn check_depth(depth: usize) -> Result<(), Refusal> {
    if depth > MOST_DEPTH {
        return Err(invalid(format!(
            "the input tree is more than {MOST_DEPTH} directories deep"
        )));
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let is_wrong = matches!(name, "" | "." | "..") || name.len() > LONGEST_NAME || name.contains(['/', '\0']);
    if is_wrong {
        return Err(invalid(format!(
            "no entry of a Directory can have the name {}",
            quoted(name)
        )));
    }
    Ok(())
}

fn digest_of(function: Function, name: &str, wire: Option<&reapi::Digest>) -> Result<Digest, Refusal> {
    let wire = wire.ok_or_else(|| invalid(format!("{} has no digest", quoted(name))))?;
    let digest = function.digest_from_wire(wire);
    digest.map_err(|_| {
        invalid(format!(
            "{} has no {} digest",
            quoted(name),
            function.to_wire().as_str_name()
        ))
    })
}

fn invalid(what: String) -> Refusal {
    Refusal::Invalid(what)
}

#[cfg(test)]
mod tests;
