//! An output directory, as a Tree and as Directory messages, both in canonical form.

use super::{Collector, is_executable, no_blob, target};
use crate::digest::Digest;
use crate::pb::reapi::command::OutputDirectoryFormat;
use crate::pb::reapi::{Directory, DirectoryNode, FileNode, OutputDirectory, SymlinkNode, Tree};
use crate::serve::job::RunError;
use crate::serve::worker::declared::DeclaredOutput;
use crate::serve::worker::perform::{host, store_failed};
use crate::serve::worker::place::Place;
use prost::Message as _;
use rustix::fs::{AtFlags, Dir, FileType, OFlags, statat};
use std::collections::HashSet;
use std::os::unix::ffi::OsStrExt as _;

/// Entries of one output directory, all levels together.
const MOST_ENTRIES: usize = 1_000_000;

/// A directory whose entries are being collected.
struct Open {
    /// Its name in the one above.
    name: String,
    place: Place,
    message: Directory,
    /// Directories in it that are not collected yet.
    waiting: Vec<String>,
}

/// What has been collected.
#[derive(Default)]
struct Done {
    /// Each message once, what is in a directory before the directory.
    messages: Vec<(Digest, Vec<u8>)>,
    known: HashSet<Digest>,
    entries: usize,
}

impl Collector<'_> {
    /// Stores a directory and all below it.
    pub(super) fn directory(&mut self, place: &Place, output: &DeclaredOutput) -> Result<OutputDirectory, RunError> {
        let mut done = Done::default();
        let mut open = vec![self.open(String::new(), place.clone(), output, &mut done)?];
        let root = loop {
            let current = open.last_mut().expect("it ends at the root");
            if let Some(name) = current.waiting.pop() {
                let below = current
                    .place
                    .enter(&name)
                    .map_err(|error| host("enter an output", error))?;
                let below = self.open(name, below, output, &mut done)?;
                open.push(below);
                continue;
            }
            let Open { name, message, .. } = open.pop().expect("it was there");
            let Some(above) = open.last_mut() else { break message };
            let digest = self.keep(&message, &mut done)?;
            above.message.directories.push(DirectoryNode {
                name,
                digest: Some(digest.into()),
            });
        };
        self.finish(root, &done, output)
    }

    /// Reads a directory: files are stored, directories wait.
    fn open(&mut self, name: String, place: Place, output: &DeclaredOutput, done: &mut Done) -> Result<Open, RunError> {
        let failed = |error: std::io::Error| host(&format!("read the output directory `{name}`"), error);
        let listed = match place.open_entry("", OFlags::RDONLY | OFlags::DIRECTORY) {
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                let text = format!(
                    "the output `{}` has a directory that the action lets nobody read",
                    output.name
                );
                return Err(RunError::Invalid(text));
            }
            listed => listed.map_err(failed)?,
        };
        let mut names = Vec::new();
        for entry in Dir::new(listed).map_err(|error| failed(error.into()))? {
            let entry = entry.map_err(|error| failed(error.into()))?;
            match entry.file_name().to_bytes() {
                b"." | b".." => {}
                name => names.push(std::str::from_utf8(name).map(str::to_owned).map_err(|_| {
                    let name = std::ffi::OsStr::from_bytes(name).display().to_string();
                    RunError::Invalid(format!("the output `{name}` has a name that is not valid UTF-8"))
                })?),
            }
        }
        done.entries += names.len();
        if done.entries > MOST_ENTRIES {
            let text = format!("an output directory has more than {MOST_ENTRIES} entries");
            return Err(RunError::Exhausted(text));
        }
        names.sort_unstable();
        let mut open = Open {
            name,
            place,
            message: Directory::default(),
            waiting: Vec::new(),
        };
        for name in names {
            self.entry(&mut open, name)?;
        }
        // They are taken from the end.
        open.waiting.reverse();
        Ok(open)
    }

    fn entry(&mut self, open: &mut Open, name: String) -> Result<(), RunError> {
        let place = &open.place;
        let found = statat(place.anchor(), place.path(&name), AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|error| host(&format!("look at the output `{name}`"), error.into()))?;
        match FileType::from_raw_mode(found.st_mode) {
            FileType::RegularFile => {
                let (digest, found) = self.file(place, &name)?;
                open.message.files.push(FileNode {
                    name,
                    digest: Some(digest.into()),
                    is_executable: is_executable(&found),
                    node_properties: self.properties(&found),
                });
            }
            FileType::Directory => open.waiting.push(name),
            FileType::Symlink => open.message.symlinks.push(SymlinkNode {
                target: target(place, &name)?,
                name,
                node_properties: self.properties(&found),
            }),
            kind => return Err(no_blob(&name, kind)),
        }
        Ok(())
    }

    fn keep(&mut self, message: &Directory, done: &mut Done) -> Result<Digest, RunError> {
        let content = message.encode_to_vec();
        let digest = self.function.digest(&content);
        if done.known.insert(digest) {
            self.account(content.len() as u64)?;
            done.messages.push((digest, content));
        }
        Ok(digest)
    }

    /// Stores the messages in the form that was asked for.
    fn finish(&mut self, root: Directory, done: &Done, output: &DeclaredOutput) -> Result<OutputDirectory, RunError> {
        let mut result = OutputDirectory {
            path: output.name.clone(),
            ..Default::default()
        };
        let root_content = root.encode_to_vec();
        self.account(root_content.len() as u64)?;
        let root_digest = self.function.digest(&root_content);
        if self.format != OutputDirectoryFormat::TreeOnly {
            for (digest, content) in done.messages.iter().chain([&(root_digest, root_content)]) {
                self.store.put_bytes_as(*digest, content).map_err(store_failed)?;
            }
            result.root_directory_digest = Some(root_digest.into());
        }
        if self.format != OutputDirectoryFormat::DirectoryOnly {
            // From the top: each directory before those in it.
            let decoded = done
                .messages
                .iter()
                .rev()
                .map(|(_, content)| Directory::decode(&**content));
            let children = decoded.collect::<Result<_, _>>().expect("we have encoded it");
            let tree = Tree {
                root: Some(root),
                children,
            };
            let content = tree.encode_to_vec();
            let digest = self.function.digest(&content);
            self.store.put_bytes_as(digest, &content).map_err(store_failed)?;
            result.tree_digest = Some(digest.into());
            result.is_topologically_sorted = true;
        }
        Ok(result)
    }
}
