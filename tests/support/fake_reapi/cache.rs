//! ActionCache and Capabilities.

use super::{Rpc, State, digest};
use rewrap::pb::{reapi, semver};
use std::sync::Arc;
use tonic::{Request, Response, Status};

pub(super) struct Cache(pub(super) Arc<State>);

#[tonic::async_trait]
impl reapi::action_cache_server::ActionCache for Cache {
    async fn get_action_result(
        &self,
        request: Request<reapi::GetActionResultRequest>,
    ) -> Result<Response<reapi::ActionResult>, Status> {
        self.0.arrive(Rpc::GetActionResult, request.metadata()).await?;
        tokio::time::sleep(self.0.habits.delay).await;
        let request = request.into_inner();
        let action = digest(request.action_digest.as_ref())?;
        let result = self.0.inner().results.get(&action).cloned();
        let mut result = result.ok_or_else(|| Status::not_found("no result"))?;
        if self.0.habits.checks_completeness {
            for file in &result.output_files {
                if self.0.get(digest(file.digest.as_ref())?).is_none() {
                    return Err(Status::not_found("an output is gone"));
                }
            }
        }
        if self.0.habits.inlines {
            self.0.inline(&mut result, &request.inline_output_files);
        }
        Ok(Response::new(result))
    }

    async fn update_action_result(
        &self,
        request: Request<reapi::UpdateActionResultRequest>,
    ) -> Result<Response<reapi::ActionResult>, Status> {
        self.0.arrive(Rpc::UpdateActionResult, request.metadata()).await?;
        let request = request.into_inner();
        let action = digest(request.action_digest.as_ref())?;
        let mut result = request
            .action_result
            .ok_or_else(|| Status::invalid_argument("no result"))?;
        if self.0.habits.signs_results {
            "127.0.0.1".clone_into(&mut result.execution_metadata.get_or_insert_default().worker);
        }
        self.0.inner().results.insert(action, result.clone());
        Ok(Response::new(result))
    }
}

fn compressors(zstd: bool) -> Vec<i32> {
    zstd.then_some(reapi::compressor::Value::Zstd as i32)
        .into_iter()
        .collect()
}

impl State {
    /// Puts stdout, stderr and the named outputs into the result itself.
    pub(super) fn inline(&self, result: &mut reapi::ActionResult, outputs: &[String]) {
        let content = |wire: Option<&reapi::Digest>| {
            let digest = digest(wire).ok()?;
            Some(self.get(digest)?.to_vec())
        };
        if let Some(text) = content(result.stdout_digest.as_ref()) {
            result.stdout_raw = text;
        }
        if let Some(text) = content(result.stderr_digest.as_ref()) {
            result.stderr_raw = text;
        }
        for file in &mut result.output_files {
            if outputs.contains(&file.path) {
                file.contents = content(file.digest.as_ref()).unwrap_or_default();
            }
        }
    }
}

#[tonic::async_trait]
impl reapi::capabilities_server::Capabilities for Cache {
    async fn get_capabilities(
        &self,
        request: Request<reapi::GetCapabilitiesRequest>,
    ) -> Result<Response<reapi::ServerCapabilities>, Status> {
        self.0.arrive(Rpc::GetCapabilities, request.metadata()).await?;
        let habits = &self.0.habits;
        let functions: Vec<i32> = habits.digest_functions.iter().map(|value| *value as i32).collect();
        let version = |(major, minor)| {
            Some(semver::SemVer {
                major,
                minor,
                ..Default::default()
            })
        };
        Ok(Response::new(reapi::ServerCapabilities {
            cache_capabilities: Some(reapi::CacheCapabilities {
                digest_functions: functions.clone(),
                action_cache_update_capabilities: Some(reapi::ActionCacheUpdateCapabilities {
                    update_enabled: habits.takes_updates,
                }),
                max_batch_total_size_bytes: habits.announced_batch,
                supported_compressors: compressors(habits.zstd.announces_streams),
                supported_batch_update_compressors: compressors(habits.zstd.announces_updates),
                ..Default::default()
            }),
            execution_capabilities: Some(reapi::ExecutionCapabilities {
                exec_enabled: habits.executes,
                digest_functions: functions,
                ..Default::default()
            }),
            deprecated_api_version: None,
            low_api_version: version(habits.low_api_version),
            high_api_version: version(habits.high_api_version),
        }))
    }
}
