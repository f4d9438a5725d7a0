//! An action under construction: its command and its input tree.

use super::{Peer, unique};
use bytes::Bytes;
use prost::Message as _;
use rewrap::pb::reapi;
use std::collections::BTreeMap;
use std::time::Duration;

/// What is at a path of an input tree.
#[derive(Clone)]
pub(crate) enum Node {
    /// These bytes.
    File { bytes: Vec<u8>, executable: bool },
    /// These bytes, which are never uploaded.
    AbsentFile(Vec<u8>),
    /// A link to this target.
    Link(String),
    /// A directory, which may be empty.
    Directory,
}

/// The blobs that an input tree is made of, each uploaded before the action runs.
#[derive(Default)]
pub(crate) struct Tree {
    pub(crate) directories: Vec<(reapi::Digest, Bytes)>,
    files: Vec<(reapi::Digest, Bytes)>,
}

/// An action that a test describes. Each is one that no server has seen, thanks to its salt.
#[derive(Clone)]
pub(crate) struct Task {
    pub(crate) command: reapi::Command,
    pub(crate) action: reapi::Action,
    inputs: BTreeMap<String, Node>,
}

impl Task {
    /// Runs this program with these arguments; its environment is empty.
    pub(crate) fn new(arguments: &[&str]) -> Self {
        Self {
            command: reapi::Command {
                arguments: arguments.iter().map(|word| (*word).to_owned()).collect(),
                ..Default::default()
            },
            action: reapi::Action {
                salt: unique().into_bytes(),
                ..Default::default()
            },
            inputs: BTreeMap::new(),
        }
    }

    /// Runs a script of the shell that every worker has.
    pub(crate) fn sh(script: &str) -> Self {
        Self::new(&["/bin/sh", "-c", script]).env("PATH", "/usr/bin:/bin")
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        let variables = &mut self.command.environment_variables;
        variables.push(reapi::command::EnvironmentVariable {
            name: name.to_owned(),
            value: value.to_owned(),
        });
        variables.sort_by(|one, other| one.name.cmp(&other.name));
        self
    }

    /// Captures these paths, in the field of API 2.1 and later.
    pub(crate) fn outputs(mut self, paths: &[&str]) -> Self {
        self.command.output_paths = sorted(paths);
        self
    }

    /// Captures these paths, in the fields of API 2.0.
    #[expect(deprecated, reason = "what clients of API 2.0 send")]
    pub(crate) fn old_outputs(mut self, files: &[&str], directories: &[&str]) -> Self {
        self.command.output_files = sorted(files);
        self.command.output_directories = sorted(directories);
        self
    }

    pub(crate) fn working_directory(mut self, path: &str) -> Self {
        path.clone_into(&mut self.command.working_directory);
        self
    }

    pub(crate) fn input(self, path: &str, bytes: &[u8]) -> Self {
        self.node(
            path,
            Node::File {
                bytes: bytes.to_vec(),
                executable: false,
            },
        )
    }

    pub(crate) fn node(mut self, path: &str, node: Node) -> Self {
        self.inputs.insert(path.to_owned(), node);
        self
    }

    pub(crate) fn timeout(mut self, timeout: Duration) -> Self {
        self.action.timeout = Some(timeout.try_into().expect("a short time"));
        self
    }

    pub(crate) fn do_not_cache(mut self) -> Self {
        self.action.do_not_cache = true;
        self
    }

    /// Asks for a worker with these properties, in the Command (as API 2.0 does) and in the Action.
    #[expect(deprecated, reason = "what clients of API 2.0 send")]
    pub(crate) fn platform(mut self, properties: &[(&str, &str)]) -> Self {
        let properties = properties.iter().map(|(name, value)| reapi::platform::Property {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
        });
        let platform = reapi::Platform {
            properties: properties.collect(),
        };
        self.command.platform = Some(platform.clone());
        self.action.platform = Some(platform);
        self
    }

    /// The action, with what it refers to.
    pub(crate) fn action_of(&self, command: reapi::Digest, root: reapi::Digest) -> reapi::Action {
        reapi::Action {
            command_digest: Some(command),
            input_root_digest: Some(root),
            ..self.action.clone()
        }
    }

    /// The messages of this action, root directory last, and the input files.
    pub(crate) fn tree(&self, peer: &Peer) -> Tree {
        let mut tree = Tree::default();
        let nodes: Vec<_> = self
            .inputs
            .iter()
            .map(|(path, node)| (path.split('/').collect::<Vec<_>>(), node))
            .collect();
        tree.add(peer, &nodes);
        tree
    }
}

impl Tree {
    /// Adds the directory with these nodes, named relative to it; its digest.
    fn add(&mut self, peer: &Peer, nodes: &[(Vec<&str>, &Node)]) -> reapi::Digest {
        let mut directory = reapi::Directory::default();
        let mut below: BTreeMap<&str, Vec<(Vec<&str>, &Node)>> = BTreeMap::new();
        for (path, node) in nodes {
            let name = path[0].to_owned();
            if path.len() > 1 {
                below.entry(path[0]).or_default().push((path[1..].to_vec(), *node));
                continue;
            }
            match node {
                Node::File { bytes, executable } => {
                    let digest = peer.digest(bytes);
                    self.files.push((digest.clone(), Bytes::copy_from_slice(bytes)));
                    directory.files.push(file(name, digest, *executable));
                }
                Node::AbsentFile(bytes) => directory.files.push(file(name, peer.digest(bytes), false)),
                Node::Link(target) => directory.symlinks.push(reapi::SymlinkNode {
                    name,
                    target: target.clone(),
                    ..Default::default()
                }),
                Node::Directory => {
                    below.entry(path[0]).or_default();
                }
            }
        }
        for (name, nodes) in below {
            let digest = self.add(peer, &nodes);
            directory.directories.push(reapi::DirectoryNode {
                name: name.to_owned(),
                digest: Some(digest),
            });
        }
        directory.files.sort_by(|one, other| one.name.cmp(&other.name));
        directory.symlinks.sort_by(|one, other| one.name.cmp(&other.name));
        let bytes = Bytes::from(directory.encode_to_vec());
        let digest = peer.digest(&bytes);
        self.directories.push((digest.clone(), bytes));
        digest
    }

    /// The digest of the input root.
    pub(crate) fn root(&self) -> reapi::Digest {
        self.directories.last().expect("the root").0.clone()
    }
}

impl Peer {
    /// Uploads the whole action; its digest.
    #[track_caller]
    pub(crate) fn stage(&self, task: &Task) -> reapi::Digest {
        let tree = task.tree(self);
        let root = tree.root();
        self.put_all(tree.directories.into_iter().chain(tree.files).collect());
        self.stage_with_root(task, root)
    }

    /// Uploads command and action, but no inputs: they are said to be this directory.
    #[track_caller]
    pub(crate) fn stage_with_root(&self, task: &Task, root: reapi::Digest) -> reapi::Digest {
        let command = self.put(&task.command.encode_to_vec());
        self.put(&task.action_of(command, root).encode_to_vec())
    }
}

fn file(name: String, digest: reapi::Digest, is_executable: bool) -> reapi::FileNode {
    reapi::FileNode {
        name,
        digest: Some(digest),
        is_executable,
        ..Default::default()
    }
}

fn sorted(paths: &[&str]) -> Vec<String> {
    let mut paths: Vec<_> = paths.iter().map(|path| (*path).to_owned()).collect();
    paths.sort();
    paths
}
