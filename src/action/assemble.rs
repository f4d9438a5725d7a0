//! The messages: Command, input root, Action.

use super::outputs::Outputs;
use super::path_map::PathMap;
use super::reason::{NoAction, Placement};
use super::salt::salt;
use super::{BuiltAction, Frame, LocalRun, Place};
use crate::digest::Digest;
use crate::exec_path::ExecPath;
use crate::inputs::Entry;
use crate::merkle::Tree;
use crate::pb::reapi;
use crate::pb::reapi::command::EnvironmentVariable;
use bytes::Bytes;

/// What is decided about an action before it is put together.
pub(super) struct Parts {
    /// Without `argv[0]`.
    pub(super) args: Vec<String>,
    pub(super) environment: Vec<EnvironmentVariable>,
    pub(super) placement: Placement,
    pub(super) paths: PathMap,
    pub(super) local_run: LocalRun,
}

pub(super) fn assemble(frame: &Frame<'_>, outputs: Outputs, parts: Parts) -> Result<BuiltAction, NoAction> {
    let tree = input_root(frame, &outputs)?;
    let command = command(frame, &outputs, &parts);
    let (command_digest, command_bytes) = encoded(&command);
    let action = reapi::Action {
        command_digest: Some(command_digest.into()),
        input_root_digest: Some(tree.root.into()),
        timeout: None,
        do_not_cache: false,
        salt: salt(frame.toolchain, frame.inputs, frame.presentation),
        platform: platform(frame.platform),
    };
    let (digest, action_bytes) = encoded(&action);
    Ok(BuiltAction {
        action,
        command,
        digest,
        small_blobs: vec![(command_digest, command_bytes), (digest, action_bytes)],
        tree,
        placement: parts.placement,
        outputs: outputs.declared,
        paths: parts.paths,
        local_run: parts.local_run,
    })
}

impl BuiltAction {
    /// The same with another name of the driver, for workers that do not have it under the name it is invoked by here.
    /// Objects are the same under every name; only the driver's own messages carry it.
    #[must_use]
    pub fn with_driver(&self, driver: &str) -> Self {
        self.with_command(|command| driver.clone_into(&mut command.arguments[0]))
    }

    /// The same for a server that knows no other API than 2.0, where outputs are named in `output_files`.
    #[must_use]
    pub fn with_output_files(&self) -> Self {
        #[expect(deprecated, reason = "servers of API 2.0 read nothing else")]
        self.with_command(|command| command.output_files.clone_from(&command.output_paths))
    }

    fn with_command(&self, change: impl FnOnce(&mut reapi::Command)) -> Self {
        let mut command = self.command.clone();
        change(&mut command);
        let (command_digest, command_bytes) = encoded(&command);
        let action = reapi::Action {
            command_digest: Some(command_digest.into()),
            ..self.action.clone()
        };
        let (digest, action_bytes) = encoded(&action);
        Self {
            action,
            command,
            digest,
            small_blobs: vec![(command_digest, command_bytes), (digest, action_bytes)],
            ..self.clone()
        }
    }
}

/// The exec root's inputs below their prefix, with the working directory and the directories of the outputs.
fn input_root(frame: &Frame<'_>, outputs: &Outputs) -> Result<Tree, NoAction> {
    let prefix = Place::input_prefix();
    let mut all: Vec<(ExecPath, &Entry)> = frame
        .inputs
        .entries
        .iter()
        .map(|(path, entry)| (prefix.join(path), entry))
        .collect();
    all.push((frame.place.working_directory(), &Entry::Directory));
    all.extend(
        outputs
            .directories
            .iter()
            .map(|dir| (prefix.join(dir), &Entry::Directory)),
    );
    Ok(Tree::build(all.iter().map(|(path, entry)| (path, *entry)))?)
}

#[expect(
    deprecated,
    reason = "servers before API 2.2 read no other platform than the Command's"
)]
fn command(frame: &Frame<'_>, outputs: &Outputs, parts: &Parts) -> reapi::Command {
    let mut arguments = Vec::with_capacity(parts.args.len() + 1);
    arguments.push(frame.invoked_as.to_owned());
    arguments.extend(parts.args.iter().cloned());
    let mut output_paths: Vec<String> = outputs
        .declared
        .iter()
        .map(|output| output.action_path.clone())
        .collect();
    output_paths.sort_unstable();
    reapi::Command {
        arguments,
        environment_variables: parts.environment.clone(),
        output_paths,
        working_directory: frame.place.working_directory().to_string(),
        platform: platform(frame.platform),
        ..reapi::Command::default()
    }
}

/// Sorted by name, then value: some servers compare the encoded message. None at all where the user set none.
fn platform(properties: &[(String, String)]) -> Option<reapi::Platform> {
    let mut sorted = properties.to_vec();
    sorted.sort_unstable();
    let properties: Vec<_> = sorted
        .into_iter()
        .map(|(name, value)| reapi::platform::Property { name, value })
        .collect();
    (!properties.is_empty()).then_some(reapi::Platform { properties })
}

fn encoded(message: &impl prost::Message) -> (Digest, Bytes) {
    let bytes = Bytes::from(message.encode_to_vec());
    (Digest::of(&bytes), bytes)
}
