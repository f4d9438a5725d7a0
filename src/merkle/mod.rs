//! InputSet → Directory messages → root digest. Pure.
//!
//! Knows the protocol's canonical form of a Directory (names sorted by bytes, none twice) and nothing of what the
//! entries are for.

use crate::digest::Digest;
use crate::exec_path::ExecPath;
use crate::inputs::Entry;
use crate::pb::reapi;
use bytes::Bytes;
use prost::Message as _;
use std::collections::BTreeMap;
use std::collections::btree_map;
use std::path::PathBuf;

#[cfg(test)]
mod tests;

/// An input root: its Directory messages in canonical form, and the files they name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// The digest of the root Directory.
    pub root: Digest,
    /// Every Directory message once, the root's included; sorted by digest.
    pub directories: Vec<(Digest, Bytes)>,
    /// Every file content once, with one place on this machine that has it; sorted by digest.
    pub files: Vec<(Digest, PathBuf)>,
    /// The bytes of all files and Directory messages, each content counted once.
    pub total_bytes: u64,
}

/// Entries that no Directory can hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// Two files, two symlinks, or one of these and a directory have the same path.
    #[error("cannot put two inputs at `{0}`")]
    Twice(ExecPath),
    /// A file or symlink was given for the root itself.
    #[error("cannot put a file in the place of the input root")]
    RootIsNoDirectory,
}

enum Node<'a> {
    Directory(BTreeMap<&'a str, Node<'a>>),
    Leaf(&'a Entry),
}

impl Tree {
    /// Builds the tree of these entries, in whatever order they come. A directory may be named more than once, and
    /// need not be named to have something in it.
    ///
    /// No file is executable, so that the umask of a checkout does not change the digest.
    pub fn build<'a>(entries: impl IntoIterator<Item = (&'a ExecPath, &'a Entry)>) -> Result<Self, TreeError> {
        let mut top = BTreeMap::new();
        for (path, entry) in entries {
            insert(&mut top, path, entry)?;
        }
        let mut parts = Parts::default();
        let root = parts.add_directory(&top);
        let total_bytes = parts
            .directories
            .keys()
            .chain(parts.files.keys())
            .map(Digest::size)
            .sum();
        Ok(Self {
            root,
            directories: parts.directories.into_iter().collect(),
            files: parts.files.into_iter().collect(),
            total_bytes,
        })
    }
}

fn insert<'a>(top: &mut BTreeMap<&'a str, Node<'a>>, path: &'a ExecPath, entry: &'a Entry) -> Result<(), TreeError> {
    let is_directory = matches!(entry, Entry::Directory);
    let mut children = top;
    let mut names = path.components().peekable();
    if names.peek().is_none() {
        return if is_directory {
            Ok(())
        } else {
            Err(TreeError::RootIsNoDirectory)
        };
    }
    while let Some(name) = names.next() {
        let slot = children.entry(name);
        if names.peek().is_none() && !is_directory {
            return match slot {
                btree_map::Entry::Vacant(free) => {
                    free.insert(Node::Leaf(entry));
                    Ok(())
                }
                btree_map::Entry::Occupied(_) => Err(TreeError::Twice(path.clone())),
            };
        }
        match slot.or_insert_with(|| Node::Directory(BTreeMap::new())) {
            Node::Directory(below) => children = below,
            Node::Leaf(_) => return Err(TreeError::Twice(path.clone())),
        }
    }
    Ok(())
}

#[derive(Default)]
struct Parts {
    directories: BTreeMap<Digest, Bytes>,
    files: BTreeMap<Digest, PathBuf>,
}

impl Parts {
    /// Encodes a directory and all below it. `BTreeMap` of `str` iterates in byte order, which is the protocol's.
    fn add_directory(&mut self, children: &BTreeMap<&str, Node<'_>>) -> Digest {
        let mut message = reapi::Directory::default();
        for (&name, node) in children {
            match node {
                Node::Directory(below) => message.directories.push(reapi::DirectoryNode {
                    name: name.to_owned(),
                    digest: Some(self.add_directory(below).into()),
                }),
                Node::Leaf(Entry::File { digest, host }) => {
                    self.add_file(*digest, host);
                    message.files.push(reapi::FileNode {
                        name: name.to_owned(),
                        digest: Some((*digest).into()),
                        is_executable: false,
                        node_properties: None,
                    });
                }
                Node::Leaf(Entry::Symlink { target }) => message.symlinks.push(reapi::SymlinkNode {
                    name: name.to_owned(),
                    target: target.clone(),
                    node_properties: None,
                }),
                Node::Leaf(Entry::Directory) => unreachable!("directories are inserted as inner nodes"),
            }
        }
        let bytes = Bytes::from(message.encode_to_vec());
        let digest = Digest::of(&bytes);
        self.directories.insert(digest, bytes);
        digest
    }

    /// Of several places with one content the smallest is kept, whatever the order of insertion.
    fn add_file(&mut self, digest: Digest, host: &PathBuf) {
        match self.files.entry(digest) {
            btree_map::Entry::Vacant(free) => {
                free.insert(host.clone());
            }
            btree_map::Entry::Occupied(mut known) => {
                if host < known.get() {
                    known.insert(host.clone());
                }
            }
        }
    }
}
