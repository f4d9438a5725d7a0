//! The ActionCache service.

use super::call::{RECEIVE_LIMIT, Remote};
use super::capabilities::Unusable;
use super::error::RemoteError;
use crate::digest::Digest;
use crate::pb::reapi;
use crate::store::{ActionCache, StoreError};
use async_trait::async_trait;
use reapi::action_cache_client::ActionCacheClient;
use tonic::Code;

/// Results by action digest, on a server. What it answers is not yet checked against anything.
#[derive(Clone)]
pub struct RemoteActionCache(Remote);

impl RemoteActionCache {
    /// The action cache of this server.
    pub fn new(remote: Remote) -> Self {
        Self(remote)
    }

    /// The result, `None` if there is none. The server is asked to inline stdout, stderr and `inline_outputs`; many
    /// do not.
    pub async fn lookup(
        &self,
        action: Digest,
        inline_outputs: &[String],
    ) -> Result<Option<reapi::ActionResult>, RemoteError> {
        let answer = match self.get(action, inline_outputs).await {
            // Inlining made the answer larger than a message may be.
            Err(error) if error.is(Code::ResourceExhausted) || error.is(Code::OutOfRange) => {
                self.get(action, &[]).await
            }
            answer => answer,
        };
        match answer {
            Ok(result) => Ok(Some(result)),
            Err(error) if error.is(Code::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn get(&self, action: Digest, inline_outputs: &[String]) -> Result<reapi::ActionResult, RemoteError> {
        let request = reapi::GetActionResultRequest {
            instance_name: self.0.instance_name().to_owned(),
            action_digest: Some(action.into()),
            inline_stdout: true,
            inline_stderr: true,
            inline_output_files: inline_outputs.to_vec(),
            digest_function: reapi::digest_function::Value::Sha256 as i32,
        };
        self.0
            .unary("GetActionResult", request, |channel, request| async move {
                ActionCacheClient::new(channel)
                    .max_decoding_message_size(RECEIVE_LIMIT)
                    .get_action_result(request)
                    .await
            })
            .await
    }

    /// Keeps a result. [`Unusable::NoUpdates`] if the server announces that it takes none.
    pub async fn store(&self, action: Digest, result: reapi::ActionResult) -> Result<(), RemoteError> {
        if !self.0.capabilities().await?.action_cache_updates {
            return Err(RemoteError::Unusable {
                endpoint: self.0.address().to_owned(),
                reason: Unusable::NoUpdates,
            });
        }
        let request = reapi::UpdateActionResultRequest {
            instance_name: self.0.instance_name().to_owned(),
            action_digest: Some(action.into()),
            action_result: Some(result),
            results_cache_policy: None,
            digest_function: reapi::digest_function::Value::Sha256 as i32,
        };
        // The answer need not be what was put (bazel-remote adds a worker's name), so it says nothing.
        self.0
            .unary("UpdateActionResult", request, |channel, request| async move {
                ActionCacheClient::new(channel)
                    .max_decoding_message_size(RECEIVE_LIMIT)
                    .update_action_result(request)
                    .await
            })
            .await
            .map(drop)
    }
}

#[async_trait]
impl ActionCache for RemoteActionCache {
    async fn get(&self, action: Digest) -> Result<Option<reapi::ActionResult>, StoreError> {
        Ok(self.lookup(action, &[]).await?)
    }

    async fn update(&self, action: Digest, result: reapi::ActionResult) -> Result<(), StoreError> {
        Ok(self.store(action, result).await?)
    }
}
