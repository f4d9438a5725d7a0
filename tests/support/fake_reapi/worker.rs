//! Runs an action: lays its input root out in a directory, runs the command there, collects what it left.

use super::{OutputFields, State, Violations, digest};
use prost::Message;
use rewrap::digest::Digest;
use rewrap::pb::{reapi, rpc};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use tonic::Status;

/// Why an action did not run.
pub(super) enum Refused {
    /// Blobs that it needs are not there.
    Missing(Vec<Digest>),
    /// Anything else.
    Status(Status),
}

impl From<Status> for Refused {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

impl State {
    /// The Action and the Command, if they and all inputs are there.
    pub(super) fn prepare(&self, action: Digest) -> Result<(reapi::Action, reapi::Command), Refused> {
        let mut missing = Vec::new();
        let action = self
            .message::<reapi::Action>(action)?
            .ok_or_else(|| Refused::Missing(vec![action]))?;
        let command_digest = digest(action.command_digest.as_ref())?;
        let command = self.message::<reapi::Command>(command_digest)?;
        if command.is_none() {
            missing.push(command_digest);
        }
        self.missing_below(digest(action.input_root_digest.as_ref())?, &mut missing)?;
        match command {
            Some(command) if missing.is_empty() => Ok((action, command)),
            _ => Err(Refused::Missing(missing)),
        }
    }

    fn missing_below(&self, directory: Digest, missing: &mut Vec<Digest>) -> Result<(), Refused> {
        let Some(message) = self.message::<reapi::Directory>(directory)? else {
            missing.push(directory);
            return Ok(());
        };
        let absolute = message.symlinks.iter().find(|link| link.target.starts_with('/'));
        if let Some(link) = absolute.filter(|_| self.habits.refuses_absolute_symlinks) {
            let text = format!("the symlink `{}` has an absolute target", link.name);
            return Err(Status::invalid_argument(text).into());
        }
        for file in &message.files {
            let digest = digest(file.digest.as_ref())?;
            if self.get(digest).is_none() {
                missing.push(digest);
            }
        }
        for below in &message.directories {
            self.missing_below(digest(below.digest.as_ref())?, missing)?;
        }
        Ok(())
    }

    fn message<M: Message + Default>(&self, digest: Digest) -> Result<Option<M>, Status> {
        let Some(content) = self.get(digest) else {
            return Ok(None);
        };
        let message = M::decode(content).map_err(|error| Status::invalid_argument(error.to_string()))?;
        Ok(Some(message))
    }

    /// What the server says about missing blobs.
    pub(super) fn missing_status(&self, missing: &[Digest]) -> rpc::Status {
        let named = match self.habits.violations {
            Violations::All => missing,
            Violations::One => &missing[..1],
            Violations::None => &[],
        };
        let violations = named.iter().map(|digest| rpc::precondition_failure::Violation {
            r#type: "MISSING".to_owned(),
            subject: format!("blobs/{digest}"),
            description: String::new(),
        });
        let failure = rpc::PreconditionFailure {
            violations: violations.collect(),
        };
        let detail = prost_types::Any {
            type_url: "type.googleapis.com/google.rpc.PreconditionFailure".to_owned(),
            value: failure.encode_to_vec(),
        };
        rpc::Status {
            code: self.habits.missing_code as i32,
            message: "blobs are missing".to_owned(),
            details: if named.is_empty() { Vec::new() } else { vec![detail] },
        }
    }

    /// Runs the command.
    pub(super) async fn run(
        &self,
        action: &reapi::Action,
        command: &reapi::Command,
    ) -> Result<reapi::ActionResult, Status> {
        let io = |error: std::io::Error| Status::internal(error.to_string());
        let root = tempfile::tempdir().map_err(io)?;
        self.lay_out(digest(action.input_root_digest.as_ref())?, root.path())?;
        let directory = root.path().join(&command.working_directory);
        if !directory.is_dir() {
            return Err(Status::not_found("no working directory"));
        }
        let outputs = self.declared(command);
        for path in outputs {
            let parent = directory
                .join(path)
                .parent()
                .expect("outputs lie in directories")
                .to_owned();
            std::fs::create_dir_all(parent).map_err(io)?;
        }
        let [program, arguments @ ..] = &*command.arguments else {
            return Err(Status::invalid_argument("no arguments"));
        };
        let output = tokio::process::Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(
                command
                    .environment_variables
                    .iter()
                    .map(|variable| (&variable.name, &variable.value)),
            )
            .current_dir(&directory)
            .kill_on_drop(true)
            .output()
            .await
            .map_err(io)?;
        let mut result = reapi::ActionResult {
            exit_code: match output.status.signal() {
                Some(_) => self.habits.killed_exit,
                None => output.status.code().unwrap_or(-1),
            },
            stdout_digest: Some(self.put(output.stdout.into()).into()),
            stderr_digest: Some(self.put(output.stderr.into()).into()),
            execution_metadata: Some(reapi::ExecutedActionMetadata {
                worker: self.habits.worker.to_owned(),
                ..Default::default()
            }),
            ..Default::default()
        };
        for path in outputs {
            self.collect(&directory.join(path), path, &mut result).map_err(io)?;
        }
        Ok(result)
    }

    /// The outputs that the server sees in the Command.
    #[expect(deprecated, reason = "older servers know the older fields")]
    fn declared<'a>(&self, command: &'a reapi::Command) -> &'a [String] {
        match self.habits.output_fields {
            OutputFields::Either if command.output_paths.is_empty() => &command.output_files,
            OutputFields::Either | OutputFields::Paths => &command.output_paths,
            OutputFields::Files => &command.output_files,
        }
    }

    fn lay_out(&self, directory: Digest, place: &Path) -> Result<(), Status> {
        let io = |error: std::io::Error| Status::internal(error.to_string());
        let lost = || Status::internal("a blob went away");
        let message = self.message::<reapi::Directory>(directory)?.ok_or_else(lost)?;
        for file in &message.files {
            let content = self.get(digest(file.digest.as_ref())?).ok_or_else(lost)?;
            let path = place.join(&file.name);
            std::fs::write(&path, content).map_err(io)?;
            let mode = if file.is_executable { 0o555 } else { 0o444 };
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).map_err(io)?;
        }
        for link in &message.symlinks {
            std::os::unix::fs::symlink(&link.target, place.join(&link.name)).map_err(io)?;
        }
        for below in &message.directories {
            let place = place.join(&below.name);
            std::fs::create_dir(&place).map_err(io)?;
            self.lay_out(digest(below.digest.as_ref())?, &place)?;
        }
        Ok(())
    }

    /// Adds an output; one that is not there is silently left out, as servers do.
    fn collect(&self, place: &Path, path: &str, result: &mut reapi::ActionResult) -> std::io::Result<()> {
        let Ok(meta) = std::fs::symlink_metadata(place) else {
            return Ok(());
        };
        if meta.is_symlink() {
            result.output_symlinks.push(reapi::OutputSymlink {
                path: path.to_owned(),
                target: std::fs::read_link(place)?.to_string_lossy().into_owned(),
                node_properties: None,
            });
        } else if meta.is_dir() {
            result.output_directories.push(reapi::OutputDirectory {
                path: path.to_owned(),
                ..Default::default()
            });
        } else {
            result.output_files.push(reapi::OutputFile {
                path: path.to_owned(),
                digest: Some(self.put(std::fs::read(place)?.into()).into()),
                is_executable: meta.permissions().mode() & 0o100 != 0,
                ..Default::default()
            });
        }
        Ok(())
    }
}
