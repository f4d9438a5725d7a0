//! The ActionCache service: results by action, per instance name.
//!
//! A result is given out only while all its blobs are there. What a client puts is its own affair, as long as it is well
//! formed: contents that it sends along go to the blobs, since a result is read far more often than its outputs are
//! asked for with it.

#[cfg(test)]
mod tests;

use super::instance::Instance;
use super::storage::{self, BYTES_IN_PLACE, FILES_IN_PLACE, Storage};
use crate::digest::{Digest, Function};
use crate::pb::reapi::{self, ActionResult};
use crate::store::{DiskStore, StoreError};
use reapi::action_cache_server::{ActionCache, ActionCacheServer};
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// A stream that is sent along with a result stays in it up to this size, in bytes.
const SMALL_STREAM: usize = 64 << 10;

/// Gives out and takes results.
#[derive(Debug)]
pub struct ActionCacheService {
    storage: Arc<Storage>,
}

impl ActionCacheService {
    /// Of the results in this storage.
    pub fn new(storage: Arc<Storage>) -> Self {
        Self { storage }
    }

    /// As a service of a server, which takes messages of the size that the limits say.
    pub fn into_server(self) -> ActionCacheServer<Self> {
        let message = self.storage.limits().message;
        ActionCacheServer::new(self).max_decoding_message_size(message)
    }
}

#[tonic::async_trait]
impl ActionCache for ActionCacheService {
    async fn get_action_result(
        &self,
        request: Request<reapi::GetActionResultRequest>,
    ) -> Result<Response<ActionResult>, Status> {
        let request = request.into_inner();
        let action = action(
            &request.instance_name,
            request.digest_function,
            request.action_digest.as_ref(),
        )?;
        let key = action.key;
        let found = self.storage.perform(1, move |store| store.recorded_result(key)).await?;
        let miss = || Status::not_found("no result of this action");
        let result = found.ok_or_else(miss)?;
        let wishes = Wishes {
            stdout: request.inline_stdout,
            stderr: request.inline_stderr,
            files: request.inline_output_files,
            room: self.storage.limits().batch,
        };
        let function = action.digest.function();
        let files = wishes.files_touched(&result, function);
        let work = move |store: &DiskStore| {
            if !store.is_complete(&result, function)? {
                return Ok(None);
            }
            wishes.grant(store, result, function)
        };
        let result = self.storage.perform(files, work).await?;
        result.map(Response::new).ok_or_else(miss)
    }

    async fn update_action_result(
        &self,
        request: Request<reapi::UpdateActionResultRequest>,
    ) -> Result<Response<ActionResult>, Status> {
        let request = request.into_inner();
        let action = action(
            &request.instance_name,
            request.digest_function,
            request.action_digest.as_ref(),
        )?;
        let result = request
            .action_result
            .ok_or_else(|| Status::invalid_argument("the result is missing"))?;
        check(&result, action.digest.function())?;
        let work = move |store: &DiskStore| {
            let mut kept = result;
            take_contents(store, &mut kept, action.digest.function())?;
            store.put_action_result(action.key, &kept)?;
            Ok(kept)
        };
        Ok(Response::new(self.storage.elsewhere(work).await?))
    }
}

/// An action of an instance.
#[derive(Clone, Copy)]
struct Named {
    digest: Digest,
    /// Under which its result is kept.
    key: Digest,
}

fn action(instance: &str, function: i32, wire: Option<&reapi::Digest>) -> Result<Named, Status> {
    let instance = Instance::parse(instance)?;
    let digest = storage::digest(storage::function(function)?, wire)?;
    let key = instance.result_key(digest);
    Ok(Named { digest, key })
}

/// What a client would like to have together with the result.
struct Wishes {
    stdout: bool,
    stderr: bool,
    /// Paths as the result has them.
    files: Vec<String>,
    /// Bytes that may be granted.
    room: usize,
}

impl Wishes {
    /// As [`Storage::perform`] counts.
    fn files_touched(&self, result: &ActionResult, function: Function) -> usize {
        let wanted = result
            .output_files
            .iter()
            .filter(|file| self.files.contains(&file.path));
        let streams = [
            (self.stdout, &result.stdout_digest),
            (self.stderr, &result.stderr_digest),
        ];
        let streams = streams
            .into_iter()
            .filter(|(wanted, _)| *wanted)
            .map(|(_, digest)| digest);
        let wanted = wanted.map(|file| &file.digest).chain(streams).flatten();
        let bytes: u64 = wanted
            .filter_map(|wire| function.digest_from_wire(wire).ok())
            .map(|digest| digest.size())
            .sum();
        // A tree may name any number of files.
        if bytes > BYTES_IN_PLACE || !result.output_directories.is_empty() {
            return FILES_IN_PLACE + 1;
        }
        result.output_files.len()
    }

    /// The result with what can be granted: wishes only. `None` if a blob has gone meanwhile.
    fn grant(
        mut self,
        store: &DiskStore,
        mut result: ActionResult,
        function: Function,
    ) -> Result<Option<ActionResult>, StoreError> {
        let streams = [
            (self.stdout, &result.stdout_digest, &mut result.stdout_raw),
            (self.stderr, &result.stderr_digest, &mut result.stderr_raw),
        ];
        let files = result.output_files.iter_mut();
        let files = files.map(|file| (self.files.contains(&file.path), &file.digest, &mut file.contents));
        for (wanted, wire, place) in streams.into_iter().chain(files) {
            let Some(wire) = wire.as_ref().filter(|_| wanted && place.is_empty()) else {
                continue;
            };
            let Ok(digest) = function.digest_from_wire(wire) else {
                return Ok(None);
            };
            let size = usize::try_from(digest.size()).unwrap_or(usize::MAX);
            let Some(left) = self.room.checked_sub(size) else {
                continue;
            };
            let Some(content) = store.read(digest)? else {
                return Ok(None);
            };
            self.room = left;
            *place = content.into();
        }
        Ok(Some(result))
    }
}

/// Refuses what nobody could use.
fn check(result: &ActionResult, function: Function) -> Result<(), Status> {
    for file in &result.output_files {
        check_path(&file.path)?;
        let digest = storage::digest(function, file.digest.as_ref())?;
        check_content(&file.contents, Some(digest))?;
    }
    for directory in &result.output_directories {
        // The working directory itself may be an output.
        check_path(&directory.path).or_else(|error| if directory.path.is_empty() { Ok(()) } else { Err(error) })?;
        storage::digest(function, directory.tree_digest.as_ref())?;
        if directory.root_directory_digest.is_some() {
            storage::digest(function, directory.root_directory_digest.as_ref())?;
        }
    }
    #[expect(deprecated, reason = "clients of version 2.0 fill them in")]
    let symlinks = [
        &result.output_symlinks,
        &result.output_file_symlinks,
        &result.output_directory_symlinks,
    ];
    for symlink in symlinks.into_iter().flatten() {
        check_path(&symlink.path)?;
    }
    for (content, wire) in [
        (&result.stdout_raw, &result.stdout_digest),
        (&result.stderr_raw, &result.stderr_digest),
    ] {
        let digest = wire.as_ref().map(|wire| storage::digest(function, Some(wire)));
        check_content(content, digest.transpose()?)?;
    }
    Ok(())
}

/// Relative to the working directory, which they may leave upwards.
fn check_path(path: &str) -> Result<(), Status> {
    if path.is_empty() || path.starts_with('/') || path.contains('\0') {
        return Err(Status::invalid_argument(format!(
            "`{}` is no output path",
            path.escape_debug()
        )));
    }
    Ok(())
}

fn check_content(content: &[u8], digest: Option<Digest>) -> Result<(), Status> {
    match digest {
        Some(digest) if !content.is_empty() && digest.function().digest(content) != digest => Err(
            Status::invalid_argument(format!("the content of {digest} has another digest")),
        ),
        _ => Ok(()),
    }
}

/// Puts what was sent along to the blobs, except for streams that are small.
fn take_contents(store: &DiskStore, result: &mut ActionResult, function: Function) -> Result<(), StoreError> {
    for file in &mut result.output_files {
        let content = std::mem::take(&mut file.contents);
        if !content.is_empty() {
            store.put_bytes_as(function.digest(&content), &content)?;
        }
    }
    for (content, wire) in [
        (&mut result.stdout_raw, &mut result.stdout_digest),
        (&mut result.stderr_raw, &mut result.stderr_digest),
    ] {
        if content.len() > SMALL_STREAM {
            let content = std::mem::take(content);
            let digest = function.digest(&content);
            store.put_bytes_as(digest, &content)?;
            *wire = Some(digest.into());
        }
    }
    Ok(())
}
