//! Sends blobs: small ones in batches, large ones as streams.

use super::super::bytestream;
use super::super::call::Remote;
use super::super::error::RemoteError;
use super::super::parallel::in_parallel;
use super::batch::{OVERHEAD, pack};
use super::source::Source;
use crate::digest::Digest;
use crate::pb::reapi;
use crate::store::StoreError;
use bytes::Bytes;
use reapi::content_addressable_storage_client::ContentAddressableStorageClient;
use tonic::Code;

/// Transfers at a time for one step.
const AT_ONCE: usize = 8;

/// Sends all of them.
pub(super) async fn all(remote: &Remote, blobs: Vec<(Digest, Source)>) -> Result<(), StoreError> {
    if blobs.is_empty() {
        return Ok(());
    }
    let limit = remote.batch_limit().await?;
    let packed = pack(blobs, |(digest, _)| digest.size(), limit);
    let batches = packed
        .batches
        .into_iter()
        .map(|blobs| Job::Batch(remote.clone(), blobs));
    let streams = packed
        .large
        .into_iter()
        .map(|(digest, source)| Job::Stream(remote.clone(), digest, source));
    in_parallel(AT_ONCE, batches.chain(streams).map(Job::run)).await?;
    Ok(())
}

enum Job {
    Batch(Remote, Vec<(Digest, Source)>),
    Stream(Remote, Digest, Source),
}

impl Job {
    async fn run(self) -> Result<(), StoreError> {
        match self {
            Self::Batch(remote, blobs) => batch(&remote, blobs).await,
            Self::Stream(remote, digest, source) => bytestream::write(&remote, digest, &source).await,
        }
    }
}

async fn batch(remote: &Remote, blobs: Vec<(Digest, Source)>) -> Result<(), StoreError> {
    let refused = send(remote, &blobs).await?;
    // A stream is the other way in, with retries of its own and one status for one blob.
    for (digest, source) in blobs.iter().filter(|(digest, _)| refused.contains(digest)) {
        bytestream::write(remote, *digest, source).await?;
    }
    Ok(())
}

/// Sends one batch; those blobs that the server did not take.
async fn send(remote: &Remote, blobs: &[(Digest, Source)]) -> Result<Vec<Digest>, StoreError> {
    let _turn = remote.transfer().await;
    let mut contents = Vec::with_capacity(blobs.len());
    for (digest, source) in blobs {
        contents.push((*digest, source.read(*digest).await?));
    }
    let mut refused = Vec::new();
    let mut waiting = vec![&*contents];
    while let Some(some) = waiting.pop() {
        match update(remote, some).await {
            Ok(mut not_taken) => refused.append(&mut not_taken),
            Err(error) if !remote.is_too_large(&error, cost(some)) => return Err(error.into()),
            Err(_) => {
                if let [(digest, _)] = some {
                    refused.push(*digest);
                } else {
                    let (first, second) = some.split_at(some.len() / 2);
                    waiting.extend([second, first]);
                }
            }
        }
    }
    Ok(refused)
}

fn cost(blobs: &[(Digest, Bytes)]) -> usize {
    blobs.iter().map(|(_, content)| content.len() + OVERHEAD).sum()
}

async fn update(remote: &Remote, blobs: &[(Digest, Bytes)]) -> Result<Vec<Digest>, RemoteError> {
    let request = reapi::BatchUpdateBlobsRequest {
        instance_name: remote.instance_name().to_owned(),
        requests: blobs
            .iter()
            .map(|(digest, content)| reapi::batch_update_blobs_request::Request {
                digest: Some((*digest).into()),
                data: content.clone(),
                compressor: reapi::compressor::Value::Identity as i32,
            })
            .collect(),
        digest_function: reapi::digest_function::Value::Sha256 as i32,
    };
    let too_large = |error: &RemoteError| remote.is_too_large(error, cost(blobs));
    let answer = remote
        .unary_unless("BatchUpdateBlobs", too_large, request, |channel, request| async move {
            ContentAddressableStorageClient::new(channel)
                .batch_update_blobs(request)
                .await
        })
        .await?;
    let taken: Vec<Digest> = answer
        .responses
        .iter()
        .filter(|response| {
            // A missing status is OK, as everywhere in gRPC.
            let code = response.status.as_ref().map_or(0, |status| status.code);
            matches!(Code::from_i32(code), Code::Ok | Code::AlreadyExists)
        })
        .filter_map(|response| Digest::try_from(response.digest.as_ref()?).ok())
        .collect();
    let all = blobs.iter().map(|(digest, _)| *digest);
    Ok(all.filter(|digest| !taken.contains(digest)).collect())
}
